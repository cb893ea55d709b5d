"""The scripts by which bash, zsh and fish ask `seep` for completion.

They run the Python of this installation by its whole path, with `-P`: not a program or module that a stranger put into
the folder where a person works.
"""

import shlex
import sys
from textwrap import shorten

from seep_lightning.errors import printable

BASH = r"""# completion of seep for bash: eval "$(seep completion bash)" in ~/.bashrc
_seep_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" breaks="" kept="" answer plain="A-Za-z0-9_./=:,@%+~-"
    local word="${line##* }"
    # bash replaces only what follows the last of these
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+="="
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=":"
    [[ -n $breaks ]] && kept="${word%"${word##*[$breaks]}"}"
    COMPREPLY=()
    # names of files may be a stranger's: all but the plainest letters are quoted, and none is a pattern
    while IFS= read -r answer; do
        answer="${answer%%$'\t'*}"
        answer="${answer#"$kept"}"
        [[ $answer == *[!$plain]* ]] && printf -v answer %q "$answer"
        [[ $answer == *[=./] ]] || answer+=" "
        COMPREPLY+=("$answer")
    done < <(@COMMAND@ "$line" 2>/dev/null)
}
complete -o nospace -F _seep_completion seep
"""

ZSH = r"""#compdef seep
# completion of seep for zsh: eval "$(seep completion zsh)" in ~/.zshrc, after compinit
_seep() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" answer word
    local -a open open_shown whole whole_shown
    for answer in "${(@f)$(@COMMAND@ "$line" 2>/dev/null)}"; do
        word="${answer%%$'\t'*}"
        [[ -n $word ]] || continue
        answer="${${answer%$'\t'}/$'\t'/  -- }"
        if [[ $word == *[=./] ]]; then
            open+=("$word"); open_shown+=("$answer")
        else
            whole+=("$word"); whole_shown+=("$answer")
        fi
    done
    (( $#open )) && compadd -S '' -l -d open_shown -a -- open
    (( $#whole )) && compadd -l -d whole_shown -a -- whole
}
compdef _seep seep
"""

FISH = r"""# completion of seep for fish: seep completion fish > ~/.config/fish/completions/seep.fish
function __seep_candidates
    @COMMAND@ (commandline -cp | string collect) 2>/dev/null
end
complete -c seep -f -a '(__seep_candidates)'
"""

SHELLS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
"""The script of each shell; `@COMMAND@` answers with a word, a tab and its text on each line."""
ANSWER = "answer"
# characters of what a key is, beside the key in a list
LONGEST_TEXT = 80


def completion_script(shell: str) -> str:
    """The script that a shell runs at its start.

    Args:
        shell: One of `SHELLS`.
    """
    command = shlex.join([sys.executable, "-P", "-m", "seep_lightning", "completion", ANSWER])
    return SHELLS[shell].replace("@COMMAND@", command)


def answer_line(word: str, text: str) -> str:
    """A candidate as the scripts read it.

    Args:
        word: The whole word.
        text: What it is; may be empty.
    """
    return f"{printable(word)}\t{printable(shorten(text, LONGEST_TEXT))}"

"""Completion of `seep` in a shell: `seep completion bash`, `zsh` or `fish` prints the shell's script."""

import sys
from collections.abc import Sequence

from seep_lightning.commands.plain_command import run_plain_command
from seep_lightning.commands.shells import SHELLS, answer_line, completion_script
from seep_lightning.errors import UserError

HELP = """Print what makes a shell complete verbs, keys, choices and paths after `seep`.

Examples:
  eval "$(seep completion bash)"                                   in ~/.bashrc
  eval "$(seep completion zsh)"                                    in ~/.zshrc, after compinit
  seep completion fish > ~/.config/fish/completions/seep.fish"""


def main(arguments: Sequence[str]) -> None:
    """Print a shell's script, or answer one that asks for candidates.

    Args:
        arguments: The name of a shell; or `answer` and what stands before the cursor.

    Raises:
        UserError: It is no shell that we know.
    """
    match arguments:
        case [shell] if shell in SHELLS:
            # a script of many lines, none of it a stranger's
            sys.stdout.write(completion_script(shell))
        case ["answer", line]:
            answer(line)
        case _:
            raise UserError(f"expected one of {', '.join(SHELLS)}, such as `seep completion bash`.")


def answer(line: str) -> None:
    """Print a line for each candidate.

    Args:
        line: What stands before the cursor, the program first.
    """
    from seep_lightning.commands.completion import candidates

    for candidate in candidates(line):
        # `tell` would print the tab as text
        sys.stdout.write(f"{answer_line(candidate.word, candidate.text)}\n")


if __name__ == "__main__":
    run_plain_command("completion", HELP, main)

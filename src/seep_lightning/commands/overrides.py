"""Overrides on a command line: paths and colours quoted for Hydra's grammar, and what names the folders of a sweep."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from hydra.core.override_parser.overrides_parser import OverridesParser

from seep_lightning.commands.home_folder import ITEM_FROM_HOME, starts_from_home
from seep_lightning.commands.path_keys import CONFIG_FOLDER_FLAGS, PATH_KEYS
from seep_lightning.config.references import REFERENCE
from seep_lightning.errors import UserError
from seep_lightning.files import with_home

# of these, the keys that take a list, too
PATH_LIST_KEYS = frozenset({"maps", "run", "runs", "scenes"})
# their value is a text: brackets of a regular expression are its own, and words have letters of all languages
TEXT_KEYS = frozenset({"against", "by", "classes", "columns", "data.pattern", "sort", "where"})
# their value is a name or a condition, which may hold signs that Hydra's grammar takes in quotes only
NAME_KEYS = frozenset(
    {
        "class_attribute",
        "data.image_suffix",
        "data.mask_suffix",
        "ignore",
        "metric",
        "monitor",
        "name",
        "part",
        "scene_attribute",
    }
)
_NEEDS_QUOTES = re.compile(r"[^\w \t./:=+@?|%*$\\-]", re.ASCII)
_DOLLAR_BRACE = re.compile(r"(?P<backslashes>\\*)\$\{")
# a function of Hydra's grammar, such as `choice(a,b)`
_FUNCTION = re.compile(r"\w+\(.*\)")
# so many pieces between commas may be one name
MOST_PIECES = 12
QUOTES = ("'", '"', REFERENCE)
# a backslash before a quote makes it a part of the text
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)""", re.DOTALL)
# keys whose values are dictionaries that may have keys in quotes, such as {"0,255,255": 1}
QUOTED_KEYS = frozenset({"data.mask_values", "mask_values"})
_QUOTED_KEY = re.compile(r"""(["'])([^"']*)\1\s*:""")
SWITCHED_OFF = {
    "logger=null": "~logger",
    "logger={}": "~logger",
    "scheduler={}": "scheduler=none",
}
"""What switches a group off, as Hydra takes it: it refuses null for a group, and adds {} to what the group holds."""
MULTIRUN_FLAGS = ("-m", "--multirun")


def prepare_arguments(arguments: list[str]) -> list[str]:
    """Prepare a command line for Hydra.

    Values of path-valued keys are quoted, and overrides stand before flags. In a multirun, Hydra is told which
    overrides are the same in every job, so that the jobs' folders are named by what differs.

    Args:
        arguments: What the user typed after the command.

    Raises:
        UserError: An argument is not UTF-8; what is written says which files it is about.
    """
    for argument in arguments:
        _check_text(argument)
    multirun = _asks_for_multirun(arguments)
    quoted = [quote_override(argument, multirun=multirun) for argument in arguments]
    # Hydra's parser refuses overrides that stand in several places
    overrides = overrides_in(quoted)
    others = [argument for argument in quoted if argument not in overrides]
    if multirun:
        names = [f"'{key}'" for key in _keys_of_all_jobs(quoted)]
        overrides.append(f"hydra.job.config.override_dirname.exclude_keys=[{','.join(names)}]")
    return [*overrides, *others]


def _check_text(argument: str) -> None:
    """Raise `UserError` for an argument that is not UTF-8, as an old name of a file can be."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        written = os.fsencode(argument).decode(errors="backslashreplace")
        raise UserError(f"{written}: this is not UTF-8. Rename what it names: convmv -f latin1 -t utf8.") from error


def quote_override(argument: str, *, multirun: bool) -> str:
    """Write an override as Hydra's grammar takes it: see `quote_path`, `escape_quoted_keys` and `SWITCHED_OFF`.

    Args:
        argument: One argument of a command line.
        multirun: Whether a comma separates the values of several jobs.
    """
    if argument in SWITCHED_OFF:
        return SWITCHED_OFF[argument]
    return quote_path(escape_quoted_keys(argument), multirun=multirun)


def escape_quoted_keys(argument: str) -> str:
    """Write the keys of a dictionary with backslashes instead of quotes, which Hydra's grammar does not take there.

    Args:
        argument: One argument of a command line, such as `data.mask_values={"0,255,255": 1}`.
    """
    key, separator, value = argument.partition("=")
    if not separator or key.lstrip("+") not in QUOTED_KEYS:
        return argument

    def escaped(match: re.Match[str]) -> str:
        return match[2].replace(",", r"\,") + ":"

    return f"{key}={_QUOTED_KEY.sub(escaped, value)}"


def quote_path(argument: str, *, multirun: bool) -> str:
    """Quote the value of a path-valued key: `=`, brackets, commas and blanks mean something in Hydra's grammar.

    What is the name of something that exists is that, also with commas, brackets and `${...}`. Of any key, a value
    that begins with `~` is taken for a path, and `~` replaced by the home folder.

    Args:
        argument: One argument of a command line.
        multirun: Whether a comma separates the values of several jobs.
    """
    key, separator, value = argument.partition("=")
    if separator and key in CONFIG_FOLDER_FLAGS:
        return f"{key}={with_home(value)}"
    if not separator or argument.startswith("-"):
        return argument
    name = key.lstrip("+")
    if name in TEXT_KEYS and not value.startswith(QUOTES):
        return f"{key}={quote_value(value)}"
    if name in PATH_KEYS:
        return f"{key}={_quoted_paths(name, value, multirun=multirun)}"
    if _is_for_hydra(value, multirun):
        return f"{key}={_with_homes(value)}"
    if starts_from_home(value) or (name in NAME_KEYS and _needs_quotes(value)):
        return f"{key}={_quoted_path(value)}"
    return argument


def _quoted_paths(key: str, value: str, *, multirun: bool) -> str:
    """The value of a path-valued key as Hydra's grammar takes it."""
    if _is_one_path(key, value):
        return _quoted_path(value)
    if _text_in_quotes(value) is not None:
        return _quoted_item(value)
    if _is_list(value):
        return f"[{','.join(_quoted_items(value[1:-1]))}]"
    if multirun and "," in value and any(map(_holds_dollar_name, _pieces(value))):
        return ",".join(_quoted_items(value))
    if _is_for_hydra(value, multirun) and not _only_begins_like_a_list(value, multirun):
        return _with_homes(value)
    return _quoted_path(value)


def _quoted_path(value: str) -> str:
    """A path in quotes, `~` at its beginning replaced by the home folder, and `${...}` kept where it is a name."""
    path = str(with_home(value)) if starts_from_home(value) else value
    named = _named_part(path)
    return quote_value(_without_references(named) + path[len(named) :])


def _named_part(path: str) -> str:
    """The longest beginning of a path that is the name of something that exists; empty for none, or without `${`."""
    if REFERENCE not in path:
        return ""
    part = path
    while part and not _exists(part):
        above = os.path.dirname(part)  # noqa: PTH120
        part = above if above != part else ""
    return part


def _holds_dollar_name(value: str) -> bool:
    """Whether a path, in quotes or not, leads to or through something whose name holds `${`."""
    text = _text_in_quotes(value)
    return REFERENCE in _named_part(value if text is None else text)


def _with_homes(value: str) -> str:
    """What Hydra's grammar reads itself, with the home folder in each of its paths that begin with `~`."""
    return ITEM_FROM_HOME.sub(_quoted_item_from_home, value)


def quote_value(value: str) -> str:
    """Quote a text so that Hydra's grammar takes it as it is."""
    # Hydra takes a backslash as it is, as in `\d`, but before a quote or at the end
    escaped = re.sub(r"(\\*)('|$)", _escape_quote, value)
    return f"'{escaped}'"


def quote_literally(text: str) -> str:
    """Quote a text so that Hydra's grammar takes it as it is, and `${...}` in it is no reference."""
    return quote_value(_without_references(text))


def _without_references(text: str) -> str:
    """A text for OmegaConf, which takes `${` after a backslash for text, and two backslashes before it for one."""
    return _DOLLAR_BRACE.sub(lambda match: 2 * match["backslashes"] + "\\${", text)


def _text_in_quotes(value: str) -> str | None:
    """The text of a value that is one text in quotes, as `quote_value` writes it; None for another value."""
    match = _QUOTED.fullmatch(value)
    if match is None:
        return None
    return re.sub(rf"(\\+)({match['quote']}|$)", _without_escape, match["text"])


def _without_escape(match: "re.Match[str]") -> str:
    """What `_escape_quote` wrote, as it was."""
    backslashes, quote = match.groups()
    return backslashes[: len(backslashes) // 2] + quote


def _escape_quote(match: "re.Match[str]") -> str:
    """Backslashes before a quote or the end are doubled, and the quote gets one more."""
    backslashes, quote = match.groups()
    escaped_quote = "\\'" if quote else ""
    return 2 * backslashes + escaped_quote


def _quoted_item_from_home(item: re.Match[str]) -> str:
    """A path that begins with a home folder, in quotes for Hydra's grammar."""
    return quote_value(str(with_home(item[0])))


def _is_for_hydra(value: str, multirun: bool) -> bool:
    """Whether Hydra's grammar has to read a path's value: null, a text in quotes, a list, an interpolation."""
    if value.lower() in ("", "null"):
        return True
    if value.startswith((*QUOTES, "[")):
        return True
    return multirun and "," in value


def _needs_quotes(value: str) -> bool:
    """Whether Hydra's grammar takes a text in quotes only."""
    return _NEEDS_QUOTES.search(value) is not None and not _FUNCTION.fullmatch(value)


def _is_list(value: str) -> bool:
    """Whether a text is one list: its first bracket is closed by its last."""
    if not value.startswith("["):
        return False
    depth = 0
    for position, sign in enumerate(value):
        depth += (sign == "[") - (sign == "]")
        if depth == 0:
            return position == len(value) - 1
    return False


def _is_one_path(key: str, value: str) -> bool:
    """Whether a path's value is one path, whatever its commas and brackets would mean in Hydra's grammar."""
    if value.startswith(REFERENCE):
        return _holds_dollar_name(value)
    if value.lower() in ("", "null") or value.startswith(QUOTES):
        return False
    takes_no_list = key not in PATH_LIST_KEYS
    return (takes_no_list and _is_list(value)) or _exists(value)


def _exists(name: str) -> bool:
    """Whether something has this name; what is too long for one has none."""
    # Path.exists raises errors about long names
    return os.path.exists(with_home(name))  # noqa: PTH110


def _only_begins_like_a_list(value: str, multirun: bool) -> bool:
    """Whether a path begins with a bracket that does not make it a list, as `[2024] scenes` does."""
    sweeps = multirun and "," in value
    return value.startswith("[") and not _is_list(value) and not sweeps


def _quoted_items(text: str) -> list[str]:
    """The items of a list of paths, each as Hydra's grammar takes it.

    A comma parts two items, unless the whole is the name of something that exists: a sweep names the folders of its
    runs such as `optimizer.lr=0.01,seed=2`.
    """
    pieces = _pieces(text)
    items: list[str] = []
    while pieces:
        count = _pieces_of_name(pieces)
        items.append(_quoted_item(",".join(pieces[:count]).strip()))
        pieces = pieces[count:]
    return items


def _pieces(text: str) -> list[str]:
    """A text between its commas; those in quotes, and after a backslash, part nothing."""
    if not text.strip():
        return []
    pieces = [""]
    quote = ""
    for sign in text:
        if sign == "," and not quote:
            if pieces[-1].endswith("\\"):
                pieces[-1] = f"{pieces[-1][:-1]},"
            else:
                pieces.append("")
            continue
        pieces[-1] += sign
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"" and not pieces[-1][:-1].strip():
            quote = sign
    return pieces


def _pieces_of_name(pieces: Sequence[str]) -> int:
    """How many pieces are the longest name of something that exists; 1 where none is."""
    for count in range(min(len(pieces), MOST_PIECES), 1, -1):
        name = ",".join(pieces[:count]).strip()
        if _exists(name):
            return count
    return 1


def _quoted_item(item: str) -> str:
    """An item of a list of paths; what is quoted already, null and an interpolation stay, unless they are names."""
    if _holds_dollar_name(item):
        text = _text_in_quotes(item)
        return _quoted_path(item if text is None else text)
    if item.startswith(QUOTES) or item.lower() == "null":
        return item
    return _quoted_path(item)


def _asks_for_multirun(arguments: list[str]) -> bool:
    """Whether a command line starts several jobs: by a flag, or by a config of the group `sweep`."""
    by_flag = any(argument in MULTIRUN_FLAGS for argument in arguments)
    by_group = any(argument.startswith("sweep=") for argument in arguments)
    return by_flag or by_group


def overrides_in(arguments: Sequence[str]) -> list[str]:
    """The overrides in a command line, without its flags and what follows some of them."""
    overrides = []
    for before, argument in pairwise(["", *arguments]):
        is_override = "=" in argument and not argument.startswith("-")
        is_deletion = argument.startswith("~")
        if (is_override or is_deletion) and before not in CONFIG_FOLDER_FLAGS:
            overrides.append(argument)
    return overrides


def key_of(override: str) -> str:
    """The key or group that an override is about, without `+` and `~`."""
    return override.lstrip("+~").partition("=")[0]


def single_runs(arguments: Sequence[str]) -> Iterator[list[str]]:
    """The command lines of single runs that a sweep comes to, by what it chooses of groups and of other top-level keys.

    Args:
        arguments: Of a sweep, or of a single run.

    Yields:
        The same command line with one value for each key: of keys at the top each in turn, of others the first.
    """
    parser = OverridesParser.create()
    alternatives: list[list[str]] = []
    for argument in arguments:
        alternatives.append(_values_in_turn(parser, argument, is_at_top="." not in key_of(argument)))
    for combination in product(*alternatives):
        yield list(combination)


def _values_in_turn(parser: OverridesParser, argument: str, *, is_at_top: bool) -> list[str]:
    """An argument with each of the values that it sweeps over, or with the first one alone."""
    is_override = "=" in argument and not argument.startswith("-")
    if not is_override:
        return [argument]
    override = parser.parse_override(argument)
    if not override.is_discrete_sweep():
        return [argument]
    texts = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return texts if is_at_top else texts[:1]


def _keys_of_all_jobs(arguments: list[str]) -> list[str]:
    """The keys that have one value in all jobs of a multirun; those of Hydra itself name no folder."""
    overrides = OverridesParser.create().parse_overrides(overrides_in(arguments))
    # of a key that is given twice, the last one counts
    last = {override.key_or_group: override for override in overrides}
    keys = [key for key, override in last.items() if not override.is_sweep_override()]
    return [key for key in keys if not key.startswith("hydra.")]

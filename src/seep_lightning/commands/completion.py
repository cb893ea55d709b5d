"""What a shell offers for the word that is being typed after `seep`: verbs, keys, choices of groups, values, paths.

Hydra's own completion composes the config at each stroke of the key, and knows neither verbs nor what keys are for.
This one reads the schema and the names of files in `conf/`: no Hydra, no torch, a fifth of a second.
"""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from seep_lightning.commands.config_folder import choices_of, comments_of, files_of, groups_of, values_of
from seep_lightning.commands.path_keys import PATH_KEYS, config_folders
from seep_lightning.commands.shells import SHELLS
from seep_lightning.commands.verbs import VERBS
from seep_lightning.config.declared_keys import declared_keys, key_at
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.config.target_texts import argument_texts
from seep_lightning.config.targets import TARGET
from seep_lightning.files import with_home
from seep_lightning.ranges import shown

FLAGS = {
    "--help": "examples, groups and keys",
    "--multirun": "a sweep: keys take several values",
    "--cfg": "print the composed config: job, hydra or all",
    "--config-dir": "a folder with configs of your own",
}
# marks of Hydra's before a key: add it, or add or replace it
MARKS = "+"
# a folder may hold more files than anybody reads
MOST_PATHS = 200


@dataclass(frozen=True)
class Candidate:
    """A word that may stand for the one that is typed.

    Attributes:
        word: The whole word. It goes on where it ends in `=`, `.` or `/`.
        text: What it is; may be empty.
    """

    word: str
    text: str = ""


def candidates(line: str) -> list[Candidate]:
    """What may be typed at the end of a command line.

    Args:
        line: All that stands before the cursor, the program first.
    """
    _, *words, word = words_of(line)
    offered = _offered(words, word)
    return [candidate for candidate in offered if candidate.word.startswith(word)]


def words_of(line: str) -> list[str]:
    """A command line as words, the last one that which is being typed: empty after a blank.

    Args:
        line: All that stands before the cursor.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        # a quote is still open
        words = line.split()
    if not words or line[-1:].isspace():
        words.append("")
    return words if len(words) > 1 else [*words, ""]


def _offered(words: Sequence[str], word: str) -> list[Candidate]:
    """What may follow words that are whole."""
    match words:
        case []:
            return [Candidate(name, verb.purpose) for name, verb in VERBS.items()]
        case ["help"]:
            return [Candidate(name, VERBS[name].purpose) for name in VERBS]
        case ["completion"]:
            return [Candidate(shell) for shell in SHELLS]
        case ["schema"]:
            return [Candidate(name, VERBS[name].purpose) for name in SCHEMAS]
        case ["config"] if "=" not in word:
            verbs = [Candidate(name, VERBS[name].purpose) for name in SCHEMAS]
            return [*verbs, *_of_command("train", [], word)]
        case ["config", *rest]:
            verb = rest[0] if rest[:1] and rest[0] in SCHEMAS else "train"
            return _of_command(verb, rest, word)
        case [verb, *rest] if verb in SCHEMAS:
            return _of_command(verb, rest, word)
    return []


def _of_command(command: str, words: Sequence[str], word: str) -> list[Candidate]:
    """Keys, values and flags of a command with a config."""
    if word.startswith("-"):
        return [Candidate(flag, text) for flag, text in FLAGS.items()]
    typed = TypedCommand(command, tuple(words))
    mark = word[: len(word) - len(word.lstrip(MARKS))]
    key, separator, value = word.removeprefix(mark).partition("=")
    offered = typed.values(key, value) if separator else typed.keys(key)
    return [Candidate(f"{mark}{candidate.word}", candidate.text) for candidate in offered]


@dataclass(frozen=True)
class TypedCommand:
    """A command with a config, as far as it is typed.

    Attributes:
        name: The verb.
        words: What follows it, without the word that is being typed.
    """

    name: str
    words: tuple[str, ...]

    @property
    def folders(self) -> list[Path]:
        """The user's own folders of configs."""
        return [with_home(folder) for folder in config_folders(self.words)]

    def choices(self) -> Mapping[str, str | None]:
        """What is chosen of each group, here or by default."""
        chosen = groups_of(self.name)
        for word in self.words:
            key, _, value = word.partition("=")
            if key in chosen:
                chosen[key] = value
        return chosen

    def keys(self, typed: str) -> list[Candidate]:
        """Keys up to the next dot, and groups, which take one of their files.

        Args:
            typed: The beginning of a key.
        """
        found: dict[str, str] = {f"{group}=": f"one of {', '.join(self.files(group))}" for group in self.choices()}
        for path, text in self._texts_by_path():
            if path.startswith(typed):
                beyond, dot, _ = path[len(typed) :].partition(".")
                if dot:
                    found.setdefault(f"{typed}{beyond}.", "more keys")
                else:
                    found.setdefault(f"{typed}{beyond}=", text)
        return [Candidate(key, text) for key, text in found.items()]

    def values(self, key: str, typed: str) -> list[Candidate]:
        """What a key may be.

        Args:
            key: The key, or a group.
            typed: The beginning of its value; before a comma stand other values of a sweep.
        """
        if key in PATH_KEYS:
            return [Candidate(f"{key}={path}") for path in paths_like(typed)]
        before, comma, _ = typed.rpartition(",")
        return [Candidate(f"{key}={before}{comma}{value}") for value in self._choices_of_value(key)]

    def files(self, group: str) -> list[str]:
        """What may be chosen of a group."""
        return choices_of(group, self.folders)

    def _choices_of_value(self, key: str) -> list[str]:
        if key in self.choices():
            return self.files(key)
        declared = key_at(SCHEMAS[self.name], key)
        if declared is None:
            return []
        if declared.allowed:
            return [shown(value) for value in declared.allowed]
        is_switch = declared.type is bool or bool in get_args(declared.type)
        return ["true", "false"] if is_switch else []

    def _texts_by_path(self) -> Iterator[tuple[str, str]]:
        """All keys with what they are: those of the schema, then those of the files that are chosen."""
        yield from _schema_texts(SCHEMAS[self.name])
        for group, choice in self.choices().items():
            if choice is not None and "." not in group:
                yield from self._file_texts(group, choice)

    def _file_texts(self, group: str, choice: str) -> Iterator[tuple[str, str]]:
        """The keys of a node that a file of configs declares."""
        files = files_of(group, choice, self.folders)
        values = values_of(files)
        texts = {**argument_texts(str(values.get(TARGET, ""))), **comments_of(files)}
        if TARGET in values:
            for name in values:
                yield f"{group}.{name}", texts.get(name, "")


def _schema_texts(schema: type[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The keys of a schema, at any depth, with what they are."""
    for key in declared_keys(schema):
        if key.schema is not None:
            yield from _schema_texts(key.schema, f"{prefix}{key.name}.")
        else:
            yield f"{prefix}{key.name}", key.text


def paths_like(typed: str) -> list[str]:
    """Files and folders whose path begins as it is typed, folders with a `/`.

    Args:
        typed: The beginning of a path, also below `~`.
    """
    folder, slash, beginning = typed.rpartition("/")
    place = with_home(f"{folder}{slash}") if slash else Path()
    entries: list[str] = []
    # a folder that is not there, or not ours to list
    with suppress(OSError), os.scandir(place) as found:
        for entry in found:
            is_hidden = entry.name.startswith(".") and not beginning
            if entry.name.startswith(beginning) and not is_hidden:
                entries.append(f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}")
    return sorted(entries)[:MOST_PATHS]

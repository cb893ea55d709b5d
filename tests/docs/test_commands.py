"""The commands of README.md and of every page of docs/ name verbs, keys, values and files that there are."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import open_dict

from helpers.paths import ROOT
from seep_lightning.commands.composition import compose_arguments, typed_config
from seep_lightning.commands.overrides import prepare_arguments
from seep_lightning.commands.shells import SHELLS
from seep_lightning.commands.verbs import VERBS
from seep_lightning.config.schemas import SCHEMAS

PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUICK = ("README.md", "docs/commands.md", "docs/sweeps.md")
OF_A_SHELL = {"|", "&&", "||", ";", ">", ">>", "<", "&", "2>&1", "(", ")"}


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        page: The page.
        verb: The verb of `seep` or the module's name.
        words: What is typed after it.
    """

    page: str
    verb: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: seep {shlex.join([self.verb, *self.words])}"


def commands_in(page: str) -> Iterator[Command]:
    for block in BLOCK.findall((ROOT / page).read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            for words in simple_commands(line):
                yield from seep_command(page, words)


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a shell's line, without what stands behind `#`, pipes and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in OF_A_SHELL:
            yield words
            words = []
        else:
            words.append(word)


def seep_command(page: str, words: list[str]) -> Iterator[Command]:
    for index, word in enumerate(words):
        verb = word.removeprefix("seep_lightning.")
        is_module = verb != word and words[index - 1] == "-m"
        if is_module:
            yield Command(page, verb, tuple(words[index + 1 :]))
        if word == "seep" and index + 1 < len(words):
            yield Command(page, words[index + 1], tuple(words[index + 2 :]))


def composable(words: tuple[str, ...]) -> list[str]:
    """Words as one job of a sweep has them, `TIME` and the like being names as good as any."""
    parser = OverridesParser.create()
    quoted = prepare_arguments([word for word in words if word not in ("-m", "--multirun")] + ["-m"])
    kept = []
    for word in quoted[:-1]:
        if "=" not in word or word.startswith("-"):
            kept.append(word)
            continue
        override = parser.parse_override(word)
        if not override.is_sweep_override():
            kept.append(word)
        elif not override.is_interval_sweep():
            key = override.get_key_element()
            kept.append(f"{key}={next(override.sweep_string_iterator())}")
    return [word for word in kept if not word.startswith("hydra.job.config.override_dirname")]


def is_of_a_readers_own(command: Command) -> bool:
    """Whether a command needs files that the reader of docs/extending.md writes: its own tests run it."""
    text = " ".join(command.words)
    return "my_" in text or "random_rates" in text


@cache
def check_command(verb: str, words: tuple[str, ...]) -> None:
    """Compose a command's config, as the command does before it begins."""
    composed = compose_arguments(verb, composable(words))
    with open_dict(composed):
        del composed["hydra"]
    assert isinstance(typed_config(composed), SCHEMAS[verb])


@pytest.mark.parametrize(
    "page", [page if page in QUICK else pytest.param(page, marks=pytest.mark.slow) for page in PAGES]
)
def test_commands_of_a_page_mean_something(page: str) -> None:
    for command in commands_in(page):
        assert command.verb in (*VERBS, "help", "--version"), command
        if command.verb in SCHEMAS and not is_of_a_readers_own(command):
            check_command(command.verb, command.words)


@pytest.mark.parametrize("page", PAGES)
def test_scripts_and_targets_of_a_page_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    for script in re.findall(r"python (benchmarks/[\w/]+\.py)", text):
        assert (ROOT / script).is_file(), script
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z][\w-]*)", text):
        assert target in targets, target


def test_the_page_of_commands_names_every_way_in() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    for verb in (*(verb for verb in VERBS if verb not in SCHEMAS), "tensorboard", *SHELLS):
        assert verb in text


def test_pages_with_commands_are_found() -> None:
    assert sum(1 for page in PAGES for _ in commands_in(page)) > 100

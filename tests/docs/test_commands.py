"""The commands of README.md and docs/commands.md name verbs and keys that there are."""

import re
import shlex
from collections.abc import Iterator

import pytest

from helpers.paths import ROOT
from seep_lightning.commands.completion import candidates
from seep_lightning.commands.shells import SHELLS
from seep_lightning.commands.verbs import VERBS

BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:\bseep +|-m seep_lightning\.)(\w+)\b([^\n)#>]*)")


def commands_in(page: str) -> Iterator[tuple[str, list[str]]]:
    for block in BLOCK.findall((ROOT / page).read_text()):
        for verb, rest in COMMAND.findall(block.replace("\\\n", " ")):
            yield verb, shlex.split(rest.strip('" '))


@pytest.mark.parametrize("page", ["README.md", "docs/commands.md"])
def test_verbs_and_keys_of_a_page_are_known(page: str) -> None:
    listed = list(commands_in(page))
    assert len(listed) > 8
    for verb, words in listed:
        assert verb in (*VERBS, "help"), verb
        for index, word in enumerate(words):
            key, separator, _ = word.partition("=")
            if separator and not word.startswith("-"):
                # what a shell would offer in its place
                offered = candidates(f"seep {shlex.join([verb, *words[:index]])} {key}")
                assert f"{key}=" in [candidate.word for candidate in offered], (verb, key)


def test_the_page_of_commands_names_every_way_in() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    for verb in (*(name for name, verb in VERBS.items() if not verb.has_config), "tensorboard", *SHELLS):
        assert verb in text

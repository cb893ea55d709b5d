"""The campaign that all tests here share, and its counts at the end of what pytest prints."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.robustness.campaign import Campaign, Counts

COUNTS = pytest.StashKey[Counts]()


@pytest.fixture(scope="session")
def counts(pytestconfig: pytest.Config) -> Counts:
    """Inputs by kind and verb, of all tests together."""
    return pytestconfig.stash.setdefault(COUNTS, Counts())


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """Two lanes."""
    with Campaign(tmp_path_factory.mktemp("campaign")) as opened:
        yield opened


@pytest.fixture
def small_campaign(tmp_path: Path) -> Iterator[Campaign]:
    """One lane."""
    with Campaign(tmp_path, lanes=1) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the counts."""
    counts = config.stash.get(COUNTS, None)
    if counts is not None:
        terminalreporter.section("inputs by kind and verb")
        terminalreporter.write_line("\n".join(counts.lines()))

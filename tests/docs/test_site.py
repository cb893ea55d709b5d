"""The pages of the documentation site, and the README of an index page, have links that lead somewhere.

`make docs` builds the site itself and takes a dead link or anchor for an error.
"""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from helpers.paths import ROOT

RELATIVE_LINK = re.compile(r"\]\((?!https?:)[^)]*\)")


@pytest.fixture
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stage", ROOT / "docs" / "site" / "stage.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_of_a_checkout_become_links_of_the_site(site: ModuleType) -> None:
    names = site.page_names()
    text = "[a](maps.md#x), [`b`](../src/seep_lightning/files.py), [c](../README.md), [d](#e), `[f](g.md)`"
    expected = "[a](maps.md#x), `b`, [c](index.md), [d](#e), `[f](g.md)`"
    assert site.with_links_of_the_site(text, ROOT / "docs" / "data.md", names) == expected
    with pytest.raises(SystemExit, match=r"docs/data.md: there is no gone.md"):
        site.with_links_of_the_site("[a](gone.md)", ROOT / "docs" / "data.md", names)


def test_each_page_is_in_the_menu(site: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.stage(tmp_path / "site")
    assert {path.name for path in (tmp_path / "site/pages").glob("*.md")} >= {"index.md", "maps.md", "functions.md"}
    monkeypatch.setattr(site, "OTHER_PAGES", {**site.OTHER_PAGES, "SECURITY.md": "new.md"})
    with pytest.raises(SystemExit, match="nav lacks new.md"):
        site.stage(tmp_path / "site")


def test_the_readme_of_an_index_page_has_no_dead_links() -> None:
    hooks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"]["hooks"]
    text = (ROOT / "README.md").read_text()
    assert RELATIVE_LINK.search(text)
    for rule in hooks["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    assert not RELATIVE_LINK.search(text) and "![" not in text
    assert "(docs/results.md)" in text

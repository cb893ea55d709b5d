"""Folders of a data set or an output that lie one in the other, a thousand deep, or link to each other."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.chips import IMAGES, MASKS, make_chips, seeps_config
from seep_lightning.data.layouts.files import list_files
from seep_lightning.data.loading import load_chips
from seep_lightning.documents.patterns import paths_like
from seep_lightning.files import remove_folder

DEPTH = 1_500
"""Above what Python calls within each other, below the longest path."""


def deepest(folder: Path, depth: int = DEPTH) -> Path:
    """Make folders one in the other; return the deepest."""
    for _ in range(depth):
        folder /= "a"
        os.mkdir(folder)  # noqa: PTH102 - pathlib is slow here
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed at the end, as pytest could not do."""
    made = tmp_path / "sent"
    made.mkdir()
    yield made
    remove_folder(made)


def test_chips_a_thousand_folders_deep_are_found(folder: Path) -> None:
    bottom = deepest(folder)
    (bottom / "S0.000001.tif").touch()
    (chip,) = list_files(folder, ".").files
    assert chip.key == "a/" * DEPTH + "S0.000001"


def test_a_folder_is_looked_into_once_whatever_links_lead_to_it(folder: Path) -> None:
    names = [f"d{number}" for number in range(12)]
    for name in names:
        (folder / name).mkdir()
        (folder / name / "x.000001.tif").touch()
        for other in names:
            (folder / name / f"to-{other}").symlink_to(f"../{other}")
    (folder / "a-link").symlink_to("d3")
    # on the ways between them lie 12! folders
    assert [file.key for file in list_files(folder, ".").files] == sorted(f"{name}/x.000001" for name in names)


def test_a_pattern_means_what_it_does_to_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x.tif", "a/b/x.tif", "a/b/c/x.tif", "d[1]/b/x.tif", ".hidden/x.tif", "a/.hidden/b/x.tif", "x.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for pattern in (
        "**/*.tif", "a/**/*.tif", "**/b/*.tif", "**/b/**/x.tif", "*/**/b/*", "**/x.tif", "a**/x.tif", "x.tif",
        "no/**/*", "[ad]*/**/*.tif", "**/.hidden/*", f"{tmp_path}/**/*.tif", "**/**/x.tif",
    ):  # fmt: skip
        expected = sorted(set(glob.glob(pattern, recursive=True)))  # noqa: PTH207
        assert sorted(paths_like(pattern)) == expected, pattern
        assert sorted(paths_like(pattern, tmp_path)) == expected, pattern
    assert {"a/b", "a/b/c/x.tif", "x.tif"} <= set(paths_like("**"))


def test_a_pattern_looks_into_each_folder_once(folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
        (folder / name / "x.tif").touch()
        for other in ("a", "b", "c"):
            (folder / name / f"to-{other}").symlink_to(f"../{other}")
    bottom = deepest(folder / "a")
    (bottom / "x.tif").touch()
    assert sorted(paths_like(f"{folder}/**/x.tif")) == sorted(
        [str(bottom / "x.tif"), *(f"{folder}/{name}/x.tif" for name in ("a", "b", "c"))]
    )


def test_chips_behind_a_link_are_found(tmp_path: Path) -> None:
    made = make_chips(tmp_path / "made", scenes=2)
    for name in (IMAGES, MASKS):
        (tmp_path / "linked" / name).mkdir(parents=True)
        (tmp_path / "linked" / name / "day").symlink_to(made / name)
    assert len(load_chips(seeps_config(tmp_path / "linked"))) == 12


def test_a_folder_a_thousand_deep_is_removed(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "own.txt").touch()
    (tmp_path / "sent").mkdir()
    bottom = deepest(tmp_path / "sent")
    (bottom / "out").symlink_to(tmp_path / "victim")
    (bottom / "file").touch()
    remove_folder(tmp_path / "sent")
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]
    assert (tmp_path / "victim" / "own.txt").exists()

"""The journal of finished rows: whole rows only, parts in order."""

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from seep_lightning.errors import UserError
from seep_lightning.scene.journal import Journal


def test_half_a_row_does_not_count(tmp_path: Path) -> None:
    rows = np.arange(60, dtype=np.uint8).reshape(6, 1, 10)
    with closing(Journal(tmp_path / "j", "k", (6, 1, 10))) as journal:
        journal.append(rows[:2])
        journal.append(rows[2, :, :7])
    with closing(Journal(tmp_path / "j", "k", (6, 1, 10))) as journal:
        assert journal.rows == 2
        journal.append(rows[2:])
        assert (journal.read(0, 6) == rows).all()


def test_parts_beyond_a_gap_and_rows_of_other_parts_stay(tmp_path: Path) -> None:
    rows = np.arange(60, dtype=np.uint8).reshape(6, 1, 10)
    for key, start, stop in (("other", 0, 2), ("k", 0, 2), ("k", 4, 6)):
        with closing(Journal(tmp_path, key, (stop - start, 1, 10), start)) as part:
            part.append(rows[start:stop])
    assert len(list(tmp_path.glob("*.rows"))) == 3
    with closing(Journal(tmp_path, "k", (6, 1, 10))) as journal:
        journal.take_over()
        assert journal.rows == 2
        assert {p.name for p in tmp_path.glob("*.rows")} == {"k.rows", "k.000000004.rows"}
        journal.append(rows[2:4])
        journal.take_over()
        assert (journal.read(0, 6) == rows).all()


@pytest.mark.parametrize("name", ["k.rows", "lock", "k.000000000.rows"])
@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_or_a_link_in_place_of_rows_is_refused_at_once(tmp_path: Path, name: str, is_link: bool) -> None:
    folder = tmp_path / "j"
    folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"text")
    if is_link:
        (folder / name).symlink_to(victim)
    else:
        os.mkfifo(folder / name)
    refused = pytest.raises(UserError, match="is a link" if is_link else "is a pipe")
    with refused, closing(Journal(folder, "k", (6, 1, 10))) as journal:
        journal.take_over()
    assert victim.read_bytes() == b"text"

import os
import socket
from pathlib import Path

import pytest

from seep_lightning.documents.regular_files import check_regular, is_regular, read_bytes
from seep_lightning.errors import UserError


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def make_circle(path: Path) -> None:
    path.symlink_to(path)


def make_dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (make_folder, "is a folder"),
        (make_pipe, "is a pipe"),
        (make_socket, "is a socket"),
        (make_device, "is a device"),
        (make_circle, "leads back to itself"),
        (make_dangling, "there is no such file"),
        (lambda path: None, "there is no such file"),
    ],
)
def test_what_is_no_regular_file_is_refused_without_waiting(make, found, tmp_path: Path, monkeypatch) -> None:
    # a path of a socket is short
    monkeypatch.chdir(tmp_path)
    path = Path("file")
    make(path)
    with pytest.raises(UserError, match=found):
        read_bytes(path)
    with pytest.raises(UserError, match=found):
        check_regular(path)
    assert not is_regular(path)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "secret"
    path.write_text("x")

    def refuse(*args: object) -> int:
        raise PermissionError(13, "Permission denied")

    # tests may run as root, who may read anything
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match="you may not read it"):
        read_bytes(path)


def test_a_file_that_becomes_a_pipe_between_the_check_and_the_opening_is_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    really_open = os.open

    def open_late(name: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return really_open(name, flags)

    monkeypatch.setattr(os, "open", open_late)
    with pytest.raises(UserError, match="is a pipe"):
        read_bytes(path)


def test_a_file_that_vanishes_between_the_check_and_the_opening_is_told(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    really_open = os.open

    def open_late(name: Path, flags: int) -> int:
        path.unlink()
        return really_open(name, flags)

    monkeypatch.setattr(os, "open", open_late)
    with pytest.raises(UserError, match="there is no such file"):
        read_bytes(path)


def test_a_file_above_its_bound_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UserError, match="larger than 64 MiB"):
        read_bytes(path)
    with pytest.raises(UserError, match="larger than 10 bytes"):
        check_regular(path, largest=10)


def test_a_file_without_a_size_is_read_up_to_its_bound() -> None:
    # files of /proc say that they are empty
    assert b"cpu" in read_bytes(Path("/proc/stat"))
    with pytest.raises(UserError, match="larger than 3 bytes"):
        read_bytes(Path("/proc/stat"), largest=3)


@pytest.mark.parametrize("name", ["a\0b", "a" * 300])
def test_a_name_that_no_file_can_have_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        read_bytes(tmp_path / name)


def test_links_to_regular_files_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link") == b"x"

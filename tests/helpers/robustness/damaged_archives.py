"""Damages of what archives hold."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from helpers.robustness.damage import Damage, named

ZIP, TAR = "zip", "tar"
BOMB_PIECE = bytes(1 << 24)
BOMB_PIECES = 24
"""Of a member that is 400 MB of nothing."""
Members = dict[str, bytes]


def _largest(members: Members) -> str:
    """The name of the member that is the scene."""
    return max(members, key=lambda name: len(members[name]))


def _cut_off(members: Members) -> Members:
    name = _largest(members)
    return members | {name: members[name][: len(members[name]) // 2]}


def _within_another(members: Members) -> Members:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.tif", members[_largest(members)])
    return {"a.zip": inner.getvalue()}


def _with_name(name: str) -> Callable[[Members], Members]:
    return lambda members: members | {name: members[_largest(members)]}


OTHER_MEMBERS: dict[str, Callable[[Members], Members]] = {
    "no members": lambda members: {},
    "a member cut off": _cut_off,
    "a member outside": _with_name("../../outside.tif"),
    "an absolute member": _with_name("/tmp/absolute_member.tif"),
    "a member of an odd name": _with_name("in/a\nb;c!d.tif"),
    "an archive within": _within_another,
    "20,000 members": lambda members: members | {f"many/{number}.txt": b"" for number in range(20_000)},
}


def change_zip(path: Path, how: str, _: Random) -> None:
    """Other members in a ZIP archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, held in OTHER_MEMBERS[how](members).items():
            archive.writestr(member, held)


def member_twice(path: Path, _: str, __: Random) -> None:
    """A second member of the same name."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(archive.namelist()[0], b"something else")


def with_bomb(path: Path, _: str, __: Random) -> None:
    """A small member that unpacks to a large one."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.tif", "w") as bomb:
        for _ in range(BOMB_PIECES):
            bomb.write(BOMB_PIECE)


def mark_encrypted(path: Path, _: str, __: Random) -> None:
    """All members claim to be encrypted."""
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(content)


def _tar_members(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        return [(member, archive.extractfile(member).read()) for member in files]  # type: ignore[union-attr]


def _planted(name: str = "in/planted.tif", kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.linkname = link
    return entry


PLANTED: dict[str, tarfile.TarInfo] = {
    "a link outside": _planted(kind=tarfile.SYMTYPE, link="../../../../etc/passwd"),
    "a hard link outside": _planted(kind=tarfile.LNKTYPE, link="/etc/passwd"),
    "a device": _planted(kind=tarfile.CHRTYPE),
    "a member outside": _planted("../../outside.tif"),
    "an empty member": _planted(),
}


def plant_in_tar(path: Path, what: str, _: Random) -> None:
    """One more member in a TAR archive."""
    members = _tar_members(path)
    with tarfile.open(path, "w:gz") as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
        archive.addfile(PLANTED[what])


def empty_tar(path: Path, _: str, __: Random) -> None:
    """No member."""
    tarfile.open(path, "w:gz").close()


def huge_member_claimed(path: Path, _: str, __: Random) -> None:
    """A member that claims a terabyte and holds nothing."""
    members = _tar_members(path)
    entry = members[0][0]
    entry.size = 1 << 40
    with tarfile.open(path, "w:gz") as archive:
        assert archive.fileobj is not None
        archive.fileobj.write(entry.tobuf())


DAMAGES = (
    Damage("other members", (ZIP,), change_zip, named(*OTHER_MEMBERS)),
    Damage("a member twice", (ZIP,), member_twice),
    Damage("a bomb", (ZIP,), with_bomb),
    Damage("encrypted", (ZIP,), mark_encrypted),
    Damage("another member", (TAR,), plant_in_tar, named(*PLANTED)),
    Damage("no members", (TAR,), empty_tar),
    Damage("a huge member claimed", (TAR,), huge_member_claimed),
)

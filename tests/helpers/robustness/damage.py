"""What may befall a file, declared once: each damage with the kinds of files that it applies to.

`DAMAGES` is the table, and campaigns loop over it. A damage of bytes or of the file itself befalls any file; the
modules `damaged_documents`, `damaged_rasters`, `damaged_vectors`, `damaged_archives` and `damaged_stores` hold those of
what a file says.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

ANY = "any"
TEXT = "text"
Apply = Callable[[Path, str, Random], None]
"""Damages a file; told the variant of the damage, and a source of chance."""


def alone(_: Path) -> Sequence[str]:
    """The variants of a damage that has one."""
    return ("",)


def never(_: str) -> bool:
    """No variant is subtle."""
    return False


def always(_: str) -> bool:
    """Every variant is subtle."""
    return True


def leads_to_a_folder(target: str) -> bool:
    """Whether a link does: a folder of runs may be given in place of one."""
    return target in ("/", ".")


@dataclass(frozen=True)
class Damage:
    """A kind of damage.

    name: of the kind. kinds: the kinds of files that it applies to. apply: does it. variants: those of a sound file,
    such as each key that may be missing. keeps_content: whether the file says the same afterwards. subtle: whether a
    variant may leave a sound file that says something else, which nobody can notice who has no checksum.
    """

    name: str
    kinds: tuple[str, ...]
    apply: Apply
    variants: Callable[[Path], Sequence[str]] = alone
    keeps_content: bool = False
    subtle: Callable[[str], bool] = never


def numbered(count: int) -> Callable[[Path], Sequence[str]]:
    """Variants that differ by chance alone."""
    return lambda _: tuple(str(number) for number in range(count))


def named(*names: str) -> Callable[[Path], Sequence[str]]:
    """Variants that are the same for all files."""
    return lambda _: names


# of bytes


def truncate(path: Path, where: str, chance: Random) -> None:
    size = path.stat().st_size
    kept = {"first byte": 1, "half": size // 2, "all but one": size - 1}.get(where)
    if kept is None:
        kept = chance.randrange(max(size, 1))
    os.truncate(path, max(kept, 0))


def zero(path: Path, where: str, chance: Random) -> None:
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    start, stop = {"all": (0, len(content)), "head": (0, 16), "tail": (half, len(content))}.get(where, (0, 0))
    if where == "page":
        start = chance.randrange(len(content) // 64 + 1) * 64
        stop = start + 64
    stop = min(stop, len(content))
    content[start:stop] = bytes(stop - start)
    path.write_bytes(content)


def flip_bits(path: Path, count: str, chance: Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(int(count.split()[0])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flip_head(path: Path, _: str, chance: Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(min(len(content), 200))] = chance.randrange(256)
    path.write_bytes(content)


def replace_by(content: bytes) -> Apply:
    def replace(path: Path, _: str, __: Random) -> None:
        path.write_bytes(content)

    return replace


def replace_by_chance(path: Path, _: str, chance: Random) -> None:
    path.write_bytes(chance.randbytes(path.stat().st_size))


def append_garbage(path: Path, _: str, chance: Random) -> None:
    with path.open("ab") as file:
        file.write(chance.randbytes(100))


def write_twice(path: Path, _: str, __: Random) -> None:
    path.write_bytes(path.read_bytes() * 2)


def drop_a_piece(path: Path, _: str, chance: Random) -> None:
    content = path.read_bytes()
    start = chance.randrange(len(content))
    path.write_bytes(content[:start] + content[start + 1 + chance.randrange(40) :])


# of the file itself


def remove(path: Path, _: str, __: Random) -> None:
    path.unlink()


def folder_instead(path: Path, _: str, __: Random) -> None:
    path.unlink()
    path.mkdir()


def fifo_instead(path: Path, _: str, __: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def link_instead(path: Path, target: str, __: Random) -> None:
    path.unlink()
    path.symlink_to({"itself": path.name, "nothing": "not there"}.get(target, target))


def socket_instead(path: Path, _: str, __: Random) -> None:
    import socket

    path.unlink()
    folder = Path.cwd()
    # a socket's path has at most 107 bytes
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(folder)


# of texts


def add_bom(path: Path, _: str, __: Random) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def recode(path: Path, encoding: str, _: Random) -> None:
    path.write_bytes(path.read_text().encode(encoding))


def spoil_letters(path: Path, where: str, chance: Random) -> None:
    """Bytes that no UTF-8 has: a word in Latin-1 at the beginning, in the middle or at the end."""
    content = path.read_bytes()
    at = {"first": 0, "last": len(content)}.get(where, chance.randrange(len(content) + 1))
    path.write_bytes(content[:at] + "é".encode("latin-1") + content[at:])


def end_lines_as_windows(path: Path, _: str, __: Random) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def put_nul(path: Path, _: str, chance: Random) -> None:
    content = path.read_bytes()
    at = chance.randrange(len(content) + 1)
    path.write_bytes(content[:at] + b"\0" + content[at:])


def swap_a_letter(path: Path, _: str, chance: Random) -> None:
    """Another sign in place of one: a typing error."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] = ord(chance.choice("{}[]:,;\"'#&*!|>%@` \t\n=-0a"))
    path.write_bytes(content)


OF_BYTES = (
    Damage("empty", (ANY,), replace_by(b"")),
    Damage("truncated", (ANY,), truncate, named("first byte", "half", "all but one", "random 1", "random 2")),
    Damage("zeroed", (ANY,), zero, named("all", "head", "tail", "page"), subtle=always),
    Damage("bits flipped", (ANY,), flip_bits, named("1 a", "1 b", "8", "64", "1000"), subtle=always),
    Damage("head flipped", (ANY,), flip_head, numbered(3), subtle=always),
    Damage("random bytes", (ANY,), replace_by_chance),
    Damage("garbage behind", (ANY,), append_garbage),
    Damage("written twice", (ANY,), write_twice),
    Damage("piece dropped", (ANY,), drop_a_piece, numbered(2), subtle=always),
    Damage("a web page instead", (ANY,), replace_by(b"<!DOCTYPE html>\n<html><body>404: not found</body></html>\n")),
    Damage("one newline", (ANY,), replace_by(b"\n")),
)
LINK_TARGETS = ("itself", "nothing", "/dev/zero", "/dev/null", "/", ".")
OF_THE_FILE = (
    Damage("missing", (ANY,), remove),
    Damage("a folder instead", (ANY,), folder_instead),
    Damage("a FIFO instead", (ANY,), fifo_instead),
    Damage("a socket instead", (ANY,), socket_instead),
    Damage("a link instead", (ANY,), link_instead, named(*LINK_TARGETS), subtle=leads_to_a_folder),
)
OF_TEXTS = (
    Damage("with a BOM", (TEXT,), add_bom, keeps_content=True),
    Damage("in another encoding", (TEXT,), recode, named("utf-16", "utf-32", "utf-7", "cp037")),
    Damage("not UTF-8", (TEXT,), spoil_letters, named("first", "last", "middle")),
    Damage("lines of Windows", (TEXT,), end_lines_as_windows, keeps_content=True),
    Damage("a NUL", (TEXT,), put_nul),
    Damage("a letter swapped", (TEXT,), swap_a_letter, numbered(4), subtle=always),
    Damage("a line of 20 MB", (TEXT,), replace_by(b"a" * 20_000_000)),
)


def all_damages() -> tuple[Damage, ...]:
    """The whole table."""
    from helpers.robustness import (
        damaged_archives,
        damaged_documents,
        damaged_rasters,
        damaged_stores,
        damaged_vectors,
    )

    modules = (damaged_documents, damaged_rasters, damaged_vectors, damaged_archives, damaged_stores)
    of_contents = tuple(damage for module in modules for damage in module.DAMAGES)
    return OF_BYTES + OF_THE_FILE + OF_TEXTS + of_contents

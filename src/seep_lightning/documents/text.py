"""Text in UTF-8; a byte order mark, which some editors put first, is dropped."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from pathlib import Path

from seep_lightning.documents.regular_files import LARGEST_DOCUMENT, read_bytes
from seep_lightning.errors import UserError

_OTHER_MARKS = {
    # the one of UTF-16 is the beginning of that of UTF-32
    BOM_UTF32_LE: "UTF-32",
    BOM_UTF32_BE: "UTF-32",
    BOM_UTF16_LE: "UTF-16",
    BOM_UTF16_BE: "UTF-16",
}
# of which every second byte is NUL where UTF-16 lacks its mark
_BEGINNING = 200
_MOST_NULS = 0.3


def read_text(path: Path, *, largest: int = LARGEST_DOCUMENT) -> str:
    """Read a text file.

    Args:
        path: The file.
        largest: Bytes that it may have.

    Returns:
        Its text, with the ends of lines as they are.

    Raises:
        UserError: It is no regular file, cannot be read, is larger, or is not UTF-8.
    """
    return decoded(read_bytes(path, largest=largest), str(path))


def decoded(content: bytes, source: str) -> str:
    """The text in bytes.

    Args:
        content: UTF-8, with or without a byte order mark.
        source: Where they come from, for messages.

    Raises:
        UserError: They are not UTF-8.
    """
    for mark, encoding in _OTHER_MARKS.items():
        if content.startswith(mark):
            raise UserError(f"{source} is {encoding}; expected UTF-8. Save it as UTF-8.")
    try:
        text = content.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        bad_byte = error.object[error.start]
        raise UserError(
            f"{source}: line {line} is not UTF-8 (byte 0x{bad_byte:02x}). Save the file as UTF-8, or put it back."
        ) from error
    beginning = text[:_BEGINNING]
    if beginning.count("\0") > _MOST_NULS * len(beginning):
        raise UserError(f"{source} is UTF-16 or no text at all; expected UTF-8. Save it as UTF-8.")
    return text

"""XML without document types: entities, which may grow without bound or fetch files, are declared there."""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, TreeBuilder, XMLParser

from seep_lightning.documents.damage import damaged
from seep_lightning.documents.depth import DEEPEST
from seep_lightning.documents.regular_files import LARGEST_DOCUMENT, read_bytes


class _RefusedError(Exception):
    """Why a document is not read, in a clause."""


class _BoundedBuilder(TreeBuilder):
    """Builds elements up to a depth; refuses a document type before anything in it is declared."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse it."""
        raise _RefusedError("it declares a document type, whose entities are not read")

    def start(self, tag: str, attrs: Mapping[str, str], /) -> Element:
        """Begin an element."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise _RefusedError(f"its elements are nested deeper than {DEEPEST} levels")
        return super().start(tag, dict(attrs))

    def end(self, tag: str, /) -> Element:
        """End an element."""
        self._depth -= 1
        return super().end(tag)


def read_xml(path: Path, *, largest: int = LARGEST_DOCUMENT, advice: str = "") -> Element:
    """Read an XML file.

    Args:
        path: The file.
        largest: Bytes that it may have.
        advice: What to do about one that is damaged, a sentence.

    Returns:
        Its root.

    Raises:
        UserError: It cannot be read, is not XML, or declares a document type.
    """
    return parsed_xml(read_bytes(path, largest=largest), str(path), advice=advice)


def parsed_xml(content: bytes, source: str, *, advice: str = "") -> Element:
    """The root of an XML document.

    Args:
        content: All its bytes, in the encoding that it says.
        source: Where it comes from, for messages.
        advice: What to do about one that is damaged, a sentence.

    Raises:
        UserError: It is not XML, or declares a document type.
    """
    parser = XMLParser(target=_BoundedBuilder())
    try:
        parser.feed(content)
        return parser.close()
    except _RefusedError as error:
        raise damaged(f"{source} is not read: {error}", advice) from error
    # an unknown encoding is a LookupError or a ValueError
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise damaged(f"{source} is not XML, or cut off ({error})", advice) from error

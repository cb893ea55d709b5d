import pytest

from seep_lightning.documents.xml_files import parsed_xml, read_xml
from seep_lightning.errors import UserError

ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMB = f'<!DOCTYPE r [<!ENTITY a "x">{ENTITIES}]><r>&i;</r>'
FETCHING = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "declares a document type"),
        (FETCHING, "declares a document type"),
        ('<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>', "declares a document type"),
        ("<a>" * 100, "nested deeper than 64"),
        ("<a>" * 1_000_000, "nested deeper than 64"),
        ("", "is not XML, or cut off"),
        ("<a><b></a>", "is not XML, or cut off"),
        ("<a>&undefined;</a>", "is not XML, or cut off"),
        ('<?xml version="1.0" encoding="nonsense"?><a/>', "is not XML, or cut off"),
        ("<a>\0</a>", "is not XML, or cut off"),
        ("name,part\n", "is not XML, or cut off"),
    ],
)
def test_what_is_no_plain_xml_is_told(content: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parsed_xml(content.encode(), "file")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_xml_is_read_in_the_encoding_that_it_says(encoding: str, tmp_path) -> None:
    path = tmp_path / "product.xml"
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    path.write_text(f'<?xml version="1.0" encoding="{declared}"?><a b="é"><c>ä</c></a>', encoding=encoding)
    root = read_xml(path)
    assert (root.get("b"), root.findtext("c")) == ("é", "ä")

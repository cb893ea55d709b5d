from pathlib import Path

import pytest

from seep_lightning.documents.text import decoded, read_text
from seep_lightning.errors import UserError


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("é\n", encoding="utf-8-sig")
    assert read_text(path) == "é\n"


def test_the_line_of_the_first_bad_byte_is_told() -> None:
    with pytest.raises(UserError, match=r"^file: line 3 is not UTF-8 \(byte 0xe9\)"):
        decoded("a\nb\nocéan\n".encode("latin-1"), "file")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_of_unicode_are_recognised(encoding: str) -> None:
    with pytest.raises(UserError, match="Save it as UTF-8"):
        decoded("name,scene,part\n".encode(encoding), "file")

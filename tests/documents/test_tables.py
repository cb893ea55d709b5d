import pytest

from seep_lightning.documents.tables import parsed_csv, read_csv
from seep_lightning.errors import UserError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the column name, part; found no header"),
        ("name,scene\na,b\n", r"lacks the column part; found 'name', 'scene'"),
        ("name,part,part\na,train,val\n", "has the column 'part' twice"),
        ("name,part\na,train\nb\n", "line 3 has 1 cells; expected 2"),
        ("name,part\na,train,x\n", "line 2 has 3 cells; expected 2"),
        ("name,part\na\0,train\n", "line 2 holds NUL"),
        ("name,part\n" + "a" * 200_000 + ",train\n", r"line 2: field larger than field limit"),
        ('name,part\n"a,train\n', "cannot be read as CSV"),
        ("[]", "lacks the column"),
    ],
)
def test_what_is_no_such_table_is_told(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parsed_csv(text, "file", ["name", "part"])


@pytest.mark.parametrize(
    "text", ["root:x:0:0:root:/root:/bin/bash\n", "KEY=abc,def\n", "hunter2\n", "-----BEGIN KEY\n"]
)
def test_the_first_line_of_what_is_no_table_is_not_shown(text: str) -> None:
    with pytest.raises(UserError) as error:
        parsed_csv(text, "file", ["name", "part"])
    assert "lacks the column name, part; found no columns with such names" in str(error.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separators_of_spreadsheets_are_taken(separator: str, tmp_path) -> None:
    path = tmp_path / "split.csv"
    rows = [["name", "part"], ["a,b" if separator != "," else "a", "train"]]
    path.write_text("\r\n".join(separator.join(row) for row in rows), encoding="utf-8-sig")
    table = read_csv(path, ["name", "part"])
    assert table.columns == ("name", "part")
    assert table.rows[0].cells["part"] == "train"


def test_quoted_cells_keep_their_line_ends_and_empty_lines_are_left_out() -> None:
    table = parsed_csv('a,b\n"x\ny",1\n\n,\nz,2\n', "file")
    assert [(row.cells["a"], row.line) for row in table.rows] == [("x\ny", 3), ("z", 6)]


def test_a_cell_that_holds_no_number_is_told_with_line_and_column() -> None:
    row = parsed_csv("epoch,loss\n1,0.5\n2,\n3,0;5\n", "file", ["epoch"]).rows
    assert row[0].number("loss") == 0.5
    assert row[1].number("loss", empty=-1) == -1
    with pytest.raises(UserError, match="^file: line 3: loss is ''; expected a number"):
        row[1].number("loss")
    with pytest.raises(UserError, match="^file: line 4: loss is '0;5'; expected a number"):
        row[2].number("loss")


def test_a_header_of_very_many_columns_is_checked_at_once() -> None:
    names = ",".join(str(number) for number in range(300_000))
    assert len(parsed_csv(names, "file").columns) == 300_000

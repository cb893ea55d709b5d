"""Attributes of polygons are declared once: the columns and docs/maps.md follow the declarations."""

from pathlib import Path

from helpers.paths import ROOT
from seep_lightning.scene.polygon_attributes import POLYGON_ATTRIBUTES

HEADER = "| attribute | unit | what it is |"


def rows_below(document: Path, header: str) -> list[list[str]]:
    """The cells of a Markdown table's rows."""
    lines = document.read_text().splitlines()
    rows = lines[lines.index(header) + 2 :]
    table = rows[: rows.index("")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_the_table_in_the_docs_is_the_declarations_in_their_order() -> None:
    declared = [
        [f"`{attribute.column('m')}`", attribute.unit.format(unit="m"), attribute.description]
        for attribute in POLYGON_ATTRIBUTES
    ]
    assert rows_below(ROOT / "docs" / "maps.md", HEADER) == declared


def test_columns_stand_in_the_order_of_earlier_versions() -> None:
    assert [attribute.name for attribute in POLYGON_ATTRIBUTES] == [
        *("area_{unit}2", "length_{unit}", "width_{unit}", "orientation_deg", "aspect", "perimeter_{unit}"),
        *("compactness", "p_mean", "p_max", "nodata_share", "contrast", "contrast_db", "class", "class_share"),
        *("scene", "time", "model", "thresholds", "polarisation", "orbit_direction", "mission"),
    ]

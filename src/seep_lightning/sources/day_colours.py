"""The colours of recurrence: one scale of days with a slick, for the page and for all layers in QGIS."""

from pathlib import Path

from jinja2 import Template

from seep_lightning.files import write_text
from seep_lightning.scene.qgis_style import LayerLook
from seep_lightning.scene.seep_colours import ColourScale, ColourStep

LABEL = "days with a slick"
RASTER_TEMPLATE = Path(__file__).with_name("recurrence.qml.j2")
NEVER = (60, 66, 72)
"""Of what was looked at, and never had a slick."""
# of plasma, without its dark end; limits lie between whole days
DAY_STEPS = (
    ColourStep(0.5, 1.5, (126, 3, 168), "1"),
    ColourStep(1.5, 2.5, (164, 35, 148), "2"),
    ColourStep(2.5, 4.5, (204, 71, 120), "3 to 4"),
    ColourStep(4.5, 7.5, (237, 121, 83), "5 to 7"),
    ColourStep(7.5, 14.5, (253, 179, 47), "8 to 14"),
    ColourStep(14.5, 29.5, (241, 244, 38), "15 to 29"),
    ColourStep(29.5, 1e6, (255, 255, 190), "30 and more"),
)


def scale_of(column: str) -> ColourScale:
    """The scale for a column that counts days with a slick."""
    return ColourScale(column, LABEL, DAY_STEPS)


LOOKS = {
    look.name: look
    for look in (
        LayerLook("sources", scale_of("days_seen"), "a source", suffix=".sources.qml"),
        LayerLook("origins", scale_of("days_seen"), "a source", symbol="marker", suffix=".origins.qml"),
        LayerLook("slicks", scale_of("days_here"), "the place of a slick", suffix=".slicks.qml"),
    )
}
"""How QGIS draws each layer, by its name."""


def write_raster_style(raster: Path) -> None:
    """Write the style of the raster of recurrence beside it, unless one is there.

    Args:
        raster: The raster, whose first band is days with a slick.
    """
    file = raster.with_suffix(".qml")
    if not file.exists():
        template = Template(RASTER_TEMPLATE.read_text(encoding="utf-8"), autoescape=True)
        write_text(file, template.render(steps=DAY_STEPS, label=LABEL, never="#{:02x}{:02x}{:02x}".format(*NEVER)))

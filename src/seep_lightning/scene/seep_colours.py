"""The colours of outlines: one scale of one attribute, for the picture of a map and for the style in QGIS."""

from dataclasses import dataclass

from seep_lightning.scene.polygon_attributes import POLYGON_ATTRIBUTES

Colour = tuple[int, int, int]


def rgb_of(colour: Colour) -> str:
    """A colour as QGIS writes it."""
    return ",".join(str(level) for level in colour)


class Coloured:
    """What has a colour of its own."""

    colour: Colour

    @property
    def rgb(self) -> str:
        """The colour as QGIS writes it."""
        return rgb_of(self.colour)


@dataclass(frozen=True)
class ColourStep(Coloured):
    """A colour and the values that have it.

    Attributes:
        low: The lowest value.
        high: The highest one, which is the next step's lowest.
        colour: Red, green, blue.
        values: The values in words, where they are whole numbers; empty: its limits tell them.
    """

    low: float
    high: float
    colour: Colour
    values: str = ""


@dataclass(frozen=True)
class ColourScale:
    """Which attribute the colour of an outline tells, and how.

    Attributes:
        column: The attribute's column.
        label: What it is.
        steps: From the lowest values to the highest.
    """

    column: str
    label: str
    steps: tuple[ColourStep, ...]

    def colour_of(self, value: float) -> Colour:
        """The colour of a value; the last step's for what is above it."""
        for step in self.steps:
            if value < step.high:
                return step.colour
        return self.steps[-1].colour


@dataclass(frozen=True)
class ColourKind(Coloured):
    """A colour and the text that has it.

    Attributes:
        value: The text.
        title: What it means, in words.
        colour: Red, green, blue.
    """

    value: str
    title: str
    colour: Colour


@dataclass(frozen=True)
class ColourKinds:
    """Which attribute of texts the colour of an outline tells, and how.

    Attributes:
        column: The attribute's column.
        label: What it is.
        kinds: A colour for each text.
    """

    column: str
    label: str
    kinds: tuple[ColourKind, ...]


# of plasma, without its dark end, which radar scenes hide: even in lightness, for all eyes
_PROBABILITY_STEPS = (
    ColourStep(0.0, 0.6, (126, 3, 168)),
    ColourStep(0.6, 0.7, (179, 44, 142)),
    ColourStep(0.7, 0.8, (222, 97, 100)),
    ColourStep(0.8, 0.9, (251, 161, 57)),
    ColourStep(0.9, 1.0, (241, 244, 38)),
)
_COLUMN = "p_mean"
_MEAN_PROBABILITY = next(attribute for attribute in POLYGON_ATTRIBUTES if attribute.name == _COLUMN)

SEEP_COLOURS = ColourScale(_COLUMN, _MEAN_PROBABILITY.label, _PROBABILITY_STEPS)

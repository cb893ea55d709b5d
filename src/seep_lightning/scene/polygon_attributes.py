"""What a polygon of a seep says about it: each attribute declared once, with name, unit, meaning and function.

The columns of GeoPackage and GeoJSON follow this table and its order, and so does the table in docs/maps.md (a test
compares them). A new attribute is one more entry. Your own ones need no change here: see docs/extending.md.
"""

import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from seep_lightning.errors import UserError
from seep_lightning.scene import shapes
from seep_lightning.scene.contrast import decibels
from seep_lightning.scene.field_texts import FieldText, field_text, with_size_unit
from seep_lightning.scene.levels import LEVELS
from seep_lightning.scene.measured_object import MeasuredObject, MeasuredScene

AttributeValue = float | int | str | None


def _always(_: MeasuredScene) -> bool:
    return True


@dataclass(frozen=True)
class PolygonAttribute:
    """One attribute of each polygon.

    Attributes:
        name: Name of its column; `{unit}` stands for m, or for px where the scene has no CRS.
        measure: Function that gives its value for one object; None where there is no value.
        description: What it is, in the words of docs/maps.md.
        unit: Unit of the values, empty for none; `{unit}` as in the name.
        label: What people read above its values, without the unit; empty: its name.
        kind: Type of the column: float (null where there is no value) or str.
        applies: Function that says whether the polygons of a scene have it at all.
    """

    name: str
    measure: Callable[[MeasuredObject], AttributeValue]
    description: str
    unit: str = ""
    label: str = ""
    kind: type[float] | type[str] = float
    applies: Callable[[MeasuredScene], bool] = _always

    def column(self, unit: str) -> str:
        """The name of its column.

        Args:
            unit: Unit of sizes, m or px.
        """
        return with_size_unit(self.name, unit)

    def text(self, unit: str) -> FieldText:
        """What people read about its column.

        Args:
            unit: Unit of sizes, m or px.
        """
        description = without_markdown(self.description)
        return field_text(self.name, description, unit, unit=self.unit, label=self.label)


def without_markdown(text: str) -> str:
    """A text of the docs as it stands alone: without links and marks of code."""
    return re.sub(r" \(\[[^\]]*\]\([^)]*\)\)", "", text).replace("`", "")


def _probability(stored: float) -> float:
    """A probability from its 8-bit value."""
    return (float(stored) - 1) / LEVELS


def _decibels(seep: MeasuredObject) -> float | None:
    calibration = seep.scene.options.calibration
    if seep.contrast is None or calibration is None:
        return None
    return decibels(seep.contrast, calibration)


def _is_calibrated(scene: MeasuredScene) -> bool:
    return scene.options.calibration is not None


def _commonest_class(seep: MeasuredObject) -> int | None:
    if not seep.class_counts.any():
        return None
    return int(seep.class_counts.argmax()) + 1


def _class_share(seep: MeasuredObject) -> float | None:
    if not seep.class_counts.any():
        return None
    return float(seep.class_counts.max() / seep.core.sum())


def _has_classes(scene: MeasuredScene) -> bool:
    return scene.classes is not None


POLYGON_ATTRIBUTES = (
    PolygonAttribute(
        name="area_{unit}2",
        label="area",
        unit="{unit}2",
        description="area, in an equal-area projection about the seep",
        measure=lambda seep: seep.area,
    ),
    PolygonAttribute(
        name="length_{unit}",
        label="length",
        unit="{unit}",
        description="longest way along the centre line",
        measure=lambda seep: seep.length,
    ),
    PolygonAttribute(
        name="width_{unit}",
        label="width",
        unit="{unit}",
        description="area / length",
        measure=lambda seep: seep.area / seep.length,
    ),
    PolygonAttribute(
        name="orientation_deg",
        label="orientation",
        unit="degrees",
        description="direction of the long axis, clockwise from north, 0 to 180",
        measure=lambda seep: seep.axes.direction,
    ),
    PolygonAttribute(
        name="aspect",
        unit="ratio",
        description="long over short axis of the ellipse with the seep's second moments",
        measure=lambda seep: seep.axes.aspect,
    ),
    PolygonAttribute(
        name="perimeter_{unit}",
        label="perimeter",
        unit="{unit}",
        description="length of a smooth rim, a fifth shorter than the outline's steps along pixels",
        measure=lambda seep: seep.perimeter,
    ),
    PolygonAttribute(
        name="compactness",
        unit="0..1",
        description="4 pi area / perimeter2: 1 for a disc",
        measure=lambda seep: min(1.0, 4 * np.pi * seep.area / seep.perimeter**2),
    ),
    PolygonAttribute(
        name="p_mean",
        label="mean probability",
        unit="0..1",
        description="mean probability",
        measure=lambda seep: _probability(seep.stored[seep.core].mean()),
    ),
    PolygonAttribute(
        name="p_max",
        label="largest probability",
        unit="0..1",
        description="largest probability",
        measure=lambda seep: _probability(seep.stored[seep.core].max()),
    ),
    PolygonAttribute(
        name="nodata_share",
        label="share of the rim at nodata",
        unit="0..1",
        description="share of the rim that touches nodata or the scene's end",
        measure=lambda seep: shapes.rim_share(seep.core, seep.stored == 0),
    ),
    PolygonAttribute(
        name="contrast",
        unit="ratio",
        description="mean inside / mean 3 to 8 px around; none with fewer than 20 such pixels",
        measure=lambda seep: seep.contrast,
    ),
    PolygonAttribute(
        name="contrast_db",
        label="contrast",
        unit="dB",
        description="the contrast in dB, if `calibration` is power, amplitude or db",
        measure=_decibels,
        applies=_is_calibrated,
    ),
    PolygonAttribute(
        name="class",
        unit="number",
        description="with `task=classes`: the commonest class in the mask ([classes.md](classes.md))",
        measure=_commonest_class,
        applies=_has_classes,
    ),
    PolygonAttribute(
        name="class_share",
        label="share of the class",
        unit="0..1",
        description="with `task=classes`: share of the seep that is of this class",
        measure=_class_share,
        applies=_has_classes,
    ),
    PolygonAttribute(
        name="scene",
        description="name of the scene's file",
        measure=lambda seep: seep.scene.name,
        kind=str,
    ),
    PolygonAttribute(
        name="time",
        description="when the scene was taken, from the metadata or the name",
        measure=lambda seep: seep.scene.time,
        kind=str,
    ),
    PolygonAttribute(
        name="model",
        description="name of the network",
        measure=lambda seep: seep.scene.model,
        kind=str,
    ),
    PolygonAttribute(
        name="thresholds",
        description="`thresholds` by which the seep was found",
        measure=lambda seep: str(seep.scene.thresholds),
        kind=str,
    ),
    PolygonAttribute(
        name="polarisation",
        description="of the band that was mapped, where the product tells",
        measure=lambda seep: seep.scene.facts.polarisation,
        kind=str,
        applies=lambda scene: scene.facts.polarisation is not None,
    ),
    PolygonAttribute(
        name="orbit_direction",
        description="`ascending` or `descending`, where the product tells",
        measure=lambda seep: seep.scene.facts.orbit_direction,
        kind=str,
        applies=lambda scene: scene.facts.orbit_direction is not None,
    ),
    PolygonAttribute(
        name="mission",
        description="the satellite, such as Sentinel-1A, where the product tells",
        measure=lambda seep: seep.scene.facts.mission,
        kind=str,
        applies=lambda scene: scene.facts.mission is not None,
    ),
)


def scene_attributes(scene: MeasuredScene) -> list[PolygonAttribute]:
    """The attributes of a scene's polygons, in the order of the columns: ours that apply, then the user's own.

    Args:
        scene: The scene, with the user's own attributes in `options.attributes`.

    Returns:
        The attributes that apply to the scene.

    Raises:
        UserError: One of the user's own does not fit, or two attributes have one name.
    """
    attributes = [*POLYGON_ATTRIBUTES, *own_attributes(scene.options.attributes)]
    return [attribute for attribute in attributes if attribute.applies(scene)]


def own_attributes(names: Sequence[str | PolygonAttribute]) -> list[PolygonAttribute]:
    """The attributes of the user, found by their names.

    Args:
        names: Dotted names, such as my_module.ELONGATION, or attributes themselves.

    Returns:
        The attributes, one for each name.

    Raises:
        UserError: A name cannot be imported, it is no attribute, or its column exists already.
    """
    attributes = [_resolve(name) for name in names]
    counts = Counter(attribute.name for attribute in (*POLYGON_ATTRIBUTES, *attributes))
    for attribute in attributes:
        if counts[attribute.name] > 1:
            raise UserError(f"attributes: there are two polygon attributes {attribute.name}. Rename your own one.")
    return attributes


def _resolve(name: str | PolygonAttribute) -> PolygonAttribute:
    if isinstance(name, PolygonAttribute):
        return name
    try:
        attribute = pkgutil.resolve_name(str(name))
    except (ImportError, AttributeError, ValueError) as error:
        expected = "Expected the dotted name of a PolygonAttribute, such as my_module.ELONGATION"
        raise UserError(f"attributes: {name} cannot be imported ({error}). {expected}.") from error
    if not isinstance(attribute, PolygonAttribute):
        raise UserError(f"attributes: {name} is a {type(attribute).__name__}; expected a PolygonAttribute.")
    return attribute


def measure(seep: MeasuredObject, attributes: Sequence[PolygonAttribute]) -> dict[str, AttributeValue]:
    """The attributes of one object.

    Args:
        seep: The object.
        attributes: The attributes of its scene, see `scene_attributes`.

    Returns:
        Values by the names of their columns.

    Raises:
        UserError: A value is of another kind than its column.
    """
    unit = seep.scene.ground.unit
    values: dict[str, AttributeValue] = {}
    for attribute in attributes:
        value = attribute.measure(seep)
        _check_kind(attribute, value)
        values[attribute.column(unit)] = value
    return values


def _check_kind(attribute: PolygonAttribute, value: AttributeValue) -> None:
    expected = str if attribute.kind is str else Real
    if value is None or isinstance(value, expected):
        return
    kind = attribute.kind.__name__
    raise UserError(f"attributes: {attribute.name} gave {value!r}; its column is for {kind}, or None.")


def column_kinds(scene: MeasuredScene, attributes: Sequence[PolygonAttribute]) -> dict[str, type]:
    """The columns of a scene's polygons.

    Args:
        scene: The scene; its unit of sizes stands in the names.
        attributes: The attributes of the scene, see `scene_attributes`.

    Returns:
        The type (float or str) of each column by its name.
    """
    return {attribute.column(scene.ground.unit): attribute.kind for attribute in attributes}

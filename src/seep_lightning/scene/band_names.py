"""What a raster's bands hold: their names and polarisations, by which they are found whatever their order is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seep_lightning.errors import UserError
from seep_lightning.scene.snap_names import snap_band_names

POLARISATIONS = ("VV", "VH", "HH", "HV")
"""Sent, then received: vertical or horizontal."""

CO_POLARISED = {"VH": "VV", "HV": "HH"}
"""The polarisation in which slicks show better, by the one that is sent alike."""

PALETTE = "palette"
"""The meaning of a band of indices, whose values stand for colours."""

COLOUR_MEANINGS = ("red", "green", "blue", PALETTE)
"""The meanings of the bands of a picture in colours."""

ALPHA = "alpha"
"""The meaning of a band that says where there are data."""

# a polarisation in a name: `Sigma0_VV`, `Intensity_VH_db`, `s1a-iw-grd-vv-20210401t052623-...`
_POLARISATION_IN_NAME = re.compile(r"(?<![a-z])(vv|vh|hh|hv)(?![a-z])", re.IGNORECASE)
# bands that belong to a polarisation, and are no measurement of its strength: `VV_mask`, `phase_VV`
_NO_STRENGTH = re.compile(r"angle|(?<![a-z])(mask|phase|coh|coherence|ratio|texture)(?![a-z])", re.IGNORECASE)
# keys of metadata, in capitals: of catalogues and SAFE, of ENVISAT and RADARSAT-2 in GDAL, of NetCDF
_POLARISATION_KEYS = ("POLARISATION", "POLARIZATION", "POLARIMETRIC_INTERP", "NETCDF_VARNAME")
_RED_GREEN_BLUE = COLOUR_MEANINGS[:3]


@dataclass(frozen=True)
class BandLabel:
    """What a file says of one band.

    Attributes:
        name: Its name; empty for none.
        meaning: A polarisation, one of `COLOUR_MEANINGS`, or `ALPHA`; empty where nothing tells.
    """

    name: str = ""
    meaning: str = ""

    @property
    def polarisation(self) -> str:
        """The polarisation; empty where it is not known."""
        return self.meaning if self.meaning in POLARISATIONS else ""

    @property
    def full_name(self) -> str:
        """The name, or the polarisation where there is no name; may be empty."""
        return self.name or self.polarisation

    @property
    def is_colour(self) -> bool:
        """Whether the band is one of a picture in colours."""
        return self.meaning in COLOUR_MEANINGS


@dataclass(frozen=True)
class TrainedBand:
    """A band that a network knows by its number.

    Attributes:
        number: From 1.
        meaning: What the band of the training was; empty where its files did not say.
        is_only: Whether the network takes no other.
    """

    number: int
    meaning: str = ""
    is_only: bool = True

    def __str__(self) -> str:
        return self.meaning or str(self.number)


Band = int | str | TrainedBand
"""A band that is asked for: by its number from 1, by its name, or as a network knows it."""


def polarisation_in(name: str) -> str:
    """The polarisation that a name tells; empty where it tells none, or several.

    Args:
        name: Of a band, a variable or a file, such as `Sigma0_VV`.
    """
    if _NO_STRENGTH.search(name):
        return ""
    different: set[str] = {match.upper() for match in _POLARISATION_IN_NAME.findall(name)}
    if len(different) != 1:
        return ""
    return different.pop()


def labels_of(dataset: Any, location: str) -> list[BandLabel]:
    """What a file says of each of its bands.

    A band's own name comes first, then its metadata. The metadata and the name of the file count where it has only one
    band beside alpha.

    Args:
        dataset: The file, open in rasterio.
        location: How it was opened: a path, or the name of a subdataset.
    """
    # by their names, so that commands know bands without rasterio
    interpretations = [interpretation.name for interpretation in dataset.colorinterp]
    names = [name or "" for name in dataset.descriptions]
    if not any(names):
        names = snap_band_names(dataset, location) or names
    data_bands = [index for index, meaning in enumerate(interpretations) if meaning != ALPHA]
    meanings = [_polarisation_of_band(name, dataset.tags(number)) for number, name in enumerate(names, 1)]
    if len(data_bands) == 1:
        (only,) = data_bands
        has_own_name = names[only] or meanings[only]
        if not has_own_name:
            meanings[only] = _polarisation_of_file(dataset.tags(), location)
    if not any(names) and not any(meanings):
        meanings = _colours_of(interpretations, data_bands)
    for index, interpretation in enumerate(interpretations):
        if interpretation == ALPHA:
            meanings[index] = ALPHA
    return [BandLabel(name, meaning) for name, meaning in zip(names, meanings, strict=True)]


def _polarisation_of_band(name: str, tags: Mapping[str, str]) -> str:
    """What a band's name says, or else its metadata."""
    if name and _NO_STRENGTH.search(name):
        return ""
    return polarisation_in(name) or _polarisation_in_tags(tags)


def _polarisation_of_file(tags: Mapping[str, str], location: str) -> str:
    """What the metadata of a file of one band say, or else its name; folders do not count."""
    file_name = location.rpartition("/")[2]
    return _polarisation_in_tags(tags) or polarisation_in(file_name)


def _polarisation_in_tags(tags: Mapping[str, str]) -> str:
    """The polarisation in metadata; `V/V` is ENVISAT's way to write it."""
    for key, value in tags.items():
        if key.upper().rpartition("#")[2] in _POLARISATION_KEYS:
            polarisation = polarisation_in(value.replace("/", ""))
            if polarisation:
                return polarisation
    return ""


def _colours_of(interpretations: Sequence[str], data_bands: Sequence[int]) -> list[str]:
    """The meaning of each band of a file without names: which colour it is, where the file is a picture in colours."""
    colours = [""] * len(interpretations)
    if interpretations[0] == PALETTE:
        colours[0] = PALETTE
    first_three = data_bands[:3]
    if tuple(interpretations[index] for index in first_three) == _RED_GREEN_BLUE:
        for index in first_three:
            colours[index] = interpretations[index]
    return colours


def band_numbers(path: Any, labels: Sequence[BandLabel], bands: Sequence[Band]) -> list[int]:
    """Find bands by number, by name, or by what they hold.

    An exact name comes first, then the same name in other case, then the polarisation that it tells.

    Args:
        path: The file, for messages.
        labels: What the file says of its bands.
        bands: The bands to find.

    Returns:
        The numbers, from 1, of the bands.

    Raises:
        UserError: The file has no such band, has several of them, or has another one in its place.
    """
    numbers: list[int] = []
    missing: list[Band] = []
    for band in bands:
        candidates = _candidates(labels, band)
        if len(candidates) > 1:
            raise _ambiguous(path, labels, band, candidates)
        if candidates:
            numbers += candidates
        else:
            missing.append(band)
    if missing:
        raise _missing(path, labels, bands, missing)
    return numbers


def _candidates(labels: Sequence[BandLabel], band: Band) -> list[int]:
    """The numbers of the bands that may be meant; none or several where it is not clear."""
    match band:
        case int():
            return [band] if 1 <= band <= len(labels) else []
        case str():
            return _numbers_of_name(labels, band)
        case TrainedBand():
            return _numbers_of_trained(labels, band)


def _numbers_of_name(labels: Sequence[BandLabel], name: str) -> list[int]:
    """The first band of this name; or all of this name in another case, or all of its polarisation."""
    names = [label.name for label in labels]
    if name in names:
        return [names.index(name) + 1]
    alike = [number for number, other in enumerate(names, 1) if other.lower() == name.lower()]
    return alike or _numbers_of_meaning(labels, polarisation_in(name))


def _numbers_of_meaning(labels: Sequence[BandLabel], meaning: str) -> list[int]:
    """All bands of a meaning; none for the empty one."""
    if not meaning:
        return []
    return [number for number, label in enumerate(labels, 1) if label.meaning == meaning]


def _numbers_of_trained(labels: Sequence[BandLabel], band: TrainedBand) -> list[int]:
    """The band that is what the training's was; or the band of its number, unless that is known to be another."""
    same = _numbers_of_meaning(labels, band.meaning)
    if band.number in same:
        return [band.number]
    if same:
        return same
    if band.number > len(labels):
        return []
    label = labels[band.number - 1]
    is_other_polarisation = bool(band.meaning and label.polarisation)
    is_one_colour = label.is_colour and band.is_only
    if is_other_polarisation or is_one_colour:
        return []
    return [band.number]


def _missing(path: Any, labels: Sequence[BandLabel], bands: Sequence[Band], missing: Sequence[Band]) -> UserError:
    """The error about bands that a file does not have."""
    holds_colours = any(label.is_colour for label in labels)
    if holds_colours and all(isinstance(band, TrainedBand) for band in missing):
        return UserError(
            f"{path} is a picture in colours; one band of radar values is expected. "
            "Pass bands=[grey] for the luminance of its colours, or bands=[1] if its first band is what you mean."
        )
    is_trained = all(isinstance(band, TrainedBand) for band in bands)
    wanted = f"wanted {_listed(bands)}, of which {_listed(missing)} is missing"
    if is_trained:
        wanted = f"the network was trained on {_listed(bands)}"
    return UserError(
        f"{path} has {_what_there_is(labels)}; {wanted}. "
        "Choose with (data.)bands=[...], or use a run trained on these bands."
    )


def _ambiguous(path: Any, labels: Sequence[BandLabel], band: Band, candidates: Sequence[int]) -> UserError:
    """The error about several bands of one meaning."""
    choices = ", ".join(_described(number, labels[number - 1]) for number in candidates)
    return UserError(f"{path} has several bands for {band}: {choices}. Choose with (data.)bands=[{candidates[0]}].")


def _described(number: int, label: BandLabel) -> str:
    """A band by its number and name, such as `2 (Sigma0_VV)`."""
    name = label.name or label.meaning
    return f"{number} ({name})" if name else str(number)


def _what_there_is(labels: Sequence[BandLabel]) -> str:
    """How many bands a file has, and the names of those that have one."""
    count = f"{len(labels)} band(s)"
    names = [label.full_name for label in labels if label.full_name]
    if not names:
        return count
    return f"{count} named {_listed(names)}"


def _listed(bands: Sequence[Band]) -> str:
    return ", ".join(str(band) for band in bands)


def choice_notes(labels: Sequence[BandLabel], bands: Sequence[Band], numbers: Sequence[int]) -> list[str]:
    """What a person is told of the bands that were taken, a sentence each; nothing where the choice is plain.

    Plain are the only band of a file that names none, and bands found by their own names.

    Args:
        labels: What the file says of its bands.
        bands: Those that were asked for.
        numbers: Those that were taken.
    """
    notes: list[str] = []
    data_bands = sum(label.meaning != ALPHA for label in labels)
    for band, number in zip(bands, numbers, strict=True):
        label = labels[number - 1]
        reason = _reason_to_tell(label, band, number, data_bands)
        if reason:
            others = _how_to_choose_others(labels, band, label)
            notes.append(f"Band {_described(number, label)} is taken{reason}; {others}.")
    return notes


def _how_to_choose_others(labels: Sequence[BandLabel], band: Band, label: BandLabel) -> str:
    """What chooses other bands: the co-polarised one by name, where a cross-polarised one came by its number."""
    is_by_number = isinstance(band, TrainedBand) and not band.meaning
    co_polarised = CO_POLARISED.get(label.polarisation, "") if is_by_number else ""
    numbers = _numbers_of_meaning(labels, co_polarised)
    if len(numbers) != 1:
        return "bands=[...] chooses others"
    [number] = numbers
    better = _described(number, labels[number - 1])
    return f"slicks mostly show better in band {better}, which bands=[{co_polarised}] takes"


def _reason_to_tell(label: BandLabel, band: Band, number: int, count: int) -> str:
    """Why a person should know which band was taken, as the end of a sentence; empty where it is plain."""
    match band:
        case str() if label.full_name.lower() != band.lower():
            return f" for {band}"
        case TrainedBand(meaning=meaning) if meaning and not label.meaning:
            return f" as {meaning}, on which the network was trained, though the file does not say what it is"
        case TrainedBand(number=trained, meaning=meaning) if meaning and number != trained:
            return f", the {meaning} on which the network was trained"
        case TrainedBand(meaning="") if count > 1 or label.full_name:
            return " by its number"
        case _:
            return ""

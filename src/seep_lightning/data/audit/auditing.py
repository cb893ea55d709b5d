"""The audit: each chip is read once, all traps look at it, and then say what they found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2

from seep_lightning.config.data import DataConfig, SplitConfig
from seep_lightning.counted import counted
from seep_lightning.data.audit.facts import ChipStatistics
from seep_lightning.data.audit.finding import Finding, Severity
from seep_lightning.data.audit.range_check import RangeCheck
from seep_lightning.data.audit.reading_errors import ReadingError, grouped
from seep_lightning.data.audit.trap import AuditedChip, AuditedSet, Trap, finding_of
from seep_lightning.data.audit.traps import TRAPS
from seep_lightning.errors import UserError

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips
    from seep_lightning.data.images import ChipPixels
    from seep_lightning.data.set_notes import SetNotes

# the splits whose leakage is told beside that of the split that was asked for
COMPARED_SPLITS = ("scene", "place", "kfold", "random")


@dataclass
class Audit:
    """What an audit found.

    Attributes:
        root: The folder of the data set.
        findings: What is wrong with it, the worst first.
        facts: What the data set is like, by name.
        leaks: How far validation and test would be known from training, by the kind of the split.
    """

    root: str
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    leaks: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """What would stop a training, a line each."""
        return self.texts(Severity.STOPS)

    def texts(self, severity: Severity) -> list[str]:
        """The findings of one severity, a line each."""
        return [finding.text for finding in self.findings if finding.severity == severity]


class Auditor:
    """Lets traps look at chips as they are read.

    Attributes:
        read_chips: How many chips were looked at.
        pixels_by_class: How many valid pixels have each value of the masks that occurs, over all chips so far.
    """

    def __init__(self, chips: "Chips", traps: Sequence[Trap] = TRAPS) -> None:
        """Make the measurements.

        Args:
            chips: The chips, none of which need be read yet.
            traps: What to look for.
        """
        self.chips = chips
        self.traps = traps
        self.measurements = [trap.measurement(chips.config, len(chips)) for trap in traps]
        self.read_chips = 0
        self.pixels_by_class: Counter[int] = Counter()

    def add(self, index: int, pixels: "ChipPixels") -> AuditedChip:
        """Look at one chip.

        Args:
            index: Its position.
            pixels: Its pixels.
        """
        chip = AuditedChip(index, self.chips.names[index], pixels)
        threads = cv2.getNumThreads()
        # on single chips, threads cost more processor time than they save
        cv2.setNumThreads(1)
        for measurement in self.measurements:
            measurement.add(chip)
        cv2.setNumThreads(threads)
        self.read_chips += 1
        self.pixels_by_class.update(chip.class_pixels)
        return chip

    def findings(self, parts: Sequence[str] | None, split: str) -> list[Finding]:
        """Say what was found.

        Args:
            parts: The part of each chip; None where there is no split.
            split: The kind of the split.

        Returns:
            A line for each trap, in the order of the table.
        """
        audited = AuditedSet(self.chips, self.chips.config, parts, split, self.read_chips, self.pixels_by_class)
        findings: list[Finding] = []
        for trap, measurement in zip(self.traps, self.measurements, strict=True):
            findings += [finding_of(trap, sighting) for sighting in measurement.findings(audited)]
        return findings


def audit(data: DataConfig, split: SplitConfig) -> Audit:
    """Read every chip of a data set, and go on after a problem.

    Args:
        data: The data set's config.
        split: The split that a training would use.

    Returns:
        The findings and the facts; the leakage of the splits only where nothing would stop a training.

    Raises:
        UserError: There is nothing to look at.
    """
    from seep_lightning.data.layouts import pair_chips
    from seep_lightning.data.roots import with_root

    data = with_root(data)
    # files without a partner are told below; those that are read as sea stay
    lenient = "skip" if data.unpaired == "error" else data.unpaired
    chips = pair_chips(replace(data, unpaired=lenient))
    result = Audit(str(chips.root))
    result.findings += _layout_problems(data, chips)
    result.findings += _left_out(chips, data.unpaired)
    result.findings += _listed_parts(chips, split)
    auditor = Auditor(chips)
    statistics = ChipStatistics(len(chips))
    errors = _read_all(auditor, statistics)
    result.findings += grouped(errors)
    result.facts = statistics.facts(chips, auditor.pixels_by_class)
    # what stops a training is mended first, which changes the parts
    parts = None if result.problems else _add_leakage(result, chips, split)
    result.findings += auditor.findings(parts, split.kind)
    result.findings.sort(key=_badness)
    return result


def _badness(finding: Finding) -> int:
    return list(Severity).index(finding.severity)


def _layout_problems(data: DataConfig, chips: "Chips") -> list[Finding]:
    """What the layout says of files that would stop a training."""
    from seep_lightning.data.layouts import AuditedLayout, ToldLayout, layout_of

    layout = layout_of(data)
    if not isinstance(layout, AuditedLayout):
        return []
    # files without a partner are left out: where nothing is, the folders need not be listed again
    if isinstance(layout, ToldLayout) and not chips.left_out:
        return []
    return [Finding(Severity.STOPS, problem) for problem in layout.problems(chips.root)]


def _left_out(chips: "Chips", unpaired: str) -> list[Finding]:
    """Files that nobody reads, and that look as if somebody had meant to use them.

    Those that lack a partner would stop a training, and are told as such, unless `unpaired` says what becomes of them.
    """
    is_told = unpaired == "error"
    entries = [entry for entry in chips.left_out if entry.readable and not (entry.alone and is_told)]
    return [Finding(Severity.WORTH_KNOWING, f"left out: {entry}") for entry in entries]


def _listed_parts(chips: "Chips", split: SplitConfig) -> list[Finding]:
    """What becomes of a split that a list of pairs, or folders, say."""
    from seep_lightning.data.split import listed_parts_text

    text = listed_parts_text(chips, split)
    return [Finding(Severity.WORTH_KNOWING, text)] if text else []


def _read_all(auditor: Auditor, statistics: ChipStatistics) -> list[ReadingError]:
    """Read chip by chip; collect measurements, statistics and digests. Returns what could not be read."""
    from seep_lightning.data.masks import MaskValuesError
    from seep_lightning.data.set_notes import SetNotes
    from seep_lightning.scene.nodata import check_nodata

    chips = auditor.chips
    notes = SetNotes(chips.config)
    values = RangeCheck(chips)
    errors: list[ReadingError] = []
    unknown_values: list[int] = []
    for index, name in enumerate(counted(chips.names, "checked", "chips")):
        try:
            pixels, chip_notes = chips.read_noted(index)
            check_nodata("data.nodata", chips.config.nodata, pixels.image.dtype, "the image")
        except MaskValuesError:
            unknown_values.append(index)
        except UserError as error:
            errors.append(ReadingError(name, str(error)))
        else:
            notes.add(chip_notes)
            values.add(index, pixels)
            statistics.add(auditor.add(index, pixels))
            chips.digests.append(_digest(name, pixels))
            continue
        chips.digests.append("")
    statistics.readings = notes.lines(chips.is_reviewed)
    return errors + _mask_errors(chips, unknown_values, notes) + values.errors()


def _mask_errors(chips: "Chips", unknown_values: Sequence[int], notes: "SetNotes") -> list[ReadingError]:
    """What is wrong with the values of masks: the same message, of all masks, for each chip."""
    from seep_lightning.data.surveys import unknown_values_error

    if unknown_values:
        mask = chips.mask_of(unknown_values[0])
        message = str(unknown_values_error(chips, mask))
        return [ReadingError(chips.names[index], message) for index in unknown_values]
    try:
        notes.check(chips)
    except UserError as error:
        example = notes.white_example if notes.white_masks else notes.alpha_example
        return [ReadingError(chips.names[example], str(error))]
    return []


def _digest(name: str, pixels: "ChipPixels") -> str:
    """A digest in the form of `blocks.digest`, to find identical pictures: Python's own hash is five times as fast."""
    return f"{name}::{hash(pixels.image.tobytes())}"


def _add_leakage(result: Audit, chips: "Chips", split: SplitConfig) -> list[str] | None:
    """Tell what each kind of split would leak; that the one that was asked for is impossible is a problem.

    Returns:
        The part of each chip in the split that was asked for; None where it is impossible.
    """
    from seep_lightning.data.description import LabelOrigin
    from seep_lightning.data.leakage import leakage
    from seep_lightning.data.split import split_chips

    parts_by_kind: dict[str, list[str]] = {}
    listed = ["file"] if any(chips.listed_parts) else []
    for kind in dict.fromkeys((split.kind, *listed, *COMPARED_SPLITS)):
        try:
            parts = split_chips(chips, replace(split, kind=kind))
        except UserError as error:
            result.leaks[kind] = f"not possible: {error}"
            if kind == split.kind:
                result.findings.append(Finding(Severity.STOPS, str(error)))
            continue
        parts_by_kind[kind] = parts
        result.leaks[kind] = "; ".join(str(row) for row in leakage(chips, parts))
    origin = str(LabelOrigin.of(chips.root))
    if origin:
        result.leaks["any split"] = origin
    return parts_by_kind.get(split.kind)

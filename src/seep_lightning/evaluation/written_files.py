"""The files that an evaluation leaves, written chip by chip: masks, probabilities and tables."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seep_lightning.errors import writing_to
from seep_lightning.evaluation.parts import Part
from seep_lightning.evaluation.scoring import ScoredChip
from seep_lightning.files import write_table, write_text
from seep_lightning.metrics.counts import Counts, count_pixels
from seep_lightning.metrics.summaries import pixel_figures

if TYPE_CHECKING:
    from seep_lightning.evaluation.scenes import SceneCounts


@dataclass
class EvaluationFiles:
    """The files of an evaluation, written chip by chip.

    Attributes:
        folder: Where they lie until the evaluation is whole.
        part: The chips that are scored.
        threshold: Above which a probability is seep.
        classes: Whether the network tells classes apart.
        rows: The rows of chips.csv.
        scenes: Counts of each chip by scene.
        true_pixels: By class and darkness, see `metrics.baseline.count_by_darkness`.
        lone_chips: What was counted of the chips that stand alone.
    """

    folder: Path
    part: Part
    threshold: float
    classes: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    scenes: dict[str, list[Counts]] = field(default_factory=dict)
    true_pixels: NDArray[np.int64] = field(init=False)
    lone_chips: "SceneCounts" = field(init=False)

    def __post_init__(self) -> None:
        """Count nothing yet."""
        from seep_lightning.evaluation.scenes import SceneCounts
        from seep_lightning.metrics.baseline import no_pixels

        self.true_pixels = no_pixels(self.part.chips.config.classes)
        self.lone_chips = SceneCounts.empty(self.part.chips.config.classes)

    @property
    def masks(self) -> Path:
        """The folder of the predicted masks."""
        return self.folder / "masks"

    @property
    def probabilities(self) -> Path:
        """The folder of the quantised probabilities."""
        return self.folder / "probabilities"

    def prepare(self) -> None:
        """Make the folders, empty."""
        with writing_to(self.folder.parent):
            self.masks.mkdir(parents=True)
            self.probabilities.mkdir()

    def write_chip(self, chip: ScoredChip) -> None:
        """Write mask and probabilities of a chip, and remember its counts and its row."""
        from seep_lightning.data.chip_maps import write_chip_map
        from seep_lightning.evaluation.scenes import SceneMasks
        from seep_lightning.metrics.baseline import darkness_of_chip
        from seep_lightning.metrics.centre_lines import centre_lines
        from seep_lightning.metrics.covariates import covariates
        from seep_lightning.scene.levels import quantise

        chips = self.part.chips
        name = chips.names[chip.index]
        scene = chips.scenes[chip.index]
        pixels = chip.pixels
        mask = chip.predicted_classes(self.threshold)
        write_chip_map(self.masks, name, mask)
        write_chip_map(self.probabilities, name, quantise(chip.probability, chip.valid))
        counts = count_pixels(chip.predicted(self.threshold), chip.truth)
        self.scenes.setdefault(scene, []).append(counts)
        true_positive, false_positive, false_negative = counts
        row = {"name": name, "scene": scene, "tile": chips.tiles[chip.index]}
        row |= pixel_figures(counts)
        row |= {"tp": true_positive, "fp": false_positive, "fn": false_negative}
        lines = centre_lines(chip.truth)
        values = chips.value_range.ratio_values(pixels.image, pixels.data)
        row |= covariates(values[0], chip.truth, chip.valid, lines)
        self.true_pixels += darkness_of_chip(pixels, values[0], chips.config.classes)
        self.rows.append(row)
        if chips.cell_of(chip.index) is None:
            # at once: others wait for their scene, and are read again
            self.lone_chips.add(SceneMasks(scene, mask, pixels.mask, pixels.valid, lines), classes=self.classes)

    def count_on_scenes(self) -> "SceneCounts":
        """Count objects, and pixels within the tolerance, once all chips are written."""
        from seep_lightning.evaluation.scenes import count_on_scenes

        chips = self.part.chips
        in_scenes = [index for index in self.part.indices if chips.cell_of(index) is not None]
        return count_on_scenes(chips, in_scenes, self.masks, classes=self.classes, before=self.lone_chips)

    def write_tables(self) -> None:
        """Write chips.csv, the worst chip first, and names.txt, in the order of the data set."""
        worst_first = sorted(self.rows, key=lambda row: (row["dice"], row["name"]))
        write_table(self.folder / "chips.csv", worst_first)
        names = [self.part.chips.names[i] for i in self.part.indices]
        write_text(self.folder / "names.txt", "".join(f"{name}\n" for name in names))

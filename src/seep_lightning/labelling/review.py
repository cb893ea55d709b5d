"""What `python -m seep_lightning.review` does: find labels that are probably wrong, and write page, layer and table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import ReviewConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.data import split
from seep_lightning.data.grid import grid_of_scene
from seep_lightning.errors import UserError, writing_to
from seep_lightning.files import (
    check_output_folder,
    draft_of,
    real_path,
    remove_leftovers,
    replace_folder,
    write_table,
    write_text,
)
from seep_lightning.folds import fold_runs
from seep_lightning.folds.told_once import told_once
from seep_lightning.labelling import review_file
from seep_lightning.labelling.review_candidates import FoundSuspects, candidates_of, find_in_all_scenes
from seep_lightning.labelling.review_columns import COLUMNS, ReviewOf, row_of
from seep_lightning.labelling.review_file import ListedLabel, ReviewedChip, ReviewFile
from seep_lightning.labelling.review_layer import write_layer
from seep_lightning.labelling.review_page import page_text
from seep_lightning.labelling.review_pictures import pictures_of
from seep_lightning.locks import lock_path, locked

if TYPE_CHECKING:
    from seep_lightning.data.chips import Chips

PAGE = "review.html"
LAYER = "review.gpkg"
TABLE = "review.csv"


@dataclass(frozen=True)
class WrittenReview:
    """A review that was written.

    Attributes:
        folder: Where it lies.
        candidates: The list.
        found: How many labels are probably wrong, by kind; the list may hold fewer.
        judged: Which chips were judged, in words.
    """

    folder: Path
    candidates: Sequence[ListedLabel]
    found: dict[str, int]
    judged: str

    @property
    def listed(self) -> int:
        """How many labels are listed."""
        return len(self.candidates)

    @property
    def page(self) -> Path:
        """The page to answer in a browser."""
        return self.folder / PAGE

    @property
    def layer(self) -> Path:
        """The layer to answer in QGIS."""
        return self.folder / LAYER

    @property
    def table(self) -> Path:
        """The table to answer in a spreadsheet."""
        return self.folder / TABLE


@trusting_its_config
def review(config: ReviewConfig) -> WrittenReview:
    """List the labels that are probably wrong, by networks that did not learn from them.

    Args:
        config: Which runs judge, and where the list is written.

    Returns:
        The list.

    Raises:
        InUse: Another process writes `output`.
        UserError: The runs are no folds of one split, their chips have changed, or the folder holds something else.
    """
    check_config(config)
    output = Path(config.output)
    folders = config.runs if isinstance(config.runs, list | tuple) else [config.runs]
    with locked(lock_path(output), f"output={output}", "review"):
        _check_output(output, config.overwrite)
        # each part of each fold would tell the same of its files
        with told_once(split.__name__, fold_runs.__name__):
            suspects = find_in_all_scenes([str(folder) for folder in folders], config.most, config.device)
        _check_sizes(suspects.chips)
        in_degrees = _all_georeferenced(suspects)
        found = _review_of(suspects, in_degrees)
        remove_leftovers(output.parent)
        with draft_of(output) as draft:
            _write(found, suspects, draft, output)
            replace_folder(draft, output)
    return WrittenReview(output, found.candidates, suspects.found, found.judged)


def _check_output(output: Path, overwrite: bool) -> None:
    """Raise `UserError` where the folder is taken; only another review may be replaced."""
    check_output_folder(output, overwrite, "output")
    if output.is_dir() and any(output.iterdir()) and not (output / review_file.NAME).is_file():
        raise UserError(f"output={output} holds something other than a review. Choose another folder.")


def _check_sizes(chips: "Chips") -> None:
    """Raise `UserError` for chips that were cut or padded as they were read: their masks could not be corrected."""
    if chips.was_fitted:
        raise UserError(
            f"data.size={chips.config.size} crops or pads chips of {chips.root} as they are read, so that their masks "
            "cannot be corrected. Cut all chips to one size, and train on these."
        )


def _all_georeferenced(suspects: FoundSuspects) -> bool:
    """Whether all scenes of the list lie on the globe, so that one layer may hold them in degrees."""
    places = [sighting.place for sighting in suspects.sightings]
    return bool(places) and all(place.is_georeferenced for place in places)


def _review_of(suspects: FoundSuspects, in_degrees: bool) -> ReviewFile:
    """All that the review's file says."""
    chips = suspects.chips
    candidates = candidates_of(suspects.sightings, in_degrees)
    grids = {scene: grid_of_scene(chips.config.grid, scene) for scene in sorted(set(chips.scenes))}
    known = {scene: grid for scene, grid in grids.items() if grid is not None}
    return ReviewFile(
        runs=suspects.runs,
        judged=suspects.judged_in_words,
        root=str(real_path(chips.root)),
        data={key: getattr(chips.config, key) for key in review_file.KEPT_DATA_KEYS} | _folder_names(chips),
        chips=list(_reviewed_chips(chips)),
        columns={scene: grid.columns for scene, grid in known.items()},
        offsets={scene: grid.offset for scene, grid in known.items() if grid.offset},
        candidates=candidates,
        in_degrees=in_degrees,
        id=review_file.identity(suspects.runs, candidates),
    )


def _folder_names(chips: "Chips") -> dict[str, str]:
    """The folders of images and masks, where these are plain names, so that a new data set may have the same."""
    names = {key: getattr(chips.config, key) for key in review_file.FOLDER_KEYS}
    is_plain = all(review_file.PLAIN_FOLDER.fullmatch(name) for name in names.values())
    return names if is_plain and chips.config.images != chips.config.masks else {}


def _reviewed_chips(chips: "Chips") -> Any:
    """All chips of the data set."""
    for index, name in enumerate(chips.names):
        mask = chips.mask_paths[index]
        yield ReviewedChip(
            name=name,
            scene=chips.scenes[index],
            tile=chips.tiles[index],
            image=str(chips.image_paths[index].absolute()),
            mask=None if mask is None else str(mask.absolute()),
        )


def _write(found: ReviewFile, suspects: FoundSuspects, draft: Path, output: Path) -> None:
    """Write all files of a review into a new folder, which later is `output`."""
    with writing_to(output):
        draft.mkdir(parents=True)
    pictures = [pictures_of(sighting) for sighting in suspects.sightings]
    rows = [row_of(ReviewOf(candidate, found.id, output)) for candidate in found.candidates]
    write_text(draft / review_file.NAME, found.text())
    write_text(draft / PAGE, page_text(found, pictures, output))
    write_table(draft / TABLE, rows, [column.name for column in COLUMNS])
    write_layer(found, suspects.sightings, draft / LAYER, output)

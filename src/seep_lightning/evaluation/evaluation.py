"""Score a run on a part of its data, or on other data, and leave what was found in `evaluate/<name>` of the run."""

import json
import logging
from typing import TYPE_CHECKING, Any

from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.errors import UserError
from seep_lightning.evaluation.folder_names import check_of_same_chips, folder_name
from seep_lightning.evaluation.parts import Part, part_of
from seep_lightning.evaluation.scoring import score_chips
from seep_lightning.evaluation.stored import SUMMARY_NAME
from seep_lightning.evaluation.summary import figures_of, label_origin_of, origin_of
from seep_lightning.evaluation.written_files import EvaluationFiles
from seep_lightning.files import check_output_folder, draft_of, remove_leftovers, replace_folder, write_text
from seep_lightning.locks import lock_path, locked
from seep_lightning.metrics.requested_figures import request_figures
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.links import check_no_way_out
from seep_lightning.runs.newest import run_or_newest_below

if TYPE_CHECKING:
    from seep_lightning.predictor.base import Predictor

log = logging.getLogger(__name__)


@trusting_its_config
def evaluate(config: EvaluateConfig, *, patience: float = 0.0) -> dict[str, Any]:
    """Score a run and leave `evaluate/<name>/` in it.

    The folder holds summary.json, chips.csv (the worst chip first), names.txt, masks/ (uint8: 0 sea, 1 seep or its
    class) and probabilities/ (uint8: 0 nodata, else 1 + 254 p). It appears when all of it is there.

    Args:
        config: What to score, and how.
        patience: Seconds to wait for another process that writes the same folder.

    Returns:
        What summary.json holds, and `out`, the folder.

    Raises:
        InUse: Another process writes the folder.
        UserError: There is no such run, its data have changed, or the folder exists.
    """
    from seep_lightning.nets.hardware import keep_memory
    from seep_lightning.predictor.loading import load

    check_config(config)
    keep_memory()
    run = open_run(run_or_newest_below(config.run, config.checkpoint))
    check_no_way_out(run)
    predictor = load(run, config.checkpoint, config.device)
    if config.threshold is not None:
        predictor.threshold = config.threshold
    part = part_of(run, config, predictor.value_range)
    _check_bands(part, predictor)
    name = folder_name(config, part)
    out = run.dir / "evaluate" / name
    with locked(lock_path(out), f"name={out}", "evaluate", patience=patience):
        check_output_folder(out, config.overwrite, "name")
        check_of_same_chips(out, config, part)
        remove_leftovers(out.parent)
        with draft_of(out) as draft:
            files = EvaluationFiles(draft, part, predictor.threshold, classes=predictor.classes > 0)
            summary = _score_into(files, predictor, run, config)
            replace_folder(draft, out)
    return summary | {"out": str(out)}


def _score_into(files: EvaluationFiles, predictor: "Predictor", run: Run, config: EvaluateConfig) -> dict[str, Any]:
    """Score the chips, and write all files of the evaluation. Returns what summary.json holds."""
    part = files.part
    files.prepare()
    scores = score_chips(
        predictor,
        part.chips,
        part.indices,
        batch_size=config.batch_size,
        batch_figures=request_figures(run.config.figures),
        sink=files.write_chip,
    )
    files.write_tables()
    origin = origin_of(run, config, part) | label_origin_of(run, part)
    summary = origin | figures_of(predictor, config, scores, files)
    write_text(files.folder / SUMMARY_NAME, json.dumps(summary, indent=2) + "\n")
    return summary


def _check_bands(part: Part, predictor: "Predictor") -> None:
    """Raise `UserError` for chips with another number of bands than the network takes; log other polarisations."""
    count = len(part.chips.bands)
    if count != predictor.bands:
        raise UserError(
            f"the chips in {part.chips.root} have {count} band(s), but the network was trained on {predictor.bands}. "
            "Choose them with data.bands."
        )
    for number, (meaning, trained) in enumerate(zip(part.chips.band_meanings, predictor.band_meanings, strict=True), 1):
        if meaning and trained and meaning != trained:
            log.warning(
                "band %d of the chips in %s is %s, but the network was trained on %s. Choose with data.bands=[...].",
                number, part.chips.root, meaning, trained,
            )  # fmt: skip

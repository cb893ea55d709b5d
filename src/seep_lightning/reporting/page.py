"""One page that tells what a run, or a sweep, is worth, in one HTML file that needs no network."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.documents.regular_files import entries_below, is_there
from seep_lightning.documents.text import read_text
from seep_lightning.durations import in_words
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.evaluation.stored import SUMMARY_NAME, read_evaluation
from seep_lightning.files import digest, real_path, remove_leftovers, write_text
from seep_lightning.locks import WAIT_FOREVER, lock_path, locked
from seep_lightning.masking import masked, masked_values
from seep_lightning.metrics.figures import (
    DICE,
    FIGURES,
    BatchFigure,
    ClassFigure,
    Figure,
    ObjectFigure,
    PixelFigure,
    ProbabilityFigure,
    ToleranceFigure,
    before_scaling,
    declared,
    pooled_pixel_figures,
)
from seep_lightning.metrics.floors import (
    FLOORS,
    FloorValues,
    classes_not_above_floors,
    declared_floors,
    floors_not_beaten,
    stored_floors,
)
from seep_lightning.metrics.jackknife import FEWEST_SCENES
from seep_lightning.metrics.requested_figures import request_figures
from seep_lightning.metrics.summaries import CLASS_COLUMNS, objects_found_together, objects_of_all_sizes
from seep_lightning.reporting.chip_views import ChipViews, view_chips
from seep_lightning.reporting.comparison import Row, compare, floors_of_rows, not_above_floors
from seep_lightning.reporting.folds import PooledFolds, groups_of_folds, pool_evaluations
from seep_lightning.reporting.intervals import intervals, tolerance_intervals
from seep_lightning.reporting.tables import AT_HALF, OBJECT_COLUMNS, TUNED, threshold_in_words, threshold_name
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.recipes import FOLD
from seep_lightning.runs.records import read_chip_rows, read_history

log = logging.getLogger(__name__)

# chips at either end
MOST_CHIPS = 12
# of chips.csv, beside names and counts
SHOWN_COLUMNS = ("tile", "dice", "seep_px", "width_px", "contrast")
# parts of which each fold has chips of its own
UNLEARNED = ("val", "test")
FIGURE_GROUPS = {
    "pixel_figures": PixelFigure,
    "tolerance_figures": ToleranceFigure,
    "class_figures": ClassFigure,
    "object_figures": ObjectFigure,
    "probability_figures": ProbabilityFigure,
    "batch_figures": BatchFigure,
}


@dataclass
class RunSection:
    """What the page says about one run.

    Attributes:
        dir: The run's directory.
        config: Its config.
        yaml: The same as text.
        history: The rows of metrics.csv.
        summary: The run's summary.json.
        part: The part whose figures are shown.
        notes: What is missing, and why.
        scored: The summary of `evaluate/<part>`; None where there is none.
        intervals: 95 % intervals by figure.
        seeps: The rows of chips.csv that have seep.
        chips: The worst and the best chips with their pictures.
    """

    dir: Path
    config: TrainConfig
    yaml: str
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    part: str
    notes: list[str] = field(default_factory=list)
    scored: dict[str, Any] | None = None
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    seeps: list[dict[str, Any]] = field(default_factory=list)
    chips: dict[str, list[ChipViews]] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """The figures in the page's head: of the part, or, where it is not scored, those of training's validation."""
        if self.scored is not None:
            figures: dict[str, float] = self.scored["figures"]
            return figures
        if self.part == "val":
            validated: dict[str, float] = self.summary.get("figures", {}).get("val", {})
            return validated
        return {}

    @property
    def within_tolerance(self) -> dict[str, Any]:
        """Figures within the tolerance, and counts by scene; empty where the part is not scored, or was long ago."""
        scored = self.scored or {}
        figures: dict[str, Any] = scored.get("within_tolerance", {})
        return figures

    @property
    def floors(self) -> list[tuple[str, float]]:
        """Each floor of `figures`, as a rule in words, and its Dice."""
        return [(floor.text(values), values["dice"]) for floor, values in declared_floors(self._floors)]

    @property
    def not_above(self) -> list[str]:
        """Lines about what is not above its floors."""
        if not self.figures:
            return []
        lines = [floors_not_beaten(self.figures[DICE.key], self._floors)]
        if self.scored is not None and "classes" in self.scored:
            lines.append(classes_not_above_floors(self.scored["classes"]))
        return [line for line in lines if line]

    def leave_out(self, note: str) -> None:
        """Say on the page and on the terminal what the page lacks, and why."""
        self.notes.append(note)
        log.warning("the page lacks something. %s", note)

    @property
    def _floors(self) -> dict[str, FloorValues]:
        """What is stored of the floors of `figures`."""
        if self.scored is not None:
            return stored_floors(self.scored)
        validated: dict[str, FloorValues] = self.summary.get("floors", {}).get("val", {})
        return validated


@dataclass(frozen=True)
class SweepSection:
    """What the page says about several runs.

    Attributes:
        rows: The runs, best first.
        settings: The names of the settings that differ between them.
        histories: The rows of each run's metrics.csv, by its path in the folder.
        points: Settings and figures of each run that has figures.
        without_curves: The paths of runs that kept no metrics.csv.
        floors: The floors on validation in words, where all runs have the same.
        not_above: Lines about runs that are not above them.
        pooled: The recipes of which all folds were trained, with the figures of their folds as one, best first.
        notes: What is missing, and why.
    """

    rows: Sequence[Row]
    settings: list[str]
    histories: dict[str, list[dict[str, Any]]]
    points: list[dict[str, Any]]
    without_curves: list[str]
    floors: str
    not_above: list[str]
    pooled: list[PooledFolds] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def plotted(self) -> list[str]:
        """The settings that are drawn against the score; the number of a fold says nothing."""
        return [key for key in self.settings if key != FOLD]


class Curve(NamedTuple):
    """A curve's title, and its column of metrics.csv."""

    title: str
    column: str


@dataclass
class Sections:
    """The page.

    Attributes:
        home: The folder that it is about.
        title: What was trained, on what, and when.
        part: The part whose figures are shown.
        sweep: What it says about several runs; None about one.
        run: What it says about the run, or the best one of several; None where none has figures.
    """

    home: Path
    title: str
    part: str
    sweep: SweepSection | None = None
    run: RunSection | None = None


@trusting_its_config
def report(config: ReportConfig) -> Path:
    """Write one self-contained HTML page about a run, or about the runs in a folder and the best of them.

    Scores `part` first where `evaluate/<part>` is missing or is not of the present checkpoint. What cannot be told
    (nothing trained yet, data that are gone) is left out, and the page says why.

    Args:
        config: Which run, and which part of its data.

    Returns:
        The page's path.

    Raises:
        InUse: Another process writes the page.
        UserError: There is no such run, or the page exists.
    """
    check_config(config)
    assert config.run is not None
    home = Path(config.run)
    out = Path(config.output) if config.output else home / "report.html"
    is_sweep = _holds_runs(home)
    rows = compare([str(home)]) if is_sweep else []
    run = rows[0].run if is_sweep else open_run(home)
    with locked(lock_path(out), f"output={out}", "report"):
        if out.exists() and not config.overwrite:
            raise UserError(f"output={out} exists. Choose another, or pass overwrite=true.")
        remove_leftovers(out.parent)
        sections = Sections(real_path(home), title_of(run), config.part)
        if is_sweep:
            sections.sweep = about_sweep(real_path(home), rows)
            _add_pooled_folds(sections.sweep, config)
        # in a sweep without figures no run is the best
        if not is_sweep or rows[0].figures:
            sections.run = about_run(run, config)
        write_text(out, _render(sections))
    return out


def about_run(run: Run, config: ReportConfig) -> RunSection:
    """Collect all that the page says about one run; its `notes` tell what is missing, and why."""
    section = RunSection(
        dir=run.dir,
        config=_without_secrets(run.config),
        yaml=masked(read_text(run.config_path)),
        history=read_history(run.metrics_path),
        summary=run.summary(),
        part=config.part,
    )
    if not run.finished:
        status = section.summary.get("status", "unfinished")
        reason = section.summary.get("error", "")
        section.notes.append(f"This run is not finished ({status}): the page tells what it has left so far. {reason}")
    if not section.history:
        section.notes.append("No curves: there is no metrics.csv, which the logger csv writes after each epoch.")
    try:
        request_figures(run.config.figures)
        section.scored = scored_part(run, config)
    except UserError as error:
        section.leave_out(f"No figures of part={config.part}: {error}")
        return section
    rows = read_chip_rows(run.dir / "evaluate" / config.part / "chips.csv", SHOWN_COLUMNS)
    section.intervals = intervals(rows) | tolerance_intervals(section.within_tolerance.get("scenes", {}))
    section.seeps = [row for row in rows if row["seep_px"]]
    try:
        section.chips = _chips_at_the_ends(run, section, rows)
    except UserError as error:
        section.leave_out(f"No pictures of part={config.part}: {error}")
    return section


def about_sweep(home: Path, rows: Sequence[Row]) -> SweepSection:
    """Collect all that the page says about several runs; a class among their settings stands without its modules."""
    histories = {}
    without_curves = []
    for row in rows:
        row.settings = {key: _shown_setting(key, value) for key, value in row.settings.items()}
        history = read_history(row.run.metrics_path)
        name = str(row.run.dir.relative_to(home))
        if history:
            histories[name] = history
        else:
            without_curves.append(name)
    points = [row.settings | row.figures for row in rows if row.figures]
    return SweepSection(
        rows=rows,
        settings=list(rows[0].settings),
        histories=histories,
        points=points,
        without_curves=without_curves,
        floors=floors_of_rows(rows),
        not_above=not_above_floors(rows, home),
    )


def title_of(run: Run) -> str:
    """What was trained, on what, and when, such as `seeps on seep_detection, 30 November 2026`.

    Args:
        run: The run that a page is about, or one of its runs.
    """
    data = run.config.data
    root = run.summary().get("data", {}).get("root") or data.root
    source = "generated chips" if data.source == "synthetic" else Path(root or data.source).name
    newest = run.summary_path if run.summary_path.is_file() else run.config_path
    day = datetime.fromtimestamp(newest.stat().st_mtime)
    return f"{run.config.name} on {source}, {day.day} {day:%B %Y}"


def _add_pooled_folds(section: SweepSection, config: ReportConfig) -> None:
    """Score the folds of each recipe, and pool them; the page says why where that cannot be."""
    if config.part not in UNLEARNED:
        return
    try:
        for folds in groups_of_folds(section.rows):
            for row in folds:
                scored_part(row.run, config)
            section.pooled.append(pool_evaluations(folds, config.part))
    except UserError as error:
        section.pooled.clear()
        section.notes.append(f"The folds are not pooled: {error}")
        log.warning("the page lacks something. %s", section.notes[-1])
    section.pooled.sort(key=lambda recipe: -recipe.figures[DICE.key])


def scored_part(run: Run, config: ReportConfig) -> dict[str, Any]:
    """Read the summary of `evaluate/<part>`; score it now where it is missing or of another checkpoint.

    Args:
        run: The run.
        config: The part, and the device to score it on.

    Returns:
        The evaluation's summary.

    Raises:
        UserError: The folder holds another part or other data: somebody has given it this name.
    """
    folder = run.dir / "evaluate" / config.part
    reason = ""
    if is_there(folder / SUMMARY_NAME):
        stored = read_evaluation(folder)
        _check_stored(stored, run, config.part, folder)
        checkpoint = run.checkpoint(stored.get("checkpoint", "best"))
        if stored.get("checkpoint_digest") == digest(checkpoint):
            return stored
        reason = " again: the checkpoint is another now"
    log.info("scoring part=%s of %s%s", config.part, run.dir, reason)
    scoring = EvaluateConfig(run=str(run.dir), part=config.part, overwrite=True, device=config.device)
    return evaluate(scoring, patience=WAIT_FOREVER)


def _check_stored(stored: dict[str, Any], run: Run, part: str, folder: Path) -> None:
    """Raise `UserError` where an evaluation is of another part or of other data: somebody has given it this name."""
    data = stored["data"]
    trained_on = run.summary().get("data", {}).get("fingerprint")
    if stored["part"] != part or data["fingerprint"] != trained_on:
        raise UserError(f"{folder} holds part={stored['part']} of {data['root']}. Move it away.")


def _render(sections: Sections) -> str:
    """The page as text; figures, their labels and their order come from the declarations."""
    from jinja2 import Environment, FileSystemLoader
    from matplotlib import rc_context

    from seep_lightning.reporting import plots

    declarations: dict[str, Any] = {name: declared(kind) for name, kind in FIGURE_GROUPS.items()}
    declarations |= {
        "pooled_figures": pooled_pixel_figures(),
        "class_columns": [*CLASS_COLUMNS, *declared(ToleranceFigure)],
        "ranked_by": DICE,
        "floor_columns": FLOORS,
        "in_words": in_words,
        "object_columns": OBJECT_COLUMNS,
        "at_half": AT_HALF,
        "before_scaling": before_scaling,
        "curves": curves,
        "definitions": FIGURES,
        "curve_of_ranking": curve_of_ranking,
        "objects_found_together": objects_found_together,
        "objects_of_all_sizes": objects_of_all_sizes,
        "threshold_in_words": threshold_in_words,
        "threshold_name": threshold_name,
    }
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("report.html.j2")
    with rc_context(fname=folder / "report.mplstyle"):
        return template.render(vars(sections), **declarations, fewest=FEWEST_SCENES, made=datetime.now(), plots=plots)


def curves(history: Sequence[dict[str, Any]], figure: Figure) -> dict[str, str]:
    """The curves of a figure by their names: the columns of a run's metrics.csv, as far as it has them.

    Args:
        history: Its rows.
        figure: A figure of pixels.
    """
    unscaled = before_scaling(figure.key)
    named = {
        f"validation, {TUNED}": f"{figure.key}/val",
        "validation, before scaling": f"{unscaled}/val",
        "training, before scaling": f"{unscaled}/train",
    }
    columns = set[str]().union(*history)
    return {name: column for name, column in named.items() if column in columns}


def curve_of_ranking(histories: Mapping[str, Sequence[dict[str, Any]]]) -> Curve:
    """The curve of what runs are ranked by; where one of an older version lacks it, its Dice before scaling.

    Args:
        histories: The rows of each run's metrics.csv.
    """
    tuned = f"{DICE.key}/val"
    if all(tuned in rows[-1] for rows in histories.values()):
        return Curve(f"{DICE.label} on validation, {TUNED}", tuned)
    return Curve(f"{DICE.label} on validation, before scaling", f"{before_scaling(DICE.key)}/val")


def _holds_runs(folder: Path) -> bool:
    """Whether a folder is no run itself, but has runs below it."""
    if (folder / "config.yaml").is_file():
        return False
    return folder.is_dir() and any(path.name == "split.csv" for path in entries_below(folder))


def _shown(value: Any) -> Any:
    """What the page shows of a value: texts with stars for what looks like a secret; HTML of ours as it is."""
    return masked(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _without_secrets(config: TrainConfig) -> TrainConfig:
    """A config whose nodes have stars for what looks like a secret."""
    nodes = {name: masked_values(getattr(config, name)) for name in ("model", "loss", "optimizer", "scheduler")}
    return replace(config, **nodes)


def _shown_setting(key: str, value: Any) -> Any:
    """A setting of a sweep as the page shows it."""
    return masked_values(_without_modules(value), key.rpartition(".")[2])


def _without_modules(value: Any) -> Any:
    """A setting; where it is the path of a class, its name alone."""
    return value.rpartition(".")[2] if isinstance(value, str) else value


def _chips_at_the_ends(run: Run, section: RunSection, rows: Sequence[dict[str, Any]]) -> dict[str, list[ChipViews]]:
    """The worst chips, half of them at most, and the best ones of the others that have seep."""
    assert section.scored is not None
    by_dice = sorted(rows, key=lambda row: (row["dice"], -row["fp"] - row["fn"]))
    half = -(-len(rows) // 2)
    worst = by_dice[: min(MOST_CHIPS, half)]
    others = [row for row in section.seeps if row not in worst]
    best = sorted(others, key=lambda row: (-row["dice"], -row["tp"]))[:MOST_CHIPS]
    return {"worst": view_chips(run, section.scored, worst), "best": view_chips(run, section.scored, best)}

"""The page as HTML, from its template: figures, their labels and their order come from the declarations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from seep_lightning.durations import in_words
from seep_lightning.masking import masked
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
from seep_lightning.metrics.floors import FLOORS
from seep_lightning.metrics.jackknife import FEWEST_SCENES
from seep_lightning.metrics.summaries import CLASS_COLUMNS, objects_found_together, objects_of_all_sizes
from seep_lightning.reporting.run_section import RunSection
from seep_lightning.reporting.sweep_section import SweepSection
from seep_lightning.reporting.tables import AT_HALF, OBJECT_COLUMNS, TUNED, threshold_in_words, threshold_name

FIGURE_GROUPS = {
    "pixel_figures": PixelFigure,
    "tolerance_figures": ToleranceFigure,
    "class_figures": ClassFigure,
    "object_figures": ObjectFigure,
    "probability_figures": ProbabilityFigure,
    "batch_figures": BatchFigure,
}


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


class Curve(NamedTuple):
    """A curve's title, and its column of metrics.csv."""

    title: str
    column: str


def page_text(sections: Sections) -> str:
    """Fill the template.

    Args:
        sections: What the page says.

    Returns:
        The page, HTML.
    """
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


def _shown(value: Any) -> Any:
    """What the page shows of a value: texts with stars for what looks like a secret; HTML of ours as it is."""
    return masked(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

"""One page that tells what a run, or a sweep, is worth: `python -m seep_lightning.report run=DIR`."""

import base64
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from seep_lightning.config.commands import EvaluateConfig, ReportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.errors import UserError
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.files import digest, write_text
from seep_lightning.metrics.bootstrap import FEWEST_SCENES, interval_over_scenes, sums_by_scene
from seep_lightning.metrics.counts import pixel_figures
from seep_lightning.reporting.comparison import Row, compare
from seep_lightning.reporting.tables import COLUMNS
from seep_lightning.runs.directory import Run, open_run
from seep_lightning.runs.records import read_rows

log = logging.getLogger(__name__)

SHOWN = 12  # chips at either end
VIEW = 256  # px: larger chips are made smaller, so that a page stays below 10 MB


def report(config: ReportConfig) -> Path:
    """Write one self-contained HTML page about a run, or about the runs in a folder and the best of them.

    Scores `part` first where `evaluate/<part>` is missing or is not of the present checkpoint. What cannot be told
    (nothing trained yet, data that are gone) is left out, and the page says why. Returns the page's path.
    """
    from jinja2 import Environment, FileSystemLoader
    from matplotlib import rc_context

    from seep_lightning.reporting import plots

    check_config(config)
    home = Path(config.run)
    out = Path(config.output) if config.output else home / "report.html"
    swept = home.is_dir() and not (home / "config.yaml").is_file() and any(home.rglob("split.csv"))
    rows = compare([config.run]) if swept else []
    run = rows[0].run if swept else open_run(home)
    if out.exists() and not config.overwrite:
        raise UserError(f"output={out} exists. Choose another, or pass overwrite=true.")
    facts = {"home": home.resolve(), "fewest": FEWEST_SCENES, "made": datetime.now(), "plots": plots}
    facts["sweep"] = about_sweep(home.resolve(), rows) if swept else None
    facts["run"] = about_run(run, config) if not swept or rows[0].figures else None
    loader = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(fname=Path(__file__).with_name("report.mplstyle")):
        write_text(out, pages.get_template("report.html.j2").render(facts))
    return out


def about_run(run: Run, config: ReportConfig) -> dict[str, Any]:
    """All that the page says about one run; `notes` tell what is missing, and why."""
    told: dict[str, Any] = {"dir": run.dir, "config": run.config, "yaml": run.config_path.read_text()}
    told |= {"history": read_rows(run.dir / "metrics.csv"), "summary": run.summary(), "part": config.part}
    told |= {"notes": [], "scored": None, "chips": {}}
    if not run.finished:
        status, why = told["summary"].get("status", "unfinished"), told["summary"].get("error", "")
        told["notes"].append(f"This run is not finished ({status}): the page tells what it has left so far. {why}")
    try:
        scored = scored_part(run, config)
        rows = read_rows(run.dir / "evaluate" / config.part / "chips.csv")
        seeps = [row for row in rows if row["seep_px"]]
        told |= {"scored": scored, "intervals": intervals(rows), "seeps": seeps}
        worst = sorted(rows, key=lambda row: (row["dice"], -row["fp"] - row["fn"]))[: min(SHOWN, -(-len(rows) // 2))]
        best = sorted((row for row in seeps if row not in worst), key=lambda row: (-row["dice"], -row["tp"]))[:SHOWN]
        told["chips"] = {"worst": with_views(run, scored, worst), "best": with_views(run, scored, best)}
    except UserError as error:
        told["notes"].append(f"No {'pictures' if told['scored'] else 'figures'} of part={config.part}: {error}")
    return told


def about_sweep(home: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """All that the page says about several runs, best first; a class among their settings without its modules."""
    for row in rows:
        row.settings = {k: v.rpartition(".")[2] if isinstance(v, str) else v for k, v in row.settings.items()}
    started = [row.run.dir for row in rows if read_rows(row.run.dir / "metrics.csv")]
    histories = {str(folder.relative_to(home)): read_rows(folder / "metrics.csv") for folder in started}
    points = [row.settings | row.figures for row in rows if row.figures]
    return {"rows": rows, "settings": list(rows[0].settings), "histories": histories, "points": points}


def scored_part(run: Run, config: ReportConfig) -> dict[str, Any]:
    """The summary of `evaluate/<part>`, scored now where it is missing or of another checkpoint than the run has;
    `UserError` where it is of another part or of other data: somebody has given it this name."""
    path = run.dir / "evaluate" / config.part / "summary.json"
    old: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    trained_on = run.summary().get("data", {}).get("fingerprint")
    if old and (old["part"], old["data"]["fingerprint"]) != (config.part, trained_on):
        raise UserError(f"{path.parent} holds part={old['part']} of {old['data']['root']}. Move it away.")
    if old.get("checkpoint_digest") == digest(run.checkpoint(old.get("checkpoint", "best"))):
        return old
    log.info("scoring part=%s of %s%s", config.part, run.dir, " again: the checkpoint is another now" if old else "")
    return evaluate(EvaluateConfig(run=str(run.dir), part=config.part, overwrite=True, device=config.device))


def intervals(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """95 % bootstrap interval over scenes of each figure of scored chips; none where the scenes are too few."""
    sums = sums_by_scene([row | {"chips": 1} for row in rows], ("tp", "fp", "fn", "dice", "chips"))
    ends = interval_over_scenes(
        sums, lambda totals: np.stack([*pixel_figures(totals[:, :3]).values(), totals[:, 3] / totals[:, 4]], axis=1)
    )
    return dict(zip(COLUMNS, zip(*ends, strict=True), strict=True)) if ends else {}


def with_views(run: Run, scored: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of chips with four views each, as data URIs: picture, truth, probability, errors."""
    import cv2

    from seep_lightning.data.images import read_image, valid_pixels
    from seep_lightning.data.layouts import pair_chips
    from seep_lightning.data.roots import at_root
    from seep_lightning.reporting.pictures import four_views

    def uri(view: np.ndarray) -> str:
        scale = min(VIEW / max(view.shape), 1)
        small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        lossless = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
        return "data:image/webp;base64," + base64.b64encode(lossless.tobytes()).decode()

    chips = pair_chips(at_root(run.config.data, scored["data"]["root"]))
    told = []
    for row in rows:
        if row["name"] not in chips.names:
            raise UserError(f"{row['name']} is not in {chips.root} any more. Put it back.")
        image, mask = chips.read(chips.names.index(row["name"]))
        valid = valid_pixels(image, chips.config.nodata)
        folder = run.dir / "evaluate" / scored["part"]
        levels, found = (read_image(folder / kind / row["name"])[0] for kind in ("probabilities", "masks"))
        views = four_views(image[0], (mask > 0) & valid, levels, valid, found > 0)
        told.append(row | {"views": [uri(view[..., ::-1]) for view in views]})
    return told

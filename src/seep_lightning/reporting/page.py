"""One page that tells what a run, or a sweep, is worth, in one HTML file that needs no network."""

from datetime import datetime
from pathlib import Path

from seep_lightning.config.commands import ReportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.documents.regular_files import entries_below
from seep_lightning.errors import UserError
from seep_lightning.files import real_path, remove_leftovers, write_text
from seep_lightning.locks import lock_path, locked
from seep_lightning.reporting.comparison import compare
from seep_lightning.reporting.page_text import Sections, page_text
from seep_lightning.reporting.run_section import about_run
from seep_lightning.reporting.sweep_section import about_sweep, add_pooled_folds
from seep_lightning.runs.directory import Run, open_run


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
            add_pooled_folds(sections.sweep, config)
        # in a sweep without figures no run is the best
        if not is_sweep or rows[0].figures:
            sections.run = about_run(run, config)
        write_text(out, page_text(sections))
    return out


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


def _holds_runs(folder: Path) -> bool:
    """Whether a folder is no run itself, but has runs below it."""
    if (folder / "config.yaml").is_file():
        return False
    return folder.is_dir() and any(path.name == "split.csv" for path in entries_below(folder))

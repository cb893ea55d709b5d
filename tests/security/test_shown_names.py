"""What a stranger calls things is shown as it stands: no HTML, no markup, no codes of a terminal, no secrets."""

import json
import shlex
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import shapely

from helpers.stranger_runs import change_config, copied_run
from seep_lightning.commands.messages import error_message
from seep_lightning.commands.tables import print_table
from seep_lightning.compat import literal_path
from seep_lightning.config.commands import ReportConfig
from seep_lightning.errors import UserError, printable
from seep_lightning.masking import STARS, masked
from seep_lightning.reporting import plots
from seep_lightning.reporting.comparison import compare
from seep_lightning.reporting.page import report
from seep_lightning.reporting.run_table import print_rows
from seep_lightning.reporting.tables import print_evaluation
from seep_lightning.runs.directory import Run
from seep_lightning.scene.vector_layers import polygon_layer
from seep_lightning.training.failures import record_failure

SCRIPT = "<script>alert(1)</script>"
CODES = "\x1b[31m\x1b]0;title\x07\r\n\x9b2J"
MARKUP = "[red]name[/red][/]"
NAME = f"{MARKUP}{CODES}"
PASSWORD = "hunter2-hunter2"


def change_json(path: Path, **changes: object) -> None:
    """Write other values into a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def is_plain(text: str) -> bool:
    """Whether a text holds no codes of a terminal."""
    return all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.fixture
def stranger(trained: Path, tmp_path: Path) -> Path:
    return copied_run(trained, tmp_path / "run")


def test_a_page_holds_no_html_of_names_and_no_secrets(stranger: Path) -> None:
    """Scenes, splits, loggers, settings, errors, all of them."""
    node = {"_target_": "lightning.pytorch.loggers.WandbLogger", "api_key": PASSWORD, "name": SCRIPT}
    change_config(stranger, name=SCRIPT, logger={"wandb": node})
    config = stranger / "config.yaml"
    config.write_text(f"{config.read_text()}# https://me:{PASSWORD}@mlflow.example\n")
    changes = {"status": SCRIPT, "error": f"{SCRIPT} token={PASSWORD}", "device": SCRIPT, "leakage": SCRIPT}
    change_json(stranger / "summary.json", **changes, findings=[SCRIPT])
    split = stranger / "split.csv"
    split.write_text(split.read_text().replace("S1", SCRIPT))
    text = report(ReportConfig(run=str(stranger), device="cpu")).read_text()
    assert "<script" not in text and "&lt;script" in text
    assert PASSWORD not in text and f"api_key: {STARS}" in text and f"token={STARS}" in text


def test_a_plot_shows_dollars(tmp_path: Path) -> None:
    name = r"$\bad{$"
    row = {"epoch": 0, "dice": 0.5, name: name}
    assert plots.data_uri(plots.lines({name: [row], f"{name}2": [row]}, "dice"))
    assert plots.data_uri(plots.scatter([row], name, "dice", name, name))


def test_tables_on_the_terminal_show_names_as_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(NAME, {NAME: {NAME: NAME}}, [NAME])
    shown = capsys.readouterr().out
    assert is_plain(shown) and "[red]" in shown and r"\x1b" in shown


def test_compare_shows_names_as_they_stand(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    renamed = stranger.with_name("[red]a[bold]\x1b[31m")
    stranger.rename(renamed)
    change_json(renamed / "summary.json", status="failed", error=NAME)
    other = copied_run(renamed, renamed.with_name("other"))
    change_config(other, name=MARKUP)
    print_rows(compare([str(renamed.parent)]), "dice")
    shown = capsys.readouterr().out
    assert is_plain(shown) and r"[red]a[bold]\x1b[31m" in shown


def test_so_does_evaluate(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from seep_lightning.config.commands import EvaluateConfig
    from seep_lightning.evaluation.evaluation import evaluate

    scored = evaluate(EvaluateConfig(run=str(stranger), part="val", device="cpu"))
    print_evaluation({**scored, "split": NAME, "leakage": NAME, "findings": [NAME], "out": NAME})
    assert is_plain(capsys.readouterr().out)


def test_and_every_message() -> None:
    text = error_message(UserError(f"run={NAME}: there is none."), "train")
    assert text.isprintable() and "[red]" in text
    assert printable("Größe 5 km²") == "Größe 5 km²"


def test_what_a_failed_training_leaves_is_masked(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    record_failure(run, ValueError(f"https://me:{PASSWORD}@mlflow.example refused password={PASSWORD}"))
    assert PASSWORD not in run.log_path.read_text() and PASSWORD not in run.summary_path.read_text()
    assert STARS in run.summary()["error"] and "Traceback" not in run.summary()["error"]


def test_masking_takes_a_time_that_grows_no_faster_than_the_text() -> None:
    for text in ("1" * 300_000, "a" * 300_000, "a://" * 80_000, "token_" * 50_000, "_" * 300_000, "+." * 150_000):
        assert masked(text) == text


def test_a_command_to_paste_quotes_what_a_stranger_named(tmp_path: Path) -> None:
    path = tmp_path / "a; touch PLANTED.gpkg"
    for layer in ("a", "b"):
        frame = shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)]))
        options = {"driver": "GPKG", "geometry_type": "Polygon", "crs": "EPSG:32631", "append": path.exists()}
        pyogrio.raw.write(literal_path(path), frame, [], [], layer=layer, **options)
    with pytest.raises(UserError) as error:
        polygon_layer(path)
    command = str(error.value).partition("Give a file with one of them: ")[2].partition(". If they")[0]
    assert shlex.split(command) == ["ogr2ogr", "one.gpkg", path.name, "a"]

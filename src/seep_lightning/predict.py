"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

import csv
import glob
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seep_lightning.cluster import one_by_one, over_workers
from seep_lightning.config import DataConfig, PredictConfig, check
from seep_lightning.door import open_door, typed
from seep_lightning.errors import UserError
from seep_lightning.run import SHIPPED, absolute, fresh_dir, write_table

SUFFIXES = (".png", ".tif", ".tiff", ".vrt")
OURS = (".probability.tif", ".mask.tif")  # maps, which are no scenes
TABLE = "scenes.csv"
COLUMNS = ("name", "status", "size", "seeps", "area", "unit", "seconds", "error", "key")


def predict(config: PredictConfig) -> list[dict[str, str]]:
    """Map every scene of `config.input` into `config.output`, and return their rows of its table, `scenes.csv`.

    What is finished already, with the same model, input and settings, stays; what was begun goes on. A scene that
    cannot be mapped does not stop the others: `UserError` is raised at the end, and names it.
    """
    check(config)
    runs = listed("run", SHIPPED if config.run is None else config.run)
    paths: dict[str, Any] = {key: absolute(getattr(config, key)) for key in ("output", "area", "land")}
    usual = "mirror" if config.run is None else False
    flips = usual if config.flips is None else config.flips
    config = replace(config, run=[absolute(run) for run in runs], flips=flips, **paths)  # hold in a worker's folder too
    found = find_files("input", config.input, SUFFIXES)
    from seep_lightning.maps import find_jobs, map_job, open_networks

    networks = open_networks(config)
    jobs = find_jobs(found, networks[0].facts, config)
    out = Path(config.output)
    table = read_table(out / TABLE)
    fresh_dir(out, config.overwrite or (out / TABLE).exists(), "output")
    write_table(out / TABLE, table.values(), COLUMNS)
    failed, rows = {}, dict[str, dict[str, str]]()
    known = {name: row["key"] for name, row in table.items()}
    with progress_bar(len(jobs)) as bar:
        if config.cluster == "local":
            ended = one_by_one(lambda job: map_job(job, networks, config, known.get(job.name, ""), bar(job.name)), jobs)
        else:
            ended = over_workers(config, jobs, known, [network.key for network in networks])
        for job, row in ended:
            if isinstance(row, UserError):
                failed[job.name] = str(row)
                old = table.get(job.name, {"name": job.name})  # with the key of what is there still
                row = {**old, "status": "failed", "error": str(row)}
            rows[job.name] = row or {**table[job.name], "status": "done", "error": ""}
            # read again: another call may map other scenes into this folder
            write_table(out / TABLE, (read_table(out / TABLE) | rows).values(), COLUMNS)
    if failed:
        said = " ".join(f"{name}: {error}" for name, error in list(failed.items())[:3])
        many = f"{len(failed)} of {len(jobs)} scenes could not be mapped (all in {out / TABLE}). {said}"
        raise UserError(many if len(jobs) > 1 else failed[jobs[0].name])
    return [rows[job.name] for job in jobs]


def listed(key: str, given: Any) -> list[str]:
    """A path or a list of paths as a list; `UserError` for none."""
    if given in ([], ""):
        raise UserError(f"{key}={given}: expected a path, or a list of paths.")
    return [str(each) for each in given] if isinstance(given, list | tuple) else [str(given)]


def find_files(key: str, given: str, suffixes: tuple[str, ...]) -> list[Path]:
    """The images that a key means: a file, those of a folder (or of the data set's layout in it), or of a glob."""
    path = Path(given)
    if path.is_file() or given.startswith("/vsi"):
        return [path.absolute()]
    if path.is_dir():
        chips = path / DataConfig.images
        found = [p for p in (chips if chips.is_dir() else path).iterdir() if p.suffix.lower() in suffixes]
    else:
        found = [Path(p) for p in glob.glob(given, recursive=True)]  # noqa: PTH207, it may be absolute
    pictures = {p.with_suffix(".png") for p in found if p.suffix != ".png" and p.with_suffix(OURS[0]).exists()}
    found = sorted(p.absolute() for p in found if not p.name.endswith(OURS) and p not in pictures)
    if not found:
        none = (
            f"no {', '.join(suffixes)} in it" if path.is_dir() else "there is no such file or folder, nor any like it"
        )
        raise UserError(f"{key}={given}: {none}.")
    return found


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """The table that earlier calls left, by scene."""
    if not path.is_file():
        return {}
    reader = csv.DictReader(io.StringIO(path.read_text()))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise UserError(f"{path} is not a table of this command. Choose another output folder.")
    return {row["name"]: row for row in reader}


@contextmanager
def progress_bar(scenes: int) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """A bar on the terminal for each scene in turn: megapixels a second, time left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    speed = TextColumn("{task.fields[speed]:.2f} MP/s")
    with Progress("{task.description}", BarColumn(), speed, TimeRemainingColumn(), transient=True) as progress:

        def start(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(f"{len(progress.task_ids) + 1}/{scenes} {name}", total=None, speed=0.0)
            mine = progress.tasks[-1]
            return lambda done, total: progress.update(
                task, completed=done, total=total, speed=(mine.speed or 0) / 1e6, visible=done < total
            )

        yield start


def task(cfg: DictConfig) -> int:
    """The job of one `seep predict`. Returns the number of scenes."""
    config: PredictConfig = typed(cfg)
    if config.run is None:
        print(f"run=None: with the network that comes with the package, {SHIPPED.with_name('README.md')}")
    rows = predict(config)
    if any(row["unit"] == "px2" for row in rows):
        print("Without a coordinate system in the input there is none in the output: sizes are in pixels.")
    seeps = f", {sum(int(row['seeps'] or 0) for row in rows)} seeps" if config.polygons else ""
    print(f"{len(rows)} scene(s) mapped to {config.output}{seeps}; {TABLE} has a row for each scene")
    return len(rows)


if __name__ == "__main__":
    open_door("predict", task)

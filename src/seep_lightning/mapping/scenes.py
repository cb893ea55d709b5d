"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from seep_lightning.commands.progress import progress_bar
from seep_lightning.config.commands import PredictConfig
from seep_lightning.config.rules import check_config
from seep_lightning.data.inputs import find_files, path_list
from seep_lightning.errors import UserError
from seep_lightning.files import absolute, make_output_folder, write_table
from seep_lightning.mapping.workers import one_by_one, over_workers
from seep_lightning.runs.weights import DEFAULT_NETWORK

TABLE = "scenes.csv"
COLUMNS = ("name", "status", "size", "seeps", "area", "unit", "seconds", "error", "key")


def predict(config: PredictConfig) -> list[dict[str, str]]:
    """Map every scene of `config.input` into `config.output`, and return their rows of its table, `scenes.csv`.

    What is finished already, with the same model, input and settings, stays; what was begun goes on. A scene that
    cannot be mapped does not stop the others: `UserError` is raised at the end, and names it.
    """
    check_config(config)
    runs = path_list("run", DEFAULT_NETWORK if config.run is None else config.run)
    paths: dict[str, Any] = {key: absolute(getattr(config, key)) for key in ("output", "area", "land")}
    usual = "mirror" if config.run is None else False
    flips = usual if config.flips is None else config.flips
    config = replace(config, run=[absolute(run) for run in runs], flips=flips, **paths)  # hold in a worker's folder too
    found = find_files("input", config.input)
    from seep_lightning.mapping.jobs import find_jobs
    from seep_lightning.mapping.mapper import map_job
    from seep_lightning.mapping.networks import open_networks

    networks = open_networks(config)
    jobs = find_jobs(found, networks[0].facts, config)
    out = Path(config.output)
    table = read_table(out / TABLE)
    make_output_folder(out, config.overwrite or (out / TABLE).exists(), "output")
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


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """The table that earlier calls left, by scene."""
    if not path.is_file():
        return {}
    reader = csv.DictReader(io.StringIO(path.read_text()))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise UserError(f"{path} is not a table of this command. Choose another output folder.")
    return {row["name"]: row for row in reader}

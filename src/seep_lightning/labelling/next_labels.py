"""The command `next`: which unlabelled chips or scenes to outline next."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seep_lightning.commands.progress import progress_of
from seep_lightning.config.commands import NextConfig, PredictConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.counted import counted
from seep_lightning.data.inputs import find_scenes, path_list
from seep_lightning.documents.regular_files import is_there
from seep_lightning.errors import UserError
from seep_lightning.files import absolute, with_home
from seep_lightning.labelling.acquisition import Acquisition, CandidateTable, acquisition_called, pick_candidates
from seep_lightning.labelling.candidates import Candidate, Survey, as_arrays
from seep_lightning.labelling.labelled import Labelled
from seep_lightning.labelling.next_columns import RankedCandidate, shares_below
from seep_lightning.labelling.next_files import check_free, output_folder, write_list
from seep_lightning.labelling.whole_scenes import by_scene
from seep_lightning.locks import lock_path, locked
from seep_lightning.mapping.jobs import SceneJob, find_jobs
from seep_lightning.mapping.mapper import SceneMapper
from seep_lightning.mapping.networks import chip_side, open_networks
from seep_lightning.mapping.notes import NoteTeller
from seep_lightning.nets.hardware import keep_memory
from seep_lightning.runs.directory import Run, runs_below
from seep_lightning.runs.weights import DEFAULT_NETWORK, named_network
from seep_lightning.scene.scene_file import SceneFile

log = logging.getLogger(__name__)


@trusting_its_config
def next_labels(config: NextConfig) -> list[RankedCandidate]:
    """Rank what to outline next, and write the list.

    Args:
        config: The settings of the command.

    Returns:
        The first `config.count`, the best one first.

    Raises:
        InUse: Another process writes the list.
        UserError: Nothing can be ranked with these settings; or, after the list is written, some files could not be
            read.
    """
    check_config(config)
    acquisition = acquisition_called(config.strategy)
    output = output_folder(config)
    with locked(lock_path(output), f"output={config.output}", "next"):
        check_free(output, overwrite=config.overwrite)
        found = _look_at_all(config, config.labelled if acquisition.uses_labelled else 0)
        ranked = ranked_of(found, acquisition, config)
        write_list(output, ranked)
    if found.errors:
        raise _failure(found.errors, found.files, output)
    return ranked


def ranked_of(found: "Found", acquisition: Acquisition, config: NextConfig) -> list[RankedCandidate]:
    """Rank what was found.

    Args:
        found: Windows, and what is labelled.
        acquisition: The way to choose.
        config: What is ranked, and how many.

    Returns:
        The first of the candidates in their order.
    """
    candidates, labelled = found.candidates, found.labelled
    if config.by == "scene":
        # means vary less than windows: only means can be compared with means
        candidates, labelled = by_scene(candidates), by_scene(labelled)
    above = shares_below([candidate.uncertainty for candidate in candidates])
    picks = pick_candidates(_table_of(candidates, labelled), acquisition, config.count, config.seed)
    ranked: list[RankedCandidate] = []
    for rank, pick in enumerate(picks, start=1):
        candidate = candidates[pick.index]
        ranked.append(RankedCandidate(rank, candidate, pick, above[pick.index], found.networks, acquisition.name))
    return ranked


@dataclass
class Found:
    """What was found among the files.

    Attributes:
        files: How many files were looked at.
        networks: How many networks judged them.
        candidates: Their windows.
        labelled: What labelled chips are like, (M, D).
        errors: Files that could not be read, by name.
    """

    files: int
    networks: int
    candidates: list[Candidate] = field(default_factory=list)
    labelled: list[Candidate] = field(default_factory=list)
    errors: dict[str, UserError] = field(default_factory=dict)


def _look_at_all(config: NextConfig, most_labelled: int) -> Found:
    """Look at all files, and at some of what is labelled."""
    files = _scene_files(config)
    settings = _predict_config(config, networks_of(config))
    keep_memory()
    networks = open_networks(settings)
    mapper = SceneMapper(networks, settings)
    survey = Survey(mapper, config.window or chip_side(networks[0]))
    labelled = Labelled.of(settings.run, networks[0].facts)
    jobs = _unlabelled(find_jobs(files, networks[0].facts, settings), labelled, config)
    found = Found(len(jobs), len(networks))
    try:
        if most_labelled:
            found.labelled = _look_at_labelled(labelled, survey, settings, most_labelled)
        _look_at_jobs(jobs, survey, found)
    finally:
        survey.close()
    if not found.candidates and found.errors:
        raise _failure(found.errors, found.files, None)
    if not found.candidates:
        raise UserError(f"scenes={config.scenes}: none of the {found.files} files has enough data to outline.")
    if survey.without_data:
        windows = "window" if survey.without_data == 1 else "windows"
        log.info("left out: %d %s with nearly no data", survey.without_data, windows)
    return found


def _scene_files(config: NextConfig) -> list[SceneFile]:
    """The files of all paths, each once."""
    files: dict[SceneFile, None] = {}
    for text in path_list("scenes", config.scenes):
        files |= dict.fromkeys(find_scenes("scenes", text))
    return list(files)


def networks_of(config: NextConfig) -> list[str]:
    """The runs and files whose networks look at the scenes: of a folder of runs, such as one of folds, all of them.

    Args:
        config: Its `run` and `checkpoint`.
    """
    named = DEFAULT_NETWORK if config.run is None else config.run
    runs: list[str] = []
    for text in path_list("run", named):
        path = named_network(with_home(text))
        below: list[Path] = []
        if path.is_dir() and not is_there(Run(path).config_path):
            below = [run for run in sorted(runs_below(path)) if _has_checkpoint(run, config.checkpoint)]
        if len(below) > 1:
            log.info("run=%s: the %d runs there judge together", text, len(below))
        runs += [str(absolute(run)) for run in below or [path]]
    return runs


def _has_checkpoint(run: Path, checkpoint: str) -> bool:
    """Whether a run has got so far that it has a network."""
    return (Run(run).checkpoints / f"{checkpoint}.ckpt").is_file()


def _predict_config(config: NextConfig, runs: list[str]) -> PredictConfig:
    """The settings with which `predict` would read the same scenes, each file by itself."""
    bands = [config.bands] if isinstance(config.bands, str) else config.bands
    return PredictConfig(
        run=runs,
        input=str(path_list("scenes", config.scenes)[0]),
        output=config.output,
        checkpoint=config.checkpoint,
        device=config.device,
        bands=bands,
        scale=config.scale,
        factor=config.factor,
        nodata=config.nodata,
        calibration=config.calibration,
        remove_noise=config.remove_noise,
        batch=config.batch,
        mosaic=False,
        flips=False,
        trusted=config.trusted,
    )


def _unlabelled(jobs: Sequence[SceneJob], labelled: Labelled, config: NextConfig) -> list[SceneJob]:
    """The files of which no outlines are known; says how many are left out."""
    for name in labelled.untold:
        log.info("run=%s does not tell what it learned from: nothing is left out for it.", name)
    unlabelled = [job for job in jobs if not labelled.holds(job)]
    count = len(jobs) - len(unlabelled)
    if not unlabelled:
        raise UserError(
            f"scenes={config.scenes}: the run knows the labels of all {count} files (split.csv). Give others."
        )
    if count:
        log.info("left out: %d of %d files, whose labels the run knows (split.csv)", count, len(jobs))
    return unlabelled


def _look_at_jobs(jobs: Sequence[SceneJob], survey: Survey, found: Found) -> None:
    """Look at files one after another; one that cannot be read does not stop the others."""
    teller = NoteTeller("is not listed here; predict, which reads them likewise, lists it in its scenes.csv")
    with progress_of(len(jobs), "looked at") as start_bar:
        for job in jobs:
            try:
                candidates, notes = survey.candidates(job, start_bar(job.name))
            except UserError as error:
                found.errors[job.name] = error
                continue
            teller.tell(job.name, notes)
            found.candidates += candidates


def _look_at_labelled(labelled: Labelled, survey: Survey, settings: PredictConfig, most: int) -> list[Candidate]:
    """What labelled chips are like, where they are still there; `most` of them, evenly from the list of their names."""
    images = labelled.learned
    if labelled.images and not images:
        log.warning("The chips that the run learned from are gone: candidates are compared among themselves only.")
    if len(images) > most:
        log.info("compared with %d of %d labelled chips, evenly drawn (labelled=)", most, len(images))
        images = evenly_drawn(images, most)
    looked_at: list[Candidate] = []
    without_data = survey.without_data
    facts = survey.facts
    jobs = find_jobs([SceneFile.of_raster(image) for image in images], facts, settings)
    for job in counted(jobs, "looked at", "labelled chips"):
        try:
            looked_at += survey.candidates(job)[0]
        except UserError as error:
            log.info("%s, which is labelled, is not compared with: %s", job.name, error)
    survey.without_data = without_data
    return looked_at


def evenly_drawn(images: Sequence[Path], most: int) -> list[Path]:
    """Some of a list, evenly over its length: of names in order, about as many of each scene as it has of all.

    Args:
        images: The list.
        most: How many; fewer than there are.
    """
    return [images[index * len(images) // most] for index in range(most)]


def _table_of(candidates: Sequence[Candidate], labelled: Sequence[Candidate]) -> CandidateTable:
    """Candidates as numbers."""
    uncertainty, features, cells = as_arrays(candidates)
    known = as_arrays(labelled)[1] if labelled else features[:0]
    return CandidateTable(uncertainty, features, known, [candidate.scene for candidate in candidates], cells)


def _failure(errors: dict[str, UserError], files: int, output: Path | None) -> UserError:
    """One error for all files that could not be read: the most frequent cause."""
    cause, _ = Counter(str(error) for error in errors.values()).most_common(1)[0]
    name = next(name for name, error in errors.items() if str(error) == cause)
    ranked = "" if output is None else f" The others are ranked in {output}."
    return UserError(f"{len(errors)} of {files} files could not be read, such as {name}: {cause}{ranked}")

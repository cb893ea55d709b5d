"""The package from Python: each command as a function with keyword arguments and a typed result (docs/notebook.md).

Keyword arguments are the keys of the command's config, as `seep VERB --help` lists them. A dict sets keys below one:
`train(trainer={"max_epochs": 3})`. Overrides as on a command line may come first: `train("experiment=debug")`. What
does not fit raises `UserError`, in the words that the command line has for it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.keywords import AS_CONFIGURED, compose_keywords, without_unset
from seep_lightning.config.trust import trusting
from seep_lightning.errors import UserError
from seep_lightning.files import with_home
from seep_lightning.runs.directory import Run, is_first_process
from seep_lightning.runs.directory import open_run as open_run

if TYPE_CHECKING:
    from seep_lightning.commands.qgis_installation import InstalledScripts
    from seep_lightning.config.commands import ReportConfig
    from seep_lightning.data.audit.auditing import Audit
    from seep_lightning.data.chip_sequence import ChipSequence
    from seep_lightning.data.prepared import PreparedChips
    from seep_lightning.evaluation.result import Evaluation
    from seep_lightning.folds.history_tuning import TunedPrior
    from seep_lightning.folds.judge_teaching import TaughtJudge
    from seep_lightning.folds.setting_scores import SettingScores
    from seep_lightning.labelling.next_columns import RankedCandidate
    from seep_lightning.labelling.review import WrittenReview
    from seep_lightning.mapping.mapped_scene import MappedScene
    from seep_lightning.reporting.comparison import Row
    from seep_lightning.reporting.pairing import Paired
    from seep_lightning.scene.raster import Raster
    from seep_lightning.sources.collecting import SourcesResult
    from seep_lightning.training.cases import TrainingRequest
    from seep_lightning.training.session import TrainingResult

StrPath = str | Path
AnyRun = str | Path | Run
"""A run's directory, by its path or as `open_run` gives it."""


def compose(command: str = "train", overrides: Sequence[str] = (), **settings: Any) -> Any:
    """Compose the typed config of a command.

    Args:
        command: A verb, such as `train`.
        overrides: As on a command line, such as `["model=unet", "optimizer.lr=0.001"]`.
        **settings: Values by key.

    Returns:
        The dataclass of the command's schema, such as `TrainConfig`.

    Raises:
        UserError: A key or value that does not fit.
    """
    return typed_config(compose_keywords(command, overrides, settings).cfg)


def train(
    *overrides: str,
    output: StrPath | None = None,
    run: AnyRun | None = None,
    seed: int = AS_CONFIGURED,
    init: StrPath | None = AS_CONFIGURED,
    **settings: Any,
) -> "TrainingResult":
    """Train one network, or go on with a run, as `seep train` does.

    Args:
        *overrides: As on a command line, such as `"experiment=debug"`, `"data=chips"`.
        output: The run directory of a new run; None: `outputs/<name>/<time>`.
        run: A run to go on with, in its own directory.
        seed: Of weights, order and augmentation.
        init: What to start from: a run, an exported file, or `seeps`, `generated` of the package.
        **settings: Other keys of the config, such as `data={"root": "chips"}`, `trainer={"max_epochs": 3}`.

    Returns:
        The run, its score on validation and its status. A run that is finished already is left alone.

    Raises:
        UserError: Anything that the settings or the data have wrong.
    """
    from seep_lightning.runs.status import RunStatus
    from seep_lightning.training.cases import TrainingCase, job_of, trusting_own
    from seep_lightning.training.session import TrainingResult
    from seep_lightning.training.session import train as train_session

    keywords = without_unset({"seed": seed, "init": init, **settings})
    if run is not None:
        keywords["run"] = _path_of(run)
    request = _training_request(overrides, keywords, output)
    with trusting_own(request.cfg):
        job = job_of(request)
        match job.case:
            case TrainingCase.RANGE_TEST:
                raise UserError("lr_find=true trains nothing. Run it as a command: seep train lr_find=true.")
            case TrainingCase.FINISHED_ALREADY:
                summary = job.run.summary()
                return TrainingResult(job.run, float(summary["best"]["score"]), RunStatus(summary["status"]))
            case TrainingCase.START | TrainingCase.RESUME:
                result = train_session(job.config, job.run.dir)
                if job.config.test and result.status != RunStatus.TRIED and is_first_process():
                    evaluate(result.run, overwrite=True)
                return result


def evaluate(
    run: AnyRun,
    *overrides: str,
    part: str = AS_CONFIGURED,
    threshold: float | None = AS_CONFIGURED,
    name: str | None = AS_CONFIGURED,
    overwrite: bool = AS_CONFIGURED,
    **settings: Any,
) -> "Evaluation":
    """Score a run on a part of its data, or on other data, as `seep evaluate` does.

    Args:
        run: The run directory.
        *overrides: As on a command line.
        part: `train`, `val`, `test` or `all`.
        threshold: The probability above which a pixel counts as seep; None: the run's own.
        name: Of the folder in `evaluate/`; None: the part, or the folder's name of other data.
        overwrite: Whether a folder of this name may be replaced.
        **settings: Other keys of the config, such as `data={"root": "other_chips"}`.

    Returns:
        The figures, and the folder that holds them with masks and probabilities.

    Raises:
        UserError: There is no such run, its data have changed, or the folder exists.
    """
    from seep_lightning.evaluation.evaluation import evaluate as score
    from seep_lightning.evaluation.result import Evaluation

    keywords = {"part": part, "threshold": threshold, "name": name, "overwrite": overwrite, **settings}
    config = _config("evaluate", overrides, {"run": _path_of(run), **keywords})
    return Evaluation.of_summary(score(config))


def predict(
    *overrides: str,
    input: StrPath,
    output: StrPath,
    run: AnyRun | Sequence[AnyRun] | None = AS_CONFIGURED,
    overwrite: bool = AS_CONFIGURED,
    **settings: Any,
) -> "list[MappedScene]":
    """Map scenes or chips to rasters and polygons, as `seep predict` does.

    Args:
        *overrides: As on a command line.
        input: A raster, a folder or a pattern of them, or chips.
        output: The folder of the maps. What is finished there already stays.
        run: A run or an exported file, or several: their mean; None: the network in the package.
        overwrite: Whether files of something else may be replaced.
        **settings: Other keys of the config, such as `polygons=False`, `area="area.gpkg"`.

    Returns:
        The scenes in the order in which they were found.

    Raises:
        UserError: Nothing can be mapped with these settings; or, at the end, some scenes could not be mapped.
    """
    from seep_lightning.mapping.mapped_scene import MappedScene
    from seep_lightning.mapping.scenes import predict as map_scenes

    keywords = {"input": input, "output": output, "run": _paths_of(run), "overwrite": overwrite, **settings}
    config = _config("predict", overrides, keywords)
    return [MappedScene.of_row(row, config) for row in map_scenes(config)]


def judge(*overrides: str, runs: AnyRun | Sequence[AnyRun], output: StrPath, **settings: Any) -> "TaughtJudge":
    """Teach a judge of objects on what trained folds found out of fold, as `seep judge` does.

    Args:
        *overrides: As on a command line.
        runs: The folds of one split, or folders of them.
        output: The file of the judge, for `predict(second_look=...)`.
        **settings: Other keys of the config, such as `device`.

    Returns:
        The judge, and what it brought on scenes that it was not taught on.

    Raises:
        UserError: The runs are not the folds of one split, or too few of them; the output is there already.
    """
    from seep_lightning.folds.judge_teaching import judge_objects

    keywords = {"runs": _paths_of(runs), "output": output, **settings}
    return judge_objects(_config("judge", overrides, keywords))


def prior(*overrides: str, runs: AnyRun | Sequence[AnyRun], **settings: Any) -> "TunedPrior":
    """Choose weight and smoothing of what history adds, on what trained folds predict, as `seep prior` does.

    Args:
        *overrides: As on a command line.
        runs: The folds of one split, or folders of them.
        **settings: Other keys of the config, such as `weights=[0.5, 1]`.

    Returns:
        What each weight and smoothing brings.

    Raises:
        UserError: The runs are not the folds of one split, or their scenes share no ground grid.
    """
    from seep_lightning.folds.history_tuning import tune_prior

    return tune_prior(_config("prior", overrides, {"runs": _paths_of(runs), **settings}))


def next(
    *overrides: str,
    scenes: StrPath | Sequence[StrPath],
    output: StrPath,
    run: AnyRun | Sequence[AnyRun] | None = AS_CONFIGURED,
    count: int = AS_CONFIGURED,
    **settings: Any,
) -> "list[RankedCandidate]":
    """Rank which unlabelled chips or scenes to outline next, as `seep next` does.

    Args:
        *overrides: As on a command line.
        scenes: A raster, a folder or a pattern of them, chips, or a list of these.
        output: The folder of the list, next.csv and next.gpkg.
        run: A run, an exported file, a folder of runs, or several; None: the network in the package.
        count: How many are ranked.
        **settings: Other keys of the config, such as `strategy="random"`, `by="scene"`.

    Returns:
        The candidates, the one to outline first at the head.

    Raises:
        UserError: Nothing can be ranked; or, after the list is written, some files could not be read.
    """
    from seep_lightning.labelling.next_labels import next_labels

    keywords = {"scenes": scenes, "output": output, "run": _paths_of(run), "count": count, **settings}
    return next_labels(_config("next", overrides, keywords))


@overload
def compare(
    runs: StrPath | Sequence[StrPath],
    *overrides: str,
    metric: str = ...,
    paired: Literal[False] = ...,
    by: None = ...,
    trusted: Sequence[str] = ...,
    **settings: Any,
) -> "list[Row]": ...
@overload
def compare(
    runs: Sequence[StrPath],
    *overrides: str,
    metric: str = ...,
    paired: Literal[True],
    part: str | None = ...,
    trusted: Sequence[str] = ...,
) -> "Paired": ...
@overload
def compare(
    runs: StrPath | Sequence[StrPath],
    *overrides: str,
    metric: str = ...,
    by: str,
    against: str | None = ...,
    part: str | None = ...,
    trusted: Sequence[str] = ...,
    **settings: Any,
) -> "SettingScores": ...
def compare(
    runs: StrPath | Sequence[StrPath],
    *overrides: str,
    metric: str = AS_CONFIGURED,
    paired: bool = AS_CONFIGURED,
    by: str | None = AS_CONFIGURED,
    against: str | None = AS_CONFIGURED,
    part: str | None = AS_CONFIGURED,
    trusted: Sequence[str] = AS_CONFIGURED,
    **settings: Any,
) -> "list[Row] | Paired | SettingScores":
    """Set runs side by side, as `seep compare` does.

    Args:
        runs: Folders that hold runs, at any depth.
        *overrides: As on a command line.
        metric: The figure on validation by which they are ranked.
        paired: Whether the evaluations of two folders are compared chip by chip instead.
        by: Settings between commas, such as `optimizer.lr`: folds are pooled, and seeds are repetitions.
        against: With `by`, the setting that the others are compared with; by default that with the least value.
        part: The evaluation that is read; by default test of a paired comparison, and validation with `by`.
        trusted: Packages whose classes the runs may name (docs/security.md).
        **settings: Other keys of the config: `where`, conditions that runs fulfil, such as `optimizer.lr>0.001,seed=0`;
            `sort`, a setting or figure that they are sorted by, the least first, the most first with a minus before it.

    Returns:
        The runs, best first, with the settings in which they differ; with `paired`, the Dice of both folders and the
        interval of their difference; with `by`, the settings with their figures and differences.

    Raises:
        UserError: There are no runs, or they do not have this figure or evaluation.
    """
    from seep_lightning.folds.comparing import scores_by
    from seep_lightning.reporting.comparison import compare as rank
    from seep_lightning.reporting.pairing import PAIRED_PART, pair_folders
    from seep_lightning.reporting.row_values import selected

    choice = {"runs": runs, "metric": metric, "paired": paired, "by": by, "against": against}
    keywords = {**choice, "part": part, "trusted": trusted, **settings}
    config = _config("compare", overrides, keywords)
    folders = config.runs if isinstance(config.runs, list) else [config.runs]
    names = [str(folder) for folder in folders]
    with trusting(config.trusted):
        if config.paired:
            return pair_folders(names, config.part or PAIRED_PART)
        if config.by is not None:
            return scores_by(names, config)
        return selected(rank(names, config.metric), config.where, config.sort)


def report(
    run: AnyRun | None = AS_CONFIGURED,
    *overrides: str,
    maps: StrPath | None = AS_CONFIGURED,
    output: StrPath | None = AS_CONFIGURED,
    overwrite: bool = AS_CONFIGURED,
    **settings: Any,
) -> Path:
    """Write one page about a run, a sweep or sources, as `seep report` does.

    Args:
        run: The run, or the folder of a sweep's runs.
        *overrides: As on a command line.
        maps: In place of `run`: the output of `find_sources`.
        output: The HTML file; None: report.html in the folder.
        overwrite: Whether it may be replaced.
        **settings: Other keys of the config.

    Returns:
        The page's path.

    Raises:
        UserError: There is no run, there are no sources, or the page exists.
    """
    keywords = {"run": _paths_of(run), "maps": maps, "output": output, "overwrite": overwrite, **settings}
    return write_report(_config("report", overrides, keywords))


def write_report(config: "ReportConfig") -> Path:
    """Write the page that a config of `report` asks for.

    Args:
        config: What the page is about.

    Returns:
        The page's path.

    Raises:
        UserError: There is nothing to tell, or the page exists.
    """
    if config.maps is not None:
        from seep_lightning.sources.page import report_sources

        return report_sources(config)
    from seep_lightning.reporting.page import report as report_runs
    from seep_lightning.sources.outputs import SourceOutputs

    given = None if config.run is None else with_home(str(config.run))
    if given is not None and given.is_dir() and SourceOutputs.of(str(given)).are_there:
        raise UserError(f"run={config.run} holds sources of `seep sources`, and no run. Give maps={config.run}.")
    return report_runs(config)


def review(
    runs: AnyRun | Sequence[AnyRun],
    output: StrPath,
    *overrides: str,
    most: int = AS_CONFIGURED,
    overwrite: bool = AS_CONFIGURED,
    **settings: Any,
) -> "WrittenReview":
    """List the labels that are probably wrong, for a person to answer, as `seep review` does.

    Args:
        runs: A folder of folds, or one run, whose validation and test chips are judged; or several.
        output: The folder of the review.
        *overrides: As on a command line.
        most: How many labels are listed at most.
        overwrite: Whether a review that is there may be replaced.
        **settings: Other keys of the config.

    Returns:
        The list, and where page, layer and table lie.

    Raises:
        UserError: The runs are no folds of one split, or the folder exists.
    """
    from seep_lightning.labelling.review import review as write_review

    keywords = {"runs": _paths_of(runs), "output": output, "most": most, "overwrite": overwrite, **settings}
    return write_review(_config("review", overrides, keywords))


def check(*overrides: str, root: StrPath = AS_CONFIGURED, **settings: Any) -> "Audit":
    """Audit a data set before anyone trains on it, as `seep check` does.

    Args:
        *overrides: As on a command line, such as `"data=seeps"`.
        root: The folder of the data set.
        **settings: Other keys of the config, such as `data={"classes": 7}`, `split={"seed": 3}`.

    Returns:
        The problems, of which each would stop a training, and the facts; there is no error for problems.

    Raises:
        UserError: A key or value that does not fit.
    """
    from seep_lightning.data.audit.auditing import audit

    config = _config("check", overrides, {"data.root": root, **settings})
    return audit(config.data, config.split)


def find_sources(
    *overrides: str,
    maps: StrPath | Sequence[StrPath] | None = AS_CONFIGURED,
    output: StrPath,
    overwrite: bool = AS_CONFIGURED,
    **settings: Any,
) -> "SourcesResult":
    """Find the places where slicks recur over many days, as `seep sources` does.

    Args:
        *overrides: As on a command line, such as `"data=seeps"`.
        maps: Folders that `predict` wrote, patterns of these, single maps, or an analyst's outlines; None: the masks of
            the data set `data`.
        output: A folder, or a GeoPackage.
        overwrite: Whether files of something else may be replaced, and all days are read again.
        **settings: Other keys of the config, such as `cell=80`, `date_column="date"`, `data={"root": "chips"}`.

    Returns:
        The sources and the paths of the files.

    Raises:
        UserError: A map cannot be used, or the output is of something else.
    """
    from seep_lightning.sources.collecting import collect_sources

    keywords = {"maps": maps, "output": output, "overwrite": overwrite, **settings}
    return collect_sources(_config("sources", overrides, keywords))


def prepare(
    *overrides: str,
    scenes: StrPath | Sequence[StrPath] = AS_CONFIGURED,
    labels: StrPath = AS_CONFIGURED,
    output: StrPath,
    review: StrPath | None = AS_CONFIGURED,
    classes: Mapping[str, int | str] | None = AS_CONFIGURED,
    **settings: Any,
) -> "PreparedChips":
    """Cut scenes and an analyst's polygons or masks into chips and masks, or correct labels, as `seep prepare` does.

    Args:
        *overrides: As on a command line.
        scenes: A raster, a folder or a pattern of them, or a list of these.
        labels: The vector file of polygons, or a mask, a folder or a pattern of masks.
        output: The folder of the new data set.
        review: In place of scenes and labels: the answers to a review, by which its data set is corrected.
        classes: What the words in the column `class_attribute` mean, such as `{"thin": 1, "thick": 2}`.
        **settings: Other keys of the config, such as `size=256`, `class_attribute="class"`.

    Returns:
        The data set's folder, and how many chips it holds.

    Raises:
        UserError: Scenes or polygons cannot be read or do not lie together, or the folder exists.
    """
    from seep_lightning.config.class_words import class_words_text
    from seep_lightning.data.preparation import prepare as cut_chips
    from seep_lightning.data.prepared import PreparedChips
    from seep_lightning.labelling.corrections import correct_labels

    paths = {"scenes": scenes, "labels": labels, "output": output, "review": review}
    config = _config("prepare", overrides, {**paths, "classes": class_words_text(classes), **settings})
    facts = cut_chips(config) if config.review is None else correct_labels(config)
    return PreparedChips.of_facts(config.output, facts)


def export(
    run: AnyRun,
    output: StrPath,
    *overrides: str,
    format: str = AS_CONFIGURED,
    overwrite: bool = AS_CONFIGURED,
    **settings: Any,
) -> Path:
    """Write a run's network as one file, as `seep export` does.

    Args:
        run: The run directory, or `seeps`, `generated` of the package.
        output: The file.
        *overrides: As on a command line.
        format: Such as `onnx`, `qgis` or `torch`.
        overwrite: Whether the file may be replaced.
        **settings: Other keys of the config.

    Returns:
        The file's path, for `load` or `predict(run=...)`.

    Raises:
        UserError: There is no such run, or the file exists.
    """
    from seep_lightning.predictor.exporting import export as write_network

    keywords = {"run": _path_of(run), "output": output, "format": format, "overwrite": overwrite, **settings}
    return write_network(_config("export", overrides, keywords))


def qgis(
    *overrides: str,
    scripts: StrPath | None = AS_CONFIGURED,
    python: StrPath | None = AS_CONFIGURED,
    overwrite: bool = AS_CONFIGURED,
) -> "InstalledScripts":
    """Install the Processing scripts in QGIS, as `seep qgis` does.

    Args:
        *overrides: As on a command line.
        scripts: The folder of Processing scripts; None: that of the default profile of each version that is there.
        python: The Python that the scripts run; None: this one.
        overwrite: Whether other versions of the scripts may be replaced.

    Returns:
        Where the scripts lie.

    Raises:
        UserError: Other files would be replaced.
    """
    from seep_lightning.commands.qgis_installation import install_scripts

    keywords = {"scripts": scripts, "python": python, "overwrite": overwrite}
    return install_scripts(_config("qgis", overrides, keywords))


def read_chips(*overrides: str, root: StrPath = AS_CONFIGURED, **data: Any) -> "ChipSequence":
    """List the chips of a data set; each is read when it is asked for.

    Args:
        *overrides: As on a command line, such as `"data=seeps"`; with `"data=synthetic"` chips are generated.
        root: The folder of the data set.
        **data: Other keys below `data`, such as `classes=7`, `nodata=None`.

    Returns:
        A sequence of chips: name, scene, tile, image, mask, valid.

    Raises:
        UserError: There are no chips, or their layout is not as expected.
    """
    from seep_lightning.data.chip_sequence import open_chips

    settings: dict[str, Any] = {"data.root": root}
    if data:
        settings["data"] = data
    return open_chips(_config("check", overrides, settings).data)


def open_scene(
    path: StrPath, bands: Sequence[int | str] = (1,), *, nodata: float | None = None, remove_noise: bool = False
) -> "Raster":
    """Open a scene as `predict` reads it: a raster, or a Sentinel-1 product as calibrated backscatter.

    Args:
        path: The raster, or the product's folder, manifest or archive.
        bands: Numbers from 1, or names such as `VV`. Band 1 of a product is the co-polarised one.
        nodata: A value of pixels without data, besides those that the scene declares; none for a product, which tells
            where it has no data.
        remove_noise: Whether the thermal noise of a product is subtracted.

    Returns:
        The scene, open for reading by `read`; close it, or use it in a `with` statement.

    Raises:
        UserError: It cannot be used, or the path holds several scenes.
    """
    from seep_lightning.data.inputs import find_scenes
    from seep_lightning.scene.inputs.kinds import open_scene as open_one
    from seep_lightning.scene.scene_file import ReadingOptions
    from seep_lightning.scene.settling import ValueOptions, check_nothing_said

    scenes = find_scenes("path", str(path))
    if len(scenes) > 1:
        names = ", ".join(scene.name for scene in scenes[:3])
        raise UserError(f"path={path} holds {len(scenes)} scenes ({names} ...). Name one of them.")
    raster = open_one(scenes[0], ReadingOptions(tuple(bands), nodata, remove_noise=remove_noise))
    if raster.decoder is None:
        return raster
    try:
        check_nothing_said(raster, ValueOptions(nodata=nodata))
    except UserError:
        raster.close()
        raise
    return raster


def _config(command: str, overrides: Sequence[str], settings: dict[str, Any]) -> Any:
    """The typed config of a command from overrides and the keyword arguments that were passed."""
    return compose(command, overrides, **without_unset(settings))


def _training_request(overrides: Sequence[str], settings: dict[str, Any], output: StrPath | None) -> "TrainingRequest":
    """What a call of `train` asks for, as the same command line would."""
    from seep_lightning.commands.run_directories import run_directory
    from seep_lightning.training.cases import TrainingRequest

    composition = compose_keywords("train", overrides, settings)
    cfg = composition.cfg
    directory = with_home(output or run_directory(cfg.run, cfg.ckpt, cfg.name))
    return TrainingRequest(cfg=cfg, overrides=composition.overrides, directory=directory, is_multirun=False)


def _path_of(run: AnyRun) -> str:
    """The path of a run that is given as a path or as `open_run` gives it."""
    return str(run.dir if isinstance(run, Run) else run)


def _paths_of(runs: Any) -> Any:
    """The paths of one run or several; None and `AS_CONFIGURED` stay as they are."""
    if isinstance(runs, str | Path | Run):
        return _path_of(runs)
    if isinstance(runs, Sequence):
        return [_path_of(run) for run in runs]
    return runs

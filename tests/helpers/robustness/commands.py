"""The commands that campaigns give, and the files that each of them reads."""

from dataclasses import dataclass, field

from helpers.robustness.damage import ANY, TEXT
from helpers.robustness.damaged_archives import TAR, ZIP
from helpers.robustness.damaged_documents import CHECKPOINT, CSV, JSON, ONNX, XML, YAML
from helpers.robustness.damaged_rasters import ENVI_HEADER, PNG, TIFF, VRT
from helpers.robustness.damaged_stores import NPZ
from helpers.robustness.damaged_vectors import GEOJSON, SQLITE
from helpers.robustness.materials import CHIPS, MAP_ONCE, SEARCH, SHORT

DOCUMENTS, RASTERS = "documents", "rasters"


@dataclass(frozen=True)
class Read:
    """A file that a command reads: a pattern below the working folder, of which the first is damaged.

    kinds: those of `Damage.kinds` that befall it. same: whether the result is what it was, if there is one: what it
    holds does not change it, or a damage of it is noticed. False: what is damaged may be what is measured.
    checked: whether it holds a checksum of its own, so that any damage is noticed.
    """

    pattern: str
    kinds: tuple[str, ...] = ()
    same: bool = False
    owner: str = DOCUMENTS
    checked: bool = False

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """With those that any file is of."""
        is_text = any(kind in (JSON, YAML, CSV, XML, GEOJSON, ENVI_HEADER, VRT) for kind in self.kinds)
        return (ANY, *((TEXT,) if is_text else ()), *self.kinds)


def raster(pattern: str, *kinds: str) -> Read:
    """Pixels: any of them may be measured ones."""
    return Read(pattern, kinds, owner=RASTERS)


@dataclass(frozen=True)
class Command:
    """A command.

    name: of the command. verb, arguments: what is typed. material: what lies in `in/`. writes: where it may write,
    files or folders below the working folder. reads: what it reads. says_what_lacks: words of the warning without which
    its result must be whole.
    """

    name: str
    verb: str
    material: str
    arguments: tuple[str, ...]
    writes: tuple[str, ...] = ("out",)
    reads: tuple[Read, ...] = field(default=())
    says_what_lacks: str = ""

    @property
    def line(self) -> list[str]:
        """The verb and its arguments."""
        return [self.verb, *self.arguments]


RUN_READS = (
    Read("in/run/config.yaml", (YAML,), same=True),
    Read("in/run/summary.json", (JSON,), same=True),
    Read("in/run/checkpoints/best.ckpt", (CHECKPOINT,), same=True, checked=True),
)
FINISHED_READS = (Read("in/run/config.yaml", (YAML,)), RUN_READS[1])
"""The config is left as it is."""
SPLIT = Read("in/run/split.csv", (CSV,), same=True)
METRICS = Read("in/run/metrics.csv", (CSV,), same=True)
CHIP = raster("in/chips/train_images_256/*.tif", TIFF)
MASK = raster("in/chips/train_masks_256/*.tif", TIFF)
OWN_CHIPS = ("data=chips", "data.root=in/chips")
TRAIN = (*SHORT, "hydra.run.dir=out/run")
PREPARE = ("scenes=in/scenes", "output=out/chips", "size=32", "empty_share=1")


def check(material: str, *reads: Read, more: tuple[str, ...] = OWN_CHIPS) -> Command:
    return Command(f"check {material}", "check", material, more, (), reads)


def train(material: str, *reads: Read, more: tuple[str, ...] = OWN_CHIPS) -> Command:
    return Command(f"train {material}", "train", material, (*more, *TRAIN), reads=reads)


def predict(material: str, *reads: Read, more: tuple[str, ...] = ()) -> Command:
    return Command(f"predict {material}", "predict", material, (*MAP_ONCE, "output=out/maps", *more), reads=reads)


def prepare(material: str, labels: str, *reads: Read) -> Command:
    arguments = (*PREPARE, f"labels={labels}")
    return Command(f"prepare {labels.rpartition('/')[2]}", "prepare", material, arguments, reads=reads)


def of_folds(verb: str, output: str) -> Command:
    return Command(f"{verb} folds", verb, "folds", ("runs=in/folds", output), reads=FOLD_READS)


def layer_reads(pattern: str, *kinds: str) -> Read:
    return Read(pattern, kinds, owner=RASTERS)


SAFE = "in/scenes/*.SAFE"
MAPS = ("maps=in/maps", "permutations=199")
WRITTEN_READS = (
    Read("in/sources/sources.gpkg", (SQLITE,), owner=RASTERS),
    Read("in/sources/recurrence.tif", (TIFF,), owner=RASTERS),
    Read("in/sources/source_days.csv", (CSV,)),
    Read("in/sources/days/grid.json", (JSON,)),
    Read("in/sources/days/*.npz", (NPZ,), checked=True),
)
PLACES = ("second_look=in/judge.json", "history=in/recurrence.tif", "history_weight=0")
FOLD = "in/folds/*fold*0"
FOLD_READS = (
    Read(f"{FOLD}/config.yaml", (YAML,)),
    Read(f"{FOLD}/summary.json", (JSON,)),
    Read(f"{FOLD}/split.csv", (CSV,)),
    Read(f"{FOLD}/checkpoints/best.ckpt", (CHECKPOINT,), checked=True),
)
COMMANDS: tuple[Command, ...] = (
    check("chips", CHIP, MASK, more=tuple(CHIPS)),
    check("png chips", raster("in/chips/images/*.png", PNG), raster("in/chips/masks/*.png", PNG)),
    check("jpg chips", raster("in/chips/images/*.jpg")),
    check("bmp chips", raster("in/chips/images/*.bmp"), raster("in/chips/masks/*.bmp")),
    check("webp chips", raster("in/chips/images/*.webp")),
    check("jp2 chips", raster("in/chips/images/*.jp2")),
    check("pair list", Read("in/chips/pairs.csv", (CSV,)), more=(*OWN_CHIPS, "data.pairs=pairs.csv", "split=file")),
    check("prepared", Read("in/chips/dataset.json", (JSON,))),
    train("chips", CHIP, MASK, more=tuple(CHIPS)),
    train("pair list", Read("in/chips/pairs.csv", (CSV,)), more=(*OWN_CHIPS, "data.pairs=pairs.csv", "split=file")),
    train(
        "split file",
        Read("in/split.csv", (CSV,)),
        more=(*CHIPS, "split=file", "split.path=in/split.csv"),
    ),
    train("prepared", Read("in/chips/dataset.json", (JSON,))),
    train(
        "user configs",
        Read("in/configs/experiment/mine.yaml", (YAML,)),
        more=(*CHIPS, "--config-dir", "in/configs", "experiment=mine"),
    ),
    Command(
        "resume",
        "train",
        "trained",
        ("run=in/run", "trainer.max_epochs=4", "trainer.limit_train_batches=1"),
        ("in/run",),
        (
            Read("in/run/config.yaml", (YAML,)),
            Read("in/run/summary.json", (JSON,)),
            Read("in/run/checkpoints/best.ckpt", (CHECKPOINT,)),
            Read("in/run/checkpoints/last.ckpt", (CHECKPOINT,)),
            Read("in/run/split.csv", (CSV,)),
            Read("in/run/metrics.csv", (CSV,)),
        ),
    ),
    Command("finished already", "train", "trained", ("run=in/run",), ("in/run",), FINISHED_READS),
    Command(
        "init",
        "train",
        "trained",
        (*CHIPS, *TRAIN, "init=in/run"),
        reads=RUN_READS,
    ),
    Command(
        "init from a file",
        "train",
        "exported",
        (*CHIPS, *TRAIN, "init=in/net.pt"),
        reads=(Read("in/net.pt", (CHECKPOINT,), same=True, checked=True),),
    ),
    Command(
        "search",
        "train",
        "study",
        (*CHIPS, *SHORT, *SEARCH, "hydra.sweeper.n_trials=2"),
        ("in/search",),
        (Read("in/search/study.db"),),
    ),
    Command("evaluate", "evaluate", "trained", ("run=in/run",), ("in/run/evaluate",), (*RUN_READS, SPLIT, CHIP, MASK)),
    Command(
        "evaluate other data",
        "evaluate",
        "trained",
        ("run=in/run", "data.root=in/chips", "name=other"),
        ("in/run/evaluate",),
        (*RUN_READS, CHIP, MASK),
    ),
    Command("export torch", "export", "trained", ("run=in/run", "output=out/a.pt", "format=torch"), reads=RUN_READS),
    Command(
        "export again",
        "export",
        "exported",
        ("run=in/net.pt", "output=out/a.pt", "format=torch"),
        reads=(Read("in/net.pt", (CHECKPOINT,), same=True, checked=True),),
    ),
    Command(
        "report",
        "report",
        "trained",
        ("run=in/run", "output=out/page.html"),
        ("out", "in/run/evaluate"),
        (*RUN_READS, SPLIT, METRICS),
        says_what_lacks="the page lacks something",
    ),
    Command(
        "compare",
        "compare",
        "evaluated",
        ("runs=in/runs", "csv=out/ranking.csv"),
        reads=(
            Read("in/runs/a/config.yaml", (YAML,)),
            Read("in/runs/a/summary.json", (JSON,)),
            Read("in/runs/a/metrics.csv", (CSV,)),
        ),
    ),
    Command(
        "compare in pairs",
        "compare",
        "evaluated",
        ("runs=[in/runs/a,in/runs/b]", "paired=true"),
        reads=(
            Read("in/runs/a/evaluate/test/chips.csv", (CSV,)),
            Read("in/runs/a/evaluate/test/summary.json", (JSON,)),
            Read("in/runs/a/config.yaml", (YAML,)),
            Read("in/runs/a/split.csv", (CSV,)),
        ),
    ),
    Command(
        "predict chips",
        "predict",
        "trained",
        ("run=in/run", "input=in/chips/train_images_256", "output=out/maps", "threads=1"),
        reads=(*RUN_READS, CHIP),
    ),
    Command(
        "predict torch",
        "predict",
        "exported",
        ("run=in/net.pt", *MAP_ONCE[1:], "output=out/maps"),
        reads=(Read("in/net.pt", (CHECKPOINT,), same=True, checked=True),),
    ),
    Command(
        "predict onnx",
        "predict",
        "exported",
        ("run=in/net.onnx", *MAP_ONCE[1:], "output=out/maps"),
        reads=(Read("in/net.onnx", (ONNX,)),),
    ),
    predict("GeoTIFF", raster("in/scenes/a.tif", TIFF), *RUN_READS),
    Command(
        "next GeoTIFF",
        "next",
        "GeoTIFF",
        ("run=in/run", "scenes=in/scenes", "output=out/next", "window=32"),
        reads=(raster("in/scenes/a.tif", TIFF), *RUN_READS),
    ),
    predict("COG", raster("in/scenes/a.tif", TIFF)),
    predict("float GeoTIFF", raster("in/scenes/a.tif", TIFF), more=("scale=linear",)),
    Command(
        "predict pages",
        "predict",
        "pages",
        (MAP_ONCE[0], *MAP_ONCE[2:], "input=GTIFF_DIR:2:in/scenes/a.tif", "output=out/maps"),
        reads=(raster("in/scenes/a.tif", TIFF),),
    ),
    predict("VRT", raster("in/scenes/a.vrt", VRT, XML), raster("in/scenes/pixels.tif", TIFF)),
    predict("PNG", raster("in/scenes/a.png", PNG)),
    predict("JPEG 2000", raster("in/scenes/a.jp2")),
    predict("ENVI", raster("in/scenes/a.hdr", ENVI_HEADER), raster("in/scenes/a.img")),
    predict("Imagine", raster("in/scenes/a.img")),
    predict("NetCDF", raster("in/scenes/a.nc"), more=("bands=[Band1]",)),
    predict(
        "Zarr",
        raster("in/scenes/a.zarr/.zmetadata", JSON),
        raster("in/scenes/a.zarr/.zgroup", JSON),
        raster("in/scenes/a.zarr/SIGMA0_VV/.zarray", JSON),
        raster("in/scenes/a.zarr/SIGMA0_VV/.zattrs", JSON),
        raster("in/scenes/a.zarr/SIGMA0_VV/0.0"),
        more=("bands=[SIGMA0_VV]",),
    ),
    predict(
        "DIMAP",
        raster("in/scenes/a.dim", XML),
        raster("in/scenes/a.data/*.hdr", ENVI_HEADER),
        raster("in/scenes/a.data/*.img"),
    ),
    predict(
        "SAFE",
        raster(f"{SAFE}/manifest.safe", XML),
        raster(f"{SAFE}/annotation/*-vv-*.xml", XML),
        raster(f"{SAFE}/annotation/calibration/calibration-*-vv-*.xml", XML),
        raster(f"{SAFE}/annotation/calibration/noise-*-vv-*.xml", XML),
        raster(f"{SAFE}/measurement/*-vv-*.tiff", TIFF),
    ),
    predict("SAFE zip", raster("in/scenes/*.zip", ZIP)),
    predict("zip", raster("in/scenes/archive.zip", ZIP)),
    predict("tar", raster("in/scenes/archive.tar.gz", TAR)),
    predict("gz", raster("in/scenes/a.tif.gz")),
    *(
        Command(
            f"predict area{suffix}",
            "predict",
            "areas",
            (*MAP_ONCE, f"area=in/area{suffix}", "output=out/maps"),
            reads=tuple(layer_reads(pattern, *kinds) for pattern in patterns),
        )
        for suffix, patterns, kinds in (
            (".gpkg", ("in/area.gpkg",), (SQLITE,)),
            (".geojson", ("in/area.geojson",), (GEOJSON, JSON)),
            (".shp", ("in/area.shp", "in/area.shx", "in/area.dbf", "in/area.prj"), ()),
        )
    ),
    Command(
        "predict again",
        "predict",
        "maps",
        (*MAP_ONCE, "output=in/maps"),
        ("in/maps",),
        (
            Read("in/maps/scenes.csv", (CSV,), owner=RASTERS),
            Read("in/maps/a.gpkg", (SQLITE,), owner=RASTERS),
            Read("in/maps/a.probability.tif", (TIFF,), owner=RASTERS),
            Read("in/maps/a.mask.tif", (TIFF,), owner=RASTERS),
            Read("in/maps/a.qml", (XML,), owner=RASTERS),
        ),
    ),
    prepare("layers", "in/labels.gpkg", raster("in/scenes/a.tif", TIFF), layer_reads("in/labels.gpkg", SQLITE)),
    prepare("layers", "in/labels.geojson", layer_reads("in/labels.geojson", GEOJSON, JSON)),
    prepare("layers", "in/labels.kml", layer_reads("in/labels.kml", XML)),
    prepare("layers", "in/labels.fgb", layer_reads("in/labels.fgb")),
    prepare(
        "layers",
        "in/labels.shp",
        *(layer_reads(f"in/labels.{suffix}") for suffix in ("shp", "shx", "dbf", "prj", "cpg")),
    ),
    prepare("masks", "in/labels", raster("in/labels/a_mask.tif", TIFF), raster("in/scenes/a.tif", TIFF)),
    prepare("masks", "in/pngs", raster("in/pngs/a_mask.png", PNG)),
    Command("review", "review", "trained", ("runs=in/run", "output=out/review"), ("out", "in/run/folds"), RUN_READS),
    Command("review folds", "review", "folds", ("runs=in/folds", "output=out/review"), ("out", "in/folds"), FOLD_READS),
    Command(
        "judge folds", "judge", "folds", ("runs=in/folds", "output=out/judge.json"), ("out", "in/folds"), FOLD_READS
    ),
    Command(
        "judge recurrence",
        "judge",
        "folds",
        ("runs=in/folds", "recurrence=true", "output=out/judge.json"),
        ("out", "in/folds"),
        (CHIP, MASK),
    ),
    Command(
        "prior folds",
        "prior",
        "folds",
        ("runs=in/folds", "weights=[0.5]", "smoothings=[8]"),
        ("out", "in/folds"),
        (*FOLD_READS, CHIP, MASK),
    ),
    Command(
        "compare by",
        "compare",
        "folds",
        ("runs=in/folds", "by=seed", "part=test", "csv=out/ranking.csv"),
        reads=(Read(f"{FOLD}/evaluate/test/chips.csv", (CSV,)), *FOLD_READS[:3]),
    ),
    Command(
        "predict folds",
        "predict",
        "mapped by folds",
        ("run=in/folds", *MAP_ONCE[1:], "output=out/maps"),
        reads=FOLD_READS,
    ),
    *(
        Command(
            f"prepare {name}",
            "prepare",
            "reviewed",
            (f"review=in/review/{name}", "output=out/corrected"),
            reads=(Read(f"in/review/{name}", kinds), *more),
        )
        for name, kinds, more in (
            ("review.csv", (CSV,), (Read("in/review/review.json", (JSON,)), MASK, CHIP)),
            ("review.gpkg", (SQLITE,), ()),
        )
    ),
    Command(
        "sources maps",
        "sources",
        "days",
        (*MAPS, "output=out/sources"),
        reads=(raster("in/maps/*.probability.tif", TIFF), layer_reads("in/maps/*.gpkg", SQLITE)),
    ),
    Command(
        "sources again",
        "sources",
        "store",
        (*MAPS, "output=in/sources"),
        ("in/sources",),
        (
            Read("in/sources/days/*.npz", (NPZ,), same=True, checked=True),
            Read("in/sources/days/grid.json", (JSON,)),
            raster("in/maps/*20180218*.probability.tif", TIFF),
        ),
    ),
    Command(
        "sources outlines",
        "sources",
        "outlines of days",
        ("maps=in/outlines.gpkg", "date_column=date", "area=in/area.gpkg", "permutations=199", "output=out/sources"),
        reads=(layer_reads("in/outlines.gpkg", SQLITE), layer_reads("in/area.gpkg", SQLITE)),
    ),
    Command(
        "sources chips",
        "sources",
        "chips",
        (*CHIPS, "permutations=199", "output=out/sources.gpkg"),
        reads=(CHIP, MASK),
    ),
    predict(
        "history",
        raster("in/recurrence.tif", TIFF),
        more=("history=in/recurrence.tif", "history_smoothing=500"),
    ),
    *(
        Command(
            f"predict history of {name}",
            "predict",
            "history",
            (*MAP_ONCE, f"history=in/{name}", "history_smoothing=500", "output=out/maps"),
            reads=reads,
        )
        for name, reads in (
            ("sources", WRITTEN_READS[1:2]),
            ("maps", (raster("in/maps/*.probability.tif", TIFF), layer_reads("in/maps/*.gpkg", SQLITE))),
            ("outlines.gpkg", (layer_reads("in/outlines.gpkg", SQLITE),)),
        )
    ),
    predict("judged", Read("in/judge.json", (JSON,)), more=("second_look=in/judge.json",)),
    predict("judged places", Read("in/judge.json", (JSON,)), raster("in/recurrence.tif", TIFF), more=PLACES),
    Command(
        "report sources",
        "report",
        "written sources",
        ("maps=in/sources", "output=out/page.html"),
        reads=WRITTEN_READS,
    ),
    Command(
        "next folds",
        "next",
        "mapped by folds",
        ("run=in/folds", "scenes=in/scenes", "output=out/next", "window=32"),
        reads=(*FOLD_READS, CHIP),
    ),
    # without a folder, QGIS's own is meant
    Command("qgis", "qgis", "chips", ("scripts=out/scripts",), ("out", "home")),
    Command("export onnx", "export", "trained", ("run=in/run", "output=out/a.onnx", "size=32")),
)


def command(name: str) -> Command:
    """The command of a name."""
    return next(known for known in COMMANDS if known.name == name)

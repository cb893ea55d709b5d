"""The traps of `check`: each line appears where it should, and none on a clean set."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import rasterio
from hydra.core.override_parser.overrides_parser import OverridesParser

from helpers.paths import ROOT
from seep_lightning.check import print_audit
from seep_lightning.config.data import DataConfig, SplitConfig, SyntheticConfig
from seep_lightning.data.audit.auditing import Audit, audit
from seep_lightning.data.audit.finding import Finding, Severity
from seep_lightning.data.audit.near_twins import TwinSearch
from seep_lightning.data.audit.trap import EvenSample
from seep_lightning.data.audit.traps import TRAPS
from seep_lightning.data.images import ChipPixels
from seep_lightning.data.leakage import leakage
from seep_lightning.data.loading import load_chips
from seep_lightning.data.scene_names import likely_pattern
from seep_lightning.training.session import train

SIZE = 64
Chip = tuple[np.ndarray, np.ndarray]


def sea_with_slick(rng: np.random.Generator) -> Chip:
    """Speckle of 16 bit, with one dark slick that is labelled 1."""
    image = rng.normal(30000, 3000, (SIZE, SIZE)).clip(1, 65535)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    centre = tuple(rng.integers(14, SIZE - 14, 2).tolist())
    cv2.ellipse(mask, centre, (12, 5), float(rng.integers(0, 180)), 0, 360, 1, -1)
    image[mask > 0] *= 0.6
    return image.astype(np.uint16), mask


def write(root: Path, name: str, chip: Chip) -> None:
    for folder, array in zip(("images", "masks"), chip, strict=True):
        (root / folder).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / folder / name), array)


def write_set(
    root: Path, spoil: Callable[[Chip], Chip] = lambda chip: chip, name: str = "S{scene}.{tile:06d}.tif", tiles: int = 6
) -> Path:
    """48 chips of 8 scenes, each spoilt in one way."""
    rng = np.random.default_rng(0)
    for scene in range(8):
        for tile in range(tiles):
            write(root, name.format(scene=scene, tile=tile, number=scene * tiles + tile), spoil(sea_with_slick(rng)))
    return root


def audited(root: Path, split: SplitConfig | None = None, **settings) -> Audit:
    return audit(DataConfig(root=str(root), **settings), split or SplitConfig())


def the_line(result: Audit, severity: Severity) -> str:
    """The only finding, which has this severity."""
    assert [finding.severity for finding in result.findings] == [severity], result.findings
    return result.findings[0].text


def test_a_clean_set_has_no_finding(tmp_path):
    assert audited(write_set(tmp_path)).findings == []


def with_swath_edge(diagonal: int) -> Callable[[Chip], Chip]:
    """Nothing below a diagonal."""

    def cut(chip: Chip) -> Chip:
        image, mask = chip
        image[np.tril_indices(SIZE, diagonal)] = 0
        mask[image == 0] = 0
        return image, mask

    return cut


def test_nodata_along_the_edge_is_no_finding(tmp_path):
    assert audited(write_set(tmp_path, with_swath_edge(-40))).findings == []


@pytest.mark.slow
def test_generated_chips_have_no_finding_but_the_classes_that_parts_lack(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = DataConfig(source="synthetic", classes=7, synthetic=SyntheticConfig(chips=48))
    texts = [finding.text for finding in audit(config, SplitConfig()).findings]
    assert all("lacks class" in text for text in texts)


def test_padding_is_no_saturated_sea(tmp_path):
    assert audited(write_set(tmp_path), size=SIZE + 16, nodata=None).findings == []


def test_floats_with_a_pixel_that_is_no_number_have_near_twins():
    image = cv2.blur(np.random.default_rng(0).random((1024, 1024), np.float32), (99, 99))
    search = TwinSearch(2)
    chips = []
    for index in range(2):
        values = image[None].copy()
        values[0, 500, 500 + index] = np.nan
        everywhere = np.ones(image.shape, bool)
        chips.append(ChipPixels(values, np.zeros(image.shape, np.uint8), np.isfinite(values[0]), everywhere))
        search.add(index, chips[index])
    assert search.pairs(chips.__getitem__) == [(0, 1)]


# --- nodata


def darkest_at_zero(chip: Chip) -> Chip:
    """Zeros where the slick is darkest, a few of them outside."""
    image, mask = chip
    rng = np.random.default_rng(int(image[0, 0]))
    draw = rng.random(image.shape)
    image[(mask > 0) & (draw < 0.05)] = 0
    image[(mask == 0) & (draw < 0.0005)] = 0
    return image, mask


def test_zeros_inside_seep_are_told_to_be_dark_sea(tmp_path):
    text = the_line(audited(write_set(tmp_path, darkest_at_zero)), Severity.MEANINGLESS)
    assert text.startswith("5.3 % of the seep pixels count as nodata (data.nodata=0)")
    assert "times as frequent inside as outside" in text and text.endswith("Pass data.nodata=null")
    assert audited(tmp_path, nodata=None).findings == []


def test_dark_sea_that_the_files_declare_as_nodata_is_told_with_what_cures_it(tmp_path):
    write_set(tmp_path, darkest_at_zero)
    for path in (tmp_path / "images").iterdir():
        with rasterio.open(path, "r+") as file:
            file.nodata = 0
    text = the_line(audited(tmp_path, nodata=None), Severity.MEANINGLESS)
    assert text.endswith("Take the nodata value out of the files (gdal_edit.py -unsetnodata FILE)")


def test_truth_on_the_zeros_of_a_stretch_to_8_bit_is_told(tmp_path):
    def stretched(chip: Chip) -> Chip:
        image, mask = chip
        low, high = np.quantile(image, (0.02, 0.98))
        return ((image - low) / (high - low) * 255).clip(0, 255).astype(np.uint8), mask

    text = the_line(audited(write_set(tmp_path, stretched)), Severity.MEANINGLESS)
    assert "of the seep pixels count as nodata" in text


def test_seep_on_missing_data_is_told_without_taking_it_for_dark_sea(tmp_path):
    def on_edge(chip: Chip) -> Chip:
        image, mask = chip
        image[:, :20] = 0
        return image, mask

    text = the_line(audited(write_set(tmp_path, on_edge)), Severity.WORTH_KNOWING)
    assert "of the seep pixels have no data (data.nodata=0)" in text


# --- masks


def coded(codes: tuple[int, int]) -> Callable[[Chip], Chip]:
    """Masks of other values for sea and seep."""
    return lambda chip: (chip[0], np.array(codes, np.uint8)[chip[1]])


@pytest.mark.parametrize(
    ("codes", "settings", "cure"),
    [
        ((1, 2), {"classes": 2}, "'data.mask_values={1: 0, 2: 1}'"),
        ((1, 0), {}, "'data.mask_values={0: 1, 1: 0}'"),
        ((255, 0), {}, "'data.mask_values={0: 1, 255: 0}'"),
        ((7, 9), {"mask_values": {7: 1, 9: 0}}, "'data.mask_values={0: 1, 7: 0, 9: 1}'"),
    ],
)
def test_inverted_masks_are_told_with_the_map_that_turns_them_round(tmp_path, codes, settings, cure):
    text = audited(write_set(tmp_path, coded(codes)), **settings).texts(Severity.MEANINGLESS)[0]
    assert "of all pixels are seep" in text and text.endswith(f"pass {cure}")
    override = OverridesParser.create().parse_override(cure.strip("'"))
    assert audited(tmp_path, **{**settings, "mask_values": override.value()}).findings == []


def test_masks_of_one_value_are_told_without_a_map_that_would_be_refused(tmp_path):
    text = audited(write_set(tmp_path, coded((1, 1)))).texts(Severity.MEANINGLESS)[0]
    assert text.endswith("which value is the sea?") and "data.mask_values" not in text


def test_the_share_of_each_class_in_the_pixels_is_told(tmp_path):
    result = audited(write_set(tmp_path))
    masks = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (tmp_path / "masks").iterdir()]
    share = np.mean(masks)
    assert result.facts["classes (chips)"] == "1: 48"
    assert result.facts["classes (pixels)"] == f"1: {100 * share:.1f} %"


def test_a_set_without_any_seep_is_told(tmp_path):
    text = the_line(audited(write_set(tmp_path, coded((0, 0)))), Severity.MEANINGLESS)
    assert text.startswith("no mask of 48 chips holds a seep pixel")


def test_a_chip_that_is_seep_throughout_is_told(tmp_path):
    image, mask = sea_with_slick(np.random.default_rng(3))
    write(write_set(tmp_path), "S0.000000.tif", (image, np.ones_like(mask)))
    text = the_line(audited(tmp_path), Severity.WORTH_KNOWING)
    assert text.startswith("1 chip(s) are seep throughout: S0.000000.tif")


def through_jpeg(largest: int) -> Callable[[Chip], Chip]:
    """Masks of 0 and one value, as JPEG leaves them."""

    def compress(chip: Chip) -> Chip:
        encoded = cv2.imencode(".jpg", chip[1] * largest, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        return chip[0], cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)

    return compress


def test_lossy_masks_are_told(tmp_path):
    text = the_line(audited(write_set(tmp_path, through_jpeg(255))), Severity.STOPS)
    assert "values scattered around 0 and 255, as lossy compression (JPEG) leaves them" in text
    assert text.endswith("(as 47 more: S0.000001.tif, S0.000002.tif, S0.000003.tif and 44 more)")


def test_lossy_masks_that_pass_for_classes_are_told(tmp_path):
    result = audited(write_set(tmp_path, through_jpeg(120)), classes=200)
    assert any("mask(s) hold up to" in text for text in result.texts(Severity.MEANINGLESS))


# --- parts


def empty_scenes(root: Path, scenes: set[int]) -> None:
    """Take the seep out of the masks of some scenes."""
    for path in (root / "masks").iterdir():
        if int(path.name[1]) in scenes:
            cv2.imwrite(str(path), np.zeros((SIZE, SIZE), np.uint8))


def scenes_of(root: Path, part: str) -> set[int]:
    from seep_lightning.data.layouts import pair_chips
    from seep_lightning.data.split import split_chips

    chips = pair_chips(DataConfig(root=str(root)))
    parts = split_chips(chips, SplitConfig())
    return {int(scene[1]) for scene, own in zip(chips.scenes, parts, strict=True) if own == part}


def test_a_part_without_seep_is_told(tmp_path):
    write_set(tmp_path)
    empty_scenes(tmp_path, scenes_of(tmp_path, "val"))
    text = the_line(audited(tmp_path), Severity.MEANINGLESS)
    assert text.startswith("the validation part of split=scene (12 chips) has no seep pixel")


def test_a_class_that_a_part_lacks_is_told(tmp_path):
    write_set(tmp_path)
    training = scenes_of(tmp_path, "train")
    for path in (tmp_path / "masks").iterdir():
        if int(path.name[1]) in training:
            mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(path), mask * 2)
    text = the_line(audited(tmp_path, classes=2), Severity.WORTH_KNOWING)
    assert "training lacks class 1; validation lacks class 2; test lacks class 2" in text


@pytest.mark.parametrize("way", ["same", "jpeg", "turned", "brighter"])
def test_a_twin_or_near_twin_of_a_training_chip_is_told(tmp_path, way):
    write_set(tmp_path)
    original = cv2.imread(str(tmp_path / f"images/S{min(scenes_of(tmp_path, 'train'))}.000002.tif"), -1)
    if way == "jpeg":
        encoded = cv2.imencode(".jpg", (original // 200).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
        twin = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED).astype(np.uint16) * 200
    elif way == "turned":
        twin = np.rot90(original)
    elif way == "same":
        twin = original
    else:
        twin = (original * 1.3).clip(0, 65535).astype(np.uint16)
    name = f"S{min(scenes_of(tmp_path, 'val'))}.000004.tif"
    cv2.imwrite(str(tmp_path / "images" / name), twin)
    text = the_line(audited(tmp_path), Severity.MEANINGLESS)
    assert text.startswith("1 of 12 validation chips have the picture of a training chip, or nearly")
    assert f"{name} ~ S" in text


def test_a_copy_in_another_part_hides_no_near_twin(tmp_path):
    write_set(tmp_path, tiles=2)
    images = tmp_path / "images"
    parts = {"S0": "val", "S2": "test"}
    original = cv2.imread(str(images / "S1.000000.tif"), -1)
    cv2.imwrite(str(images / "S0.000000.tif"), original)
    cv2.imwrite(str(images / "S2.000000.tif"), (original * 1.3).clip(0, 65535).astype(np.uint16))
    rows = [f"{path.name},{parts.get(path.name[:2], 'train')}" for path in images.iterdir()]
    table = tmp_path / "split.csv"
    table.write_text("\n".join(["name,part", *rows]))
    texts = audited(tmp_path, SplitConfig(kind="file", path=str(table))).texts(Severity.MEANINGLESS)
    assert [text[text.index(":") + 2 :].split(".")[0] for text in texts] == ["S0", "S2"]


def test_one_edge_of_the_swath_in_many_chips_makes_no_twins(tmp_path):
    texts = audited(write_set(tmp_path, with_swath_edge(-16)), nodata=None).texts(Severity.MEANINGLESS)
    assert not any("training chip" in text for text in texts)


# --- names


def test_scenes_in_names_are_told_with_a_pattern_that_survives_shell_and_hydra(tmp_path):
    root = write_set(tmp_path / "set", name="04186{scene}_{tile:06d}.tif")
    result = audited(root)
    text = the_line(result, Severity.MEANINGLESS)
    assert "seem to hold 8 scenes" in text
    assert "scene unknown" in result.leaks["scene"] and "0 share" not in result.leaks["scene"]
    cure = text.rpartition("Pass ")[2]
    command = f"{sys.executable} -m seep_lightning.check data.root={root} {cure}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "8: 041860 (6), 041861 (6)" in done.stdout and "makes figures meaningless" not in done.stdout


@pytest.mark.parametrize(
    ("names", "scenes"),
    [
        ([f"S{scene}-tile{tile}.png" for scene in range(4) for tile in range(5)], 4),
        (
            [f"S{scene}_{256 * row}_{256 * column}.png" for scene in range(3) for row in range(3) for column in (0, 1)],
            3,
        ),
        ([f"S1A_2020010{day}_{tile:04d}.tif" for day in range(1, 4) for tile in range(5)], 3),
        ([f"{scene}_{tile}_sat.jpg" for scene in (101, 102) for tile in range(5)], 2),
        ([f"{number:03d}.jpg" for number in range(20)], None),
        ([f"palsar_{number}.png" for number in range(20)], None),
        (["a.png", "slick near the coast.png", "x7.png"], None),
    ],
)
def test_scenes_are_found_in_names(names, scenes):
    pattern = likely_pattern(names)
    assert (pattern and pattern.scenes) == scenes


def test_names_without_scenes_are_told(tmp_path):
    result = audited(write_set(tmp_path, name="{number:03d}.tif"))
    text = the_line(result, Severity.WORTH_KNOWING)
    assert "split=scene is a random split" in text and "data.pairs" in text
    assert result.facts["scenes"].startswith("unknown")
    assert "scene unknown" in result.leaks["random"]


def test_unknown_places_are_not_reported_as_zero(tmp_path):
    chips = load_chips(DataConfig(root=str(write_set(tmp_path))))
    row = str(leakage(chips, ["train", "val", "test"] * 16)[0])
    assert row == "val 16 chips: 16 share a scene with training, neighbours and place unknown (see data.grid)"


# --- masks on images


def moved(matrix: list[list[float]]) -> Callable[[Chip], Chip]:
    def move(chip: Chip) -> Chip:
        mask = cv2.warpAffine(chip[1], np.array(matrix, np.float32), (SIZE, SIZE), flags=cv2.INTER_NEAREST)
        return chip[0], mask

    return move


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (moved([[1, 0, 5], [0, 1, 0]]), "lie about 5 px right of"),
        (moved([[1, 0, 0], [0, 1, -6]]), "lie about 6 px above what"),
        (moved([[0.85, 0, 0], [0, 0.85, 0]]), "if they were 1.1"),
        (lambda chip: (chip[0], chip[1][::-1]), "if they were upside down"),
    ],
)
def test_masks_that_lie_elsewhere_than_their_images_are_told(tmp_path, spoil, what):
    text = the_line(audited(write_set(tmp_path, spoil, tiles=12)), Severity.MEANINGLESS)
    assert what in text


def exchange_masks(root: Path, which: slice) -> None:
    """Give each of some chips the mask of the next of them."""
    masks = sorted((root / "masks").iterdir())[which]
    contents = [path.read_bytes() for path in masks]
    for path, content in zip(masks, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)


def test_masks_of_other_images_are_told(tmp_path):
    exchange_masks(write_set(tmp_path), slice(None))
    assert "lie on nothing" in the_line(audited(tmp_path), Severity.WORTH_KNOWING)


def each(number: int, spoil: Callable[[Chip], Chip]) -> Callable[[Chip], Chip]:
    """Spoil each second or third chip only."""
    position = itertools.count()
    return lambda chip: spoil(chip) if next(position) % number == 0 else chip


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (each(3, coded((1, 0))), "16 masks (of 48 chips) are mostly seep, where other images show sea"),
        (each(2, moved([[1, 0, 6], [0, 1, 0]])), "24 masks lie about 6 px right of what their images show"),
    ],
)
def test_what_is_wrong_with_some_masks_is_told(tmp_path, spoil, what):
    text = the_line(audited(write_set(tmp_path, spoil)), Severity.MEANINGLESS)
    assert text.startswith(what) and "S0.000000.tif" in text


def test_some_masks_of_other_images_are_told(tmp_path):
    exchange_masks(write_set(tmp_path, tiles=12), slice(None, None, 3))
    text = the_line(audited(tmp_path), Severity.MEANINGLESS)
    assert "lie on nothing that their images show, while the others fit: S0." in text


def test_a_small_shift_of_few_masks_is_told(tmp_path):
    write_set(tmp_path, moved([[1, 0, 3], [0, 1, 3]]), tiles=1)
    text = the_line(audited(tmp_path), Severity.MEANINGLESS)
    assert text.startswith("masks lie about 3 px right of and 3 px below what their images show (of 8 chips)")


@pytest.mark.parametrize("chips", [400, 600, 10_000])
def test_a_sample_meets_what_is_wrong_with_each_third_chip(chips):
    sample = EvenSample(chips)
    chosen = [index for index in range(chips) if SimpleNamespace(index=index) in sample]
    assert abs(len(chosen) - 200) <= 2
    for period in (2, 3, 4, 5):
        in_step = sum(index % period == 0 for index in chosen)
        assert abs(in_step - 200 / period) <= 12


# --- pictures


def test_saturated_chips_are_told(tmp_path):
    def steep(chip: Chip) -> Chip:
        return ((chip[0] - 15000.0) / 18000 * 255).clip(1, 255).astype(np.uint8), chip[1]

    text = the_line(audited(write_set(tmp_path, steep)), Severity.WORTH_KNOWING)
    assert "of all pixels have the largest value, 255" in text


def test_a_constant_chip_is_told(tmp_path):
    write(write_set(tmp_path), "S1.000001.tif", (np.full((SIZE, SIZE), 7, np.uint16), np.zeros((SIZE, SIZE), np.uint8)))
    text = the_line(audited(tmp_path), Severity.WORTH_KNOWING)
    assert text.startswith("1 chip(s) hold one value only: S1.000001.tif")


# --- output


def test_what_is_wrong_with_many_chips_is_one_line_with_three_examples(tmp_path):
    result = audited(write_set(tmp_path, coded((0, 254))))
    text = the_line(result, Severity.STOPS)
    assert "254 (" in text and text.count("S0.") == 4
    assert text.endswith("(as 47 more: S0.000001.tif, S0.000002.tif, S0.000003.tif and 44 more)")


def test_the_output_is_short_whatever_is_wrong(tmp_path, capsys, monkeypatch):
    # some environments of a test run set it, and then lines are broken
    monkeypatch.delenv("COLUMNS", raising=False)
    write_set(tmp_path, darkest_at_zero, name="n{number}.tif")
    rng = np.random.default_rng(1)
    for number in range(24):
        size = (20 + number, 30)
        image = rng.integers(0, 2**16, size).astype(np.uint16)
        write(tmp_path, f"n{number}.tif", (image, rng.integers(0, 9 + number, size).astype(np.uint8)))
    for number in range(30, 40):
        (tmp_path / f"images/n{number}.tif").write_bytes(b"II*\0" + bytes(number))
        cv2.imwrite(str(tmp_path / f"masks/m{number}.tif"), np.zeros((SIZE, SIZE), np.uint8))
    print_audit(audited(tmp_path))
    output = capsys.readouterr().out
    assert "stops a training" in output
    assert len(output.splitlines()) < 40


def test_the_longest_output_is_short(capsys):
    findings = [Finding(Severity.MEANINGLESS, f"trap {number}") for number in range(60)]
    facts = {f"fact {number}": "x" * 300 for number in range(13)}
    leaks = dict.fromkeys(("file", "scene", "place", "kfold", "random", "any split"), "y" * 300)
    print_audit(Audit("root", findings, facts, leaks))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 38 and lines[-1] == "and 46 more findings, which are no worse"


def test_each_trap_stands_in_the_docs():
    text = (ROOT / "docs/data.md").read_text()
    for trap in TRAPS:
        assert f"| {trap.name} | {trap.severity} | {trap.measures} |" in text


def test_files_that_are_left_out_are_told(tmp_path):
    write_set(tmp_path)
    for number in range(9):
        write(tmp_path / "images", f"more{number}.tif", sea_with_slick(np.random.default_rng(number)))
    text = the_line(audited(tmp_path), Severity.WORTH_KNOWING)
    assert text.startswith("left out: 18 .tif in images")


# --- training


def test_a_training_warns_before_its_first_step(compose_tiny, chips_root, tmp_path, caplog):
    for path in (chips_root / "train_images_256").iterdir():
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        mask = cv2.imread(str(chips_root / "train_masks_256" / path.name), cv2.IMREAD_UNCHANGED)
        image[(mask > 0) & (np.random.default_rng(0).random(mask.shape) < 0.1)] = 0
        cv2.imwrite(str(path), image)
    run = train(compose_tiny("trainer.fast_dev_run=true"), tmp_path / "run").run
    warnings = [record.getMessage() for record in caplog.records if record.name.endswith("training.session")]
    told = [text for text in warnings if text.startswith("makes figures meaningless: ")]
    assert len(told) == 1 and told[0].endswith("Pass data.nodata=null")
    assert any("seep_lightning.check" in text for text in warnings)
    assert [f"makes figures meaningless: {text}" for text in run.summary()["findings"]] == told


def test_a_training_on_clean_chips_warns_of_nothing(compose_tiny, tmp_path, caplog):
    train(compose_tiny("trainer.fast_dev_run=true"), tmp_path / "run")
    assert "meaningless" not in caplog.text

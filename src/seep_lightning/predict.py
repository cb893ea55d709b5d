"""Chips to masks and probabilities: `python -m seep_lightning.predict`."""

import logging
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from seep_lightning.config import PredictConfig, check
from seep_lightning.door import open_door, typed
from seep_lightning.errors import UserError
from seep_lightning.run import fresh_dir

log = logging.getLogger(__name__)


def predict(config: PredictConfig) -> list[Path]:
    """Write `masks/NAME` (uint8, 1 = seep) and `probabilities/NAME` (uint8: 0 nodata, else 1 + 254 p) for each chip.

    input: a chip or a folder of chips. Chips of one scene share its statistics where the run normalises by scene.
    Returns the written masks. Raises `UserError` for what the person at the keyboard can put right.
    """
    import cv2

    from seep_lightning.data.chips import list_images, read_image, split_name, valid_pixels
    from seep_lightning.normalise import histogram, quartiles_of
    from seep_lightning.predictor import load

    check(config)
    source = Path(config.input)
    if not source.exists():
        raise UserError(
            f"input={source}: there is no such file or folder. Expected a chip (TIFF, PNG) or a folder of chips."
        )
    paths = [source] if source.is_file() else list(list_images(source).values())
    if not paths:
        raise UserError(f"input={source}: no .tif, .tiff or .png in it.")
    predictor = load(config.run, device=config.device, checkpoint=config.checkpoint)
    threshold = predictor.threshold if config.threshold is None else config.threshold
    scenes: dict[str, np.ndarray] = {}
    for path in paths:  # every chip once before anything is written: one that cannot be read costs no half-made map
        image = read_image(path, predictor.facts.get("band names"))
        if predictor.normalise.kind == "scene":
            key = split_name(path.name, predictor.facts["pattern"])[0]
            scenes[key] = scenes.get(key, 0) + histogram(image[0], valid_pixels(image, predictor.nodata))
    out = fresh_dir(Path(config.output), config.overwrite, "output")
    written = []
    for folder in ("masks", "probabilities"):
        (out / folder).mkdir(exist_ok=True)
    for path in paths:
        image = read_image(path, predictor.facts.get("band names"))
        scene = scenes.get(split_name(path.name, predictor.facts["pattern"])[0]) if scenes else None
        quartiles = None if scene is None else quartiles_of(scene)[None]
        probability = predictor(image, quartiles)
        valid = valid_pixels(image, predictor.nodata)
        levels = np.where(valid, np.rint(probability * 254) + 1, 0).astype(np.uint8)
        mask = (probability > threshold).astype(np.uint8)
        for folder, array in (("probabilities", levels), ("masks", mask)):
            if not cv2.imwrite(str(out / folder / path.name), array):
                raise UserError(f"output={out}: cannot write {folder}/{path.name}. Is the disk full?")
        written.append(out / "masks" / path.name)
    return written


def task(cfg: DictConfig) -> int:
    """The job of one `seep predict`. Returns the number of chips."""
    config: PredictConfig = typed(cfg)
    written = predict(config)
    print(
        f"{len(written)} chips mapped to {config.output} (masks/: 1 = seep; probabilities/: 0 nodata, else 1 + 254 p)"
    )
    return len(written)


def main() -> None:
    """`python -m seep_lightning.predict` and `seep predict`."""
    open_door("predict", task)


if __name__ == "__main__":
    main()

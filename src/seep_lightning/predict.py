"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

from omegaconf import DictConfig

from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import PredictConfig
from seep_lightning.mapping.scenes import TABLE, predict
from seep_lightning.runs.weights import DEFAULT_NETWORK


def main(cfg: DictConfig) -> int:
    """The job of one `seep predict`. Returns the number of scenes."""
    config: PredictConfig = typed_config(cfg)
    if config.run is None:
        print(f"run=None: with the network that comes with the package, {DEFAULT_NETWORK.with_name('README.md')}")
    rows = predict(config)
    if any(row["unit"] == "px2" for row in rows):
        print("Without a coordinate system in the input there is none in the output: sizes are in pixels.")
    seeps = f", {sum(int(row['seeps'] or 0) for row in rows)} seeps" if config.polygons else ""
    print(f"{len(rows)} scene(s) mapped to {config.output}{seeps}; {TABLE} has a row for each scene")
    return len(rows)


if __name__ == "__main__":
    run_command("predict", main)

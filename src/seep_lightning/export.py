"""A run's network as one file: `python -m seep_lightning.export`."""

from shlex import quote

from omegaconf import DictConfig

from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.entry import run_command
from seep_lightning.predictor.exporting import export


def main(cfg: DictConfig) -> str:
    """The job of one `seep export`. Returns the file's name."""
    out = export(typed_config(cfg))
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
    print(f"map with it: python -m seep_lightning.predict {quote(f'run={out}')} input=SCENE output=maps")
    return str(out)


if __name__ == "__main__":
    run_command("export", main)

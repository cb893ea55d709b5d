"""A run's network as one file: `python -m seep_lightning.export`."""

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command


def main(cfg: DictConfig) -> str:
    """The job of one `seep export`.

    Args:
        cfg: Its composed settings.

    Returns:
        The file's name.
    """
    from seep_lightning.predictor.exporting import export, next_step

    config = typed_config(cfg)
    output = export(config)
    megabytes = output.stat().st_size / 1e6
    tell(f"{output} ({megabytes:.1f} MB)")
    tell(next_step(config, output))
    return str(output)


make_callable(__name__, api.export)

if __name__ == "__main__":
    run_command("export", main)

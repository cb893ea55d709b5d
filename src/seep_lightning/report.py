"""One page that tells what a run, or a sweep, is worth, or where oil comes from: `python -m seep_lightning.report`."""

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command


def main(cfg: DictConfig) -> str:
    """Do the job of one `seep report`.

    Args:
        cfg: The composed config.

    Returns:
        The page's path.
    """
    out = api.write_report(typed_config(cfg))
    megabytes = out.stat().st_size / 1e6
    tell(f"written to {out} ({megabytes:.1f} MB)")
    return str(out)


make_callable(__name__, api.report)

if __name__ == "__main__":
    run_command("report", main)

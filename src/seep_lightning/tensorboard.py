"""Curves and pictures of runs in a browser: `python -m seep_lightning.tensorboard run=DIR`."""

from omegaconf import DictConfig

from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command


def main(cfg: DictConfig) -> None:
    """Do the job of one `seep tensorboard`: serve until Ctrl-C.

    Args:
        cfg: The composed config.
    """
    from seep_lightning.commands.tensorboard_server import launch, wait_for_ctrl_c

    config = typed_config(cfg)
    url = launch(config)
    tell(f"TensorBoard shows {config.run} at {url} (this machine only; Ctrl-C ends it)")
    wait_for_ctrl_c()


if __name__ == "__main__":
    run_command("tensorboard", main)

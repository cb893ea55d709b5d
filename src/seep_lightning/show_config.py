"""The composed config of a verb, with where each value comes from: `seep config [VERB] key=value ...`."""

from collections.abc import Sequence

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from seep_lightning.commands.console import print_line
from seep_lightning.commands.messages import error_message
from seep_lightning.commands.origins import composed_config, origin_lines
from seep_lightning.commands.plain_command import run_plain_command
from seep_lightning.config.schemas import SCHEMAS
from seep_lightning.errors import UserError
from seep_lightning.working_folder import hide_plugins_of_working_folder

HELP = """Print what a command line means: the composed config as YAML, and where each value comes from. Nothing is run.

Examples:
  seep config                                          of train, all defaults
  seep config experiment=seeps optimizer.lr=0.001
  seep config predict run=DIR input=scene.tif output=maps
  seep config train --config-dir DIR experiment=mine   with configs of your own"""


def main(arguments: Sequence[str]) -> None:
    """Print a composed config.

    Args:
        arguments: A verb, by default `train`, and what would be typed after it.

    Raises:
        UserError: A word is no verb and no key, or does not fit.
    """
    command, words = "train", list(arguments)
    if words and "=" not in words[0] and not words[0].startswith(("-", "~")):
        command = words.pop(0)
    if command not in SCHEMAS:
        raise UserError(f"{command} is neither a verb with keys nor key=value. Verbs: {', '.join(SCHEMAS)}.")
    # Hydra would import plugins from the folder where a person works
    hide_plugins_of_working_folder()
    try:
        composed = composed_config(command, words)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(error_message(error, command, words)) from error
    for line in origin_lines(composed):
        print_line(line)


if __name__ == "__main__":
    run_plain_command("config", HELP, main)

"""The keys of a verb as JSON Schema, for editors: `seep schema VERB`."""

import json
import sys
from collections.abc import Sequence

from seep_lightning.commands.json_schema import json_schema
from seep_lightning.commands.plain_command import run_plain_command
from seep_lightning.errors import UserError

HELP = """Print a JSON Schema of the keys of a verb, by which an editor completes and checks YAML (docs/commands.md).

Examples:
  seep schema > seep.schema.json                       of train: experiments of your own, config.yaml of a run
  seep schema predict > predict.schema.json
  seep schema train.data > data.schema.json            of the files of one group, such as data/mine.yaml"""


def main(arguments: Sequence[str]) -> None:
    """Print a schema.

    Args:
        arguments: At most one: a verb, or a section of its keys such as `train.data`; `train` by default.

    Raises:
        UserError: There is no such verb or section.
    """
    if len(arguments) > 1:
        raise UserError(f"expected one verb or section, such as train.data, and not {' '.join(arguments)}.")
    command, _, section = (arguments[0] if arguments else "train").partition(".")
    sys.stdout.write(json.dumps(json_schema(command, section), indent=2) + "\n")


if __name__ == "__main__":
    run_plain_command("schema", HELP, main)

"""Which unlabelled chips or scenes to outline next: `python -m seep_lightning.next`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.commands.progress import tell_file
from seep_lightning.commands.tables import print_table
from seep_lightning.config.commands import NextConfig
from seep_lightning.errors import Interrupted

if TYPE_CHECKING:
    from seep_lightning.labelling.next_columns import RankedCandidate

# lines that are printed; all stand in the files
MOST_PRINTED = 10
PRINTED = ("score", "uncertainty", "diversity", "reason")


def main(cfg: DictConfig) -> int:
    """Do the job of one `seep next`.

    Args:
        cfg: The composed config.

    Returns:
        How many are ranked.
    """
    from seep_lightning.labelling.next_files import LAYER_NAME, output_folder

    config: NextConfig = typed_config(cfg)
    ranked = _ranked(config)
    print_list(ranked)
    tell_file(output_folder(config) / LAYER_NAME)
    tell(f"written to {config.output}: next.csv, and next.gpkg for QGIS")
    return len(ranked)


def _ranked(config: NextConfig) -> "list[RankedCandidate]":
    """Rank; at Ctrl-C say what is left."""
    from seep_lightning.labelling.next_labels import next_labels

    try:
        return next_labels(config)
    except KeyboardInterrupt as error:
        raise Interrupted("stopped by Ctrl-C; no list was written. Give the same command again.") from error


def print_list(ranked: "Sequence[RankedCandidate]") -> None:
    """Print the first of a list.

    Args:
        ranked: The candidates, the first one first.
    """
    from seep_lightning.labelling.next_columns import row_of

    first = ranked[:MOST_PRINTED]
    rows = {f"{each.rank} {each.candidate.name}": row_of(each) for each in first}
    title = "what to outline next"
    if len(first) < len(ranked):
        title += f", the first {len(first)} of {len(ranked)}"
    print_table(title, rows, PRINTED, justify="left")


make_callable(__name__, api.next)

if __name__ == "__main__":
    run_command("next", main)

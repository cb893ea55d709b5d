"""What maps, told before the first scene: which network, how good it is on validation, from which probability on."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seep_lightning.config.commands import PredictConfig
from seep_lightning.errors import UserError
from seep_lightning.files import from_working_folder
from seep_lightning.mapping.networks import threshold_of
from seep_lightning.metrics.figures import DICE
from seep_lightning.metrics.floors import floors_above, floors_in_words
from seep_lightning.predictor.base import Predictor
from seep_lightning.runs.directory import Run


def network_line(networks: Sequence[Predictor], config: PredictConfig) -> str:
    """Tell in one line what maps, such as `network: out/a, epoch 5, val Dice 0.644; seep is above probability 0.31`.

    Args:
        networks: Those of `config.run`.
        config: The settings of the command, with absolute paths.
    """
    threshold = f"seep is above probability {threshold_of(networks, config):.3g}"
    if len(networks) > 1:
        names = ", ".join(network.name for network in networks)
        return f"networks: the mean of {len(networks)} ({names}); {threshold}"
    path = Path(config.run[0])
    words = [from_working_folder(path), *_quality(path, config)]
    return f"network: {', '.join(words)}; {threshold}"


def _quality(path: Path, config: PredictConfig) -> list[str]:
    """The epoch of a run's network and its Dice on validation; nothing of a file, or where the run does not tell."""
    if not path.is_dir():
        return []
    if config.checkpoint != "best":
        return [f"{config.checkpoint}.ckpt"]
    # what is wrong with a summary does not keep its network from mapping
    with suppress(UserError, KeyError, TypeError):
        summary = Run(path).summary()
        dice = float(summary["figures"]["val"][DICE.key])
        words = [f"epoch {summary['best']['epoch'] + 1}", f"val Dice {dice:.3f}"]
        unbeaten = floors_above(dice, summary.get("floors", {}).get("val", {}))
        if unbeaten:
            words.append(f"not above rules without learning: {floors_in_words(unbeaten)}")
        return words
    return []

"""What a resumed run may build from its stored config: nothing without bounds, and no first weights from elsewhere.

A run directory may come from a stranger. A run that has a checkpoint takes its weights from there; one that has none
would download, or read, what its network begins with.
"""

from collections.abc import Iterator

from seep_lightning.config.stored_numbers import LargeNumber, large_numbers
from seep_lightning.config.targets import TARGET
from seep_lightning.config.training import TrainConfig
from seep_lightning.config.trust import is_vouched_for
from seep_lightning.errors import UserError, shortened
from seep_lightning.runs.directory import Run

# Of `model`: further settings that name first weights, see `nets.building`
ONCE = "once"


def check_stored_parts(run: Run, config: TrainConfig) -> None:
    """Refuse to go on with a run whose stored config asks for too much, or for first weights.

    Args:
        run: The run, with its stored config.
        config: What it goes on with. What differs from the stored config came from the command line, and is free.

    Raises:
        UserError: A stored number is above the limits, a large data set would be generated, or there is no checkpoint
            and the network reads weights.
    """
    # so that the help of `train` imports no library of images
    from seep_lightning.data.roots import check_stored_generator

    for large in _large_numbers(run, config):
        if not is_vouched_for(large.owner):
            raise UserError(
                f"run={run.dir}: {large.key}={str(large.value)[:40]} of its stored config is more than a stored config "
                f"may ask for (at most {large.most:,}). If you know the run, add trusted=[{large.owner}]."
            )
    if config.data.synthetic == run.config.data.synthetic:
        check_stored_generator(config.data)
    name = str(config.model[TARGET])
    settings = [] if is_vouched_for(name) else _first_weights(run, config)
    if settings:
        raise UserError(
            f"run={run.dir} has no checkpoint yet, and {shortened(settings)} of its stored config would read or "
            f"download weights. If the run is yours, add trusted=[{name}], or begin anew in another folder with the "
            "model's setting, or init=, typed again."
        )


def names_to_vouch_for(run: Run) -> list[str]:
    """The classes that a person has to trust to go on with a run of their own.

    Args:
        run: The run.

    Raises:
        UserError: Its config cannot be read.
    """
    owners = [large.owner for large in _large_numbers(run, run.config)]
    own_network = [str(run.config.model[TARGET])] if _first_weights(run, run.config) else []
    return [*owners, *own_network]


def _large_numbers(run: Run, config: TrainConfig) -> Iterator[LargeNumber]:
    """Numbers above the limits in the metrics and transforms that are still those of the stored config."""
    stored = run.config.metrics or {}
    for name, node in (config.metrics or {}).items():
        if node == stored.get(name):
            yield from large_numbers(f"metrics.{name}", node)
    # the transforms cannot change on resume
    for index, node in enumerate(config.augment):
        yield from large_numbers(f"augment[{index}]", node)


def _first_weights(run: Run, config: TrainConfig) -> list[str]:
    """The settings by which the network would read weights; none where a checkpoint gives them."""
    if run.last.is_file():
        return []
    # with torch, which a command that is refused before does without
    from seep_lightning.nets.once import without_first_weights

    node = config.model
    emptied = without_first_weights(node, node.get(ONCE) or [])
    changed = [name for name, value in emptied.items() if name not in node or value != node[name]]
    return [f"model.{name}" for name in changed]

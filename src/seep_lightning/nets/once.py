"""What a constructor does once: reading a weights file, or downloading an encoder.

A checkpoint holds all weights. So a network that is built for one is built without its first weights, and a finished
run works on any machine, also after that file has gone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from seep_lightning.config.targets import is_node, parameters_of, resolve

# Keywords by which libraries name weights that a constructor reads or downloads; `model.once` adds more
FIRST_WEIGHTS = frozenset(
    {
        "backbone_weights",
        "checkpoint",
        "checkpoint_path",
        "ckpt",
        "ckpt_path",
        "encoder_weights",
        "init_weights",
        "load_pretrained",
        "pretrained",
        "pretrained_backbone",
        "pretrained_path",
        "pretrained_url",
        "pretrained_weights",
        "weights",
        "weights_backbone",
        "weights_file",
        "weights_path",
    }
)


def without_first_weights(node: Mapping[str, Any], once: Sequence[str]) -> dict[str, Any]:
    """A `model` node that gives the same network, but reads and downloads nothing.

    Args:
        node: `_target_` and keywords; nested nodes are treated alike.
        once: Names of keywords to empty, beside `FIRST_WEIGHTS`.

    Returns:
        The node with these keywords at null, or false where they are true; also those that the node leaves at a
        default which reads weights.
    """
    emptied = {name: _without(value, once) for name, value in node.items()}
    parameters = parameters_of(resolve("model", node, nn.Module))
    read_once = FIRST_WEIGHTS.union(once)
    # a constructor with `**kwargs` hands them on to one that may read weights
    for name in read_once.intersection((*parameters, *node)):
        default = parameters[name].default if name in parameters else None
        value = node.get(name, default)
        # text names a file or a set of weights; a list or a number is no such thing
        if isinstance(value, str):
            emptied[name] = None
        if value is True:
            emptied[name] = False
    return emptied


def files_read_always(node: Mapping[str, Any], once: Sequence[str]) -> list[str]:
    """Keywords of a node that name a file, and would be read again when a checkpoint is loaded."""
    emptied = without_first_weights(node, once)
    return [name for name, value in emptied.items() if isinstance(value, str) and Path(value).is_file()]


def _without(value: Any, once: Sequence[str]) -> Any:
    """A value of a node, with the nodes inside it emptied."""
    if is_node(value):
        return without_first_weights(value, once)
    if isinstance(value, Mapping):
        return {name: _without(item, once) for name, item in value.items()}
    if isinstance(value, list):
        return [_without(item, once) for item in value]
    return value

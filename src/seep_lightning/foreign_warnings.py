"""Warnings of other libraries that do not reach a user: about what we do on purpose, or what no user can put right.

`tests/test_foreign_warnings.py` tells which of them the libraries no longer give.
"""

import warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class ForeignWarning:
    """A warning that is left out.

    Attributes:
        text: A part of it, a regular expression.
        source: The library's file that gives it, below `site-packages`; `*` stands for anything.
        reason: Why nobody needs it.
    """

    text: str
    source: str
    reason: str


FOREIGN_WARNINGS = (
    ForeignWarning(
        text="Dataset has no geotransform",
        source="rasterio/_base*",
        reason="chips need no place; where a scene has none, `predict` says what follows",
    ),
    ForeignWarning(
        text="does not have many workers",
        source="lightning/pytorch/trainer/connectors/data_connector.py",
        reason="data.num_workers is chosen, and each epoch logs how long it waited for chips",
    ),
    ForeignWarning(
        text="exists and is not empty",
        source="lightning/pytorch/callbacks/model_checkpoint.py",
        reason="a run that goes on has checkpoints",
    ),
    ForeignWarning(
        text="in eval mode at the start of training",
        source="lightning/pytorch/loops/fit_loop.py",
        reason="model.freeze has frozen parts so",
    ),
    ForeignWarning(
        text="sync_dist=True",
        source="lightning/pytorch/trainer/connectors/logger_connector/result.py",
        reason="what is logged so is the same in all processes, or the time of the first one",
    ),
    ForeignWarning(
        text=r"isinstance\(treespec, LeafSpec\)",
        source="torch/utils/_pytree.py",
        reason="between Lightning and torch",
    ),
    ForeignWarning(
        text="litlogger",
        source="lightning/pytorch/trainer/connectors/logger_connector/logger_connector.py",
        reason="an advertisement",
    ),
    ForeignWarning(
        text=r"torch\.distributed\.nn\.functional\.\w+ is deprecated",
        source="torch/distributed/nn/functional.py",
        reason="its successor is not public yet",
    ),
)


def ignore_foreign_warnings() -> None:
    """Leave these warnings out, in this process."""
    texts = "|".join(warning.text for warning in FOREIGN_WARNINGS)
    warnings.filterwarnings("ignore", message=f"(?s).*({texts})")

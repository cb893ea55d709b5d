"""seep_lightning: train, compare and trust networks that outline natural oil seeps on SAR images.

From Python, each command is a function: `seep_lightning.train("experiment=debug")`, see docs/notebook.md. Importing the
package itself costs neither torch nor Hydra: names are imported at their first use.
"""

import sys

# Python's sign that `python -m seep_lightning.VERB` is about to run: before anything else is imported
if sys.argv[:1] == ["-m"]:
    from seep_lightning.working_folder import look_into_working_folder_last

    # sys.argv does not tell the module yet
    look_into_working_folder_last(sys.orig_argv[sys.orig_argv.index("-m") + 1])

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seep_lightning.api import check as check
    from seep_lightning.api import compare as compare
    from seep_lightning.api import compose as compose
    from seep_lightning.api import evaluate as evaluate
    from seep_lightning.api import export as export
    from seep_lightning.api import find_sources as find_sources
    from seep_lightning.api import judge as judge
    from seep_lightning.api import next as next
    from seep_lightning.api import open_run as open_run
    from seep_lightning.api import open_scene as open_scene
    from seep_lightning.api import predict as predict
    from seep_lightning.api import prepare as prepare
    from seep_lightning.api import prior as prior
    from seep_lightning.api import qgis as qgis
    from seep_lightning.api import read_chips as read_chips
    from seep_lightning.api import report as report
    from seep_lightning.api import review as review
    from seep_lightning.api import train as train
    from seep_lightning.errors import UserError as UserError
    from seep_lightning.predictor.loading import load as load

# modules of the commands that can be called like functions, see `commands.callable_modules`
_VERBS = (
    "check",
    "compare",
    "evaluate",
    "export",
    "find_sources",
    "judge",
    "next",
    "predict",
    "prepare",
    "prior",
    "qgis",
    "report",
    "review",
    "train",
)
# other names, with the modules that hold them
_HOMES = {
    "UserError": "seep_lightning.errors",
    "compose": "seep_lightning.api",
    "load": "seep_lightning.predictor.loading",
    "open_run": "seep_lightning.api",
    "open_scene": "seep_lightning.api",
    "read_chips": "seep_lightning.api",
}
__all__ = sorted(["__version__", *_HOMES, *_VERBS])


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name in _VERBS:
        return import_module(f"seep_lightning.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, also those not imported yet, for completion in notebooks."""
    return sorted({*globals(), *__all__})

"""seep_lightning: train, compare and trust networks that outline natural oil seeps on SAR images."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "compose", "load"]

if TYPE_CHECKING:
    from seep_lightning.commands.composition import compose
    from seep_lightning.predictor.loading import load


def __getattr__(name: str) -> Any:
    """Import on first use: `import seep_lightning` costs neither torch nor Hydra."""
    home = {"load": "predictor.loading", "compose": "commands.composition"}.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"seep_lightning.{home}"), name)

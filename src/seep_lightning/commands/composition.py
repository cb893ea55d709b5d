"""The door of every command: Hydra around a plain function. Errors become one line and an exit code outside of it."""

from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from seep_lightning.commands.overrides import _quote
from seep_lightning.config import commands
from seep_lightning.config.rules import check_config
from seep_lightning.config.training import TrainConfig
from seep_lightning.errors import UserError

SCHEMAS = {
    "train": TrainConfig,
    "evaluate": commands.EvaluateConfig,
    "predict": commands.PredictConfig,
    "compare": commands.CompareConfig,
    "report": commands.ReportConfig,
    "export": commands.ExportConfig,
    "prepare": commands.PrepareConfig,
    "check": commands.CheckConfig,
}


def conf_dir() -> Path:
    """Where `conf/` is: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "conf"
    return shipped if shipped.is_dir() else package.parents[1] / "conf"


def register_schemas() -> None:
    """Make `TrainConfig` and its like known to Hydra as `train_schema`, which `conf/train.yaml` starts from."""
    # at each question about groups, a hundred for --help, Hydra copies its one store; what it loads it copies once more
    setattr(ConfigStore, "__deepcopy__", lambda store, _: store)  # noqa: B010
    for command, schema in SCHEMAS.items():
        ConfigStore.instance().store(name=f"{command}_schema", node=schema)


def compose(command: str = "train", overrides: list[str] | None = None) -> Any:
    """The typed config of a command, for notebooks and tests; `UserError` or Hydra's own for what does not fit."""
    register_schemas()
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return typed_config(hydra.compose(command, [_quote(o, multirun=False) for o in overrides or []]))


def typed_config(cfg: DictConfig) -> Any:
    """A composed config as its dataclass, checked across fields (Hydra does not run `__post_init__`)."""
    if missing := sorted(OmegaConf.missing_keys(cfg)):
        raise UserError(f"{missing[0]} is not set. Pass {'=... '.join(missing)}=... on the command line.")
    settings = OmegaConf.to_object(cfg)
    check_config(settings)
    return settings

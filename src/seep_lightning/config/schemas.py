"""The schema of each command's config. Imports nothing heavy: keys are listed and completed at once."""

from typing import Any

from seep_lightning.config import commands
from seep_lightning.config.training import TrainConfig

SCHEMAS: dict[str, type[Any]] = {
    "train": TrainConfig,
    "evaluate": commands.EvaluateConfig,
    "predict": commands.PredictConfig,
    "next": commands.NextConfig,
    "judge": commands.JudgeConfig,
    "prior": commands.PriorConfig,
    "compare": commands.CompareConfig,
    "report": commands.ReportConfig,
    "review": commands.ReviewConfig,
    "export": commands.ExportConfig,
    "prepare": commands.PrepareConfig,
    "check": commands.CheckConfig,
    "sources": commands.SourcesConfig,
    "qgis": commands.QgisConfig,
    "tensorboard": commands.TensorboardConfig,
}

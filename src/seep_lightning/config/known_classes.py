"""Classes of other packages that do nothing but compute from numbers: a stored config may name them.

`tests/security/test_known_classes.py` reads the sources of these packages for whatever downloads, imports or opens.
"""

from seep_lightning.config.targets import MOVED

# What lies in these modules and below is networks, losses, optimisers, schedules, metrics and transforms.
KNOWN_MODULES = (
    "seep_lightning.nets",
    "seep_lightning.training.losses",
    "seep_lightning.training.loss_sums",
    "seep_lightning.training.schedules",
    "seep_lightning.data.layouts",
    "torch.nn",
    "torch.optim",
    "torchmetrics.aggregation",
    "torchmetrics.classification",
    "torchmetrics.regression",
    "torchmetrics.segmentation",
    "torchmetrics.wrappers",
    "albumentations.augmentations",
    "albumentations.pytorch",
    "monai.losses",
    "monai.networks.nets",
    "segmentation_models_pytorch",
)
# Of these, the classes at the top alone: what lies below reads and downloads language models, or settings from a hub
KNOWN_AT_THE_TOP = ("albumentations", "torchmetrics")
# Their constructors may download first weights. Networks are built without these, other things are not.
NETWORKS = (
    "monai.networks",
    *(f"segmentation_models_pytorch.{module}" for module in ("base", "decoders", "encoders")),
    *(f"segmentation_models_pytorch.{name}" for name in ("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet")),
    *(f"segmentation_models_pytorch.{name}" for name in ("DeepLabV3", "DeepLabV3Plus", "PAN", "UPerNet", "Segformer")),
    "segmentation_models_pytorch.DPT",
)
# The section of a config that names a network
NETWORK_SECTION = "model"
# Classes of known modules, by whatever way they are imported, which do more than to compute, with what they do.
REFUSED_NAMES = {
    # monai.losses: `torch.hub` runs code of a folder or of GitHub
    "PerceptualLoss": "runs code of GitHub",
    "MedicalNetPerceptualSimilarity": "runs code of GitHub",
    "RadImageNetPerceptualSimilarity": "runs code of GitHub",
    "TorchvisionModelPerceptualSimilarity": "downloads weights, reads a file",
    "LPIPS": "downloads weights",
    # monai.networks.nets
    "BertPreTrainedModel": "downloads a language model",
    "CellSamWrapper": "reads a file",
    "MultiModal": "downloads a language model",
    "TextEncoder": "downloads weights",
    "TorchVisionFCModel": "downloads weights",
    "Transchex": "downloads a language model",
    # torchmetrics
    "ARNIQA": "downloads weights",
    "BERTScore": "downloads a language model",
    "CLIPImageQualityAssessment": "downloads weights",
    "CLIPScore": "downloads weights",
    "DeepNoiseSuppressionMeanOpinionScore": "downloads weights",
    "FrechetInceptionDistance": "downloads weights",
    "InceptionScore": "downloads weights",
    "InfoLM": "downloads a language model",
    "KernelInceptionDistance": "downloads weights",
    "LambdaInputTransformer": "calls what it is given",
    "LearnedPerceptualImagePatchSimilarity": "downloads weights",
    "MemorizationInformedFrechetInceptionDistance": "downloads weights",
    "MetricInputTransformer": "calls what it is given",
    "NonIntrusiveSpeechQualityAssessment": "downloads weights",
    "PerceptualPathLength": "downloads weights",
    "PermutationInvariantTraining": "calls what it is given",
    "ROUGEScore": "downloads words",
    "SacreBLEUScore": "downloads words",
    # albumentations
    "FDA": "reads files",
    "HistogramMatching": "reads files",
    "Lambda": "calls what it is given",
    "PixelDistributionAdaptation": "reads files",
    "TextImage": "reads a file",
}
# Callbacks of Lightning that watch or steer a training; where they write is judged when the run is resumed.
_CALLBACKS = (
    "DeviceStatsMonitor",
    "EarlyStopping",
    "GradientAccumulationScheduler",
    "LearningRateMonitor",
    "ModelCheckpoint",
    "ModelSummary",
    "OnExceptionCheckpoint",
    "RichModelSummary",
    "RichProgressBar",
    "StochasticWeightAveraging",
    "TQDMProgressBar",
    "ThroughputMonitor",
    "Timer",
)
_LOGGERS = ("CSVLogger", "MLFlowLogger", "TensorBoardLogger", "WandbLogger")
KNOWN_CLASSES = (
    "seep_lightning.training.loggers.Csv",
    "seep_lightning.training.loggers.TensorBoard",
    *(f"lightning.pytorch.callbacks.{name}" for name in _CALLBACKS),
    *(f"lightning.pytorch.loggers.{name}" for name in _LOGGERS),
    *MOVED,
)


def is_known(name: str) -> bool:
    """Whether a class, by its dotted name, is one that a stored config may name. Nothing is imported."""
    module, _, class_name = name.rpartition(".")
    if class_name in REFUSED_NAMES:
        return False
    if name in KNOWN_CLASSES or module in KNOWN_AT_THE_TOP:
        return True
    # private modules hold no networks
    is_private = any(part.startswith("_") for part in name.split("."))
    is_within = any(module == known or module.startswith(f"{known}.") for known in KNOWN_MODULES)
    return is_within and not is_private

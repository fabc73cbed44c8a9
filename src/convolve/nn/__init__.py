"""Networks: layers with PyTorch's arguments, put together into something that runs.

>>> import numpy as np
>>> from convolve import nn
>>> network = nn.Sequential(
...     nn.Conv2d(1, 8, 3, padding=1),
...     nn.ReLU(),
...     nn.MaxPool2d(2),
...     nn.Flatten(),
...     nn.Linear(8 * 4 * 4, 10),
...     input_shape=(1, 8, 8),
... )
>>> network(np.zeros((5, 1, 8, 8), np.float32)).shape
(5, 10)
"""

from convolve.nn.build import Sequential, network
from convolve.nn.classifier import Classifier, HeldBack
from convolve.nn.graph import Graph
from convolve.nn.initial import kaiming_normal, kaiming_uniform, xavier_normal, xavier_uniform
from convolve.nn.layers.apply import Apply
from convolve.nn.layers.base import Input, Layer, Value
from convolve.nn.layers.cells import (
    ELU,
    GELU,
    Add,
    Clip,
    Concat,
    Dropout,
    Flatten,
    Hardswish,
    Identity,
    LeakyReLU,
    Mish,
    Mul,
    Permute,
    PReLU,
    ReLU,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from convolve.nn.layers.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Linear,
)
from convolve.nn.layers.normalisation import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    LocalResponseNorm,
)
from convolve.nn.layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    PixelShuffle,
    PixelUnshuffle,
    Upsample,
)
from convolve.nn.models import save
from convolve.nn.network import Network
from convolve.nn.operations.detection import non_maximum_suppression
from convolve.nn.preprocessing import Preprocessing
from convolve.nn.scoring.calibration import (
    Calibration,
    brier_score,
    calibration,
    log_loss,
    temperature,
    with_temperature,
)
from convolve.nn.scoring.counting import PerClass, confusion_matrix, per_class, top_k_accuracy
from convolve.nn.scoring.scores import Scores, scores
from convolve.nn.seeing.curves import Curves, training_curves
from convolve.nn.seeing.grad_cam import GradCAM, grad_cam
from convolve.nn.seeing.grid import Grid
from convolve.nn.seeing.grids import activation_grid, filter_grid
from convolve.nn.trainable import initialised
from convolve.nn.training.data import Augment, Data
from convolve.nn.training.folders import image_folder
from convolve.nn.training.loop import evaluate, fit
from convolve.nn.training.losses import BCEWithLogitsLoss, CrossEntropyLoss, FocalLoss, MSELoss
from convolve.nn.training.optimisers import SGD, AdamW
from convolve.nn.training.results import Epoch, Trained
from convolve.nn.training.schedules import ConstantRate, CosineDecay, StepDecay
from convolve.nn.training.trainer import Trainer

__all__ = [
    "ELU",
    "GELU",
    "SGD",
    "AdamW",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "Add",
    "Apply",
    "Augment",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Calibration",
    "Classifier",
    "Clip",
    "Concat",
    "ConstantRate",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CosineDecay",
    "CrossEntropyLoss",
    "Curves",
    "Data",
    "Dropout",
    "Epoch",
    "Flatten",
    "FocalLoss",
    "GradCAM",
    "Graph",
    "Grid",
    "GroupNorm",
    "Hardswish",
    "HeldBack",
    "Identity",
    "Input",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Mish",
    "Mul",
    "Network",
    "PReLU",
    "PerClass",
    "Permute",
    "PixelShuffle",
    "PixelUnshuffle",
    "Preprocessing",
    "ReLU",
    "Reshape",
    "Scores",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StepDecay",
    "Tanh",
    "Trained",
    "Trainer",
    "Upsample",
    "Value",
    "activation_grid",
    "brier_score",
    "calibration",
    "confusion_matrix",
    "evaluate",
    "filter_grid",
    "fit",
    "grad_cam",
    "image_folder",
    "initialised",
    "kaiming_normal",
    "kaiming_uniform",
    "log_loss",
    "network",
    "non_maximum_suppression",
    "per_class",
    "save",
    "scores",
    "temperature",
    "top_k_accuracy",
    "training_curves",
    "with_temperature",
    "xavier_normal",
    "xavier_uniform",
]

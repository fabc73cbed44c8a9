"""Networks as PyTorch's users write them: ResNet-18, MobileNetV2 and a U-Net, of torch.nn's own layers."""

from typing import Any

import torch
from torch import nn

Tensor = torch.Tensor


def normed(inner: int, outer: int, taps: int, stride: int = 1, groups: int = 1, relu: Any = nn.ReLU) -> Any:
    """Return a convolution, its normalisation and its activation."""
    convolution = nn.Conv2d(inner, outer, taps, stride, taps // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), relu(inplace=True) if relu else nn.Identity())


class Residual(nn.Module):
    """A block whose input is added to its output."""

    def __init__(self, body: Any, shortcut: Any = None, last: Any = None) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut or nn.Identity()
        self.last = last or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Add."""
        result: Tensor = self.last(self.body(x) + self.shortcut(x))
        return result


def resnet18() -> nn.Module:
    """Return ResNet-18 (He et al., 2015)."""
    layers: list[nn.Module] = [normed(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    inner = 64
    for outer in (64, 128, 256, 512):
        for block in range(2):
            stride = 2 if block == 0 and outer > 64 else 1
            body = nn.Sequential(normed(inner, outer, 3, stride), normed(outer, outer, 3, relu=None))
            shortcut = normed(inner, outer, 1, stride, relu=None) if stride == 2 else None
            layers.append(Residual(body, shortcut, nn.ReLU(inplace=True)))
            inner = outer
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def mobilenet2() -> nn.Module:
    """Return MobileNetV2 (Sandler et al., 2018)."""
    layers: list[nn.Module] = [normed(3, 32, 3, 2, relu=nn.ReLU6)]
    inner = 32
    for factor, outer, count, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):  # fmt: skip
        for block in range(count):
            stride, wide = first if block == 0 else 1, factor * inner
            body = [normed(inner, wide, 1, relu=nn.ReLU6)] if factor > 1 else []
            body += [
                normed(wide, wide, 3, stride, wide, nn.ReLU6), normed(wide, outer, 1, relu=None),
            ]  # fmt: skip
            whole = nn.Sequential(*body)
            layers.append(Residual(whole) if stride == 1 and inner == outer else whole)
            inner = outer
    layers += [normed(inner, 1280, 1, relu=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(1280, 1000))


class UNet(nn.Module):
    """A U-Net (Ronneberger et al., 2015) of half the width, with padding and normalisation."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        inner = (1, *widths[:-1])
        self.down = nn.ModuleList(self._pair(a, b) for a, b in zip(inner, widths, strict=True))
        steps = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in steps)
        self.merge = nn.ModuleList(self._pair(2 * b, b) for _, b in steps)
        self.head = nn.Conv2d(widths[0], 2, 1)

    @staticmethod
    def _pair(inner: int, outer: int) -> nn.Sequential:
        return nn.Sequential(normed(inner, outer, 3), normed(outer, outer, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Go down, keeping each level, and up again."""
        levels: list[Tensor] = []
        for level, down in enumerate(self.down):
            x = down(x if level == 0 else nn.functional.max_pool2d(x, 2))
            levels.append(x)
        for up, merge, kept in zip(self.up, self.merge, reversed(levels[:-1]), strict=True):
            x = merge(torch.cat([kept, up(x)], 1))
        result: Tensor = self.head(x)
        return result


NETWORKS = {"resnet18": resnet18, "mobilenet2": mobilenet2, "unet": UNet}
"""Name -> what makes the network."""

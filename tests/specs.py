"""Random small convolutions that cross every option, as calls of the public functions beside their oracle."""

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import convolve
from tests import oracle

OPERATIONS = ("conv", "conv", "conv_transpose", "input_grad", "weight_grad")
MODES = ("zeros", "zeros", "reflect", "symmetric", "replicate", "circular", 3)
INTEGERS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64", "complex64", "complex128")


@dataclass
class Case:
    """One call: a public function, what goes in, and the geometry that the oracle needs."""

    operation: str
    dims: int
    first: Any
    second: Any
    bias: Any
    groups: int
    options: dict[str, Any]
    geometry: dict[str, Any]
    shape: tuple[int, ...]
    fill: Any
    form: str
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def taps(self) -> int:
        """How many products the longest sum has, at most."""
        per_group = self.second.shape[1] if self.operation != "conv_transpose" else self.first.shape[1]
        many = int(np.prod(self.geometry["taps"])) * per_group
        if self.operation == "weight_grad":
            return self.first.shape[0] * int(np.prod(self.geometry["out"])) + 2
        return many * (1 if self.operation == "conv" else int(np.prod(self.geometry["out"])))

    def outer(self, array: Any) -> Any:
        """Return a canonical array as the caller would hold it."""
        if self.form == "bare":
            return array[0, 0]
        single = self.form.startswith("single")
        array = array[0] if single else array
        return np.moveaxis(array, 0 if single else 1, -1) if "last" in self.form else array

    def call(self) -> np.ndarray:
        """Call the public function."""
        weight_form = (lambda w: w[0, 0]) if self.form == "bare" else (lambda w: w)
        name = f"conv{self.dims}d"
        if self.operation == "conv":
            arguments = [self.outer(self.first), weight_form(self.second)]
        elif self.operation == "conv_transpose":
            name, arguments = (
                f"conv_transpose{self.dims}d",
                [self.outer(self.first), weight_form(self.second)],
            )
        elif self.operation == "input_grad":
            shape = self.outer(np.zeros(self.shape, bool)).shape
            name, arguments = f"{name}_input_grad", [shape, weight_form(self.second), self.outer(self.first)]
        else:
            shape = self.shape[2:] if self.form == "bare" else self.shape
            name, arguments = f"{name}_weight_grad", [self.outer(self.first), shape, self.outer(self.second)]
        if self.bias is not None:
            arguments.append(self.bias)
        # The reference: it is what these cases prove, and compiled code is compared with it elsewhere.
        return getattr(convolve, name)(*arguments, **self.options, **self.extra, algorithm="reference")

    def exact(self) -> Any:
        """Return the oracle's result, in Python's numbers, as the caller would see it."""
        return self.seen(self.paired(self.first, self.second, self.fill, self.bias))

    def seen(self, result: Any) -> Any:
        """Return the oracle's canonical result as the caller would see it."""
        if self.operation == "weight_grad":
            return result[0, 0] if self.form == "bare" else result
        return self.outer(result)

    def paired(self, first: Any, second: Any, fill: Any, bias: Any) -> Any:
        """Run the oracle on some arrays of this case's shapes."""
        operation = "conv_transpose" if self.operation == "input_grad" else self.operation
        boxed = [np.array(one.tolist(), dtype=object).reshape(one.shape) for one in (first, second)]
        result = oracle.pair(operation, *boxed, self.shape, self.groups, fill, **self.geometry)
        if bias is not None:
            result = result + np.array(bias.tolist(), dtype=object).reshape(-1, *(1,) * self.dims)
        return result


def draw_case(draw: random.Random, dtypes: tuple[str, ...], largest: int | None) -> Case:
    """Return a random case; values are integers up to ``largest``, or over the whole range of the dtype."""
    while True:
        found = _draw(draw, dtypes, largest)
        if found is not None:
            return found


def _draw(draw: random.Random, dtypes: tuple[str, ...], largest: int | None) -> Case | None:
    operation, dims = draw.choice(OPERATIONS), draw.choice((1, 2, 2, 3))
    form = draw.choice(("batched", "batched", "single", "last", "single last", "bare"))
    small = {1: 8, 2: 5, 3: 3}[dims]
    groups = 1 if form == "bare" else draw.choice((1, 1, 2, 3))
    channels, filters = (
        (1, 1) if form == "bare" else (groups * draw.randint(1, 2), groups * draw.randint(1, 2))
    )
    batch = draw.randint(1, 2) if form in ("batched", "last") else 1
    taps = [draw.randint(1, {1: 4, 2: 3, 3: 2}[dims]) for _ in range(dims)]
    stride, dilation = ([draw.choice((1, 1, 2, 3)) for _ in range(dims)] for _ in range(2))
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, taps, strict=True)]
    flip, mode = draw.random() < 0.3, draw.choice(MODES)
    given: Any = [draw.randint(1, small) for _ in range(dims)]
    rule = draw.choice(("valid", "same", "same_lower", "full", "pairs", "pairs", "pairs", "pairs"))
    if dims == 1 and draw.random() < 0.1:
        rule = "causal"
    pads = [(draw.randint(0, 4), draw.randint(0, 4)) for _ in range(dims)]
    more = [0] * dims
    if operation == "conv_transpose":
        out = given
        size = []
        for i in range(dims):
            if rule.startswith("same"):
                size.append(out[i] * stride[i])
                pads[i] = oracle.named_pads(rule, size[i], extent[i], stride[i])
                continue
            if rule != "pairs":
                pads[i] = oracle.named_pads(rule, 1, extent[i], stride[i])
            more[i] = draw.randrange(max(stride[i], dilation[i]))
            size.append((out[i] - 1) * stride[i] - sum(pads[i]) + extent[i] + more[i])
        if min(size) < 1 or max(size) > 14:
            return None
    else:
        size = given
        if rule != "pairs":
            pads = [oracle.named_pads(rule, *one) for one in zip(size, extent, stride, strict=True)]
        out = [
            oracle.outputs(n + sum(p), e, s) for n, p, e, s in zip(size, pads, extent, stride, strict=True)
        ]
        if min(out) < 1 or max(out) > 14:
            return None
    geometry = {
        "size": tuple(size), "out": tuple(out), "taps": tuple(taps), "stride": tuple(stride),
        "dilation": tuple(dilation), "pads": tuple(pads), "mode": mode, "flip": flip,
    }  # fmt: skip
    image, weight = (batch, channels, *size), (filters, channels // groups, *taps)
    output = (batch, filters, *out)
    given_and_result = {
        "conv": (image, weight, output),
        "conv_transpose": (output, weight, image),
        "input_grad": (output, weight, image),
        "weight_grad": (image, output, weight),
    }
    shapes = given_and_result[operation]
    first, second = (values(draw, shape, draw.choice(dtypes), largest) for shape in shapes[:2])
    bias = None
    if operation in ("conv", "conv_transpose") and draw.random() < 0.4:
        count = filters if operation == "conv" else channels
        bias = values(draw, (count,), first.dtype.name, largest)
    fill = mode if isinstance(mode, int) and operation in ("conv", "weight_grad") else 0
    if isinstance(mode, int) and first.dtype.kind == "b":
        fill = mode = geometry["mode"] = 1 if fill else 0
    options: dict[str, Any] = {
        "stride": tuple(stride) if draw.random() < 0.5 or len(set(stride)) > 1 else stride[0],
        "padding": rule if rule != "pairs" else tuple(pads), "dilation": tuple(dilation), "groups": groups,
        "padding_mode": mode, "flip": flip, "layout": "channels_last" if "last" in form else "channels_first",
    }  # fmt: skip
    if any(more):
        options["output_padding"] = tuple(more)
    return Case(operation, dims, first, second, bias, groups, options, geometry, shapes[2], fill, form)


def values(draw: random.Random, shape: tuple[int, ...], name: str, largest: int | None) -> np.ndarray:
    """Return random integers, hardly ever 0, in a dtype."""
    dtype = np.dtype(name)
    count = int(np.prod(shape))
    if dtype.kind == "b":
        numbers: list[Any] = [draw.random() < 0.8 for _ in range(count)]
    elif dtype.kind in "iu":
        info = np.iinfo(dtype)
        high = int(info.max) if largest is None else min(largest, int(info.max))
        low = int(info.min) if largest is None else max(-largest, int(info.min))
        numbers = [
            draw.choice((low, high)) if draw.random() < 0.1 else draw.randint(low, high) for _ in range(count)
        ]
        numbers = [one or 1 for one in numbers]
    else:
        top = largest or 9
        numbers = [draw.randint(-top, top) or 1 for _ in range(count)]
        if dtype.kind == "c":
            numbers = [complex(one, draw.randint(-top, top)) for one in numbers]
    return np.array(numbers, dtype=dtype).reshape(shape)

"""A network of one convolution in the ONNX format, for the libraries that run networks."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.shapes import Data, Shape
from bench.variant import NotOfferedError


def model(shape: Shape, data: Data, bound: bool) -> bytes:
    """Return the network: with the weight inside it if bound, else as a second input."""
    if shape.dtype != "float32":
        raise NotOfferedError("only float32 is compared yet")
    if shape.kind == "weight_grad":
        raise NotOfferedError("there is no operator for it")
    weight = numpy_helper.from_array(data.weight, "weight")
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, data.first.shape)]
    if not bound:
        inputs.append(helper.make_tensor_value_info("weight", TensorProto.FLOAT, data.weight.shape))
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape.result_shape)
    nodes, constants = _nodes(shape)
    graph = helper.make_graph(
        nodes, "convolution", inputs, [output], [weight, *constants] if bound else constants
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    serialised: bytes = made.SerializeToString()
    return serialised


def _nodes(shape: Shape) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return the convolution; other boundaries than zeros are a step before it."""
    zeros = shape.padding_mode == "zeros"
    attributes = {
        "kernel_shape": shape.taps, "strides": (shape.stride,) * shape.dims, "group": shape.groups,
        "dilations": (shape.dilation,) * shape.dims, "pads": (shape.padding * zeros,) * (2 * shape.dims),
    }  # fmt: skip
    if not shape.is_forward:
        return [helper.make_node("ConvTranspose", ["input", "weight"], ["output"], **attributes)], []
    source = "input" if zeros else "padded"
    convolution = helper.make_node("Conv", [source, "weight"], ["output"], **attributes)
    if zeros:
        return [convolution], []
    each = (0, 0, *(shape.padding,) * shape.dims)
    pads = helper.make_tensor("pads", TensorProto.INT64, (2 * len(each),), each * 2)
    return [helper.make_node("Pad", ["input", "pads"], ["padded"], mode=shape.padding_mode), convolution], [
        pads
    ]

"""Accelerated modules beside PyTorch's own: results, training, and all that must stay as it was."""

import copy
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import convolve
from convolve.errors import ArgumentTypeError
from tests.peers import peer

torch = peer("torch")

from convolve.bridges.torch import accelerate, convolutions, restore  # noqa: E402  # after the peer it needs

nn = torch.nn


def network(seed: int) -> Any:
    """Return a network with a convolution of every kind and every border."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, (3, 5), stride=2, padding="valid", groups=8, bias=False),
        nn.Conv2d(8, 12, (4, 3), padding="same", dilation=(1, 2), padding_mode="circular"),
        nn.ReLU(),
        nn.ConvTranspose2d(12, 6, 3, stride=2, padding=1, output_padding=1),
        nn.Conv2d(6, 4, 2, padding=1, padding_mode="replicate"),
        nn.Flatten(2),
        nn.Conv1d(4, 4, 5, stride=3),
        nn.ConvTranspose1d(4, 8, 3, groups=2),
        nn.Unflatten(2, (2, 4, -1)),
        nn.Conv3d(8, 4, 2),
        nn.ConvTranspose3d(4, 2, 2),
    )


def pair(seed: int) -> tuple[Any, Any]:
    """Return the network, once accelerated and once as it is."""
    return accelerate(network(seed)), network(seed)


def images(seed: int) -> Any:
    """Return a batch; of this size the last layers fit."""
    torch.manual_seed(seed)
    return torch.randn(2, 3, 19, 17)


def close(ours: Any, theirs: Any, tolerance: float = 1e-4) -> None:
    """Check that numbers agree."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
def test_results_and_gradients(last: bool, seed: int) -> None:
    ours, theirs = pair(seed)
    assert set(convolutions(ours).values()) == {"convolve"}
    assert len(convolutions(ours)) == 9
    form = torch.channels_last if last else torch.contiguous_format
    batch = images(seed).to(memory_format=form)
    results = []
    for one in (ours, theirs):
        image = batch.clone().requires_grad_()
        result = one(image)
        result.square().mean().backward()
        results.append((result, image.grad, [parameter.grad for parameter in one.parameters()]))
    for got, wanted in zip(*results, strict=True):
        close(got, wanted)
    ours.eval()
    theirs.eval()
    with torch.inference_mode():
        for _ in range(3):  # the second time weights are packed
            close(ours(batch), theirs(batch))
        close(ours(batch[:1]), theirs(batch[:1]))


def test_training_gives_the_same_losses(seed: int) -> None:
    losses = []
    for one in pair(seed):
        torch.manual_seed(seed)
        optimiser = torch.optim.SGD(one.parameters(), 0.01, momentum=0.9)
        found = []
        for step in range(5):
            optimiser.zero_grad()
            loss = (one(images(seed + step)) - 1).square().mean()
            loss.backward()
            optimiser.step()
            found.append(loss.item())
        losses.append(found)
    assert losses[0][-1] < losses[0][0]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_what_stays_and_the_way_back(seed: int) -> None:
    module = network(seed)
    before, parameters = copy.deepcopy(module.state_dict()), list(module.parameters())
    seen: list[Any] = []
    module[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    assert accelerate(module) is module
    classes = [type(one) for one in module]
    assert [type(one) for one in accelerate(module)] == classes  # again
    assert isinstance(module[0], nn.Conv2d)
    assert all(a is b for a, b in zip(module.parameters(), parameters, strict=True))
    assert list(module.state_dict()) == list(before)
    module.eval()
    with torch.no_grad():
        result = [module(images(seed)) for _ in range(2)][-1]
        assert len(seen) == 2
        assert restore(module) is module
        assert [type(one) for one in module] == [type(one) for one in network(seed)]
        assert [sorted(vars(one)) for one in module] == [sorted(vars(one)) for one in network(seed)]
        close(result, module(images(seed)))
    assert set(convolutions(module).values()) == {"PyTorch"}


class Doubled(nn.Conv2d):  # type: ignore[misc]
    """A convolution with a forward of its own."""

    def forward(self, input: Any) -> Any:
        return 2 * super().forward(input)


class Named(nn.Conv2d):  # type: ignore[misc]
    """A convolution with nothing but a name."""


class Standardised(nn.Conv2d):  # type: ignore[misc]
    """A convolution that changes its weights first."""

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        return super()._conv_forward(input, weight - weight.mean(), bias)


def test_which_are_left_alone(seed: int) -> None:
    torch.manual_seed(seed)
    module = nn.ModuleDict(
        {
            "doubled": Doubled(1, 2, 3),
            "named": Named(1, 2, 3),
            "standardised": Standardised(1, 2, 3),
            "lazy": nn.LazyConv2d(2, 3),
            "parametrized": nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3)),
            "replaced": nn.Conv2d(1, 2, 3),
        }
    )
    module["replaced"].forward = lambda input: input
    image = torch.randn(1, 1, 5, 5)
    wanted = {name: one(image) for name, one in module.items() if name != "lazy"}
    accelerate(module)
    assert convolutions(module) == {
        "doubled": "PyTorch: Doubled has a forward of its own",
        "named": "convolve",
        "standardised": "PyTorch: Standardised has a forward of its own",
        "lazy": "PyTorch: it has no weights yet",
        "parametrized": "PyTorch: it is parametrized; accelerate it before",
        "replaced": "PyTorch: its forward was replaced",
    }
    for name, result in wanted.items():
        close(module[name](image), result)
    module["lazy"](image)
    assert convolutions(accelerate(module))["lazy"] == "convolve"
    assert type(module["named"]).__name__ == "AcceleratedNamed"
    assert type(restore(module)["named"]) is Named


def added(module: Any) -> None:
    with torch.no_grad():
        module.weight += 1


def bias_added(module: Any) -> None:
    with torch.no_grad():
        module.bias += 1


def loaded(module: Any) -> None:
    module.load_state_dict({"weight": torch.ones(4, 3, 3, 3), "bias": torch.zeros(4)})


def exchanged(module: Any) -> None:
    module.weight = nn.Parameter(module.weight + 1)


def data_exchanged(module: Any) -> None:
    module.weight.data = module.weight.data + 1
    module.weight.data = module.weight.data + 1  # perhaps where the first one was


def without_bias(module: Any) -> None:
    module.bias = None


def stepped(module: Any) -> None:
    module.weight.grad = torch.ones_like(module.weight)
    torch.optim.SGD([module.weight], 0.5).step()


def uncounted(module: Any) -> None:
    module.weight.data.clamp_(-0.01, 0.01)  # PyTorch does not count this
    module.eval()


CHANGES = (added, bias_added, loaded, exchanged, data_exchanged, without_bias, stepped, uncounted)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_packed_weights_follow_the_parameters(change: Callable[[Any], None], seed: int) -> None:
    torch.manual_seed(seed)
    module, image = accelerate(nn.Conv2d(3, 4, 3)).eval(), torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        before = [module(image) for _ in range(3)][-1]
        assert module._packed._bound  # they were packed
    change(module)
    with torch.no_grad():
        wanted = nn.functional.conv2d(image, module.weight, module.bias)
        assert not torch.allclose(before, wanted)
        for _ in range(3):
            close(module(image), wanted)


def test_weights_that_are_made_anew_each_time_are_never_stale(seed: int) -> None:
    torch.manual_seed(seed)
    module, image = (
        nn.utils.parametrizations.weight_norm(accelerate(nn.Conv2d(3, 4, 3))).eval(),
        torch.randn(1, 3, 8, 8),
    )
    assert convolutions(module) == {"": "convolve"}
    with torch.no_grad():
        for _ in range(3):
            module.parametrizations.weight.original0 += 1
            close(module(image), nn.functional.conv2d(image, module.weight, module.bias))


def test_weights_of_inference_mode(seed: int) -> None:
    torch.manual_seed(seed)
    with torch.inference_mode():  # changes of them are not counted
        module, image = accelerate(nn.Conv2d(3, 4, 3)).eval(), torch.randn(1, 3, 8, 8)
        for _ in range(3):
            module.weight += 1
            close(module(image), nn.functional.conv2d(image, module.weight, module.bias))


def test_weights_that_other_processes_may_change(seed: int) -> None:
    torch.manual_seed(seed)
    module, image = accelerate(nn.Conv2d(3, 4, 3)).eval(), torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        for _ in range(3):
            module(image)
        module.share_memory()
        for _ in range(3):
            module.weight.detach().numpy()[...] += 1  # as another process would: not counted
            close(module(image), nn.functional.conv2d(image, module.weight, module.bias))


def test_sizes_of_transposed_results(seed: int) -> None:
    torch.manual_seed(seed)
    ours, theirs = nn.ConvTranspose2d(3, 4, 3, stride=3), nn.ConvTranspose2d(3, 4, 3, stride=3)
    theirs.load_state_dict(ours.state_dict())
    accelerate(ours).eval()
    image = torch.randn(1, 3, 4, 4)
    with torch.no_grad():
        for size in (None, [12, 14], [13, 12], [12, 14]):
            close(ours(image, output_size=size), theirs(image, output_size=size))


def test_copies_and_pickles_are_accelerated_too(seed: int) -> None:
    module = accelerate(nn.Sequential(nn.Conv2d(3, 4, 3), Named(4, 2, 3))).eval()
    image = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        wanted = [module(image) for _ in range(2)][-1]
        buffer = io.BytesIO()
        torch.save(module, buffer)
        buffer.seek(0)
        loaded = torch.load(buffer, weights_only=False)
        for again in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), loaded):
            assert set(convolutions(again).values()) == {"convolve"}
            assert "_packed" not in vars(again[0])
            assert torch.equal(again(image), wanted)
            added(again[1])
            assert not torch.equal(again(image), wanted)
        assert torch.equal(module(image), wanted)


def test_parameters_given_to_a_call(seed: int) -> None:
    torch.manual_seed(seed)
    module, image = accelerate(nn.Conv2d(3, 4, 3)).eval(), torch.randn(1, 3, 8, 8)

    def loss(parameters: Any) -> Any:
        return torch.func.functional_call(module, parameters, image).square().sum()

    parameters = {name: 2 * one.detach() for name, one in module.named_parameters()}
    found = torch.func.grad(loss)(parameters)
    restore(module)
    close(found, torch.func.grad(loss)(parameters), 1e-3)


def test_pytorch_does_what_we_have_no_way_for(seed: int) -> None:
    torch.manual_seed(seed)
    module = accelerate(nn.Conv2d(3, 4, 3))
    image = torch.randn(1, 3, 8, 8)
    wanted = nn.functional.conv2d(image, module.weight, module.bias)
    close(
        torch.jit.trace(module, image)(image * 2), nn.functional.conv2d(image * 2, module.weight, module.bias)
    )
    exported = torch.export.export(module, (image,))
    close(exported.module()(image), wanted)
    assert "convolve" not in str(exported.graph)
    assert module.to("meta")(image.to("meta")).shape == wanted.shape
    with pytest.raises(ArgumentTypeError, match=r"module must be a torch.nn.Module, got Tensor"):
        accelerate(image)


def test_autocast(seed: int) -> None:
    torch.manual_seed(seed)
    module, image = accelerate(nn.Conv2d(3, 4, 3)).eval(), torch.randn(1, 3, 8, 8)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        result = [module(image) for _ in range(3)][-1]
        assert result.dtype is torch.bfloat16
        close(result, nn.functional.conv2d(image, module.weight, module.bias), 0.05)


def test_compiled_graphs_hold_our_operators(seed: int) -> None:
    graphs: list[str] = []

    def backend(graph: Any, _inputs: Any) -> Any:
        graphs.append(str(graph.graph))
        return torch._dynamo.lookup_backend("aot_eager")(graph, _inputs)

    results = []
    for one in (torch.compile(accelerate(network(seed)), backend=backend, fullgraph=True), network(seed)):
        image = images(seed).requires_grad_()
        result = one(image)
        result.square().mean().backward()
        results.append((result, image.grad, [parameter.grad for parameter in one.parameters()]))
    for got, wanted in zip(*results, strict=True):
        close(got, wanted)
    assert len(graphs) == 1
    assert graphs[0].count("torch.ops.convolve.conv_transpose") == 3
    assert graphs[0].count("torch.ops.convolve.conv.") + graphs[0].count("torch.ops.convolve.conv(") >= 6


def test_without_pytorch_the_extra_is_named() -> None:
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from convolve.errors import MissingExtraError\n"
        "try:\n"
        "    import convolve.bridges.torch\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    found = Path(convolve.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=found, check=True, capture_output=True, text=True
    )
    assert done.stdout == 'convolve.bridges.torch needs the package torch: pip install "convolve[torch]"\n'

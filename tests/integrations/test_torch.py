"""PyTorch: the recipe of the README on shared memory, and what a tensor itself gets."""

import numpy as np
import pytest
from integrations import recipes
from reference import FUNCTIONS, assert_same_bits, inputs

import elu

torch = pytest.importorskip("torch")

# Of PyTorch's Tensor.__array_wrap__, for every ufunc.
pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")

X = np.array([[-1.5, -0.0, 2], [-30, 0.5, -0.25]], np.float32)


@pytest.fixture(scope="module")
def layer():
    return recipes.names("PyTorch")["ELU"]


@pytest.mark.parametrize("alpha", [1.0, 1.5, 0.0, -0.5])
@pytest.mark.parametrize("shape", [(), (7,), (2, 3, 4)])
def test_gradcheck(layer, shape, alpha):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer.apply(x, alpha), (x,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_torchs_own(layer, dtype):
    x = torch.linspace(-5, 5, 1001, dtype=dtype, requires_grad=True)
    ours, theirs = layer.apply(x, 1.5), torch.nn.functional.elu(x, 1.5)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(y.square().sum(), x)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    "view",
    [lambda x: x.T, lambda x: x[:, ::2], lambda x: x.expand(4, 2, 3)],
    ids=["transposed", "strided", "expanded"],
)
def test_views(layer, view):
    x = torch.tensor(X, requires_grad=True)
    layer.apply(view(x)).sum().backward()  # the gradient that arrives has stride 0
    y = torch.tensor(X, requires_grad=True)
    torch.nn.functional.elu(view(y)).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_no_second_derivative_is_invented(layer):
    x = torch.tensor(X, requires_grad=True)
    (grad,) = torch.autograd.grad(layer.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        grad.sum().backward()


def test_in_a_model(layer):
    torch.manual_seed(0)
    first, last = torch.nn.Linear(4, 8), torch.nn.Linear(8, 1)
    x = torch.randn(64, 4)
    y = x.square().sum(1, keepdim=True)
    optimizer = torch.optim.Adam([*first.parameters(), *last.parameters()], lr=0.05)
    losses = []
    for _ in range(50):
        loss = torch.nn.functional.mse_loss(last(layer.apply(first(x))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_memory_is_shared(layer, monkeypatch):
    """Forward and backward read the tensors where they lie, and hand out what was computed."""
    seen = []

    def spy(name, function):
        def call(*arguments):
            result = function(*arguments)
            seen.append((name, [a.ctypes.data for a in arguments[:-1]], result.ctypes.data))
            return result

        monkeypatch.setattr(elu, name, call)

    spy("elu", elu.elu)
    spy("elu_grad", elu.elu_grad)
    x = torch.tensor(X, requires_grad=True)
    grad = torch.ones_like(x)
    y = layer.apply(x)
    y.backward(grad)
    assert seen == [
        ("elu", [x.data_ptr()], y.data_ptr()),
        ("elu_grad", [grad.data_ptr(), x.data_ptr()], x.grad.data_ptr()),
    ]


def test_in_place_through_a_view():
    x = torch.tensor(X)
    elu.elu(x.numpy(), 1.5, out=x.numpy())
    assert_same_bits(x.numpy(), elu.elu(X, 1.5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_gives_a_tensor_as_from_exp(name, dtype):
    x = torch.tensor(X).to(dtype)
    result = getattr(elu, name)(*inputs(name, x, x), 1.5)
    assert type(result) is type(np.exp(x))
    x = x.numpy()
    assert_same_bits(np.asarray(result), getattr(elu, name)(*inputs(name, x, x), 1.5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dlpack(name):
    x = torch.tensor(X)
    shared = np.from_dlpack(x)
    assert shared.ctypes.data == x.data_ptr()
    result = getattr(elu, name)(*inputs(name, shared, shared))
    assert torch.from_dlpack(result).data_ptr() == result.ctypes.data


def test_a_tensor_that_requires_grad_is_refused_by_torch():
    with pytest.raises(RuntimeError, match="requires grad"):
        elu.elu(torch.tensor(X, requires_grad=True))


@pytest.mark.parametrize(
    "bad",
    [
        lambda x: x.bfloat16(),
        lambda x: x.to_sparse(),
        lambda x: x.to("meta"),  # as any device but the CPU
        lambda x: x.to(torch.complex64),
    ],
    ids=["bfloat16", "sparse", "another device", "complex"],
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_tensors_that_numpy_cannot_read_are_type_errors(name, bad):
    x = bad(torch.tensor(X))
    with pytest.raises(TypeError, match=r"BFloat16|Sparse|CPU|cpu|complex64"):
        getattr(elu, name)(*inputs(name, x, x))


def test_a_tensor_as_out_is_a_type_error():
    with pytest.raises(TypeError, match=r"out.*Tensor"):
        elu.elu(X, out=torch.tensor(X))

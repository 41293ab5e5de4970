"""PyTorch: the recipe of the README on shared memory, and what a tensor itself gets."""

import numpy as np
import pytest
from integrations import recipes
from reference import FUNCTIONS, assert_same_bits, inputs

import elu

torch = pytest.importorskip("torch")

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


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dlpack(name):
    x = torch.tensor(X)
    shared = np.from_dlpack(x)
    assert shared.ctypes.data == x.data_ptr()
    result = getattr(elu, name)(*inputs(name, shared, shared))
    assert torch.from_dlpack(result).data_ptr() == result.ctypes.data


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


NUMBERS = [torch.float16, torch.float32, torch.float64, torch.int32, torch.int8, torch.bool]
VIEWS = {
    "dense": lambda x: x,
    "transposed": lambda x: x.T,
    "strided": lambda x: x[:, ::2],
    "expanded": lambda x: x[:1].expand(5, 3),
    "0-d": lambda x: x[0, 0],
}


@pytest.mark.parametrize("alpha", [1.0, 1.5])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_is_read_where_it_lies_and_gives_an_array(name, dtype, view, alpha):
    """Without a warning, which the test settings make an error, and like an array."""
    x = VIEWS[view](torch.tensor(X).to(dtype))
    result = getattr(elu, name)(*inputs(name, x, x), alpha)
    expected = getattr(elu, name)(*inputs(name, x.numpy(), x.numpy()), alpha)
    assert type(result) is type(expected)
    assert_same_bits(result, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_beside_an_array_and_as_alpha(name):
    x, alpha = torch.tensor(X), torch.tensor([0.5, 1, 1.5])
    result = getattr(elu, name)(*inputs(name, X, x), alpha)
    assert type(result) is np.ndarray
    assert_same_bits(result, getattr(elu, name)(*inputs(name, X, X), alpha.numpy()))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_alpha_in_a_tensor_must_be_finite(name, bad):
    for x in (X, torch.tensor(X)):
        for alpha in ([1, bad, 1], bad):
            alpha = torch.tensor(alpha, dtype=torch.float64)
            with pytest.raises(ValueError, match=r"alpha must be finite"):
                getattr(elu, name)(*inputs(name, x, x), alpha)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_as_alpha_does_not_enlarge_the_result(name):
    for x in (X, torch.tensor(X)):
        for shape in [(2, 2, 3), (2,), (1, 2, 3)]:
            with pytest.raises(ValueError, match="alpha"):
                getattr(elu, name)(*inputs(name, x, x), torch.ones(shape))


@pytest.mark.parametrize("size", [6, 2**17 + 4])
@pytest.mark.parametrize("view", ["dense", "transposed", "strided"])
@pytest.mark.parametrize("alpha", [1.0, 1.5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_as_out_is_written_and_returned(name, alpha, view, size):
    """Of arrays and of tensors, another one's memory and in place."""
    elu.set_num_threads(2)
    x = VIEWS[view](torch.tensor(np.resize(X, (2, size // 2))))
    expected = getattr(elu, name)(*inputs(name, x.numpy(), x.numpy()), alpha)
    for given in (x.numpy(), x):
        for dtype in (torch.float32, torch.float64):
            whole = torch.full((2, size // 2), 7, dtype=dtype)
            out = VIEWS[view](whole)
            memory = out.data_ptr()
            assert getattr(elu, name)(*inputs(name, given, given), alpha, out=out) is out
            assert out.data_ptr() == memory
            assert_same_bits(out.numpy(), expected.astype(out.numpy().dtype))
    assert getattr(elu, name)(*inputs(name, x, x), alpha, out=x) is x
    assert_same_bits(x.numpy(), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_as_out_in_a_tuple(name):
    out = torch.zeros(2, 3)
    assert getattr(elu, name)(*inputs(name, X, X), out=(out,)) is out
    assert_same_bits(out.numpy(), getattr(elu, name)(*inputs(name, X, X)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_that_is_not_fit_for_out(name):
    """The errors of an array as out, and of PyTorch; nothing is written."""
    arrays = inputs(name, X, X)
    whole = torch.full((2, 3), 7, dtype=torch.int32)
    with pytest.raises(TypeError, match="int32"):
        getattr(elu, name)(*arrays, out=whole)
    assert (whole == 7).all()
    small = torch.full((2, 2), 7.0)
    with pytest.raises(ValueError, match="broadcast"):
        getattr(elu, name)(*arrays, out=small)
    assert (small == 7).all()
    for bad in (small.to("meta"), small.to_sparse(), small.bfloat16()):
        with pytest.raises((TypeError, BufferError, RuntimeError)):
            getattr(elu, name)(*arrays, out=bad)
    trained = torch.full((2, 3), 7.0, requires_grad=True)
    with pytest.raises((RuntimeError, BufferError), match=r"require.* grad"):
        getattr(elu, name)(*arrays, out=trained)
    assert (trained == 7).all()


def test_a_tensor_that_requires_grad_is_refused_by_torch():
    with pytest.raises((RuntimeError, BufferError), match=r"require.* grad"):
        elu.elu(torch.tensor(X, requires_grad=True))

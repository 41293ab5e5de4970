"""Tensors of PyTorch as arguments: read and written where they lie, like arrays."""

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, WITH_ALPHA, assert_same_bits, inputs

import elu

torch = pytest.importorskip("torch")

X = np.array([[-1.5, -0.0, 2], [-30, 0.5, -0.25]], np.float32)


def test_in_place_through_a_view():
    x = torch.tensor(X)
    elu.elu(x.numpy(), 1.5, out=x.numpy())
    assert_same_bits(x.numpy(), elu.elu(X, 1.5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dlpack(name):
    x = torch.tensor(X)
    shared = np.from_dlpack(x)
    assert shared.ctypes.data == x.data_ptr()
    result = reference.function(name)(*inputs(name, shared, shared))
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
        reference.function(name)(*inputs(name, x, x))


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
    result = reference.function(name)(*inputs(name, x, x), alpha)
    expected = reference.function(name)(*inputs(name, x.numpy(), x.numpy()), alpha)
    assert type(result) is type(expected)
    assert_same_bits(result, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_beside_an_array_and_as_alpha(name):
    x, alpha = torch.tensor(X), torch.tensor([0.5, 1, 1.5])
    result = reference.function(name)(*inputs(name, X, x), alpha)
    assert type(result) is np.ndarray
    assert_same_bits(result, reference.function(name)(*inputs(name, X, X), alpha.numpy()))


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        *[(name, bad, "finite") for name in WITH_ALPHA for bad in (np.nan, np.inf, 1e39)],
        *[(name, bad, "more than 0") for name in FUNCTIONS[6:] for bad in (0, -1, 1e-50)],
    ],
)
def test_alpha_in_a_tensor_must_be_what_the_function_allows(name, bad, message):
    for x in (X, torch.tensor(X)):
        for alpha in ([1, bad, 1], bad):
            alpha = torch.tensor(alpha, dtype=torch.float64)
            with pytest.raises(ValueError, match=f"alpha must be {message}"):
                reference.function(name)(*inputs(name, x, x), alpha)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_tensor_as_alpha_does_not_enlarge_the_result(name):
    for x in (X, torch.tensor(X)):
        for shape in [(2, 2, 3), (2,), (1, 2, 3)]:
            with pytest.raises(ValueError, match="alpha"):
                reference.function(name)(*inputs(name, x, x), torch.ones(shape))


@pytest.mark.parametrize("size", [6, 2**17 + 4])
@pytest.mark.parametrize("view", ["dense", "transposed", "strided"])
@pytest.mark.parametrize("alpha", [1.0, 1.5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_as_out_is_written_and_returned(name, alpha, view, size):
    """Of arrays and of tensors, another one's memory and in place."""
    elu.set_num_threads(2)
    x = VIEWS[view](torch.tensor(np.resize(X, (2, size // 2))))
    expected = reference.function(name)(*inputs(name, x.numpy(), x.numpy()), alpha)
    for given in (x.numpy(), x):
        for dtype in (torch.float32, torch.float64):
            whole = torch.full((2, size // 2), 7, dtype=dtype)
            out = VIEWS[view](whole)
            memory = out.data_ptr()
            assert reference.function(name)(*inputs(name, given, given), alpha, out=out) is out
            assert out.data_ptr() == memory
            assert_same_bits(out.numpy(), expected.astype(out.numpy().dtype))
    assert reference.function(name)(*inputs(name, x, x), alpha, out=x) is x
    assert_same_bits(x.numpy(), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_as_out_in_a_tuple(name):
    out = torch.zeros(2, 3)
    assert reference.function(name)(*inputs(name, X, X), out=(out,)) is out
    assert_same_bits(out.numpy(), reference.function(name)(*inputs(name, X, X)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_that_is_not_fit_for_out(name):
    """The errors of an array as out, and of PyTorch; nothing is written."""
    arrays = inputs(name, X, X)
    whole = torch.full((2, 3), 7, dtype=torch.int32)
    with pytest.raises(TypeError, match="int32"):
        reference.function(name)(*arrays, out=whole)
    assert (whole == 7).all()
    small = torch.full((2, 2), 7.0)
    with pytest.raises(ValueError, match="broadcast"):
        reference.function(name)(*arrays, out=small)
    assert (small == 7).all()
    for bad in (small.to("meta"), small.to_sparse(), small.bfloat16()):
        with pytest.raises((TypeError, BufferError, RuntimeError)):
            reference.function(name)(*arrays, out=bad)
    trained = torch.full((2, 3), 7.0, requires_grad=True)
    with pytest.raises((RuntimeError, BufferError), match=r"require.* grad"):
        reference.function(name)(*arrays, out=trained)
    assert (trained == 7).all()


def test_a_tensor_that_requires_grad_is_refused_by_torch():
    with pytest.raises((RuntimeError, BufferError), match=r"require.* grad"):
        elu.elu(torch.tensor(X, requires_grad=True))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("as_out", [lambda out: out, lambda out: (out,)], ids=["tensor", "tuple"])
def test_autograd_knows_that_a_tensor_was_written(name, as_out):
    """It would compute a gradient with the new numbers in place of the old ones."""
    weight, x = torch.ones(2, 3, requires_grad=True), torch.tensor(X)
    product = (weight * x).sum()
    reference.function(name)(*inputs(name, X, X), out=as_out(x))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()

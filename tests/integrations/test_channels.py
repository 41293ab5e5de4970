"""alpha as an array: one slope per channel, in whatever way it broadcasts."""

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, assert_same_bits

import elu

SHAPE = (2, 3, 4, 50)
SHAPES = [(3, 1, 1), (1, 3, 1, 1), (50,), (4, 50), (2, 1, 1, 1), (1,), SHAPE]
LAYOUTS = {
    "C": lambda a: a,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
}


def alphas(name, shape, dtype):
    """Zero among them, and negative ones where they are allowed."""
    lowest = 0 if name == "elu_grad_from_output" else -2
    result = np.linspace(lowest, 3, int(np.prod(shape)), dtype=dtype).reshape(shape)
    result.flat[result.size // 2] = 0
    return result


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_element_as_with_its_own_alpha(name, dtype, shape, layout):
    function = getattr(elu, name)
    x, grad = (
        LAYOUTS[layout](reference.mixed(dtype, np.prod(SHAPE), seed).reshape(SHAPE))
        for seed in (1, 2)
    )
    alpha = alphas(name, shape, dtype)
    result = function(*reference.inputs(name, grad, x), alpha)
    assert result.dtype == dtype
    whole = np.broadcast_to(alpha, SHAPE)
    for one in np.unique(alpha):
        expected = function(*reference.inputs(name, grad, x), float(one))
        assert_same_bits(result[whole == one], expected[whole == one])


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.float16, ">f4"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_dtype_has_no_say(name, dtype):
    x = reference.mixed(np.float32, np.prod(SHAPE)).reshape(SHAPE)
    alpha = np.arange(3).reshape(3, 1, 1)
    result = getattr(elu, name)(*reference.inputs(name, x, x), alpha.astype(dtype))
    expected = getattr(elu, name)(*reference.inputs(name, x, x), alpha.astype(np.float32))
    assert_same_bits(result, expected)


@pytest.mark.parametrize("as_given", [np.ndarray.tolist, memoryview])
def test_a_list_or_a_buffer(as_given):
    x = reference.mixed(np.float32, np.prod(SHAPE)).reshape(SHAPE)
    alpha = np.array([[[0.5]], [[1]], [[2]]])
    assert_same_bits(elu.elu(x, as_given(alpha)), elu.elu(x, alpha))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_parallel(name, threads):
    shape = (2, 3, 400, 251)
    x = np.resize(reference.mixed(np.float32, 4099), shape)
    alpha = alphas(name, (3, 1, 1), np.float32)
    elu.set_num_threads(threads)
    result = getattr(elu, name)(*reference.inputs(name, x, x), alpha)
    for c in range(3):
        one = np.ascontiguousarray(x[:, c])
        expected = getattr(elu, name)(*reference.inputs(name, one, one), float(alpha[c, 0, 0]))
        assert_same_bits(result[:, c], expected)


@pytest.mark.parametrize("shape", [(2,), (4, 1, 1), (1, 1, 1, 1, 1), (7, 2, 3, 4, 50)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_does_not_enlarge_the_result(name, shape):
    x = np.ones(SHAPE, np.float32)
    with pytest.raises(ValueError, match="alpha"):
        getattr(elu, name)(*reference.inputs(name, x, x), np.ones(shape))


@pytest.mark.parametrize("bad", [-1.0, -1e-30, np.nan, np.inf])
def test_one_bad_channel_is_refused_by_the_output_form(bad):
    y = np.ones(SHAPE, np.float32)
    alpha = np.ones((3, 1, 1))
    alpha[1] = bad
    with pytest.raises(ValueError, match="alpha"):
        elu.elu_grad_from_output(y, y, alpha)


def test_negative_zero_is_no_negative_alpha():
    y = np.float32([-0.0, 0.0, 1.0])
    result = elu.elu_grad_from_output(np.ones(3, np.float32), y, np.full(3, -0.0))
    assert result.tolist() == [0, 1, 1]

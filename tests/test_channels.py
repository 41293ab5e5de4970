"""alpha as an array: each element as with its own alpha, in whatever way alpha broadcasts."""

import numpy as np
import pytest
import reference
from reference import GRADIENTS, WITH_ALPHA, assert_same_bits

import elu

SHAPE = (2, 3, 4, 50)
SHAPES = [
    (1,), (50,), (4, 1), (4, 50), (3, 1, 1), (3, 4, 1), (3, 1, 50), (1, 3, 1, 1), (2, 1, 1, 1),
    (2, 3, 1, 1), (2, 1, 4, 1), SHAPE,
]
LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
}


def least(name):
    """0 where it is allowed."""
    return 0.0 if reference.allows(name, 0) else 0.01


def alphas(name, shape, dtype):
    """Zero among them, and negative ones where they are allowed."""
    lowest = -2 if reference.allows(name, -2) else least(name)
    result = np.linspace(lowest, 3, int(np.prod(shape)), dtype=dtype).reshape(shape)
    result.flat[result.size // 2] = least(name)
    return result


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_each_element_as_with_its_own_alpha(name, dtype, shape, layout):
    function = reference.function(name)
    x, grad = (
        LAYOUTS[layout](reference.mixed(dtype, np.prod(SHAPE), seed).reshape(SHAPE))
        for seed in (1, 2)
    )
    alpha = alphas(name, shape, dtype)
    before = alpha.copy()
    result = function(*reference.inputs(name, grad, x), alpha)
    assert result.dtype == dtype
    assert_same_bits(alpha, before)
    whole = np.broadcast_to(alpha, SHAPE)
    for one in np.unique(alpha):
        expected = function(*reference.inputs(name, grad, x), float(one))
        assert_same_bits(result[whole == one], expected[whole == one])


@pytest.mark.parametrize("as_given", [np.ndarray.tolist, memoryview])
def test_a_list_or_a_buffer(as_given):
    x = reference.mixed(np.float32, np.prod(SHAPE)).reshape(SHAPE)
    alpha = np.array([[[0.5]], [[1]], [[2]]])
    assert_same_bits(elu.elu(x, as_given(alpha)), elu.elu(x, alpha))


def assert_as_with_one_alpha_per_channel(name, arrays, alpha, result):
    """Arrays of three dimensions, whose second are the channels."""
    for channel, number in enumerate(alpha.ravel().tolist()):
        parts = [np.ascontiguousarray(array[:, channel]) for array in arrays]
        assert_same_bits(result[:, channel], reference.function(name)(*parts, number))


# Short and long ones, some that are no multiple of a line, and some too large for the cache.
@pytest.mark.parametrize(
    "shape",
    [(3, 2, 1), (3, 4, 33), (1, 40, 33), (2, 3, 1021), (2, 3, 4100), (1500, 3, 1019),
     (200, 5, 7001)],
)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_one_for_each_channel(name, dtype, shape):
    x = np.resize(reference.mixed(dtype, 4099), shape)
    arrays = reference.inputs(name, np.flip(x).copy(), x)
    alpha = np.linspace(3, least(name), shape[1], dtype=dtype).reshape(-1, 1)
    memory = np.empty(x.size + 1, dtype)
    out = memory[1:].reshape(shape)  # off the lines of the cache
    for given, threads in [(alpha, 1), (alpha, 3), (alpha[None], 3)]:
        elu.set_num_threads(threads)
        out[...] = 7
        assert reference.function(name)(*arrays, given, out=out) is out
        assert_as_with_one_alpha_per_channel(name, arrays, alpha, out)
    in_place = np.copy(x)
    reference.function(name)(*reference.inputs(name, arrays[0], in_place), alpha, out=in_place)
    assert_same_bits(in_place, out)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *[(name, bad) for name in WITH_ALPHA for bad in (np.nan, np.inf)],
        *[(name, bad) for name in WITH_ALPHA for bad in (-1, 0) if not reference.allows(name, bad)],
    ],
)
def test_a_bad_channel_is_refused_before_anything_is_written(name, bad):
    x = np.ones((2, 3, 64))
    out = np.full_like(x, 7)
    alpha = np.reshape([1, 2, bad], (3, 1))
    with pytest.raises(ValueError, match="alpha"):
        reference.function(name)(*reference.inputs(name, x, x), alpha, out=out)
    assert (out == 7).all()


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_out_may_share_memory_with_alpha(name):
    x = reference.mixed(np.float64, 2 * 3 * 64).reshape(2, 3, 64)
    arrays = reference.inputs(name, np.flip(x), x)
    alpha = np.reshape([0.5, 1.5, 2.5], (3, 1))
    out = np.zeros_like(x)
    shared = out.ravel()[5:8].reshape(3, 1)
    shared[...] = alpha
    assert_same_bits(
        reference.function(name)(*arrays, shared, out=out), reference.function(name)(*arrays, alpha)
    )


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_the_buffer_size_of_numpy_is_left_alone(name, dtype):
    x = reference.mixed(dtype, 2 * 6 * 2500).reshape(2, 6, 2500)[:, ::2]
    arrays = reference.inputs(name, np.flip(x), x)
    alpha = np.asarray([0.5, 1.5, least(name)], dtype).reshape(3, 1)
    with np.errstate():
        np.setbufsize(4096)
        result = reference.function(name)(*arrays, alpha)
        assert np.getbufsize() == 4096
    assert_as_with_one_alpha_per_channel(name, arrays, alpha, result)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_may_be_strided_read_only_or_swapped(name):
    x = reference.mixed(np.float64, 24).reshape(4, 6)
    arrays = reference.inputs(name, np.flip(x), x)
    alpha = np.linspace(0.25, 2, 24).reshape(6, 4)
    expected = reference.function(name)(*arrays, np.ascontiguousarray(alpha.T))
    read_only = alpha.copy()
    read_only.flags.writeable = False
    swapped = alpha.astype(alpha.dtype.newbyteorder())
    for same in [alpha.T, read_only.T, swapped.T, np.repeat(alpha, 2, 0)[::2].T]:
        assert_same_bits(reference.function(name)(*arrays, same), expected)


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alphas_in_steps_beside_dense_arrays(name):
    """With `dtype` NumPy gets alpha as it lies in memory."""
    x = reference.mixed(np.float64, 24).reshape(4, 6)
    arrays = reference.inputs(name, x + 1, x)
    alpha = np.linspace(0.25, 2, 24).reshape(4, 6)
    expected = reference.function(name)(*arrays, alpha)
    for same in [np.asfortranarray(alpha), np.repeat(alpha, 2, 1)[:, ::2]]:
        assert_same_bits(reference.function(name)(*arrays, same, dtype=np.float64), expected)


@pytest.mark.parametrize("name", [name for name in WITH_ALPHA if name in GRADIENTS])
def test_alpha_broadcasts_to_the_common_shape_of_grad_and_x(name):
    grad, x = (reference.mixed(np.float64, 24, seed).reshape(4, 6) for seed in (1, 2))
    alpha = np.asarray([[0.5], [1.5], [2.0], [least(name)]])
    for arrays in [(grad[0], x), (grad, x[:, :1]), (grad[:, :1], x[0])]:
        full = [np.array(a) for a in np.broadcast_arrays(*arrays, alpha)]
        assert_same_bits(reference.function(name)(*arrays, alpha), reference.function(name)(*full))

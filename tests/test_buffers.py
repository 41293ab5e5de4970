"""The buffer protocol and DLPack: read where they lie, without a copy."""

import array

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, WITH_ALPHA, assert_same_bits

import elu

X = np.array([-1.5, -0.0, 2], np.float32)


class Exporter:
    """A tensor with DLPack and nothing else."""

    def __init__(self, a):
        self.a = a

    def __dlpack__(self, **keywords):
        return self.a.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


class NoCopy(Exporter):
    """Refuses to be copied."""

    def __dlpack__(self, **keywords):
        assert not keywords.get("copy")
        return super().__dlpack__(**keywords)


MAKERS = {
    "array.array": lambda a: array.array(a.dtype.char, a.tolist()),
    "memoryview": memoryview,
    "read-only memoryview": lambda a: memoryview(a).toreadonly(),
    "dlpack": Exporter,
    "dlpack without copy": NoCopy,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_inputs(name, make, dtype):
    x = X.astype(dtype)
    given = MAKERS[make](x)
    result = reference.function(name)(*reference.inputs(name, given, given), 1.5)
    assert type(result) is np.ndarray
    assert_same_bits(result, reference.function(name)(*reference.inputs(name, x, x), 1.5))


@pytest.mark.parametrize("make", MAKERS)
def test_alpha(make):
    assert_same_bits(elu.elu(X, MAKERS[make](np.full(3, 0.5))), elu.elu(X, np.full(3, 0.5)))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_array_of_alphas_beside_them(name, make):
    given = MAKERS[make](X)
    alpha = np.linspace(0.5, 2, 3)
    result = reference.function(name)(*reference.inputs(name, given, given), alpha)
    assert_same_bits(result, reference.function(name)(*reference.inputs(name, X, X), alpha))
    with pytest.raises(ValueError, match="alpha must broadcast"):
        reference.function(name)(*reference.inputs(name, given, given), np.ones(4))


def test_shapes_and_strides_of_a_buffer():
    x = np.arange(-12, 12, dtype=np.float32).reshape(4, 6)
    assert_same_bits(elu.elu(memoryview(x)), elu.elu(x))
    assert_same_bits(elu.elu(Exporter(x.T[::2])), elu.elu(x.T[::2]))


def test_a_view_of_a_buffer_as_out():
    buffer = array.array("f", X.tolist())
    view = np.frombuffer(buffer, np.float32)
    elu.elu(view, out=view)
    assert_same_bits(np.array(buffer, np.float32), elu.elu(X))

"""What is no array of numbers, or none of this machine's memory: an error that says what it was."""

import decimal
import fractions
import re
import types

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, INPUTS, WITH_ALPHA

import elu

X = np.array([-1.5, -0.0, 2], np.float32)

NO_ARRAYS = [
    None,
    object(),
    {},
    {1.0},
    print,
    elu,
    types.SimpleNamespace(shape=(3,)),
    fractions.Fraction(-1, 3),
    decimal.Decimal(-1),
    (float(i) for i in range(3)),
    map(float, range(3)),
]


@pytest.mark.parametrize("bad", NO_ARRAYS, ids=lambda bad: type(bad).__name__)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_array_is_a_type_error_that_names_its_type(name, bad):
    with pytest.raises(TypeError, match=type(bad).__name__):
        reference.function(name)(*reference.inputs(name, X, bad))


@pytest.mark.parametrize("bad", [None, object(), {}, "ab"], ids=lambda bad: type(bad).__name__)
def test_the_gradient_too(bad):
    with pytest.raises(TypeError, match=r"NoneType|object|dict|U2"):
        elu.elu_grad(bad, X)


@pytest.mark.parametrize("bad", ["abc", b"de", ["f"], [1, "g"], [None], 1j, np.datetime64("2020")])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_holds_no_numbers_is_a_type_error_that_names_the_dtype(name, bad):
    with pytest.raises(TypeError, match=re.escape(str(np.asarray(bad).dtype))):
        reference.function(name)(*reference.inputs(name, X, bad))


@pytest.mark.parametrize("bad", NO_ARRAYS, ids=lambda bad: type(bad).__name__)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_alpha_that_is_no_array_is_a_type_error_that_names_its_type(name, bad):
    if isinstance(bad, fractions.Fraction):
        pytest.skip("a real number")
    with pytest.raises(TypeError, match=f"^{name}: alpha .*{type(bad).__name__}"):
        reference.function(name)(*reference.inputs(name, X, X), bad)


def test_a_huge_alpha_is_named_by_its_first_digits():
    with pytest.raises(ValueError, match="finite") as error:
        elu.elu(X, 2**2000)
    assert str(2**2000)[:20] in str(error.value)
    assert len(str(error.value)) < 200


def test_a_ragged_list_is_numpys_error():
    with pytest.raises(ValueError, match="inhomogeneous"):
        elu.elu([[1], [1, 2]])


class OnAGpu:
    """A tensor on a CUDA device, which some libraries would copy when NumPy asks."""

    dtype = np.dtype(np.float32)
    shape = (3,)
    asked = 0

    def __array__(self, dtype=None, copy=None):
        OnAGpu.asked += 1
        return X.copy()


class LikeTorch(OnAGpu):
    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **keywords):
        OnAGpu.asked += 1
        return X.__dlpack__(**keywords)


class LikeNumba(OnAGpu):
    @property
    def __cuda_array_interface__(self):
        return {"shape": (3,), "typestr": "<f4", "data": (1, False), "version": 3}


class Bare:
    """No __array__, as in PyTorch's protocol for other libraries."""

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **keywords):
        raise BufferError("on another device")


@pytest.mark.parametrize("kind", [LikeTorch, LikeNumba, Bare])
@pytest.mark.parametrize(
    ("name", "place"),
    [(name, place) for name in FUNCTIONS for place in (*INPUTS[name], "alpha")
     if place != "alpha" or name in WITH_ALPHA],
)
def test_a_cuda_tensor_is_a_type_error_and_not_copied(name, place, kind):
    arrays = dict.fromkeys(INPUTS[name], X)
    before = OnAGpu.asked
    with pytest.raises(TypeError, match=rf"(?s)(?=.*{kind.__name__})(?=.*CPU)"):
        getattr(elu, name)(**{**arrays, place: kind()})
    assert OnAGpu.asked == before


def test_a_cuda_tensor_as_out_is_a_type_error():
    with pytest.raises(TypeError, match="LikeTorch"):
        elu.elu(X, out=LikeTorch())

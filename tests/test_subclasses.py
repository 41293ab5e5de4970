"""Subclasses of ndarray come back as what they are; types with __array_ufunc__ get the ufunc."""

import threading
from typing import ClassVar

import numpy as np
import pytest
import reference
from reference import FORWARD, FUNCTIONS, GRADIENTS, WITH_ALPHA, assert_same_bits

import elu

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")

X = reference.mixed(np.float32, 12).reshape(3, 4)
NEW_ARRAYS = [{}]  # keywords for a new array as the result
if np.lib.NumpyVersion(np.__version__) >= "2.3.0":
    NEW_ARRAYS.append({"out": ...})


class Labelled(np.ndarray):
    """A subclass with an attribute, as NumPy's documentation shows it."""

    def __array_finalize__(self, other):
        self.label = getattr(other, "label", None)


def labelled(a):
    result = a.copy().view(Labelled)
    result.label = "x"
    return result


def masked(a):
    return np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) % 3 == 0)


@pytest.mark.parametrize("make", [masked, np.matrix, labelled, np.rec.array])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_type_comes_back(name, make):
    function = reference.function(name)
    x = make(X)
    result = function(*reference.inputs(name, X, x), 1.5)
    assert type(result) is type(x)
    assert getattr(result, "label", None) == getattr(x, "label", None)
    np.testing.assert_array_equal(np.ma.getmaskarray(result), np.ma.getmaskarray(x))
    seen = ~np.ma.getmaskarray(np.asanyarray(x))
    expected = function(*reference.inputs(name, X, X), 1.5)
    assert_same_bits(np.asarray(result)[np.asarray(seen)], expected[np.asarray(seen)])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_subok_false_gives_an_ndarray(name):
    x = np.matrix(X)
    assert type(reference.function(name)(*reference.inputs(name, x, x), subok=False)) is np.ndarray


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_hard_mask_and_the_fill_value_stay(name):
    x = np.ma.array(X, mask=X > 1, hard_mask=True, fill_value=7)
    result = reference.function(name)(x, x)
    expected = np.copysign(x, x)
    assert (result.hardmask, result.fill_value) == (expected.hardmask, expected.fill_value)


@pytest.mark.parametrize("name", GRADIENTS)
def test_masks_of_gradients_unite(name):
    grad, x = np.ma.array(X, mask=X > 1), np.ma.array(X, mask=X < -1)
    result = reference.function(name)(grad, x)
    np.testing.assert_array_equal(result.mask, grad.mask | x.mask)


def test_the_inputs_mask_is_not_shared():
    x = masked(X)
    before = x.mask.copy()
    elu.elu(x).mask[...] = True
    np.testing.assert_array_equal(x.mask, before)


def test_a_masked_constant_stays_one():
    assert elu.elu(np.ma.masked) is np.ma.masked


@pytest.mark.parametrize("make", [masked, np.matrix, labelled])
def test_alpha_counts_like_any_operand(make):
    """As in np.hypot(x, alpha): its mask is the result's, its type too."""
    alpha = make(np.full((3, 4), 1.5, np.float32))
    result = elu.elu(X, alpha)
    assert type(result) is type(np.hypot(X, alpha))
    np.testing.assert_array_equal(np.ma.getmaskarray(result), np.ma.getmaskarray(alpha))


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_a_mask_of_alpha_gets_the_shape_of_the_result(name):
    alpha = np.ma.array([[1.5], [0.5], [1]], mask=[[False], [True], [False]])
    for mask in (alpha.mask, True):
        alpha.mask = mask
        for keywords in NEW_ARRAYS:
            result = reference.function(name)(*reference.inputs(name, X, X), alpha, **keywords)
            assert result.mask.shape == X.shape
            np.testing.assert_array_equal(result.mask, np.broadcast_to(alpha.mask, X.shape))


def test_alpha_may_be_anything_under_its_mask():
    alpha = np.ma.array([1.5, np.nan, 0.5, 1], mask=[False, True, False, False])
    result = elu.elu(X, alpha)
    assert result.mask.tolist() == [[False, True, False, False]] * 3


def test_a_masked_array_in_place():
    x = masked(X)
    expected = elu.elu(x, 1.5)
    assert elu.elu(x, 1.5, out=x) is x
    np.testing.assert_array_equal(x.mask, expected.mask)
    assert_same_bits(x.compressed(), expected.compressed())


@pytest.mark.parametrize("alpha", [np.ma.masked, [np.nan, 1.0], [], np.nan], ids=repr)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_an_alpha_without_a_number_outside_its_mask(name, alpha):
    """There is nothing then that could be wrong."""
    alpha = np.ma.array(alpha, mask=True)
    x = np.full(alpha.shape or 3, -1, np.float32)
    result = reference.function(name)(*reference.inputs(name, x, x), alpha)
    assert (type(result), result.dtype, result.shape) == (np.ma.MaskedArray, x.dtype, x.shape)
    assert np.ma.getmaskarray(result).all()


class Watched(np.ndarray):
    """A subclass that computes in Python, and sees in which thread."""

    threads: ClassVar = set()

    def __array_ufunc__(self, ufunc, method, *operands, out=None, **keywords):
        Watched.threads.add(threading.current_thread())
        operands = [a.view(np.ndarray) if isinstance(a, Watched) else a for a in operands]
        if out is not None:
            keywords["out"] = tuple(np.asarray(a) for a in out)
        return getattr(ufunc, method)(*operands, **keywords).view(Watched)


def watched(a):
    return a.view(Watched)


@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize("make", [masked, np.matrix, labelled, np.rec.array, watched])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_of_a_subclass_as_exp_and_copysign_take_it(name, make, size):
    """Beside inputs that are ordinary arrays, small and large."""
    x, grad = (np.resize(reference.mixed(np.float32, 999, s), (1, size)) for s in (2, 3))
    arrays = reference.inputs(name, grad, x)
    for alpha, threads in [(1.0, 1), (1.0, 2), (1.5, 2), (np.full(size, 1.5), 2)]:
        elu.set_num_threads(threads)
        ours, theirs = make(np.full((1, size), 77, np.float32)), make(np.full((1, size), 77.0))
        Watched.threads.clear()
        with np.errstate(all="ignore"):
            result = reference.function(name)(*arrays, alpha, out=ours)
            expected = (np.exp if name in FORWARD else np.copysign)(*arrays, out=theirs)
        assert type(result) is type(expected)
        assert (result is ours) == (expected is theirs)
        np.testing.assert_array_equal(np.ma.getmaskarray(ours), np.ma.getmaskarray(theirs))
        assert Watched.threads <= {threading.current_thread()}
        assert_same_bits(np.asarray(ours), reference.function(name)(*arrays, alpha))


class Refuses:
    __array_ufunc__ = None

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("its data was asked for")


@pytest.mark.parametrize("place", ["x", "grad", "alpha", "out"])
def test_a_container_that_refuses_is_heard(place):
    operands = {"grad": X, "x": X, "alpha": X, "out": X.copy(), place: Refuses()}
    with pytest.raises(TypeError, match="Refuses"):
        elu.elu_grad(**operands)


class Handed:
    """A type with __array_ufunc__, such as CuPy's: it is handed the ufunc and does the rest."""

    dtype = np.dtype(np.float32)
    shape = (3,)

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("its data was asked for")

    def __array_ufunc__(self, ufunc, method, *operands, **keywords):
        return ufunc, method, operands, keywords


@pytest.mark.parametrize("alpha", [1, 1.0, np.float32(1), np.int8(1)], ids=repr)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_with_alpha_1_it_is_handed_a_ufunc_without_alpha(name, alpha):
    """As np.exp and np.multiply would be."""
    x = Handed()
    arrays = reference.inputs(name, X, x)
    ufunc, method, operands, keywords = reference.function(name)(*arrays, alpha)
    assert isinstance(ufunc, np.ufunc)
    assert (ufunc.__name__, ufunc.nin, method) == (name, len(arrays), "__call__")
    assert len(operands) == len(arrays)
    assert all(a is b for a, b in zip(operands, arrays, strict=True))
    assert keywords == {}  # some know no keyword, and none was given


@pytest.mark.parametrize("alpha", [0, 1.5, np.float64(0.5), np.full(3, 1.5)], ids=repr)
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_with_any_other_alpha_it_is_handed_a_ufunc_with_alpha(name, alpha):
    x = Handed()
    if not reference.allows(name, alpha):
        alpha = 0.1
    arrays = reference.inputs(name, X, x)
    ufunc, method, operands, keywords = reference.function(name)(*arrays, alpha)
    assert isinstance(ufunc, np.ufunc)
    assert (ufunc.__name__, ufunc.nin) == (f"{name}_alpha", len(arrays) + 1)
    assert method == "__call__"
    assert all(a is b for a, b in zip(operands[:-1], arrays, strict=True))
    np.testing.assert_array_equal(operands[-1], alpha)
    assert keywords == {}


def test_it_is_handed_the_keywords_that_were_given():
    out, where = Handed(), Handed()
    _, _, _, keywords = elu.elu(X, out=out, where=where, dtype="f8", order="F")
    assert keywords == {"out": (out,), "where": where, "dtype": "f8", "order": "F"}


def test_it_may_be_alpha():
    alpha = Handed()
    x = np.ones(alpha.shape, np.float32)
    assert elu.elu(x, alpha)[2][1] is alpha

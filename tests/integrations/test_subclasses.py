"""Masked arrays, np.matrix and other subclasses of ndarray come back as what they are."""

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, assert_same_bits

import elu

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")

X = reference.mixed(np.float32, 12).reshape(3, 4)


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
    function = getattr(elu, name)
    x = make(X)
    result = function(*reference.inputs(name, X, x), 1.5)
    assert type(result) is type(x)
    assert getattr(result, "label", None) == getattr(x, "label", None)
    np.testing.assert_array_equal(np.ma.getmaskarray(result), np.ma.getmaskarray(x))
    seen = ~np.ma.getmaskarray(np.asanyarray(x))
    expected = function(*reference.inputs(name, X, X), 1.5)
    assert_same_bits(np.asarray(result)[np.asarray(seen)], expected[np.asarray(seen)])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_subok_false_gives_a_plain_array(name):
    x = np.matrix(X)
    assert type(getattr(elu, name)(*reference.inputs(name, x, x), subok=False)) is np.ndarray


@pytest.mark.parametrize("name", ["elu_grad", "elu_grad_from_output"])
def test_a_hard_mask_and_the_fill_value_stay(name):
    x = np.ma.array(X, mask=X > 1, hard_mask=True, fill_value=7)
    result = getattr(elu, name)(x, x)
    expected = np.copysign(x, x)
    assert (result.hardmask, result.fill_value) == (expected.hardmask, expected.fill_value)


@pytest.mark.parametrize("name", ["elu_grad", "elu_grad_from_output"])
def test_masks_of_gradients_unite(name):
    grad, x = np.ma.array(X, mask=X > 1), np.ma.array(X, mask=X < -1)
    result = getattr(elu, name)(grad, x)
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

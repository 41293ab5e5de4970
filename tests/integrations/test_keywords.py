"""The keywords that every ufunc takes: where, dtype, casting, order, subok, and out as a tuple."""

import itertools
import warnings

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, assert_same_bits

import elu

X = reference.mixed(np.float32, 12).reshape(3, 4)
GRAD = reference.mixed(np.float32, 12, seed=1).reshape(3, 4)


def call(name, grad=GRAD, x=X, alpha=1.5, **keywords):
    return getattr(elu, name)(*reference.inputs(name, grad, x), alpha, **keywords)


SELECTIONS = {
    "mask": X > 0,
    "row": np.array([True, False, True, False]),
    "column": np.array([[True], [False], [True]]),
    "list": [True, False, False, True],
    "True": True,
    "False": False,
}


@pytest.mark.parametrize("as_out", [lambda out: out, lambda out: (out,)], ids=["array", "tuple"])
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_where_leaves_the_others_untouched(name, selection, as_out):
    where = SELECTIONS[selection]
    out = reference.from_bits(np.full(X.shape, 0x7FA00001), np.float32)  # a NaN that signals
    before = out.copy()
    result = call(name, out=as_out(out), where=where)
    assert result is out
    chosen = np.broadcast_to(where, X.shape)
    assert_same_bits(result[chosen], call(name)[chosen])
    assert_same_bits(result[~chosen], before[~chosen])


WHOLES = {
    "halves": lambda x: np.arange(x.size).reshape(x.shape) < x.size // 2,
    "scattered": lambda x: np.resize(X > 0, x.size).reshape(x.shape),
    "rows": lambda x: (np.arange(len(x)) % 3 > 0)[:, None],
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("view", [lambda a: a, lambda a: a.T, lambda a: a[:, ::2]], ids="CTS")
@pytest.mark.parametrize("selection", WHOLES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_where_of_large_arrays(name, selection, view, threads):
    """Also where what is selected is large enough for several threads."""
    x, grad = (
        view(np.resize(reference.mixed(np.float32, 4099, seed), (500, 601))) for seed in (0, 1)
    )
    where = WHOLES[selection](x)
    out = np.full_like(x, 7)
    elu.set_num_threads(threads)
    call(name, grad, x, where=where, out=out)
    assert_same_bits(out, np.where(where, call(name, grad, x), np.float32(7)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_where_in_place(name):
    out = X.copy()
    call(name, x=out, out=out, where=X < 0)
    assert_same_bits(out, np.where(X < 0, call(name), X))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("out", [{}, {"out": (None,)}], ids=repr)
def test_where_without_out_warns_as_exp_does(name, out):
    """What is not selected is memory as it was found; newer NumPy says so."""
    with warnings.catch_warnings(record=True) as expected:
        warnings.simplefilter("always")
        np.exp(GRAD, where=X > 0, **out)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call(name, where=X > 0, **out)
    assert [w.category for w in caught] == [w.category for w in expected]
    assert_same_bits(result[X > 0], call(name)[X > 0])


@pytest.mark.parametrize("given", ["e", "f", "d", "h", "i", "?"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, "f4", "d"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_dtype_is_that_of_the_computation(name, dtype, given):
    """As in np.exp, also where it is narrower than the input."""
    with np.errstate(over="ignore"):  # of the casts, which are NumPy's
        x, grad = (np.arange(6) - 3).astype(given), np.arange(6).astype(given)
        result = call(name, grad, x, dtype=dtype)
        assert result.dtype == np.exp(x, dtype=dtype).dtype
    assert_same_bits(result, call(name, grad.astype(dtype), x.astype(dtype)))


@pytest.mark.parametrize("dtype", [int, complex, object, "U1", np.longdouble])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_dtype_without_a_loop_is_a_type_error(name, dtype):
    with pytest.raises(TypeError):
        call(name, dtype=dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dtype_with_out_of_another_shape_is_a_value_error(name):
    out = np.full((2, 3, 4), 7, np.float64)
    with pytest.raises(ValueError, match="out"):
        call(name, out=out, dtype=np.float64)
    assert (out == 7).all()


def outcome(function, *arguments, **keywords):
    """The result's dtype, or the type of the error, both as np.exp has them."""
    try:
        return function(*arguments, **keywords).dtype
    except (TypeError, ValueError) as error:
        return TypeError if isinstance(error, TypeError) else ValueError


CASTINGS = ["no", "equiv", "safe", "same_kind", "unsafe", "bogus"]


@pytest.mark.parametrize("given", ["f", ">f", "e", "i", "b", "d"])
@pytest.mark.parametrize("casting", CASTINGS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_casting_as_exp_takes_it(name, casting, given):
    x = np.arange(-2, 2).astype(given)
    for dtype, out in itertools.product([None, "f", "d"], [None, "f", "i"]):
        if dtype is None and out is not None:
            continue  # there `out` has to have the result's own dtype
        keywords = {"casting": casting, "dtype": dtype}
        outs = [None if out is None else np.zeros(4, out) for _ in range(2)]
        expected = outcome(np.exp, x, out=outs[0], **keywords)
        assert outcome(call, name, x, x, out=outs[1], **keywords) == expected, keywords


@pytest.mark.parametrize("alpha", [2, 1.5, np.float64(0.5), np.array([1, 2, 3, 4.0])])
@pytest.mark.parametrize("casting", ["no", "equiv", "safe"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_strict_casting_is_none_of_alphas_concern(name, casting, alpha):
    assert_same_bits(call(name, alpha=alpha, casting=casting), call(name, alpha=alpha))


LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.transpose(1, 0, 2)).transpose(1, 0, 2),
    "strided": lambda a: np.repeat(a, 2, axis=2)[..., ::2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_order_as_exp_takes_it(name, order, layout):
    x = LAYOUTS[layout](reference.mixed(np.float32, 24).reshape(2, 3, 4))
    result = call(name, x, x, order=order)
    with np.errstate(all="ignore"):
        assert result.strides == np.exp(x, order=order).strides
    assert_same_bits(result, call(name, x, x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_order_is_a_value_error(name):
    with pytest.raises(ValueError, match="order"):
        call(name, order="Q")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_as_a_tuple(name):
    out = np.empty_like(X)
    assert call(name, out=(out,)) is out
    assert_same_bits(out, call(name))
    assert_same_bits(call(name, out=(None,)), call(name))


@pytest.mark.parametrize("out", [(), (X.copy(), X.copy()), [X.copy()]], ids=["0", "2", "list"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_that_is_no_tuple_of_one(name, out):
    with pytest.raises((TypeError, ValueError), match="out"):
        call(name, out=out)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_defaults_by_name_change_nothing(name):
    keywords = {"where": True, "casting": "same_kind", "order": "K", "dtype": None, "subok": True}
    assert_same_bits(call(name, out=None, **keywords), call(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_keywords_for_lists_and_numbers(name):
    out = np.zeros(2)
    call(name, [1, 2], [-1, -2], out=out, where=[True, False])
    assert out[0] != 0
    assert out[1] == 0
    assert call(name, 1, -1, dtype=np.float32).dtype == np.float32

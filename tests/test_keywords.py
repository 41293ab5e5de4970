"""The keywords that every ufunc takes: out, where, dtype, casting, order, subok."""

import array
import itertools
import warnings
from fractions import Fraction

import numpy as np
import pytest
import reference
from reference import DTYPES, FORWARD, FUNCTIONS, WITH_ALPHA, assert_same_bits

import elu

X = reference.mixed(np.float32, 12).reshape(3, 4)
GRAD = reference.mixed(np.float32, 12, seed=1).reshape(3, 4)


def attempt(function, *arguments, **keywords):
    """The result, or the type of the error."""
    try:
        return function(*arguments, **keywords)
    except (TypeError, ValueError) as error:
        return type(error)


def call(name, grad=GRAD, x=X, alpha=1.5, **keywords):
    return reference.function(name)(*reference.inputs(name, grad, x), alpha, **keywords)


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


@pytest.mark.parametrize("as_given", [lambda a: a, memoryview], ids=["array", "buffer"])
@pytest.mark.parametrize("shared", ["x", "grad", "alpha", "where"])
@pytest.mark.parametrize(("given_dtype", "dtype", "out_dtype"), [
    *(("f2", None, each) for each in ("f2", ">f2", "f4", "f8", ">f8")),
    ("f8", "f2", "f8"), ("f4", "f8", "f4"),
])
@pytest.mark.parametrize("size", [54, 5000, 2**17])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_where_and_an_out_of_another_dtype_in_the_memory_of_an_operand(
    name, size, given_dtype, dtype, out_dtype, shared, as_given
):
    """NumPy 2.4's own ufuncs write elements that were not selected."""
    if (shared == "grad" and name in FORWARD) or (shared == "alpha" and name not in WITH_ALPHA):
        pytest.skip("there is none")
    given = {
        "grad": np.full(size, 2, given_dtype), "x": np.full(size, -1.5, given_dtype),
        "alpha": np.full(size, 0.5, given_dtype), "where": np.arange(size) % 3 == 0,
    }
    memory = np.zeros(8 * size + 64, np.uint8)
    view = np.ndarray(size, given[shared].dtype, memory, 16)
    view[:] = given[shared]
    expected = np.ndarray(size, out_dtype, memory.copy(), 32)
    everywhere = call(name, given["grad"], given["x"], given["alpha"], dtype=dtype)
    np.copyto(expected, everywhere, where=given["where"])
    given[shared] = as_given(view)
    out = np.ndarray(size, out_dtype, memory, 32)
    call(name, out=out, dtype=dtype, **given)
    assert_same_bits(out, expected)


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
@pytest.mark.parametrize("dtype", [*DTYPES, "f4", "d"])
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
    with pytest.raises(TypeError, match=f"dtype={np.dtype(dtype)} is not supported"):
        call(name, dtype=dtype)


CASTINGS = ["no", "equiv", "safe", "same_kind", "unsafe", "bogus"]


@pytest.mark.parametrize("given", ["f", ">f", "e", "i", "b", "d"])
@pytest.mark.parametrize("casting", CASTINGS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_casting_as_exp_takes_it(name, casting, given):
    x = np.arange(-2, 2).astype(given)
    for dtype, out in itertools.product([None, "f", "d"], [None, "f", "i"]):
        keywords = {"casting": casting, "dtype": dtype}
        results = []
        for function in (np.exp if name in FORWARD else np.copysign, reference.function(name)):
            into = None if out is None else np.zeros(4, out)
            result = attempt(function, *reference.inputs(name, x, x), out=into, **keywords)
            results.append(getattr(result, "dtype", result))
        assert results[0] == results[1], keywords


BYTES = {
    "bools": [True, False, True, True],
    "tuple": (True, False, True, True),
    "bool": True,
    "array.array": array.array("b", [1, -2, 3, -4]),
    "memoryview": memoryview(bytes([1, 2, 3, 4])),
}


@pytest.mark.parametrize("given", BYTES)
@pytest.mark.parametrize("casting", CASTINGS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_casting_is_heard_for_bytes_in_any_container(name, casting, given):
    """They have loops of their own, which np.exp has not."""
    x = BYTES[given]
    expected = attempt(np.exp, x, casting=casting)
    result = attempt(call, name, x, x, casting=casting)
    assert getattr(result, "dtype", result) == getattr(expected, "dtype", expected)


@pytest.mark.parametrize("alpha", [2, 1.5, np.float64(0.5), np.array([1, 2, 3, 4.0])])
@pytest.mark.parametrize("casting", ["no", "equiv", "safe"])
@pytest.mark.parametrize("name", WITH_ALPHA)
def test_strict_casting_is_none_of_alphas_concern(name, casting, alpha):
    assert_same_bits(call(name, alpha=alpha, casting=casting), call(name, alpha=alpha))


@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize("casting", ["no", "equiv", "safe", "same_kind"])
def test_casting_of_a_python_number_as_copysign_takes_it(casting, size):
    """Also where there is work for several threads."""
    x = np.full(2 * size, -1, np.float32)[::2]
    elu.set_num_threads(2)
    for operands in ((2.5, x), (x, 2.5), (2, x)):
        results = [attempt(f, *operands, casting=casting) for f in (np.copysign, elu.elu_grad)]
        assert len({getattr(result, "dtype", result) for result in results}) == 1


@pytest.mark.parametrize("casting", CASTINGS)
@pytest.mark.parametrize("name", FORWARD)
def test_casting_of_a_lone_python_number_as_exp_takes_it(name, casting):
    """Whatever alpha is."""
    for x, dtype in itertools.product([-1, 3, 2.5], [None, "e", "f", "d"]):
        expected = attempt(np.exp, x, casting=casting, dtype=dtype)
        for alpha in [1, 2, np.float64(0.5), np.float32(3), Fraction(1, 3)]:
            result = attempt(reference.function(name), x, alpha=alpha, casting=casting, dtype=dtype)
            assert getattr(result, "dtype", result) == getattr(expected, "dtype", expected)


LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.transpose(1, 0, 2)).transpose(1, 0, 2),
    "strided": lambda a: np.repeat(a, 2, axis=2)[..., ::2],
}


@pytest.mark.parametrize("shape", [(2, 3, 4), (40, 70, 100)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["C", "F", "A", "K", None])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_order_as_exp_takes_it(name, order, layout, shape):
    """Also where several threads compute."""
    x = LAYOUTS[layout](np.resize(reference.mixed(np.float32, 4099), shape))
    elu.set_num_threads(3)
    result = call(name, x, x, order=order)
    with np.errstate(all="ignore"):
        assert result.strides == np.exp(x, order=order).strides
    assert_same_bits(result, call(name, x, x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_order_is_a_value_error(name):
    with pytest.raises(ValueError, match="order"):
        call(name, order="Q")


def of_dtype(dtype):
    return lambda x: np.full(x.shape, 77, dtype)


def read_only(x):
    out = np.full_like(x, 77)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize("size", [9, 2**17 + 5])
@pytest.mark.parametrize("subok", [1, None, "yes", np.True_], ids=repr)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_subok_that_is_no_bool_is_a_type_error(name, subok, size):
    """At any size and on any path."""
    elu.set_num_threads(2)
    x = np.ones(size, np.float32)
    for arrays in ([x, x], [np.repeat(x, 2)[::2]] * 2, [x.astype(np.int64)] * 2):
        with pytest.raises(TypeError, match="subok"):
            call(name, *arrays, subok=subok)


OUTS = {
    **{f"dtype {c}": of_dtype(c) for c in ["e", "f", "d", ">f", ">d", "g", "i", "?", "F", "O"]},
    "as another order": lambda x: np.full(x.shape, 77, x.dtype, order="F"),
    "every second": lambda x: np.full((*x.shape, 2), 77, x.dtype)[..., 0],
    "larger": lambda x: np.full((3, *x.shape), 77, x.dtype),
    "larger, another dtype": lambda x: np.full((3, *x.shape), 77.0),
    "one more dimension": lambda x: np.full((1, *x.shape), 77, x.dtype),
    "row": lambda x: np.full(x.shape[1], 77, x.dtype),
    "column": lambda x: np.full((len(x), 1), 77, x.dtype),
    "transposed": lambda x: np.full(x.shape[::-1], 77, x.dtype),
    "flat": lambda x: np.full(x.size, 77, x.dtype),
    "0-d": lambda x: np.full((), 77, x.dtype),
    "empty": lambda x: np.full(0, 77, x.dtype),
    "read-only": read_only,
    "...": lambda x: ...,
    "(...,)": lambda x: (...,),
    "(out,)": lambda x: (np.full_like(x, 77),),
    "(float64,)": lambda x: (np.full(x.shape, 77.0),),
    "(None,)": lambda x: (None,),
    "()": lambda x: (),
    "(None, None)": lambda x: (None, None),
    "[out]": lambda x: [np.full_like(x, 77)],
    "list": lambda x: [[0.0] * 4] * 3,
    "scalar": lambda x: x[0, 0],
    "number": lambda x: 1.0,
    "memoryview": lambda x: memoryview(x.copy()),
}


@pytest.mark.parametrize("shape", [(3, 4), (301, 403)], ids=str)
@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_as_exp_and_copysign_take_it(name, out, shape):
    """The same results, or the same errors and nothing written."""
    x, grad = (np.resize(reference.mixed(np.float32, 4099, seed), shape) for seed in (2, 3))
    x[np.isnan(x)] = 0.5  # NaNs that signal would let the casts to other dtypes report something
    grad[np.isnan(grad)] = 0.5
    arrays = reference.inputs(name, grad, x)
    for alpha, threads in [(1.0, 1), (1.0, 2), (1.5, 2), (np.full(shape[1], 1.5), 2)]:
        elu.set_num_threads(threads)
        ours, theirs, before = (OUTS[out](x) for _ in range(3))
        with np.errstate(all="ignore"):
            result = attempt(reference.function(name), *arrays, alpha, out=ours)
            function = np.exp if name in FORWARD else np.copysign
            expected = attempt(function, *arrays, out=theirs)
            if isinstance(expected, type):
                assert result is expected
                np.testing.assert_equal(ours, before)
                continue
            assert type(result) is type(expected)
            assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
            right = np.full_like(result, 0)
            right[...] = reference.function(name)(*arrays, alpha)
        if theirs is expected:
            assert ours is result
        if result.dtype.char in "gO":
            np.testing.assert_array_equal(result, right)
        else:
            assert_same_bits(result, right)


WHERES = {
    "larger": lambda x: np.arange(3 * x.size).reshape(3, *x.shape) % 2 == 0,
    "column": lambda x: np.arange(len(x))[:, None] % 2 == 0,
    "row": lambda x: np.arange(x.shape[1]) % 3 == 0,
    "0-d": lambda x: np.array(True),
    "list": lambda x: [[True]],
    "integers": lambda x: np.ones(x.shape, int),
    "number": lambda x: 1,
    "float": lambda x: 1.0,
    "too long": lambda x: np.ones(x.shape[1] + 1, bool),
    "string": lambda x: "yes",
    "None": lambda x: None,
}


@pytest.mark.parametrize("shape", [(3, 4), (301, 403)], ids=str)
@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_where_as_exp_and_copysign_take_it(name, where, shape):
    """Shapes that broadcast, also to a larger out, and what is no array of truth values."""
    x, grad = (np.resize(reference.mixed(np.float32, 4099, seed), shape) for seed in (2, 3))
    arrays = reference.inputs(name, grad, x)
    where = WHERES[where](x)
    for larger, alpha, threads in [(0, 1.0, 1), (1, 1.0, 2), (0, 1.5, 2), (1, 1.5, 2)]:
        elu.set_num_threads(threads)
        ours, theirs = (np.full((3, *shape) if larger else shape, 77, x.dtype) for _ in range(2))
        with np.errstate(all="ignore"):
            result = attempt(reference.function(name), *arrays, alpha, out=ours, where=where)
            function = np.exp if name in FORWARD else np.copysign
            expected = attempt(function, *arrays, out=theirs, where=where)
        if isinstance(expected, type):
            assert result is expected
            assert (ours == 77).all()
        else:
            assert result is ours
            chosen = np.broadcast_to(np.asarray(where, bool), ours.shape)
            right = np.where(chosen, reference.function(name)(*arrays, alpha), np.float32(77))
            assert_same_bits(ours, right)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_as_a_tuple(name):
    out = np.empty_like(X)
    assert call(name, out=(out,)) is out
    assert_same_bits(out, call(name))
    assert_same_bits(call(name, out=(None,)), call(name))


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


MIXED = list(itertools.product(["C", "F", "swapped", "reversed", "row"], repeat=2))


@pytest.mark.parametrize("size", [10, 60])
@pytest.mark.parametrize(("first", "second"), MIXED)
def test_the_order_of_the_result_is_numpys(first, second, size):
    """Whatever the size, and also where the operands disagree."""
    layouts = {
        "C": lambda a: a,
        "F": np.asfortranarray,
        "swapped": lambda a: a.swapaxes(1, 2).copy().swapaxes(1, 2),
        "reversed": lambda a: a[::-1],
        "row": lambda a: a[:, :1],
    }
    a = np.resize(reference.mixed(np.float32, 4099), (size, size, size))
    grad, x = layouts[first](a), layouts[second](a)
    elu.set_num_threads(3)
    assert elu.elu_grad(grad, x).strides == np.copysign(grad, x).strides

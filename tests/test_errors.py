"""Errors: their types, messages that say what was given and what is accepted, nothing written.

Those of `out` and `where`, which are NumPy's own, are in test_keywords.py.
"""

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, GRADIENTS, WITH_ALPHA

import elu

SHAPE = (3, 4)
LAYOUTS = {
    "dense": lambda a: a,
    "reversed": lambda a: a[::-1, ::-1],
    "every second column": lambda a: a[:, ::2],
}


def read_only(shape=SHAPE, dtype=np.float32):
    out = np.full(shape, 77, dtype)
    out.flags.writeable = False
    return out


def call(name, alpha=1.5, *, grad=None, x=None, out=None):
    grad = np.full(SHAPE, 2, np.float32) if grad is None else grad
    x = np.full(SHAPE, -1, np.float32) if x is None else x
    return reference.function(name)(*reference.inputs(name, grad, x), alpha, out=out)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_read_only_out_is_a_value_error(name, layout):
    whole = read_only()
    out = LAYOUTS[layout](whole)
    x = np.full(out.shape, -1, np.float32)
    with pytest.raises(ValueError, match=r"out.*read-only|out.*writeable"):
        call(name, grad=x, x=x, out=out)
    assert (whole == 77).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_read_only_input_as_out_is_a_value_error(name):
    x = read_only()
    with pytest.raises(ValueError, match=r"out.*read-only|out.*writeable"):
        call(name, grad=x, x=x, out=x)
    assert (x == 77).all()


@pytest.mark.parametrize("name", GRADIENTS)
def test_grad_and_x_that_do_not_broadcast_are_a_value_error(name):
    out = np.full(SHAPE, 77, np.float32)
    for grad, x in [((3, 4), (3, 5)), ((2,), (3, 4)), ((4, 3), (3, 4))]:
        with pytest.raises(ValueError, match="broadcast") as error:
            call(name, grad=np.ones(grad, np.float32), x=np.ones(x, np.float32), out=out)
        # NumPy's own message writes (3,4).
        message = str(error.value).replace(" ", "")
        assert str(grad).replace(" ", "") in message
        assert str(x).replace(" ", "") in message
    assert (out == 77).all()


@pytest.mark.parametrize("name", WITH_ALPHA)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("kind", "alpha"),
    [
        (TypeError, True),
        (TypeError, "1"),
        (TypeError, None),
        (TypeError, 1j),
        (TypeError, np.array([object()])),
        (ValueError, np.nan),
        (ValueError, np.inf),
        (ValueError, 1e39),
        (ValueError, np.array([1, 1, 1, -np.inf])),
        (ValueError, np.array([[1], [1], [np.nan]])),
        (ValueError, np.ones(5)),
        (ValueError, np.ones((2, 3, 1))),
    ],
    ids=repr,
)
def test_nothing_is_written_where_alpha_is_refused(name, kind, alpha, layout):
    whole = np.full(SHAPE, 77, np.float32)
    out = LAYOUTS[layout](whole)
    if np.ndim(alpha) and np.shape(alpha)[-1] == 4:
        alpha = alpha[-out.shape[1] :]  # the bad one is the last: all before it could be computed
    x = np.full(out.shape, -1, np.float32)
    for over in (x, out):  # a new out, and in place
        before = over.copy()
        with pytest.raises(kind, match="alpha"):
            call(name, alpha, grad=x, x=over, out=out)
        assert (whole == 77).all()
        np.testing.assert_array_equal(over, before)


def test_nothing_is_written_where_a_negative_alpha_is_refused():
    out = np.full(SHAPE, 77, np.float32)
    for alpha in [-0.5, np.array([1, 1, 1, -0.5])]:
        with pytest.raises(ValueError, match=r"elu_grad\b"):
            call("elu_grad_from_output", alpha, out=out)
        assert (out == 77).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [name for name in WITH_ALPHA if name.startswith("celu")])
def test_nothing_is_written_where_an_alpha_is_not_more_than_0(name, layout):
    whole = np.full(SHAPE, 77, np.float32)
    out = LAYOUTS[layout](whole)
    x = np.full(out.shape, -1, np.float32)
    for bad in (0, -1, 1e-50):
        for alpha in (bad, np.array([1] * (out.shape[1] - 1) + [bad]), np.array([[1], [1], [bad]])):
            with pytest.raises(ValueError, match="alpha must be more than 0"):
                call(name, alpha, grad=x, x=x, out=out)
            assert (whole == 77).all()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["g", "F", "O", "U1"])
def test_nothing_is_written_where_the_dtype_is_unsupported(name, dtype):
    bad = np.zeros(SHAPE, dtype)
    out = np.full(SHAPE, 77, np.float32)
    with pytest.raises(TypeError, match="float32"):
        call(name, grad=bad, x=bad, out=out)
    assert (out == 77).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_calls_are_type_errors(name):
    function, x = getattr(elu, name), np.zeros(2)
    arrays = reference.inputs(name, x, x)
    for arguments, keywords in [
        ((), {}),
        (arrays[1:], {}),
        ((*arrays, 1.0, x, x), {}),
        (arrays, {"beta": 1}),
        ((*arrays, 1.0), {"alpha": 1.0}),
        ((*arrays, x), {reference.INPUTS[name][0]: x}),
    ]:
        with pytest.raises(TypeError):
            function(*arguments, **keywords)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_is_keyword_only(name):
    x = np.zeros(2)
    alpha = [1.0] if name in WITH_ALPHA else []
    with pytest.raises(TypeError):
        getattr(elu, name)(*reference.inputs(name, x, x), *alpha, x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_out_none_means_a_new_array(name):
    assert call(name, out=None).dtype == np.float32

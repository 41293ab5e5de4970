"""Large arrays that are not contiguous: the same bits on any number of threads, and on all."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, assert_same_bits

import elu

# Views of a square of this side, as Python expressions of `a`.
SIDE = 700
VIEWS = {
    "column block": "a[:, 100:180]",
    "row block": "a[100:400]",
    "transposed": "a.T",
    "transposed block": "a[:, 100:180].T",
    "every second": "a[:, ::2]",
    "every second row": "a[::2]",
    "reversed": "a[::-1, ::-1]",
    "swapped axes": "a.reshape(70, 10, 700).swapaxes(0, 1)",
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits(name, dtype, view):
    a, b = (np.resize(reference.mixed(dtype, 4099, seed), (SIDE, SIDE)) for seed in (1, 2))
    x, grad = eval(VIEWS[view], {"a": a}), eval(VIEWS[view], {"a": b})
    dense = [np.ascontiguousarray(array) for array in reference.inputs(name, grad, x)]
    expected = getattr(elu, name)(*dense, 1.5)
    for threads in (1, 3):
        elu.set_num_threads(threads)
        result = getattr(elu, name)(*reference.inputs(name, grad, x), 1.5)
        assert_same_bits(result, expected)
        target = a.copy()
        out = eval(VIEWS[view], {"a": target})
        getattr(elu, name)(*reference.inputs(name, grad, out), 1.5, out=out)  # in place
        assert_same_bits(out, expected)
    out[...] = x
    assert_same_bits(target, a)  # and nothing beside the view was written


@pytest.mark.parametrize("threads", [1, 3])
def test_the_callers_errstate_holds_in_all_threads(threads):
    """Of NumPy's casts to the common dtype, which tell of NaNs that signal."""
    x = reference.from_bits(np.full((SIDE, SIDE), 0x7FA00001), np.float32)[:, ::2]
    grad = np.ones(x.shape)
    elu.set_num_threads(threads)
    with np.errstate(all="ignore"):
        assert np.isnan(elu.elu_grad(grad, x)).all()
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        elu.elu_grad(grad, x)


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


COUNT_THREADS = """
import os
import numpy as np
import elu

elu.set_num_threads(3)
a = np.zeros((2000, 2000), "{dtype}")
x = {view}
before = len(os.listdir("/proc/self/task"))
elu.{name}({arrays})
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cannot count threads here")
@pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")
@pytest.mark.parametrize(
    "view",
    [
        "a", "a.ravel()", "a[:, 100:500]", "a.T", "a[:, ::2]", "a[:, 100:500].T", "a[::2]",
        "a.ravel()[::-2]",
    ],
)
@pytest.mark.parametrize(
    ("name", "arrays", "dtype"),
    [
        ("elu", "x, out=x", "float32"),
        ("elu", "x", "float16"),
        ("elu", "x", "int32"),
        ("elu", "x", ">f4"),
        ("elu", "a[:, ::2], out=a[:, 1::2]", "float32"),
        ("elu", "x, x[..., :1]", "float64"),
        ("elu_grad", "x, x", "float32"),
        ("elu_grad", "a[0, 0], x", "float32"),
        ("elu_grad_from_output", "x, x", "float64"),
    ],
)
def test_all_threads_compute(name, arrays, dtype, view):
    """OpenMP makes its threads at the first call that asks for them."""
    script = COUNT_THREADS.format(view=view, name=name, arrays=arrays, dtype=dtype)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=environment,
        timeout=60,
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(run.stdout) == 2

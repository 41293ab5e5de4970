"""Faults from outside: no memory, exceptions of others' code, interrupts, arrays that change."""

import ctypes
import itertools
import platform
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from array import array
from pathlib import Path

import numpy as np
import pytest
import reference
from processes import FREE_THREADED, LIBOMP, run_python
from reference import FUNCTIONS, WITH_ALPHA

import elu

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc")


class Holder:
    """What gives its array away, as a tensor does."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return self.a


class Subclass(np.ndarray):
    pass


# -- no memory -------------------------------------------------------------------------------

# From a name, grad and x to the positional arguments and the keywords of a call. Everything that
# the caller brings along is made here, before the allocator begins to fail.


def plain(change=lambda a: a, alpha=(), **keywords):
    """The call with both arrays changed; a keyword may be a function of x."""

    def make(name, grad, x):
        arrays = reference.inputs(name, change(grad), change(x))
        given = {key: value(arrays[-1]) if callable(value) else value
                 for key, value in keywords.items()}
        if alpha == () or name not in WITH_ALPHA:
            return arrays, given
        return [*arrays, alpha(x) if callable(alpha) else alpha], given

    return make


def in_place(change=lambda a: a, over=lambda a: a):
    def make(name, grad, x):
        x = x.copy()
        return reference.inputs(name, change(grad), change(x)), {"out": over(x)}

    return make


def twice(a):
    return np.repeat(a, 2)[::2]


def swapped(a):
    return a.astype(a.dtype.newbyteorder())


def masked(a):
    return np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) % 3 == 0)


def square(a):
    return a[: int(a.size**0.5) ** 2].reshape(int(a.size**0.5), -1)


def row(dtype=None):
    """An alpha for each column of a square x."""
    return lambda x: np.linspace(0.5, 1.5, int(x.size**0.5)).astype(dtype or x.dtype)


DENSE = {
    "dense": plain(),
    "alpha": plain(alpha=1.5),
    "out": plain(out=np.empty_like),
    "out in a tuple": plain(out=lambda x: (np.empty_like(x),)),
    "in place": in_place(),
    "Fortran": plain(lambda a: square(a).T),
    "alphas in a row": plain(square, alpha=row()),
    "alphas in full": plain(alpha=lambda x: np.linspace(0.5, 1.5, x.size).astype(x.dtype)),
}
OTHERS = {
    "order": plain(square, order="F"),
    "strided": plain(twice),
    "strided, alpha": plain(twice, alpha=1.5),
    "strided, alphas": plain(lambda a: square(twice(a)), alpha=row("f8")),
    "strided, list of alphas": plain(
        lambda a: square(twice(a)), alpha=lambda x: row()(x).tolist()
    ),
    "strided, out": plain(twice, out=np.empty_like),
    "strided in place": in_place(twice, twice),
    "swapped": plain(swapped),
    "swapped, out": plain(swapped, out=np.empty_like),
    "overlapping": in_place(over=lambda a: a[::-1]),
    "overlapping views": in_place(lambda a: a[:-5], lambda a: a[5:]),
    "overlapping, of other strides": in_place(square, lambda a: square(a).T),
    "where": plain(where=lambda x: np.arange(x.size).reshape(x.shape) % 2 == 0, out=np.zeros_like),
    "dtype": plain(dtype="f8"),
    "casting": plain(casting="unsafe", out=lambda x: np.empty(x.shape, "f2")),
    "out of another dtype": plain(out=lambda x: np.empty(x.shape, "f8")),
    "subok": plain(masked, subok=False),
    "subclass": plain(lambda a: a.view(Subclass)),
    "masked": plain(masked),
    "integers": plain(lambda a: a.astype("i4")),
    "bytes": plain(lambda a: a.astype("i1")),
    "matrix": plain(lambda a: square(a).view(np.matrix)),
    "holder": plain(Holder),
    "holder of alpha": plain(square, alpha=lambda x: Holder(row("f8")(x))),
    "mixed": lambda name, grad, x: (reference.inputs(name, grad.astype("f8"), x), {}),
}
SMALL = {
    "list": plain(np.ndarray.tolist),
    "tuple": plain(lambda a: tuple(a.tolist())),
    "buffer": plain(lambda a: memoryview(a.astype("f8"))),
    "array": plain(lambda a: array("d", a.astype("f8").tolist())),
    "number": plain(lambda a: float(a[1])),
    "number, alpha": plain(lambda a: float(a[1]), alpha=1.5),
    "number, alpha array": plain(lambda a: float(a[1]), alpha=lambda x: np.array(1.5)),
    "integer": plain(lambda a: 2),
    "large integer": plain(lambda a: -(2**70)),
    "scalar": plain(lambda a: a[1]),
    "0-d": plain(lambda a: a[1:2].reshape(())),
    "0-d, out": plain(lambda a: a[1:2].reshape(()), out=np.empty_like),
    "nothing": plain(lambda a: a[:0]),
    # Errors in any case.
    "text": plain(lambda a: "x"),
    "texts": plain(lambda a: a.astype("U9")),
    "complex": plain(lambda a: a.astype("c8")),
    "object": plain(lambda a: object()),
    "dtype that is none": plain(dtype="i4"),
    "out that is none": plain(out=lambda x: [0.0]),
    "read-only": plain(out=lambda x: np.frombuffer(x.tobytes(), x.dtype)),
    "shape of out": plain(out=lambda x: np.empty(3, x.dtype)),
    "strict": plain(twice, casting="no", out=lambda x: np.empty(x.shape, "f2")),
    "alpha that is none": plain(alpha="1"),
    "infinite alpha": plain(alpha=float("inf")),
    "shape of alpha": plain(alpha=lambda x: np.ones((2, *x.shape), x.dtype)),
}


LARGE = {
    kind: {**DENSE, **OTHERS}[kind]
    for kind in ("dense", "in place", "alphas in a row", "strided", "strided, alpha",
                 "strided, alphas", "swapped", "overlapping", "overlapping views",
                 "overlapping, of other strides", "where", "out of another dtype", "integers",
                 "mixed")
}


def bare_call(function, given, keywords):
    """The call as it stands in source code: with no tuple and no dict of its arguments."""
    texts = [f"given[{k}]" for k in range(len(given))]
    texts += [f"{key}=keywords[{key!r}]" for key in keywords]
    names = {"function": function, "given": given, "keywords": keywords}
    return eval(f"lambda: function({', '.join(texts)})", names)


def bytes_of(result):
    return np.asarray(np.ma.getdata(result)).tobytes()


def arrays_of(given):
    return [each for each in given if isinstance(each, np.ndarray)]


def outcome(call):
    try:
        return bytes_of(call())
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


class Allocator:
    """failing_malloc.c, which this process was started with."""

    def __init__(self):
        library = ctypes.CDLL(None)
        self.left, self.always, self.failures, self.live = (
            ctypes.c_long.in_dll(library, name) for name in ("left", "always", "failures", "live")
        )
        self.failed_for = (ctypes.c_char * (1 << 15)).in_dll(library, "failed_for")
        # NumPy's memory without its cache of small blocks, which no malloc sees.
        api = np._core._multiarray_umath._ARRAY_API
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p,
                                                       ctypes.c_void_p]
        table = ctypes.cast(pointer(api, None), ctypes.POINTER(ctypes.c_void_p))
        set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[304])
        handler = ctypes.addressof(ctypes.c_char.in_dll(library, "handler"))
        set_handler(new(handler, b"mem_handler", None))

    def fail(self, call, n, always):
        """The call with its n-th allocation failing, and all after it if `always`."""
        result = error = None
        self.always.value = always
        self.failures.value = 0
        self.left.value = n  # nothing is allocated between this and the call
        try:
            result = call()
            self.left.value = -1
        except BaseException as raised:
            self.left.value = -1
            error = raised.with_traceback(None)
            error.__context__ = error.__cause__ = None
        return result, error


def check_kind(allocator, label, name, make, grad, x):
    """Every allocation of a call fails; the number of them."""
    given, keywords = make(name, grad, x)
    function = getattr(elu, name)
    out = keywords.get("out")
    out = out[0] if isinstance(out, tuple) else out
    out = out if isinstance(out, np.ndarray) and out.flags.writeable else None
    base = out if out is None or out.base is None else out.base  # views of x may be written
    before = None if base is None else base.copy()
    kept = [a.tobytes() for a in arrays_of(given)]
    old = None if out is None else out.tobytes()

    call = bare_call(function, given, keywords)  # nothing is CPython's to allocate for it

    def restore():
        if base is not None:
            base[...] = before

    for _ in range(3):
        expected = outcome(call)
        new = None if out is None else out.tobytes()
        restore()
    counted = [each for each in (*given, *keywords.values(), function, np.float64)
               if not isinstance(each, (int, float))]
    result = error = None
    same = True
    levels = array("l", 4 * [0])  # takes no memory for another number
    references = [sys.getrefcount(each) for each in counted]
    for at in itertools.count():
        n, always = divmod(at, 2)
        for k in range(1 if always else 4):
            result, error = allocator.fail(call, n, always)
            failed = allocator.failures.value
            if error is None:
                assert bytes_of(result) == expected, (label, n, "wrong value")
            elif isinstance(error, (TypeError, ValueError)):
                text = f"{type(error).__name__}: {error}"
                assert text == expected, (label, n, always, text, expected)
            else:
                where = (label, n, always, allocator.failed_for.value.decode().split("\n")[:16])
                # NumPy 2.4 fails without an exception here and there: np.exp does the same.
                numpys = type(error) is SystemError and "without" in str(error)
                numpys = numpys and any("_multiarray_umath" in each for each in where[3][:3])
                assert numpys or isinstance(error, MemoryError), (where, repr(error))
                if out is not None:
                    now, was, is_to_be = (
                        np.frombuffer(each, f"u{out.itemsize}")
                        for each in (out.tobytes(), old, new)
                    )
                    good = (now == was) | (now == is_to_be)
                    assert good.all(), (label, n, always, "out is garbage")
            result = error = None
            restore()
            same = [a.tobytes() for a in arrays_of(given)] == kept
            assert same, (label, n, always, "an input was changed")
            levels[k] = allocator.live.value
        if not always and levels[0] < levels[1] < levels[2] < levels[3]:
            # Lists of free objects and caches grow, too, but come to an end.
            for k in range(-5, 4):
                for _ in range(100):
                    result, error = allocator.fail(call, n, always)
                    result = error = None
                levels[max(k, 0)] = allocator.live.value
            restore()
            grown = np.diff(levels)
            assert grown.min() < 90, (label, n, always, "a leak", grown)
        now = [sys.getrefcount(each) for each in counted]
        assert now == references, (label, n, always, references, now)
        if not failed:
            assert outcome(call) == expected, (label, "afterwards")
            restore()
            return n
        if n % 8 == 0 and always:
            assert outcome(call) == expected, (label, n, "afterwards")
            restore()


def operands(dtype, size):
    x = np.linspace(-5, 5, size).astype(dtype)
    return (x[::-1] * dtype(0.5)).copy(), x


def check_kinds(kinds, names, dtypes, size, threads):
    """Every allocation of calls of every kind; what is written is for a failure's report."""
    elu.set_num_threads(threads)
    warnings.simplefilter("ignore")  # of np.matrix
    allocator = Allocator()
    count = points = 0
    for name, (label, make), dtype in itertools.product(names, kinds.items(), dtypes):
        print(name, label, dtype.__name__, file=sys.stderr, flush=True)
        points += check_kind(
            allocator, (name, label, dtype.__name__), name, make, *operands(dtype, size)
        )
        count += 1
    print(f"{count} kinds, {points} allocations")


@pytest.fixture(scope="module")
def failing_malloc(tmp_path_factory):
    """The environment of a process whose malloc can fail."""
    if platform.libc_ver()[0] != "glibc" or COMPILER is None:
        pytest.skip("wraps glibc's malloc, and needs a C compiler")
    if FREE_THREADED:
        pytest.skip("without the GIL no object of Python's comes from malloc")
    library = tmp_path_factory.mktemp("malloc") / "failing_malloc.so"
    subprocess.run(
        [COMPILER, "-O1", "-shared", "-fPIC", "-o", library, HERE / "failing_malloc.c", "-pthread",
         "-ldl"],
        check=True,
    )
    # Python's own memory comes from malloc, too.
    return {"LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc"}


@pytest.mark.parametrize(
    ("kinds", "names", "dtypes", "size", "threads"),
    [
        ("DENSE", FUNCTIONS, ["float16", "bfloat16", "float32", "float64"], 300, 1),
        ("OTHERS", ["elu_grad"], ["float32"], 300, 1),
        ("SMALL", ["celu"], ["float32"], 30, 1),
        ("LARGE", ["elu", "elu_grad"], ["float32"], 2**16, 2),
        # Of the dtypes one each: what allocates knows no other difference than their size.
        pytest.param("OTHERS", FUNCTIONS, ["float64"], 300, 1, marks=pytest.mark.slow),
        pytest.param("SMALL", FUNCTIONS, ["float16"], 30, 1, marks=pytest.mark.slow),
        pytest.param("LARGE", FUNCTIONS, ["float64"], 2**17, 2, marks=pytest.mark.slow),
    ],
)
def test_no_memory_at_any_allocation(failing_malloc, kinds, names, dtypes, size, threads):
    """MemoryError or the right values, nothing leaked, `out` as it was or as it is to be."""
    if threads > 1 and LIBOMP:
        pytest.skip("LLVM's OpenMP library ends the process when there is no memory for a thread")
    script = (
        "import ml_dtypes; import numpy as np; import test_faults as t;"
        f"dtypes = [np.dtype(each).type for each in {dtypes}];"
        f"t.check_kinds(t.{kinds}, {names}, dtypes, {size}, {threads})"
    )
    print(run_python(script, cwd=HERE, timeout=3600, OMP_NUM_THREADS=None, **failing_malloc).stdout)


# -- exceptions of others' code --------------------------------------------------------------


class Stop(BaseException):
    """As KeyboardInterrupt: nobody may catch it."""


def stop(*_, **__):
    raise Stop


def kind_that_stops(name, base=object):
    return type(name, (base,), {name: stop})


STOPS = {
    "__array_ufunc__": kind_that_stops("__array_ufunc__"),
    "__array__": kind_that_stops("__array__"),
    "__dlpack__": kind_that_stops("__dlpack__"),
    "__dlpack_device__": type("Stops", (), {"__dlpack_device__": stop, "__array__": stop}),
    "__array_interface__": type("Stops", (), {"__array_interface__": property(stop)}),
    "dtype": type("Stops", (), {"dtype": property(stop), "__array_ufunc__": stop}),
    "__float__": kind_that_stops("__float__"),
}


class StopsAtTheEnd(np.ndarray):
    __array_wrap__ = stop


class StopsInBetween(np.ndarray):
    armed = False

    def __array_finalize__(self, other):
        if StopsInBetween.armed:
            raise Stop


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("way", STOPS)
def test_an_exception_of_an_operand_arrives(name, way):
    stops, x, out = STOPS[way](), np.linspace(-2, 2, 9), np.full(9, 77.0)
    function = reference.function(name)
    counts = [sys.getrefcount(each) for each in (stops, x, out)]
    calls = [lambda: function(*reference.inputs(name, x, stops)),
             lambda: function(*reference.inputs(name, x, stops), 1.5, out=out)]
    calls += [lambda: function(stops, x, out=out)] * (len(reference.INPUTS[name]) == 2)
    if name in WITH_ALPHA and way != "dtype":
        calls += [lambda: function(*reference.inputs(name, x, x), stops, out=out)]
    # NumPy takes what has a __float__ for an object without asking for it.
    expected = TypeError if way == "__float__" else Stop
    for call in calls:
        for _ in range(3):
            with pytest.raises(expected):
                call()
    assert (out == 77).all()
    del call, calls
    assert [sys.getrefcount(each) for each in (stops, x, out)] == counts


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_exception_of_a_subclass_arrives(name):
    function = reference.function(name)
    x = np.linspace(-2, 2, 9)
    with pytest.raises(Stop):
        function(*reference.inputs(name, x, x.view(StopsAtTheEnd)))
    y = x.view(StopsInBetween)
    StopsInBetween.armed = True
    try:
        with pytest.raises(Stop):
            function(*reference.inputs(name, x, y))
    finally:
        StopsInBetween.armed = False
    reference.assert_same_bits(
        np.asarray(function(*reference.inputs(name, x, y))),
        function(*reference.inputs(name, x, x)),
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [9, 2**17])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_exception_of_the_error_handler_arrives(name, size, threads):
    """A cast that the caller asked for overflows, and NumPy calls what it was told to call."""
    elu.set_num_threads(threads)
    function, x = reference.function(name), np.full(size, 1e300)
    counts = sys.getrefcount(x)
    for keywords in ({"dtype": "f4"}, {"out": np.zeros(size, "f4")}):
        for mode, expected in (("call", Stop), ("raise", FloatingPointError)):
            with np.errstate(all=mode, call=stop), pytest.raises(expected):
                function(*reference.inputs(name, x, x), **keywords)
    assert sys.getrefcount(x) == counts
    with np.errstate(all="raise"):
        function(*reference.inputs(name, x / 1e300, x / 1e300), dtype="f4")


def test_an_exception_of_a_number_of_threads_arrives():
    before = elu.get_num_threads()
    with pytest.raises(Stop):
        elu.set_num_threads(kind_that_stops("__index__")())
    assert elu.get_num_threads() == before


LAYOUTS = {
    "dense": lambda a: a,
    "strided": twice,
    "swapped": swapped,
    "transposed": lambda a: a.reshape(2, -1).T,
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer sends a signal here")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_signal_during_a_call_is_handled_after_it(layout, threads):
    elu.set_num_threads(threads)
    x = LAYOUTS[layout](np.full(2**21, -1.5, np.float32))
    out = np.zeros(x.shape, np.float32)
    expected = elu.elu(np.float32(-1.5))
    before = signal.signal(signal.SIGALRM, stop)
    counts = [sys.getrefcount(each) for each in (x, out)]
    try:
        for delay in (1e-4, 1e-3, 3e-3, 1e-2):
            with pytest.raises(Stop):  # noqa: PT012
                signal.setitimer(signal.ITIMER_REAL, delay)
                while True:
                    elu.elu(x, out=out)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [sys.getrefcount(each) for each in (x, out)] == counts
    assert (out == expected).all()
    assert (elu.elu(x) == expected).all()


# -- memory of others ------------------------------------------------------------------------


def test_no_buffer_stays_exported():
    """A bytearray cannot grow as long as somebody has its buffer."""
    memory = bytearray(np.linspace(-2, 2, 16).tobytes())
    view = memoryview(memory).cast("d")
    for alpha, error in [(1.5, None), (np.nan, ValueError), ("1", TypeError)]:
        for _ in range(3):
            for given in (view, [view], np.frombuffer(memory)):
                if error is None:
                    elu.elu(given, alpha)
                    elu.elu_grad(given, given, alpha)
                else:
                    with pytest.raises(error):
                        elu.elu(given, alpha)
    with pytest.raises(BufferError):
        memory.append(0)
    del given
    view.release()
    memory.append(0)
    numbers = array("d", [-1, 0, 1])
    elu.elu_grad(numbers, numbers, numbers[1:2].tolist())
    with pytest.raises(ValueError, match="alpha"):
        elu.celu(numbers, numbers)
    numbers.append(2)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["elu", "elu_grad", "celu_grad_from_output"])
def test_an_array_that_another_thread_changes(name, layout, threads):
    """Each element comes from what was there before or after the change, or from both.

    A compiler may load an element twice where another thread writes without a lock, and does so in
    elu_grad, for the exponent and for the rest: the result lies between the others.
    """
    elu.set_num_threads(threads)
    function = reference.function(name)
    x = LAYOUTS[layout](np.full(2**17, -1, np.float32))
    alpha = np.full(x.shape, 1.5, np.float32)
    one, two, half = (np.full(1, each, np.float32) for each in (-1, -2, 0.5))
    possible = [
        function(*reference.inputs(name, *pair), number)
        for pair in itertools.product((one, two), repeat=2) for number in (1.5, half)
    ]
    done = threading.Event()

    def change():
        while not done.is_set():
            x[...], alpha[...] = -2, 0.5
            x[...], alpha[...] = -1, 1.5

    changer = threading.Thread(target=change)
    changer.start()
    try:
        results = [function(*reference.inputs(name, x, x), alpha) for _ in range(20)]
    finally:
        done.set()
        changer.join()
    possible = np.concatenate(possible)
    for result in results:
        assert ((result >= possible.min()) & (result <= possible.max())).all()
    expected = function(*reference.inputs(name, one, one), 1.5)
    assert (function(*reference.inputs(name, x, x), alpha) == expected).all()


def test_references_and_memory_stay_where_they_are():
    """A few calls of every kind; python tests/levels.py 1000000 makes many."""
    assert "kinds" in run_python([HERE / "levels.py", 500]).stdout

"""Every argument: calls drawn at random, compared with NumPy, the oracle and the plain call.

What a call ought to do is not written down once more. A ufunc of NumPy's that has the same loops
and computes nothing, np.fabs or np.copysign, is called in the same way: its errors, and the type,
dtype, shape and strides of its result are the expected ones. `faults` says what the package refuses
beside. The values are those that a plain call gives for contiguous copies on one thread, bit by
bit, and within the bounds of the oracle. All memory of a call, that of the inputs too, is then what
it would be had only the selected elements of `out` been written.

The suite draws a few thousand calls, the same ones each time. For new ones:

    python tests/test_fuzz.py --minutes 60
"""

import argparse
import array
import collections
import decimal
import fractions
import functools
import itertools
import operator
import random
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf, nan, prod

import numpy as np
import pytest
import reference
from reference import FUNCTIONS, WITH_ALPHA, assert_same_bits, dtype_of

import elu

try:
    import ml_dtypes
except ImportError:  # not every platform has it
    ml_dtypes = None

# What a case names beside these: expressions are evaluated in this module.
NAMES = (decimal, fractions, inf, nan)
FLOATS = ["f2", "f4", "f8", "bfloat16"] if ml_dtypes else ["f2", "f4", "f8"]
SWAPPED = [np.dtype(code).newbyteorder().str for code in ("f2", "f4", "f8", "i4", "u8")]
WHOLE = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
POOLS = ["mixed", "special", "wide", "negative", "positive"]
OTHER = ["g", "F", "D", "G", "O", "U3", "S3", "M8[D]", "m8[s]", "V4", "f4,i4"]
OTHER += ["float8_e4m3fn", "int4"] if ml_dtypes else []


# ---------------------------------------------------------------------------- what a case is


@dataclass(frozen=True)
class Array:
    """An array, and where its elements lie in memory of its own."""

    dtype: str
    shape: tuple = ()
    values: str = "mixed"
    seed: int = 0
    order: tuple = ()  # the axes, the outermost in memory first; () for C
    steps: tuple = ()  # along each axis, in elements: 0 repeats one; () for 1
    offset: int = 0  # in bytes
    container: str = "given"


@dataclass(frozen=True)
class Out:
    """`out`: a layout, in memory of its own or from a byte on of that of an operand."""

    array: Array
    over: int = -1
    at: int = 0
    form: str = "out"


@dataclass(frozen=True)
class Case:
    """A call. Where no Array stands, an expression does: "np.float32(0.5)", "given[0]"."""

    name: str
    inputs: tuple
    alpha: object = None
    out: object = None
    keywords: tuple = ()
    threads: int = 1
    crowd: bool = False


class Labelled(np.ndarray):
    """A subclass."""


class Exporter:
    """An array of another library."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype, copy=copy)


class Capsule(Exporter):
    """A tensor."""

    def __dlpack__(self, **keywords):
        return self.a.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


def read_only(a):
    a.flags.writeable = False
    return a


def masked(a):
    return np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) % 3 == 0, copy=False)


def listed(a):
    """A list, of a scalar a number of Python's."""
    return a.tolist()


def tupled(a):
    return tuple(a.tolist()) if a.ndim else a.item()


def packed(a):
    return array.array(a.dtype.char, a.tolist())


# ---------------------------------------------------------------------------- from case to call


def size_of(a):
    """Bytes from the first to the last element, if every step is positive."""
    steps = a.steps or (1,) * len(a.shape)
    return dtype_of(a.dtype).itemsize * prod(
        n * max(abs(s), 1) if s else 1 for n, s in zip(a.shape, steps, strict=True)
    )


def view(a, memory, at):
    """The elements of `a` in memory, from the byte `at` on."""
    dtype = dtype_of(a.dtype)
    steps = a.steps or (1,) * len(a.shape)
    strides, stride = [0] * len(a.shape), dtype.itemsize
    for axis in reversed(a.order or range(len(a.shape))):
        n, step = a.shape[axis], steps[axis]
        strides[axis] = stride * step
        at += max(n - 1, 0) * stride * max(-step, 0)
        stride *= n * abs(step) if step else 1
    return np.ndarray(a.shape, dtype, memory, at if prod(a.shape) else 0, strides)


@functools.cache
def pool(name, values):
    """Numbers of a dtype."""
    dtype, count, rng = dtype_of(name), 4099, np.random.default_rng(len(values))
    found = rng.choice([0.25, 0.5, 1.0, 1.0, 1.5, 3.0], count)
    narrow = dtype.newbyteorder("=") if dtype.kind == "f" and dtype.itemsize <= 8 else np.float32
    if values == "positive":
        found = np.ceil(found) if dtype.kind in "iu" else found
    elif dtype.kind in "iu" and values == "wide":
        info = np.iinfo(dtype)
        found = rng.integers(info.min, info.max, count, dtype.newbyteorder("="), endpoint=True)
    elif dtype.kind in "iub":
        found = rng.integers(-9, 10, count) if dtype.kind == "i" else rng.integers(0, 10, count) % 7
    elif values == "wide":
        found = reference.wide_ranging(narrow, count, 1)
    elif values == "negative":
        found = rng.permutation(reference.scattered(narrow, count, 2))
    elif values == "special":
        found = rng.choice(reference.specials(narrow), count)
    else:
        found = reference.mixed(narrow, count, 3)
    with np.errstate(all="ignore"):
        return found.astype(dtype)


def fill(a, made):
    """Give an array the elements that `a` is to have."""
    if a.values in POOLS:
        made[...] = np.resize(pool(a.dtype, a.values)[a.seed :], made.shape)
        return
    made[...] = 1  # and one that alpha may not be
    if made.size:
        with np.errstate(all="ignore"):
            made[(-1,) * made.ndim] = np.array(float(a.values)).astype(made.dtype)


class Call:
    """The operands of a case, in memory of their own."""

    def __init__(self, case):
        self.name, self.memories, self.given = case.name, [], []
        over = case.out if isinstance(case.out, Out) else None
        room = size_of(over.array) + over.at if over else 0
        alphas = [] if case.alpha is None else [case.alpha]
        for k, operand in enumerate([*case.inputs, *alphas]):
            self.given.append(self.made(operand, room if over and over.over == k else 0))
        self.inputs = self.given[: len(case.inputs)]
        self.alpha = self.given[-1] if alphas else None
        self.keywords = {}
        for name, value in case.keywords:
            self.keywords[name] = self.made(value, 0)
        self.target = None
        if over:
            if over.over >= 0:
                self.target = view(over.array, self.memories[over.over], over.at)
            else:
                self.target = self.made(over.array, 0, kept=False)
            self.keywords["out"] = self.evaluated(over.form, out=self.target)
        elif case.out is not None:
            self.keywords["out"] = out = self.evaluated(case.out)
            out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
            self.target = out if isinstance(out, np.ndarray) else None

    def made(self, operand, room, kept=True):
        """The object that an Array or an expression stands for."""
        if not isinstance(operand, Array):
            self.memories.append(None)
            return self.evaluated(operand)
        dtype = dtype_of(operand.dtype)
        if dtype.hasobject or dtype.kind not in "biufV" or dtype.names:
            self.memories.append(None)
            made = np.zeros(operand.shape, dtype)
        else:
            memory = np.zeros(operand.offset + size_of(operand) + room, np.uint8)
            self.memories.append(None if dtype.char == "g" else memory)  # its padding is anything
            made = view(operand, memory, operand.offset)
            if dtype.kind != "V" or is_bfloat16(dtype):
                fill(operand, made)
        return self.evaluated(operand.container, given=made) if kept else made

    def evaluated(self, text, **names):
        return eval(text, globals(), {"given": self.given, **names})

    def positional(self):
        return [*self.inputs, *([] if self.alpha is None else [self.alpha])]

    def arrays(self):
        """The inputs without a type that only the package knows how to read."""
        return [each.a if isinstance(each, Exporter) else each for each in self.inputs]


def is_bfloat16(dtype):
    return ml_dtypes is not None and dtype in (ml_dtypes.bfloat16, dtype_of("bfloat16"))


# ---------------------------------------------------------------------------- what it ought to do

STAND_INS = {1: np.fabs, 2: np.copysign}


def numpys(call):
    """What NumPy makes of the call, with a ufunc that has the same loops and computes nothing."""
    arrays, keywords = call.arrays(), dict(call.keywords)
    stand_in = STAND_INS[len(arrays)]
    if keywords.get("out", ...) is None:
        # Here it is the default, while NumPy takes it for a word that `where` was not forgotten.
        del keywords["out"]
    dtypes = [keywords.get("dtype"), *(getattr(each, "dtype", None) for each in arrays)]
    if any(is_bfloat16(dtype) for dtype in dtypes):
        # A number of Python's adapts to it, too.
        bfloat16 = dtype_of("bfloat16")
        arrays = [cast(x, bfloat16) if type(x) in (int, float) else x for x in arrays]
    if is_bfloat16(dtypes[0]):
        # For which NumPy finds no loop, even where the casts are allowed.
        casting = keywords.get("casting", "same_kind")
        del keywords["dtype"]
        arrays = [np.asanyarray(x).astype(bfloat16, casting=casting) for x in arrays]
    return stand_in(*arrays, **keywords)


def is_supported(dtype):
    return dtype.kind == "b" or (dtype.kind in "iuf" and dtype.itemsize <= 8) or is_bfloat16(dtype)


def computed_dtype(call):
    """The dtype that is computed in, or None where there is none."""
    dtype, arrays = call.keywords.get("dtype"), call.arrays()
    try:
        dtypes = [type(x) if type(x) in (int, float) else np.asarray(x).dtype for x in arrays]
        dtype = dtype if dtype is None else np.dtype(dtype).newbyteorder("=")
    except (TypeError, ValueError):  # no dtype, lists of different lengths
        return None
    if dtype is not None:
        return dtype if dtype.char in "efd" or is_bfloat16(dtype) else None
    known = {each for each in dtypes if isinstance(each, np.dtype)}
    bfloats = {is_bfloat16(each) for each in known}
    if not all(is_supported(each) for each in known) or bfloats == {True, False}:
        return None
    if bfloats == {True}:
        return dtype_of("bfloat16")
    return STAND_INS[len(arrays)].resolve_dtypes((*dtypes, None))[-1]


def faults(call, computed):
    """The errors that the package raises where NumPy's ufunc would not."""
    found = set()
    if computed is None:
        found.add(TypeError)
    if call.alpha is None:
        return found
    alpha = call.alpha.a if isinstance(call.alpha, Exporter) else call.alpha
    if isinstance(alpha, (bool, str, bytes, bytearray)):
        return found | {TypeError, ValueError}
    if isinstance(alpha, fractions.Fraction) or type(alpha) is int:
        try:
            alpha = float(alpha)
        except OverflowError:
            alpha = inf
    try:
        values = np.asarray(alpha)
    except ValueError:  # lists of different lengths
        return found | {ValueError}
    is_real = values.dtype.kind in "iuf" or is_bfloat16(values.dtype)
    if not is_real:
        found.add(TypeError)
    try:
        shape = np.broadcast_shapes(*[np.shape(x) for x in call.arrays()])
        if np.broadcast_shapes(shape, values.shape) != shape:
            found.add(ValueError)
    except ValueError:
        found.add(ValueError)
    if computed is None:
        found.add(ValueError)
    elif is_real:
        if isinstance(alpha, np.ma.MaskedArray):
            values = values[~np.ma.getmaskarray(alpha)]
        with np.errstate(all="ignore"):
            converted = values.astype(computed)
        allowed = np.isfinite(converted).all() and reference.allows(call.name, converted)
        if not allowed or (call.name == "elu_grad_from_output" and not (values >= 0).all()):
            found.add(ValueError)
    return found


def attempt(function, *arguments, **keywords):
    """The result, or the error; and the categories of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **keywords)
        except (TypeError, ValueError, ArithmeticError) as error:
            result = error
    return result, {each.category for each in caught}


def cast(values, dtype):
    """Numbers in another dtype, rounded once: to bfloat16 ml_dtypes goes by way of float32."""
    values = np.asarray(values)
    if not is_bfloat16(dtype) or is_bfloat16(values.dtype):
        return values.astype(dtype)
    narrow = values.astype(np.float32)
    with np.errstate(all="ignore"):
        # Rounded to odd, which is no middle of two numbers of bfloat16.
        toward_0 = np.where(abs(narrow) > abs(values), np.nextafter(narrow, np.float32(0)), narrow)
        odd = (toward_0.view(np.uint32) | (toward_0 != values)).view(np.float32)
    return np.where(np.isfinite(narrow), odd, narrow).astype(dtype)


def plain_result(call, computed, shape):
    """The result for contiguous copies on one thread, which is within the bounds of the oracle."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        arrays = [
            # Broadcast first: of no elements NumPy casts none, not even those that it could not.
            cast(np.broadcast_to(x, shape), computed).ravel() for x in call.arrays()
        ]
        alpha = 1.0 if call.alpha is None else call.alpha
        if isinstance(alpha, (int, fractions.Fraction)):
            alpha = float(alpha)
        alpha = cast(alpha.a if isinstance(alpha, Exporter) else alpha, computed)
        is_one = alpha.size == 1
        alpha = np.broadcast_to(alpha, shape).ravel()
        elu.set_num_threads(1)
        given = float(alpha[0]) if is_one and alpha.size else alpha
        result = reference.function(call.name)(*arrays, alpha=given)
        if result.size:
            step = slice(None, None, max(1, result.size // 2000))
            judge(call.name, [a[step] for a in arrays], alpha[step], result[step])
    return result.reshape(shape)


def judge(name, arrays, alpha, result):
    """Within the bounds of SPEC, in units in the last place."""
    alphas = [alpha] if name in WITH_ALPHA else []
    if name in ("elu_grad", "selu_grad", "celu_grad"):
        # Infinity times a slope too small for the oracle, which is not 0: like any other slope.
        grad, x = arrays
        far = np.isinf(grad) & np.isfinite(x) & (x < 0)
        if name == "celu_grad":
            far &= np.isfinite(x / alpha)  # else it is infinite or NaN, and either will do
        arrays = [grad, np.where(far, -reference.finfo(x.dtype).smallest_subnormal, x)]
    elif name == "elu":
        alphas = [np.where(alpha == 0, np.zeros_like(alpha), alpha)]  # -0.0 is taken for 0.0
    bound = np.full(result.shape, reference.BOUNDS[name])
    if result.dtype.itemsize == 2:
        bound[:] = 0.51
    elif name == "elu":
        bound[alpha == 1] = 0.90
    elif name == "elu_grad":
        bound[(alpha == 1) & (arrays[0] == 1)] = 1.0
    exact = reference.exact(name, *arrays, *alphas)
    error = reference.ulp_error(result, exact)
    # Infinity is next to the largest number.
    info = reference.finfo(result.dtype)
    largest = float(info.max) * (1 - 2 * float(info.eps))
    error[np.isinf(result) & (abs(exact) >= largest) & ((exact > 0) == (result > 0))] = 0
    overflows = ~np.isfinite(arrays[-1] / alpha) & np.isfinite(arrays[-1])
    if name == "celu_grad_from_output":
        error[overflows] = 0  # so far below -alpha is nobody's output
    elif name == "celu_grad":
        error[overflows & np.isinf(arrays[0]) & ~np.isfinite(result)] = 0
    worst = np.argmax(error - bound)
    assert error[worst] <= bound[worst], (
        f"{name}{tuple(a[worst] for a in (*arrays, *alphas))} is {result[worst]!r}: "
        f"{error[worst]:.4f} ULP, more than {bound[worst]}"
    )


# ---------------------------------------------------------------------------- the comparison

seen = collections.Counter()


def check(case):
    """The call does what it ought to."""
    ours, theirs, scratch = Call(case), Call(case), Call(case)
    computed = computed_dtype(theirs)
    with np.errstate(all="raise"):
        expected, warned = attempt(numpys, scratch)
    reports = isinstance(expected, FloatingPointError)  # a cast that the caller asked for
    if reports:
        scratch = Call(case)
        with np.errstate(all="ignore"):
            expected, warned = attempt(numpys, scratch)
    refused = faults(theirs, computed)
    if isinstance(expected, Exception):
        refused.add(next(c for c in type(expected).__mro__ if c.__module__ == "builtins"))
        if computed is None or is_bfloat16(theirs.keywords.get("dtype")):
            refused |= {TypeError, ValueError}  # of several errors NumPy may find another one first

    function = getattr(elu, case.name)
    other = theirs.target is not None and theirs.target.dtype != computed
    elu.set_num_threads(case.threads)
    # A cast may be reported before another error is found.
    may_report = reports or other or isinstance(expected, Exception)
    with np.errstate(all="ignore" if may_report else "raise"):
        result, caught = attempt(function, *ours.positional(), **ours.keywords)
    count(case, result, computed)

    if refused:
        assert isinstance(result, tuple(refused)), f"{result!r}, not one of {refused}"
        assert str(result), "an error without a word"
        compare_memories(ours, theirs)
        return
    if isinstance(result, Exception):
        raise AssertionError(f"{result!r}, and NumPy gives {type(expected)}") from result
    assert caught == warned, f"warnings {caught}, not {warned}"
    compare(case, ours, theirs, scratch, computed, result, expected)
    if case.crowd:
        check_in_a_crowd(case, ours)


def compare(case, ours, theirs, scratch, computed, result, expected):
    """A result with that of the stand-in, and with the values of a plain call."""
    if scratch.target is None and is_subclass(theirs.alpha):
        keywords = {key: each for key, each in theirs.keywords.items() if key in ("out", "subok")}
        expected = np.copysign(expected, theirs.alpha.astype(computed), **keywords)
    assert type(result) is type(expected), f"{type(result)}, not {type(expected)}"
    shape = np.shape(expected)
    assert np.shape(result) == shape, f"shape {np.shape(result)}, not {shape}"
    plain = plain_result(theirs, computed, shape)
    selected = np.broadcast_to(np.asarray(theirs.keywords.get("where", True), bool), shape)
    looked_at = selected
    if isinstance(result, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(expected)
        # NumPy gives a larger out the mask of x, and knows nothing of alpha's where out is given.
        if mask.shape == shape and not (theirs.target is not None and is_subclass(theirs.alpha)):
            np.testing.assert_array_equal(np.ma.getmaskarray(result), mask, "mask")
            looked_at = selected & ~mask
    if result is np.ma.masked:
        pass
    elif theirs.target is None:
        values = np.asarray(result)
        found, wanted = values[looked_at], plain[looked_at]
        if is_bfloat16(computed):  # to which ml_dtypes casts any NaN as the same one
            for each in (found, wanted):
                each[np.isnan(each)] = np.nan
        assert_same_bits(found, wanted)
        assert values.dtype == computed
        one_alpha = theirs.alpha is None or np.ndim(theirs.alpha) == 0
        if type(result) is np.ndarray and result.size:
            if one_alpha and not is_bfloat16(theirs.keywords.get("dtype")):  # see numpys()
                assert strides(result) == strides(expected), "strides"
            assert not any(m is not None and np.may_share_memory(result, m) for m in ours.memories)
    else:
        assert (result is ours.target) == (expected is scratch.target), "out is not returned"
        given = ours.keywords["out"]
        assert (result is given) == (expected is scratch.keywords["out"]), "out is not returned"
        with np.errstate(all="ignore"):
            target = theirs.target.view(np.ndarray)
            np.copyto(target, plain, where=selected, casting="unsafe")
            # What C leaves undefined depends on how many numbers NumPy casts at once.
            unsettled = selected & ~fits(plain, target.dtype)
            written = ours.target.view(np.ndarray)
            if is_bfloat16(computed) and target.dtype.kind in "fc":  # as above
                unsettled = selected & np.isnan(plain)
                assert np.isnan(written[unsettled]).all(), "no NaN"
            np.copyto(target, written, where=unsettled)
    compare_memories(ours, theirs)


def fits(values, dtype):
    """Whether a cast to this dtype is defined: integers end, and NaN is none."""
    if dtype.kind not in "iu":
        return np.True_
    info = np.iinfo(dtype)
    whole = np.trunc(values.astype(np.float64))
    return (whole >= info.min) & (whole < float(info.max + 1))


def strides(a):
    return [stride for stride, n in zip(a.strides, a.shape, strict=True) if n > 1]


def is_subclass(alpha):
    return isinstance(alpha, np.ndarray) and type(alpha) is not np.ndarray


def compare_memories(ours, theirs):
    """Every byte that the call could reach."""
    if ours.target is not None and ours.target.dtype.char in "gG":  # whose padding is anything
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(ours.target, theirs.target)
        return
    for k, (a, b) in enumerate(zip(ours.memories, theirs.memories, strict=True)):
        if a is not None and not np.array_equal(a, b):
            at = np.flatnonzero(a != b)
            raise AssertionError(f"memory {k}: {at.size} of {a.size} bytes differ, {at[:9]}")


def check_in_a_crowd(case, ours):
    """The same from several threads at once, while another one changes the number of threads."""
    calls = [Call(case) for _ in range(3)]
    done = threading.Event()

    def change():
        while not done.is_set():
            elu.set_num_threads(random.randint(1, 4))
            time.sleep(1e-5)

    def run(call):
        with np.errstate(all="ignore"):
            return getattr(elu, case.name)(*call.positional(), **call.keywords)

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore")
        changing = pool.submit(change)
        try:
            results = list(pool.map(run, calls))
        finally:
            done.set()
        changing.result()
        for call, result in zip(calls, results, strict=True):
            compare_memories(call, ours)
            if call.target is None and "where" not in call.keywords:
                assert_same_bits(result, run(Call(case)))


def count(case, result, computed):
    """What was drawn, for the report."""
    kinds = [f"function {case.name}", "all"]
    if isinstance(result, Exception):
        kinds.append(f"outcome {type(result).__name__.lstrip('_')}")
    else:
        kinds.append("outcome result")
        size = np.size(result)
        kinds.append("size " + ("0" if not size else "1" if size == 1 else "< 4096" if size < 4096
                                else "< 2**15" if size < 2**15 else "large" if size < 2**22
                                else "huge"))
        kinds.append(f"computed in {computed}")
        if size >= 2**15:
            kinds.append(f"large, threads {case.threads}")
    for each in case.inputs:
        if isinstance(each, Array):
            kinds.append(f"input {each.container.partition('(')[0]}")
            kinds.append(f"input dtype {each.dtype}")
            if each.order or each.steps or each.offset:
                kinds.append("input not dense")
        else:
            kinds.append("input an expression")
    if case.alpha is not None:
        kinds.append("alpha " + ("array" if isinstance(case.alpha, Array) else case.alpha))
    if isinstance(case.out, Out):
        kinds.append(f"out {case.out.form}")
        if case.out.over >= 0:
            kinds.append("out over an operand")
    elif case.out is not None:
        kinds.append(f"out {case.out}")
    for name, _ in case.keywords:
        kinds.append(f"keyword {name}")
    if case.crowd:
        kinds.append("crowd")
    seen.update(kinds)


# ---------------------------------------------------------------------------- what is drawn

STEPS = [1, 1, 1, 1, -1, 2, -2, 3]
LARGE = [(2**15 + 3,), (2**16 - 1,), (2**17 + 5,), (301, 403), (7, 64, 300), (2**18 + 1,)]
HUGE = (2**22 + 5,)  # more than a cache holds: stores go past it
AROUND = [8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 4096, 8192, 2**14]
INPUT_VALUES = ["mixed", "mixed", "special", "wide", "negative"]
NUMBERS = ["-1", "0", "3", "True", "-1.5", "0.0", "-0.0", "2.5", "nan", "-inf", "-1e-40", "300"]
NO_NUMBERS = [
    "None", "'1.5'", "b'1'", "1j", "{}", "object()", "[None]", "['1']", "decimal.Decimal(1)",
    "fractions.Fraction(1, 3)", "np.datetime64('2020')", "print", "[]", "()", "[1, [2]]",
]
ALPHAS = [
    "1", "1.0", "1.5", "0.25", "2", "0", "0.0", "-0.0", "-0.7", "-1", "1e-50", "-1e-50", "1e-40",
    "5e-324", "1e39", "-1e39", "65504", "70000", "1e300", "2**53 + 1", "2**70", "10**400", "nan",
    "inf", "-inf", "1.00390625000001", "True", "None", "'1'", "b'1'", "bytearray(b'1')", "1j",
    "object()", "np.True_", "np.complex64(1)", "np.longdouble('1.1')", "np.timedelta64(1)",
    "np.datetime64('2020')", "fractions.Fraction(1, 3)", "decimal.Decimal(1)", "[1, 2]", "[1.5]",
    "[]", "[True]", "['1']", "given[0]", "given[-1]",
]
ALPHAS += [f"np.{kind}(0.5)" for kind in ("float16", "float32", "float64", "longdouble")]
ALPHAS += [f"np.{kind}(2)" for kind in ("int8", "uint64", "int32", "uint8")]
GOOD_ALPHAS = ["1.0", "1.5", "0.25", "3.0", "np.float32(0.5)", "1.00390625000001", "1e-40", "1e30"]
ALPHA_VALUES = ["positive"] * 16 + ["mixed", "wide"]
ALPHA_VALUES += ["nan", "-inf", "-1", "0.0", "-0.0", "1e-50", "1e39"]
DTYPES = [
    "'f2'", "'f4'", "'f8'", "np.float32", "float", "'>f8'", "np.dtype('>f4')", "int", "'i1'",
    "complex", "object", "'U1'", "'g'", "bool", "'nonsense'", "3", "()",
]
if ml_dtypes:
    ALPHAS += ["ml_dtypes.bfloat16(1.5)"]
    DTYPES += ["ml_dtypes.bfloat16"]
CASTINGS = ["'unsafe'", "'same_kind'", "'unsafe'", "'safe'", "'equiv'", "'no'", "'bogus'", "None"]
ORDERS = ["'C'", "'F'", "'A'", "'K'", "'c'", "'Q'", "None", "1"]
SUBOKS = ["False", "True", "False", "True", "False", "1", "None", "'yes'"]
WHERES = [
    "True", "False", "np.True_", "1", "None", "'yes'", "1.0", "[True]", "[[True, False]]",
    "np.array(True)", "np.array(False)", "np.ones(2, int)",
]
FORMS = [
    "(out,)", "out.view(Labelled)", "masked(out)", "read_only(out)", "[out]", "(out, out)",
    "out.tolist()", "out[...]",
]
OUTS = [
    "...", "(...,)", "(None,)", "()", "(None, None)", "1.0", "'out'", "np.float32(1)", "given[0]",
    "given[-1]", "(given[-1],)",
]
CONTAINERS = [
    "given[()]", "given.view(Labelled)", "masked(given)", "given.view(np.memmap)",
    "Exporter(given)", "read_only(given)",
]


class Drawn:
    """Draws the cases."""

    def __init__(self, number):
        self.random = random.Random(number)
        self.among = self.random.choice

    def one_in(self, n):
        return self.random.randrange(n) == 0

    def case(self):
        name, shape = self.among(FUNCTIONS), self.shape()
        dtype = self.among(OTHER if self.one_in(20) else FLOATS * 4 + SWAPPED + WHOLE)
        inputs = tuple(self.input(k, dtype, shape) for k in range(len(reference.INPUTS[name])))
        alpha = self.alpha(shape) if name in WITH_ALPHA and self.one_in(2) else None
        if alpha in ("given[0]", "given[-1]") and any(
            "masked" in getattr(each, "container", "") for each in inputs
        ):
            alpha = None  # under a mask it is anything, and so is the result
        operands = [*inputs, *([] if alpha is None else [alpha])]
        out = self.out(operands, shape) if self.one_in(2) else None
        keywords = self.keywords(shape) if self.one_in(2) else ()
        threads = self.random.randint(1, 4)
        return Case(name, inputs, alpha, out, keywords, threads, shape != HUGE and self.one_in(40))

    def shape(self):
        if self.one_in(2000):
            return HUGE
        kind = self.random.randrange(40)
        if kind == 0:
            return self.among(LARGE)
        if kind < 16:
            n = self.among(AROUND) + self.random.randint(-3, 3)
            return (n,) if kind < 12 else (self.random.randint(1, 3), n)
        count = self.random.randint(0, 5)
        return tuple(self.among([3, 4, 2, 5, 1, 7, 0, 17]) for _ in range(count))

    def related(self, shape):
        """Mostly a shape that broadcasts to the given one, now and then one that does not."""
        kind = self.random.randrange(8)
        if kind == 0 or not shape:
            return ()
        if kind == 1:
            return (*shape[:-1], shape[-1] + 1)
        if kind == 2:
            return (self.random.randint(1, 2), *shape)
        shape = shape[self.random.randrange(len(shape)) if kind < 6 else 0 :]
        return tuple(self.among([1, n]) for n in shape)

    def array(self, dtype, shape, values="mixed", container="given", steps=STEPS):
        seed = self.random.randrange(4000)
        if self.one_in(2):
            return Array(dtype, shape, values, seed, container=container)
        axes = list(range(len(shape)))
        self.random.shuffle(axes)
        strides = tuple(self.among(steps) for _ in axes)
        return Array(
            dtype, shape, values, seed, tuple(axes) if self.one_in(2) else (),
            strides if self.one_in(2) else (), self.among([0, 0, 0, 1, 2, 3, 4, 8, 16, 40, 63]),
            container,
        )

    def container(self, dtype, shape):
        if not self.one_in(6):
            return "given"
        possible = list(CONTAINERS)
        if dtype in ("f4", "f8", "i1", "u1", "i4", "u2"):
            possible += ["memoryview(given)", "Capsule(given)"]
            possible += ["packed(given)"] if len(shape) == 1 else []
        if prod(shape) < 10_000 and dtype not in (*OTHER, "bfloat16"):
            possible += ["listed(given)", "tupled(given)"]
        return self.among(possible)

    def input(self, k, dtype, shape):
        kind = self.random.randrange(60)
        if kind == 0:
            return self.among(NO_NUMBERS)
        if kind < 4:
            return self.among(NUMBERS)
        if kind < 7 and k:
            return "given[0]"
        if kind < 12:
            dtype = self.among(FLOATS + SWAPPED + WHOLE + OTHER[:2])
        shape = self.related(shape) if self.one_in(5) else shape
        steps = [*STEPS, 0]
        return self.array(
            dtype, shape, self.among(INPUT_VALUES), self.container(dtype, shape), steps
        )

    def alpha(self, shape):
        if self.one_in(4):
            return self.among(ALPHAS)
        if self.one_in(3):
            return self.among(GOOD_ALPHAS)
        dtype = self.among(OTHER if self.one_in(20) else FLOATS * 4 + [*SWAPPED, *WHOLE, "g"])
        shape = self.related(shape) if self.one_in(3) else shape
        values, container = self.among(ALPHA_VALUES), self.container(dtype, shape)
        if container == "masked(given)":  # under a mask it is anything, and so is the result
            values = "positive"
        return self.array(dtype, shape, values, container, [*STEPS, 0])

    def out(self, operands, shape):
        if self.one_in(20):
            text = self.among(OUTS)
            of_tensors = any("Capsule" in getattr(each, "container", "") for each in operands)
            # NumPy does not take these; of elements in one place, any may be stored last.
            repeats = any(0 in getattr(each, "steps", ()) for each in operands)
            return None if (of_tensors or repeats) and "given" in text else text
        arrays = [k for k, each in enumerate(operands) if isinstance(each, Array)]
        own = [operands[k].dtype for k in arrays if operands[k].dtype in FLOATS]
        some = FLOATS * 2 + SWAPPED + (OTHER if self.one_in(4) else WHOLE)
        dtype = self.among(some if self.one_in(4) or not own else own)
        shape = self.related(shape) if self.one_in(12) else shape
        array = self.array(dtype, shape)
        form = self.among(FORMS) if self.one_in(6) and dtype != "f4,i4" else "out"
        over = self.among(arrays) if arrays and dtype not in OTHER and self.one_in(2) else -1
        if over < 0 or operands[over].dtype in OTHER:
            return Out(array, form=form)
        operand = operands[over]
        if self.one_in(2) and operand.shape == shape and 0 not in operand.steps:
            # The operand itself, or the same elements some bytes or elements further on.
            array = Array(dtype, shape, order=operand.order, steps=operand.steps)
            shift = self.among([0, 0, 0, 1, 8, 16, 24, 64])
            return Out(array, over, operand.offset + shift, form)
        itemsize = dtype_of(dtype).itemsize
        places = min((operand.offset + size_of(operand)) // itemsize, 200)
        at = self.random.randint(0, places) * itemsize + self.among([0, 0, 0, 1, 4])
        return Out(array, over, at, form)

    def keywords(self, shape):
        found = {}
        if self.one_in(3):
            dtype = "i4" if self.one_in(12) else "?"
            shape = self.related(shape) if self.one_in(2) else shape
            found["where"] = self.among(WHERES) if self.one_in(5) else self.array(dtype, shape)
        values = {"dtype": DTYPES, "casting": CASTINGS, "order": ORDERS, "subok": SUBOKS}
        for name in values:
            if self.one_in(5):  # mostly one of those that are allowed, which come first
                found[name] = self.among(values[name][: 5 if self.one_in(2) else None])
        if "where" in found and "bfloat16" in found.get("dtype", ""):
            del found["where"]  # for this dtype there is nothing to compare with
        return tuple(found.items())


# ---------------------------------------------------------------------------- the other arguments


def signature(name, /):
    """A function that takes what the one called `name` ought to take, and does nothing."""
    arrays = ", ".join(reference.INPUTS[name])
    alpha = ", alpha=1.0" if name in WITH_ALPHA else ""
    keywords = "out=None, where=True, casting='same_kind', order='K', dtype=None, subok=True"
    return eval(f"lambda {arrays}{alpha}, *, {keywords}: None")


def check_signature(number):
    """Too many, too few, twice, by name, unknown: as Python's own functions take them."""
    rng = random.Random(number)
    name = rng.choice(FUNCTIONS)
    names = ["x", "grad", "y", "alpha", "out", "where", "casting", "order", "dtype", "subok"]
    names += ["beta", "signature", "axis", "inplace", "Alpha", ""]
    values = {"out": None, "where": True, "casting": "same_kind", "order": "K", "dtype": None,
              "subok": True}
    arguments = [2.0] * rng.randint(0, 4)
    keywords = {each: values.get(each, 2.0) for each in rng.sample(names, rng.randint(0, 4))}
    expected, _ = attempt(signature(name), *arguments, **keywords)
    result, _ = attempt(getattr(elu, name), *arguments, **keywords)
    seen.update(["signatures", f"signature {'refused' if expected else 'taken'}"])
    assert type(result) is (type(expected) if expected else np.float64), (
        f"{name}(*{arguments}, **{keywords}): {result!r}, and Python gives {expected!r}"
    )


def check_thread_count(number):
    """Any argument of set_num_threads: an integer from 1 to 2**15."""
    rng = random.Random(number)
    given = rng.choice([
        *range(-2, 6), 2**15, 2**15 + 1, 2**31, 2**32 + 1, 2**63, 2**64 + 2, -(2**64), True, False,
        1.0, 2.5, nan, inf, "2", b"2", None, 1j, [1], (2,), {}, object(), np.int8(3), np.uint64(2),
        np.float64(2), np.array(2), np.array([2]), np.bool_(True), fractions.Fraction(2),
        decimal.Decimal(2), type("Index", (), {"__index__": lambda self: 4})(),
    ])
    before = elu.get_num_threads()
    result, _ = attempt(elu.set_num_threads, given)
    try:
        if isinstance(given, bool):
            raise TypeError("no number here")
        count = operator.index(given)
        expected = None if 1 <= count <= 2**15 else ValueError
    except TypeError:
        count, expected = None, TypeError
    seen.update(["thread counts", f"thread count {'refused' if expected else 'taken'}"])
    if expected:
        assert isinstance(result, expected), f"set_num_threads({given!r}): {result!r}"
        assert elu.get_num_threads() == before
    else:
        assert result is None, f"set_num_threads({given!r}): {result!r}"
        assert elu.get_num_threads() == (count if elu.config()["openmp"] else 1)
        assert elu.config()["num_threads"] == elu.get_num_threads()


# ---------------------------------------------------------------------------- the tests


def check_call(number):
    """A call drawn at random; where it fails, a smaller one that fails too."""
    case = Drawn(number).case()
    try:
        check(case)
    except Exception as error:
        case, error = smaller(case, error)
        raise AssertionError(f"{type(error).__name__}: {error}\n\nin check({case!r})") from error


def smaller(case, error):
    """Leave out of a case what it fails without."""
    for _ in range(20):
        for candidate in simpler(case):
            try:
                check(candidate)
            except Exception as other:
                if type(other) is type(error) and str(other)[:12] == str(error)[:12]:
                    case, error = candidate, other
                    break
        else:
            break
    return case, error


def simpler(case):
    """Cases with one thing less."""
    for field, value in [("crowd", False), ("threads", 1), ("out", None), ("alpha", None)]:
        if getattr(case, field) != value:
            yield replace(case, **{field: value})
    for k in range(len(case.keywords)):
        yield replace(case, keywords=case.keywords[:k] + case.keywords[k + 1 :])
    if isinstance(case.out, Out):
        for array in plainer(case.out.array):
            yield replace(case, out=replace(case.out, array=array))
        if case.out.form != "out":
            yield replace(case, out=replace(case.out, form="out"))
    if isinstance(case.alpha, Array):
        for alpha in plainer(case.alpha):
            yield replace(case, alpha=alpha)
    for k, given in enumerate(case.inputs):
        for array in plainer(given) if isinstance(given, Array) else ():
            yield replace(case, inputs=(*case.inputs[:k], array, *case.inputs[k + 1 :]))
    arrays = [a for a in (*case.inputs, case.alpha) if isinstance(a, Array)]
    arrays += [case.out.array] if isinstance(case.out, Out) else []
    for shape in {a.shape for a in arrays if a.shape}:
        for other in (shape[1:], (*shape[:-1], shape[-1] // 2), (*shape[:-1], shape[-1] - 1)):
            if min(other, default=0) >= 0:
                yield reshaped(case, shape, other)


def plainer(a):
    """Arrays that lie more simply in memory."""
    for field, value in [("container", "given"), ("steps", ()), ("order", ()), ("offset", 0)]:
        if getattr(a, field) != value:
            yield replace(a, **{field: value})


def reshaped(case, old, new):
    """All arrays of a shape get another one."""
    def one(a):
        if not isinstance(a, Array) or a.shape != old:
            return a
        order = tuple(np.argsort(np.argsort(a.order[-len(new) :]))) if new else ()
        order = tuple(int(k) for k in order) if a.order else ()
        return replace(a, shape=new, order=order, steps=a.steps[len(a.steps) - len(new) :]
                       if a.steps and new else ())

    out = case.out
    if isinstance(out, Out):
        out = replace(out, array=one(out.array))
    return replace(case, inputs=tuple(map(one, case.inputs)), alpha=one(case.alpha), out=out)


CHECKS = {check_call: 3000, check_signature: 500, check_thread_count: 100}


@pytest.mark.parametrize(
    ("check_one", "block"),
    [(one, block) for one in CHECKS for block in range(10)],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_whatever_is_drawn(check_one, block):
    for number in range(CHECKS[check_one] // 10):
        check_one(f"{block}/{number}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", default=None, help="what to begin with, in place of the time")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    seed = arguments.seed or time.strftime("%Y%m%d%H%M%S")
    threads = elu.get_num_threads()
    end = time.monotonic() + 60 * arguments.minutes
    print(f"seed {seed}, {elu.config()}, NumPy {np.__version__}", flush=True)
    for number in itertools.count():
        if time.monotonic() >= end:
            break
        for check_one, share in CHECKS.items():
            for k in range(share // 100):
                try:
                    check_one(f"{seed}/{number}/{k}")
                except AssertionError as error:
                    print(f"\n{check_one.__name__}({f'{seed}/{number}/{k}'!r}): {error}")
                    return 1
    elu.set_num_threads(threads)
    for kind in sorted(seen):
        print(f"{seen[kind]:10,} {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

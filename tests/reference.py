"""The oracle: what `elu` ought to return, and by how much a result misses it.

The exact value of a formula is computed in a wider format and never rounded to the narrow one, so
that errors are measured in units in the last place (ULP) instead of guessed by a tolerance:

- float32 in float64, whose 29 further bits and wider exponents hold every product of the formulas;
- float64 in long double where that has 11 further bits and wider exponents (x86, and IEEE quad);
- elsewhere (macOS, Windows) in mpmath, slowly: `assert_within` looks at every 61st value there.

`test_reference.py` checks all three against mpmath.
"""

from functools import cache

import mpmath
import numpy as np

import elu as package

LONG_DOUBLE = np.finfo(np.longdouble).nmant >= 63 and np.finfo(np.longdouble).maxexp >= 16384
MP = mpmath.mp.clone()
MP.prec = 200

FLOATS = (np.float32, np.float64)
DTYPES = (np.float16, *FLOATS)

# The arrays that each function takes, before alpha.
INPUTS = {
    family + suffix: arrays
    for family in ("elu", "selu", "celu")
    for suffix, arrays in [("", ("x",)), ("_grad", ("grad", "x")),
                           ("_grad_from_output", ("grad", "y"))]
}
FUNCTIONS = tuple(INPUTS)
FORWARD = FUNCTIONS[::3]
GRADIENTS = tuple(name for name in FUNCTIONS if name not in FORWARD)
WITH_ALPHA = tuple(name for name in FUNCTIONS if not name.startswith("selu"))

# The bounds of SPEC in ULP, whatever alpha is.
BOUNDS = {
    "elu": 2.0, "elu_grad": 2.5, "elu_grad_from_output": 1.5,
    "selu": 2.0, "selu_grad": 3.0, "selu_grad_from_output": 2.5,
    "celu": 3.0, "celu_grad": 3.0, "celu_grad_from_output": 2.5,
}

# Those for alpha = 1, with grad = 1.
BOUNDS_OF_1 = {"elu": 0.90, "elu_grad": 1.0}

# The constants of SELU (arXiv:1706.02515), to 40 digits.
SELU_ALPHA = "1.673263242354377284817042991671783389091"
SELU_SCALE = "1.050700987355480493419334985294673324055"


def inputs(name, grad, x):
    """Which of `grad` and `x` the function `name` takes, as a list: elu has no grad."""
    return [grad, x][-len(INPUTS[name]) :]


def function(name):
    """The function of the package, which takes an alpha in any case: selu's have none to take."""
    found = getattr(package, name)
    if name in WITH_ALPHA:
        return found
    arrays = len(INPUTS[name])
    return lambda *given, alpha=None, **keywords: found(*given[:arrays], **keywords)


def bound_of(name, alpha):
    """The bound in ULP with grad = 1."""
    return BOUNDS_OF_1.get(name, BOUNDS[name]) if alpha == 1 else BOUNDS[name]


def allows(name, alpha):
    """Whether the function takes this alpha, if it is finite."""
    if name.startswith("celu"):
        return np.all(np.asarray(alpha) > 0)
    return name != "elu_grad_from_output" or np.all(np.asarray(alpha) >= 0)


# ---------------------------------------------------------------------------- exact values


def widen(a):
    """`a` without loss, in a format with a longer mantissa and a wider exponent."""
    a = np.asarray(a)
    with np.errstate(invalid="ignore"):  # NaNs that signal
        if a.dtype.itemsize > 4 and not LONG_DOUBLE:
            return _apply(MP.mpf, a)
        return a.astype(np.float64 if a.dtype.itemsize <= 4 else np.longdouble)


def elu(x, alpha=1.0):
    """x where x >= 0, alpha * expm1(x) where x < 0; alpha is first rounded to x's dtype."""
    return _general(x, 1, _rounded(alpha, x), 1)


def elu_grad(grad, x, alpha=1.0):
    """grad where x >= 0, grad * alpha * exp(x) where x < 0, NaN where either is NaN."""
    return _general_grad(grad, x, 1, _rounded(alpha, x), 1)


def elu_grad_from_output(grad, y, alpha=1.0):
    """grad where y >= 0, grad * (y + alpha) where y < 0; with alpha = 0, -0.0 is below 0."""
    y = np.asarray(y)
    below = (y < 0) | ((y == 0) & np.signbit(y) & (np.asarray(alpha, y.dtype) == 0))
    return _general_grad_from_output(grad, y, 1, _rounded(alpha, y), 1, below)


def selu(x, _=None):
    """scale * x where x >= 0, scale * alpha * expm1(x) where x < 0."""
    return _general(x, *selu_constants(x), 1)


def selu_grad(grad, x, _=None):
    """scale * grad where x >= 0, grad * scale * alpha * exp(x) where x < 0."""
    return _general_grad(grad, x, *selu_constants(x), 1)


def selu_grad_from_output(grad, y, _=None):
    """scale * grad where y >= 0, grad * (y + scale * alpha) where y < 0."""
    return _general_grad_from_output(grad, y, *selu_constants(y), 1, np.asarray(y) < 0)


def celu(x, alpha=1.0):
    """x where x >= 0, alpha * expm1(x / alpha) where x < 0."""
    return _general(x, 1, 1, _rounded(alpha, x))


def celu_grad(grad, x, alpha=1.0):
    """grad where x >= 0, grad * exp(x / alpha) where x < 0."""
    return _general_grad(grad, x, 1, 1, _rounded(alpha, x))


def celu_grad_from_output(grad, y, alpha=1.0):
    """grad where y >= 0, grad * (y + alpha) / alpha where y < 0."""
    return _general_grad_from_output(grad, y, 1, 1, _rounded(alpha, y), np.asarray(y) < 0)


def exact(name, *arrays):
    """The exact result of the function called `name`; `arrays` as the function takes them."""
    return globals()[name](*arrays)


def _general(x, scale, alpha, width):
    """scale * x where x >= 0, alpha * width * expm1(x / width) where x < 0."""
    x = widen(x)
    with np.errstate(all="ignore"):
        below = alpha * (width * _expm1(np.minimum(x, 0) / width))
        return np.where(x < 0, below, x * scale)


def _general_grad(grad, x, scale, alpha, width):
    grad, x = widen(grad), widen(x)
    with np.errstate(all="ignore"):
        below = grad * alpha * _exp(np.minimum(x, 0) / width)
        return np.where(x < 0, below, np.where(x >= 0, grad * scale, x))


def _general_grad_from_output(grad, y, scale, alpha, width, below):
    is_number = np.asarray(y) == np.asarray(y)
    grad, y = widen(grad), widen(y)
    with np.errstate(all="ignore"):
        slope = (y + alpha * width) / width
        return np.where(below, grad * slope, np.where(is_number, grad * scale, y))


def _rounded(alpha, x):
    return widen(np.asarray(alpha, np.asarray(x).dtype))


def selu_constants(x):
    """scale and scale * alpha, each rounded once to the dtype that is computed in."""
    return _selu_constants(np.float64 if np.asarray(x).dtype == np.float64 else np.float32)


@cache
def _selu_constants(dtype):
    scale, alpha = MP.mpf(SELU_SCALE), MP.mpf(SELU_ALPHA)
    return [widen(_nearest(number, dtype)) for number in (scale, scale * alpha)]


def _nearest(number, dtype):
    """The number of mpmath rounded once."""
    context = mpmath.mp.clone()
    context.prec = np.finfo(dtype).nmant + 1
    return dtype(float(+context.mpf(number)))


def _apply(function, a):
    return np.asarray(np.frompyfunc(function, 1, 1)(a), object)


def _exp(a):
    return _apply(MP.exp, a) if a.dtype == object else np.exp(a)


def _expm1(a):
    return _apply(MP.expm1, a) if a.dtype == object else np.expm1(a)


# ---------------------------------------------------------------------------- errors


def finfo(dtype):
    """np.finfo, of ml_dtypes' bfloat16 too."""
    if np.dtype(dtype).kind == "f":
        return np.finfo(dtype)
    import ml_dtypes  # which not every platform has

    return ml_dtypes.finfo(dtype)


def dtype_of(name):
    """np.dtype, of the names of ml_dtypes too."""
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes  # which not every platform has

        return np.dtype(getattr(ml_dtypes, name))


def ulp_error(result, wide):
    """|result - wide| in units in the last place of `wide` correctly rounded to result's dtype.

    Below the smallest normal number the unit is the smallest subnormal. What no distance can
    measure is either right (0) or wrong (inf): NaN where NaN is due, infinity only where `wide`
    rounds to that infinity, and a zero only with the sign of `wide`.
    """
    result, wide = np.asarray(result), np.asarray(wide)
    info = finfo(result.dtype)
    with np.errstate(all="ignore"):
        nearest = wide.astype(result.dtype)
        # One binade has one spacing: the clip keeps np.spacing from looking past the largest.
        last_binade = np.ldexp(1.0, info.maxexp - 1).astype(result.dtype)
        unit = widen(np.spacing(np.minimum(np.abs(nearest), last_binade)))
        error = (np.abs(widen(result) - wide) / unit).astype(np.float64)
    # A finite result has a distance to what rounds to infinity, but none to infinity.
    measured = np.isfinite(error)
    if not measured.all():
        right = (result == nearest) | (np.isnan(result) & np.isnan(nearest))
        error = np.where(measured, error, np.where(right, 0.0, np.inf))
    zero = result == 0
    if zero.any():
        # mpmath has no negative zero: there, an exact zero may have either sign.
        signed = True if wide.dtype != object else nearest != 0
        error = np.where(zero & signed & (np.signbit(result) != np.signbit(nearest)), np.inf, error)
    return error


def bits(a):
    """The bit patterns of `a` as unsigned integers."""
    a = np.asarray(a)
    a = a.astype(a.dtype.newbyteorder("="), order="C")
    return a.view(f"u{a.dtype.itemsize}")


def assert_same_bits(actual, desired):
    """Same dtype, shape and bits: tells 0.0 from -0.0 and one NaN from another."""
    actual, desired = np.asarray(actual), np.asarray(desired)
    assert actual.dtype == desired.dtype, f"dtype {actual.dtype}, not {desired.dtype}"
    assert actual.shape == desired.shape, f"shape {actual.shape}, not {desired.shape}"
    different = np.flatnonzero(bits(actual).ravel() != bits(desired).ravel())
    if different.size:
        first = different[0]
        raise AssertionError(
            f"{different.size} of {actual.size} elements differ in their bits, the first at flat "
            f"index {first}: {actual.flat[first]!r}, not {desired.flat[first]!r}"
        )


def assert_within(bound, name, *arrays, result):
    """`result` of the function `name` misses the exact value by no more than `bound` ULP."""
    step = 61 if result.dtype == np.float64 and not LONG_DOUBLE else 1
    arrays = [np.broadcast_to(a, result.shape)[::step] for a in arrays]
    result = result[::step]
    error = ulp_error(result, exact(name, *arrays))
    worst = int(np.argmax(error))
    assert error[worst] <= bound, (
        f"{name}{tuple(a[worst] for a in arrays)} is {result[worst]!r}: {error[worst]:.4f} ULP, "
        f"more than {bound}; {np.count_nonzero(~(error <= bound))} of {error.size} are"
    )


# ---------------------------------------------------------------------------- samples


def from_bits(pattern, dtype):
    """The floats with these bit patterns."""
    dtype = np.dtype(dtype)
    return np.asarray(pattern, f"u{dtype.itemsize}").view(dtype)


def negative_float32(start=0, stop=None, step=1):
    """Every `step`-th finite negative float32 in order of magnitude, -1.4e-45 (the 0th) first."""
    first, past = 0x80000001, 0xFF800000
    stop = past if stop is None else min(first + stop, past)
    return np.arange(first + start, stop, step, dtype=np.uint32).view(np.float32)


NEGATIVE_FLOAT32_COUNT = 0xFF800000 - 0x80000001


def nearby(points, dtype, steps=4):
    """The floats next to each of `points`, up to `steps` on each side, and the points."""
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    around = np.arange(-steps, steps + 1).astype(unsigned)  # negative ones wrap, as they should
    return from_bits(np.add.outer(bits(np.asarray(points, dtype)), around), dtype).ravel()


def switch_points(dtype):
    """Where a reduction of exp's argument switches, with floats to each side, as negative values.

    These are k ln2 and (k + 1/2) ln2, here among all multiples of ln2 / 64: a table of 2^(j/16) or
    2^(j/32) switches there too. `steps` allows for x * log2(e) being rounded before it is.
    """
    last = 64 * (np.finfo(dtype).nmant - np.finfo(dtype).minexp + 2)  # 2^-last/64 rounds to 0
    points = np.arange(1, last) * (np.log(2) / 64)
    return nearby(-points, dtype)


def scattered(dtype, count, seed=0):
    """Finite negative floats, a third each: all magnitudes alike; magnitudes that matter to exp;
    evenly spaced values."""
    dtype = np.dtype(dtype)
    info = np.finfo(dtype)
    rng = np.random.default_rng(seed)
    sign, infinity = bits(np.asarray([-0.0, -np.inf], dtype))
    every = rng.integers(int(sign) + 1, int(infinity), count // 3, dtype=sign.dtype)
    lowest = lowest_exp(dtype)
    scale = np.exp(rng.uniform(np.log(info.eps / 8), np.log(-lowest), count // 3))
    even = rng.uniform(lowest, 0, count // 3)
    return np.concatenate([from_bits(every, dtype), (-scale).astype(dtype), even.astype(dtype)])


def negatives(dtype, count=2**19, seed=0):
    """Scattered finite negative floats, and both ends, subnormals and switch points."""
    dtype = np.dtype(dtype)
    sign, infinity = bits(np.asarray([-0.0, -np.inf], dtype))
    ends = nearby([-np.finfo(dtype).tiny, -1, lowest_exp(dtype) / 2], dtype)
    ends = np.append(ends, from_bits([sign + 1, sign + 2, infinity - 1, infinity - 2], dtype))
    return np.concatenate([scattered(dtype, count, seed), ends, switch_points(dtype)])


def lowest_exp(dtype):
    """Where exp rounds to 0."""
    info = np.finfo(dtype)
    return (info.minexp - info.nmant - 2) * np.log(2)


def wide_ranging(dtype, count, seed, *, signed=True):
    """Finite floats of every magnitude alike, subnormals included."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    sign, infinity = (int(b) for b in bits(np.asarray([-0.0, np.inf], dtype)))
    pattern = rng.integers(1, infinity, count, dtype=f"u{dtype.itemsize}")
    if signed:
        pattern |= rng.integers(0, 2, count).astype(pattern.dtype) * pattern.dtype.type(sign)
    return from_bits(pattern, dtype)


def nans(dtype):
    """Quiet and signalling NaNs of either sign, with payloads."""
    size = np.dtype(dtype).itemsize
    infinity = int(bits(np.asarray(np.inf, dtype)))
    quiet = infinity | (1 << (np.finfo(dtype).nmant - 1))
    sign = 1 << (8 * size - 1)
    positive = [quiet, quiet + 1, quiet + 0x2A, infinity + 1, infinity + 0x2A, sign - 1]
    return from_bits(positive + [sign | p for p in positive], dtype)


def specials(dtype):
    """Every value with a name, of both signs, and the floats around the larger finite ones."""
    info = np.finfo(dtype)
    saturation = (info.nmant + 2) * np.log(2)  # elu rounds to -1
    underflow = (info.nmant - info.minexp + 1) * np.log(2)  # exp rounds to 0
    overflow = info.maxexp * np.log(2)  # exp(+x) is infinite: a branch that must not be taken
    positive = nearby([info.tiny, info.eps, 0.5, 1, 2, saturation], dtype, steps=2)
    positive = np.append(positive, nearby([underflow, overflow, 1000], dtype, steps=2))
    ends = [0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.max, np.inf]
    positive = np.append(positive, np.asarray(ends, dtype))
    return np.concatenate([positive, -positive, nans(dtype)])


def mixed(dtype, count, seed=0):
    """Ordinary values of both signs with special ones strewn in: food for tests of layout."""
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=count) * np.exp(rng.uniform(-8, 5, count))).astype(dtype)
    where = rng.random(count) < 0.2
    values[where] = rng.choice(specials(dtype), np.count_nonzero(where))
    return values

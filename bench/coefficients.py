"""Derive the constants of the kernels, and prove the errors of their polynomials.

    python bench/coefficients.py            write elu/_coefficients.h
    python bench/coefficients.py --check    exit with 1 if that file is another

The polynomials come from a Remez exchange: that of exp for the least relative error, that of expm1
for the least error where the rounding of the steps leaves little room. Their coefficients are
rounded one after the other, the largest first, and those still to come make up for each rounding.
"""

import argparse
import dataclasses
import difflib
import heapq
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mpmath import iv, mp

HEADER = Path(__file__).parents[1] / "elu" / "_coefficients.h"

POINTS = 400  # an even number: 0, where every error vanishes, is none of the points of a fit
GOAL = 0.88  # ULP of expm1(x), of which the fit spends what rounding leaves
TERMS = 24  # of the series of exp: what follows is below 2**-113
TOLERANCE = 2.0**-9  # by which a proved bound may exceed the largest error

mp.prec = iv.prec = 160


@dataclasses.dataclass(frozen=True)
class Format:
    name: str
    bits: int
    suffix: str
    saturation: float  # expm1_negative clamps x to this
    multiples: int  # n at most, in elu_grad_any for the largest alpha and grad
    expm1_degree: int
    exp_degree: int


@dataclasses.dataclass(frozen=True)
class Curve:
    """A polynomial for exp(t), x = t - n log(2); n here is -n of the kernels."""

    letter: str
    bits: int
    known: tuple  # the coefficients that the kernel has no constants for
    degree: int
    half_width: mp.mpf  # |t| at most
    cases: list  # all n, each with the ends of t
    relative: Callable  # the error of the result, see below
    weight: Callable  # what the fit counts an error of exp(t) as, see below
    missing: mp.mpf = mp.zero  # LN2 as the kernel has it less log(2): t is n times that too large


F32 = Format("F32", 24, "f", -17.5, 127 + 32 + 251, 6, 6)
F64 = Format("F64", 53, "", -38.0, 1023 + 64 + 2043, 11, 11)


# -- the errors that count -------------------------------------------------------------------
# For numbers (a fit) and intervals (a proof) alike. growth is (exp(t) - 1) / t, t * error is the
# polynomial less exp(t), and lag * exp(t) is how much too large exp(t) is because t is.


def expm1_error(n: int, t, growth, error, lag):
    """Relative to expm1(x) = 2**-n (exp(t) - 2**n)."""
    if n == 0:
        return error / growth
    return (t * error + lag * (1 + t * growth)) / (1 + t * growth - 2**n)


def exp_error(n: int, t, growth, error, lag):
    """Relative to exp(x) = 2**-n exp(t), whatever n is."""
    return t * error / (1 + t * growth)


def ulp(value, bits: int) -> mp.mpf:
    return mp.ldexp(1, mp.frexp(abs(value))[1] - bits)


def expm1_weight(n: int, t, bits: int):
    """One over the error of exp(t) that makes GOAL full, with all roundings at their worst."""
    p = mp.expm1(t)
    square = t * t
    q = (p - t) / square
    result = mp.ldexp(p + 1, -n) - 1
    # Of the square and of the last two steps to q.
    fused = q * ulp(square, bits) + (1 + abs(t) / 3) * square * ulp(q, bits)
    # Of the half of the square, of p - t, and of three steps to the term of the third power.
    not_fused = ulp(square / 2, bits) + ulp(p - t, bits) + 3 * ulp(square * t / 6, bits)
    rounded = max(fused, not_fused) / 2
    if n:  # p is the result, else
        rounded += ulp(p, bits) / 2
    left = (GOAL - mp.mpf(1) / 2) * ulp(result, bits) - mp.ldexp(rounded, -n)
    return mp.ldexp(1, -n) / left


def exp_weight(n: int, t, bits: int):
    return mp.exp(-t)


def half_width(form: Format, largest: float) -> mp.mpf:
    """Bound of |t| as computed, for |x| up to `largest`."""
    # Each at most |x| 2**-bits: the rounding of LOG2E, that of the product with it, those of t
    # itself, and what is missing.
    return mp.log(2) / 2 + 4 * largest * mp.mpf(2) ** -form.bits


def curves(form: Format) -> tuple[Curve, Curve]:
    """Those of expm1 and of exp."""
    width = half_width(form, -form.saturation)
    # n = 0 has t = x, which is negative.
    cases = [(0, (-width, 0))]
    cases += [(n, (-width, width)) for n in range(1, round(-form.saturation / mp.log(2)) + 1)]
    known = (mp.one, mp.one)
    missing = nearest(mp.log(2), form.bits) - mp.log(2)
    expm1 = Curve("C", form.bits, known, form.expm1_degree, width, cases,
                  expm1_error, expm1_weight, missing)
    width = half_width(form, form.multiples * mp.log(2))
    exp = Curve("E", form.bits, known, form.exp_degree, width, [(0, (-width, width))],
                exp_error, exp_weight)
    return expm1, exp


# -- the fit ---------------------------------------------------------------------------------


def horner(coefficients: Sequence, t):
    value = 0
    for coefficient in reversed(coefficients):
        value = value * t + coefficient
    return value


class Fit:
    """The Remez exchange for one curve, on a fixed set of points."""

    def __init__(self, curve: Curve):
        angles = [mp.pi * i / (POINTS - 1) for i in range(POINTS)]
        points = [-curve.half_width * mp.cos(angle) for angle in angles]
        # The polynomial can make up for a t that is too large, if not for one near 0. It is worth
        # while where exp(t) - 1 is above 1/8, for there its own rounding is coarse.
        skip = mp.log(mp.mpf(9) / 8) if curve.missing else 0
        self.degree = curve.degree
        self.points, self.weights, self.target = [], [], []
        for t in points:
            if 0 < t < skip:
                continue
            # The least n there is for this t suffers most.
            n = int(t > 0)
            self.points.append(t)
            self.weights.append(curve.weight(n, t, curve.bits))
            self.target.append(mp.exp(t - n * curve.missing))

    def rest(self, fixed: Sequence) -> tuple[list, mp.mpf]:
        """The best coefficients to follow the fixed ones, and the largest weighted error."""
        count = self.degree + 1 - len(fixed)
        rows = list(zip(self.points, self.weights, self.target, strict=True))
        wanted = [w * (value - horner(fixed, t)) for t, w, value in rows]
        if not count:
            return [], max(map(abs, wanted))
        scale = [w * t ** len(fixed) for t, w, _ in rows]
        nodes = [round(i * (len(rows) - 1) / count) for i in range(count + 1)]
        while True:
            # The polynomial whose error has the same size at all nodes, and alternating signs.
            system = mp.matrix(count + 1)
            for row, i in enumerate(nodes):
                for column in range(count):
                    system[row, column] = scale[i] * self.points[i] ** column
                system[row, count] = (-1) ** row * mp.sign(scale[i])
            *free, level = mp.lu_solve(system, mp.matrix([wanted[i] for i in nodes]))
            errors = [
                (s * horner(free, t) - value) * mp.sign(s)
                for s, t, value in zip(scale, self.points, wanted, strict=True)
            ]
            worst = max(range(len(rows)), key=lambda i: abs(errors[i]))
            if abs(errors[worst]) <= abs(level) * (1 + mp.mpf(10) ** -4):
                return free, abs(errors[worst])
            # The worst point takes the place of its neighbour of the same sign. Beyond the ends
            # there may be none: then the node at the other end goes.
            nodes = sorted([*nodes, worst])
            place = nodes.index(worst)
            for neighbour in (place - 1, place + 1):
                if 0 <= neighbour < len(nodes) and errors[nodes[neighbour]] * errors[worst] > 0:
                    del nodes[neighbour]
                    break
            else:
                del nodes[-1 if place == 0 else 0]


def nearest(value, bits: int) -> mp.mpf:
    with mp.workprec(bits):
        return +value


def neighbours(value, bits: int) -> tuple[mp.mpf, mp.mpf]:
    """The numbers of so many bits below and above."""
    _, exponent = mp.frexp(value)
    step = mp.mpf(2) ** (exponent - bits)
    return mp.floor(value / step) * step, mp.ceil(value / step) * step


def rounded_fit(curve: Curve) -> list[mp.mpf]:
    """All coefficients, in the format."""
    fit = Fit(curve)
    fixed = list(curve.known)
    free, _ = fit.rest(fixed)
    while free:
        tries = [[*fixed, near] for near in neighbours(free[0], curve.bits)]
        rests = [fit.rest(each) for each in tries]
        best = min((0, 1), key=lambda i: rests[i][1])
        fixed, (free, _) = tries[best], rests[best]
    return fixed


# -- the proof -------------------------------------------------------------------------------


def enclosure(coefficients: Sequence, piece):
    """The values of a polynomial on an interval: in its middle, and where the slopes lead."""
    slopes = [k * coefficient for k, coefficient in enumerate(coefficients)][1:]
    return horner(coefficients, piece.mid) + horner(slopes, piece) * (piece - piece.mid)


def proved_bound(curve: Curve, coefficients: Sequence) -> mp.mpf:
    """A bound of the relative error, for every n and t, that is hardly larger than the error."""
    series = [1 / iv.factorial(k) for k in range(TERMS)]
    # What the series lacks of exp(t), over t: exp of something between 0 and t is below 2.
    width = iv.mpf(curve.half_width)
    remainder = 2 * width ** (TERMS - 1) / iv.factorial(TERMS) * iv.mpf([-1, 1])
    padded = [*coefficients, *[0] * (TERMS - len(coefficients))]
    difference = [iv.mpf(a) - b for a, b in zip(padded, series, strict=True)]

    def size(n: int, piece) -> tuple[mp.mpf, mp.mpf]:
        # The constant terms are both 1, the others are divided by t.
        growth = enclosure(series[1:], piece) + remainder
        error = enclosure(difference[1:], piece) + remainder
        lag = 1 - iv.exp(-n * iv.mpf(curve.missing))
        found = abs(curve.relative(n, piece, growth, error, lag))
        return mp.mpf(found.a), mp.mpf(found.b)

    # Halve the piece of the largest bound until some piece is proved to have an error like it.
    least = mp.zero
    order = itertools.count()  # no pieces are compared
    pieces = [(-mp.inf, next(order), n, iv.mpf(ends)) for n, ends in curve.cases]
    while True:
        bound, _, n, piece = heapq.heappop(pieces)
        if -bound <= least * (1 + TOLERANCE):
            return -bound
        for ends in ([piece.a, piece.mid], [piece.mid, piece.b]):
            half = iv.mpf(ends)
            low, high = size(n, half)
            least = max(least, low)
            heapq.heappush(pieces, (-high, next(order), n, half))


# -- the constants ---------------------------------------------------------------------------


def define(form: Format, name: str, value) -> str:
    """A #define with the value to the bit."""
    digits, exponent = float(value).hex().split("p")
    digits = digits.rstrip("0").rstrip(".")
    return f"#define {form.name}_{name} {digits}p{exponent}{form.suffix}"


def split_log2(form: Format, bits: int) -> list[str]:
    """log(2), and log(2) as one number of the format, less a number of so many bits."""
    high = nearest(mp.log(2), bits)
    low = nearest(mp.log(2) - high, form.bits)
    rest = nearest(mp.log(2), form.bits) - high
    return [define(form, "LN2_HI", high), define(form, "LN2_LO", low),
            define(form, "LN2_REST", rest)]


def upwards(value: mp.mpf, power: int) -> str:
    """The value in units of 2**-power, rounded up."""
    return f"{int(mp.ceil(mp.ldexp(value, power) * 10**5)) / 10**5:.5f} * 2^-{power}"


def saturation(form: Format) -> str:
    """expm1(x) rounds to -1: exp(x) is below half the gap between -1 and its neighbour."""
    largest = mp.mpf(iv.exp(iv.mpf(form.saturation)).b)
    if largest >= mp.mpf(2) ** -(form.bits + 1):
        raise ArithmeticError(f"{form.name}: expm1({form.saturation}) does not round to -1")
    return (
        f"{form.name}: expm1(x) rounds to -1 for x <= {form.saturation:g},"
        f" where exp(x) < {upwards(largest, form.bits + 1)}"
    )


def selu() -> tuple[mp.mpf, mp.mpf]:
    """Scale and alpha of SELU: mean 0 and variance 1 are a fixed point of a layer with them.

    The closed form is that of the paper (arXiv:1706.02515, equation 14).
    """
    c, d = mp.erfc(1 / mp.sqrt(2)) * mp.sqrt(mp.e), mp.erfc(mp.sqrt(2)) * mp.exp(2)
    alpha = mp.sqrt(2 / mp.pi) / (1 - c)
    square = 2 * d + mp.pi * c**2 - 2 * (2 + mp.pi) * c + mp.pi + 2
    return (1 - c) * mp.sqrt(2 * mp.pi / square), alpha


def polynomial(form: Format, curve: Curve) -> tuple[list[str], str]:
    """Its #defines, and what is proved of it."""
    coefficients = rounded_fit(curve)
    first = len(curve.known)
    lines = [
        define(form, f"{curve.letter}{k}", coefficient)
        for k, coefficient in enumerate(coefficients[first:], first)
    ]
    what = f"{form.name}: {curve.letter}{first} to {curve.letter}{curve.degree}"
    slack = mp.nstr(curve.half_width - mp.log(2) / 2, 2)
    proof = (
        f"{what}: error < {upwards(proved_bound(curve, coefficients), form.bits)} of the result"
        f" for |t| < log(2) / 2 + {slack}"
    )
    return lines, proof


def header() -> Iterator[str]:
    """The lines of elu/_coefficients.h."""
    forms = (F32, F64)
    yield "/* Written by bench/coefficients.py, which derives the constants and proves what stands"
    yield "   beside them: do not edit. Included after _simd.h, for HAVE_FMA. */"
    yield ""
    yield "#if HAVE_FMA"
    yield from (line for form in forms for line in split_log2(form, form.bits))
    yield "#else"
    # Without a fused multiply-add n LN2_HI is rounded: LN2_HI leaves as many bits as n takes.
    spare = [(form, form.bits - form.multiples.bit_length()) for form in forms]
    yield from (line for form, bits in spare for line in split_log2(form, bits))
    yield "#endif"
    for form in forms:
        yield ""
        yield f"/* {saturation(form)} */"
        yield define(form, "LOG2E", nearest(1 / mp.log(2), form.bits))
        yield define(form, "MAGIC", mp.mpf(3) * 2 ** (form.bits - 2))
        scale, alpha = selu()
        yield define(form, "SELU_SCALE", nearest(scale, form.bits))
        yield define(form, "SELU_SCALE_ALPHA", nearest(scale * alpha, form.bits))
        for curve in curves(form):
            lines, proof = polynomial(form, curve)
            yield f"/* {proof} */"
            yield from lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with elu/_coefficients.h")
    check = parser.parse_args().check
    wanted = "".join(f"{line}\n" for line in header())
    if not check:
        HEADER.write_text(wanted, encoding="utf-8")
        return 0
    found = HEADER.read_text(encoding="utf-8")
    names = (HEADER.name, Path(__file__).name)
    lines = found.splitlines(), wanted.splitlines()
    for line in difflib.unified_diff(*lines, *names, lineterm="", n=0):
        print(line)
    return int(found != wanted)


if __name__ == "__main__":
    sys.exit(main())

"""Hashes of millions of results: the same on every processor and with every compiler.

    python tests/hashes.py            # what this build computes, compared with hashes.txt
    python tests/hashes.py --update   # write it there
    python tests/hashes.py --whole    # of all 2^32 values of float32: lines to compare, in minutes

The inputs are made of integers, so that they are the same everywhere. hashes.txt has a line for
each format, function and alpha, with two hashes: with fused multiply-add, and without (x86-64
baseline), or = where the two are the same.
"""

import hashlib
import platform
import sys
from pathlib import Path

import numpy as np
from reference import FUNCTIONS, dtype_of, finfo

import elu

FILE = Path(__file__).with_name("hashes.txt")
# Numbers of every format: 1 to 64 sixteenths for `each`.
ALPHAS = {"1": 1.0, "0.25": 0.25, "1.5": 1.5, "each": None}
# How many values; and, as exponents of 2, from where to where the formula has digits to lose, what
# is ordinary to a gradient, and where its results are subnormal.
FORMATS = {
    "float16": (2**18, (-13, 4), (-14, 6), (3, 5)),
    "bfloat16": (2**18, (-30, 5), (-60, 6), (6, 7)),
    "float32": (2**20, (-30, 5), (-60, 6), (6, 7)),
    "float64": (2**20, (-60, 6), (-200, 9), (9, 10)),
}


def has_fused_multiply_add():
    return (platform.machine().lower() not in ("x86_64", "amd64", "i686", "i386")
            or elu.config()["isa"] != "baseline")


def mixed(count, seed):
    """Well mixed integers of 64 bits."""
    k = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 40)
    for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
        k = k * np.uint64(factor)
        k ^= k >> np.uint64(32)
    return k


def between(name, integers, low, high, negative):
    """Bits of numbers from 2**low to below 2**high in magnitude, evenly in their exponents."""
    digits, size = finfo(dtype_of(name)).nmant, 8 * dtype_of(name).itemsize
    bias = 2 ** (size - digits - 2) - 1
    bits = np.uint64(low + bias << digits) + integers % np.uint64(high - low << digits)
    signs = integers >> np.uint64(63) | np.uint64(negative)
    return bits | signs << np.uint64(size - 1)


def inputs(name):
    """grad and x: a part for each way in which a gradient is computed; the last is any bits."""
    count, digits, ordinary, subnormal = FORMATS[name]
    dtype = dtype_of(name)
    part = count // 4
    xs, grads = mixed(count, 1), mixed(count, 2)
    x = np.concatenate([
        between(name, xs[:part], *digits, True),
        between(name, xs[part : 2 * part], *ordinary, False),
        between(name, xs[2 * part : 3 * part], *subnormal, True),
        xs[3 * part :],
    ])
    grad = np.concatenate([between(name, grads[: 3 * part], -8, 8, False), grads[3 * part :]])
    return [a.astype(f"u{dtype.itemsize}").view(dtype) for a in (grad, x)]


def comparable(result):
    """The bits in little-endian order; all NaNs are one."""
    bits = result.view(f"u{result.itemsize}")
    bits[np.isnan(result)] = np.iinfo(bits.dtype).max
    return bits.astype(bits.dtype.newbyteorder("<"))


def shortened(found):
    return found.hexdigest()[:16]


def whole():
    """Every float32 through each function, with grad = 1: what it is, and a hash of the results."""
    block = np.arange(2**20, dtype=np.uint32)
    grad = np.ones(block.size, np.float32)
    for function in FUNCTIONS:
        for alpha in [()] if function.startswith("selu") else [(1.0,), (1.5,), (0.25,)]:
            found = hashlib.sha256()
            for first in range(0, 2**32, block.size):
                x = (block + np.uint32(first)).view(np.float32)
                arrays = (grad, x) if "grad" in function else (x,)
                found.update(comparable(getattr(elu, function)(*arrays, *alpha)))
            yield f"float32 {function} {alpha}", shortened(found)


def compute():
    """format, function and alpha, and the hash of what this build computes."""
    for name in FORMATS:
        try:
            grad, x = inputs(name)
        except ImportError:
            print(f"{name} is left out: there is no ml_dtypes", file=sys.stderr)
            continue
        sixteenths = mixed(x.size, 3) % np.uint64(64) + np.uint64(1)
        each = (sixteenths.astype(np.float32) / 16).astype(x.dtype)
        for function in FUNCTIONS:
            arrays = (grad, x) if "grad" in function else (x,)
            for label, alpha in ALPHAS.items():
                if function.startswith("selu"):
                    label, given = "-", ()
                else:
                    given = (each if label == "each" else alpha,)
                with np.errstate(all="ignore"):
                    result = getattr(elu, function)(*arrays, *given)
                assert result.dtype == x.dtype
                yield (name, function, label), shortened(hashlib.sha256(comparable(result)))
                if label == "-":
                    break


def expected():
    """By format, function and alpha: the hashes with and without fused multiply-add."""
    found = {}
    for line in FILE.read_text().splitlines():
        *key, fused, unfused = line.split()
        found[tuple(key)] = [fused, fused if unfused == "=" else unfused]
    return found


def main():
    if "--whole" in sys.argv:
        for line in whole():
            print(*line, flush=True)
        return False
    column = 0 if has_fused_multiply_add() else 1
    known = expected() if FILE.exists() else {}
    different = count = 0
    for key, found in compute():
        count += 1
        if "--update" in sys.argv:
            known.setdefault(key, [found, found])[column] = found
        elif known[key][column] != found:
            different += 1
            print(*key, f"{found}, expected {known[key][column]}")
    if "--update" in sys.argv:
        FILE.write_text("".join(
            f"{' '.join(key)} {fused} {'=' if unfused == fused else unfused}\n"
            for key, (fused, unfused) in known.items()
        ))
    print(f"{elu.config()['isa']}, {platform.machine()}: {count} hashes, {different} different")
    return different != 0


if __name__ == "__main__":
    sys.exit(main())

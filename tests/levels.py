"""python tests/levels.py 1000000 [function ...]

Call each function so many times in each of the ways of test_faults.py, failing ones too, and see
that the references of what was given and the memory stay where they are. Large arrays are given a
hundredth of the times.
"""

import gc
import sys
import warnings
from itertools import repeat
from pathlib import Path

import numpy as np
from reference import FUNCTIONS
from test_faults import DENSE, LARGE, OTHERS, SMALL, bare_call, operands

import elu

SINGLES = {
    "None": None, "True": True, "float": float, "ndarray": np.ndarray, "float64": np.float64,
    **{f"dtype {char}": np.dtype(char) for char in "?efdi"},
    **{f"ufunc {each.__name__}": each for each in elu._api._ufuncs.UFUNCS},
}


def resident():
    """KiB, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0
    return 4 * pages


def levels(given):
    gc.collect()
    counts = {name: sys.getrefcount(each) for name, each in {**SINGLES, **given}.items()}
    return counts, {"blocks": sys.getallocatedblocks(), "KiB": resident()}


def call_often(call, times):
    for _ in repeat(None, times):
        try:
            call()
        except (TypeError, ValueError):
            pass


def check(label, name, make, size, times):
    arrays, keywords = make(name, *operands(np.float32, size))
    function = getattr(elu, name)
    given = {f"argument {k}": each for k, each in enumerate(arrays)} | keywords
    given |= {"function": function}
    call = bare_call(function, arrays, keywords)
    call_often(call, times // 10)
    # Caches and lists of free objects grow now and then, by 350 blocks in 500 calls with Python
    # 3.12, and come to an end. What is lost in each call is lost in each of three attempts.
    for _ in range(3):
        grown = growth(call, times, given)
        if not grown:
            return
    raise AssertionError(name, label, grown)


def growth(call, times, given):
    """What there is more of after the calls than before."""
    before, memory = levels(given)
    call_often(call, times)
    after, more = levels(given)
    few, blocks = 20 + times // 1000, 300 + times // 1000
    grown = {key: after[key] - before[key] for key in after if abs(after[key] - before[key]) > few}
    if more["blocks"] - memory["blocks"] > blocks:
        grown["blocks"] = more["blocks"] - memory["blocks"]
    if more["KiB"] - memory["KiB"] > 2048:
        grown["KiB"] = more["KiB"] - memory["KiB"]
    return grown


def main(times, *names):
    warnings.simplefilter("ignore")  # of np.matrix
    elu.set_num_threads(2)
    gc.freeze()  # all that is there already, which takes long to look through
    kinds = 0
    for name in names or FUNCTIONS:
        before = sys.getallocatedblocks(), resident()
        for label, make in {**DENSE, **OTHERS, **SMALL}.items():
            check(label, name, make, 9, int(times))
            kinds += 1
        for label, make in LARGE.items():
            check(f"large, {label}", name, make, 2**16, int(times) // 100)
            kinds += 1
        print(f"{name}: blocks {before[0]} -> {sys.getallocatedblocks()}, "
              f"KiB {before[1]} -> {resident()}", flush=True)
    print(f"{kinds} kinds")


if __name__ == "__main__":
    main(*sys.argv[1:])

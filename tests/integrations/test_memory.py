"""Arrays larger than memory: memory maps in and out, by blocks, in a few MiB."""

from pathlib import Path

import numpy as np
import pytest
import reference
from processes import run_python
from reference import FUNCTIONS, assert_same_bits

import elu


@pytest.fixture
def maps(tmp_path):
    x = reference.mixed(np.float32, 100_003)
    result = {}
    for name in ("grad", "x", "out"):
        result[name] = np.memmap(tmp_path / name, np.float32, "w+", shape=x.shape)
        result[name][:] = 0 if name == "out" else x
    return result


@pytest.mark.parametrize("name", FUNCTIONS)
def test_maps_in_and_out(name, maps, tmp_path):
    arrays = reference.inputs(name, maps["grad"], maps["x"])
    expected = reference.function(name)(*map(np.array, arrays), 1.5)
    assert reference.function(name)(*arrays, 1.5, out=maps["out"]) is maps["out"]
    maps["out"].flush()
    assert_same_bits(np.fromfile(tmp_path / "out", np.float32), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_map_in_place(name, maps):
    x = maps["x"]
    expected = reference.function(name)(*reference.inputs(name, maps["grad"], np.array(x)), 1.5)
    reference.function(name)(*reference.inputs(name, maps["grad"], x), 1.5, out=x)
    assert_same_bits(x, expected)


def test_a_read_only_map_is_read_and_never_written(maps, tmp_path):
    x = np.memmap(tmp_path / "x", np.float32, "r")
    assert_same_bits(elu.elu(x), elu.elu(np.array(x)))
    with pytest.raises(ValueError, match="read-only"):
        elu.elu(x, out=x)


# By blocks, each unmapped before the next is touched.
BLOCKS = """
for start in range(0, {size}, {block}):
    x = np.load("x.npy", mmap_mode="r")[start : start + {block}]
    y = np.load("y.npy", mmap_mode="r+")[start : start + {block}]
    elu.elu(x, out=y)
"""


def save_files(folder, size):
    np.save(folder / "x.npy", np.resize(reference.mixed(np.float32, 4099), size))
    np.save(folder / "y.npy", np.zeros(size, np.float32))


def test_blocks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_files(tmp_path, 2_000_003)
    exec(BLOCKS.format(size=2_000_003, block=99_999), {"elu": elu, "np": np})
    assert_same_bits(np.load("y.npy"), elu.elu(np.load("x.npy")))


# VmHWM counts the pages of files, too; writing 5 to clear_refs sets it back.
PEAK = """
import re
import elu
import numpy as np

elu.elu(np.zeros(2**20, np.float32))  # threads and their stacks are there from now on
{setup}

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 2**10

def now():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 2**10

with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = now()
{code}
print(peak() - before)
"""


def peak_of(code, setup="", cwd=None):
    """MiB that the code takes beyond those at its start, in a process of its own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux tells the peak")
    script = PEAK.format(setup=setup, code=code)
    return float(run_python(script, cwd=cwd, OPENBLAS_NUM_THREADS="1").stdout)


def test_the_peak_is_measured():
    assert peak_of("x = np.ones(4_000_000, np.float32); elu.elu(x)") > 25


def test_the_peak_stays_at_a_few_mib(tmp_path):
    """x and y have 40 MB each, a block of them 2."""
    save_files(tmp_path, 10_000_000)
    assert peak_of(BLOCKS.format(size=10_000_000, block=500_000), cwd=tmp_path) < 8


@pytest.mark.parametrize("view", ["x", "x[::2]", "x.reshape(1000, -1).T"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_call_with_out_needs_no_memory_of_its_own(name, view):
    """Nor does one on views, which goes through small buffers."""
    arrays = ", ".join(["x"] * len(reference.INPUTS[name]))
    code = f"x = {view}; elu.{name}({arrays}, out=x)"
    assert peak_of(code, setup="x = np.ones(4_000_000, np.float32)") < 2


HELD = {
    "memoryview": "given = memoryview(x)",
    "array": "import array; given = array.array('f', bytes(x))",
    "dlpack": "given = type('Tensor', (), "
    "{'__dlpack__': x.__dlpack__, '__dlpack_device__': x.__dlpack_device__})()",
    "pyarrow": "import pyarrow; given = pyarrow.array(x)",
    # Once before: the code of PyTorch that this runs for the first time takes 1 to 2 MiB, too.
    "torch": "import torch; given = torch.from_numpy(x); np.asarray(given)",
}


@pytest.mark.parametrize("library", HELD)
def test_what_others_hold_is_read_where_it_lies(library):
    """16 MB, which a copy would add."""
    if library in ("pyarrow", "torch"):
        pytest.importorskip(library)
    setup = f"x = np.ones(4_000_000, np.float32); out = x.copy(); {HELD[library]}"
    assert peak_of("elu.elu_grad(given, given, out=out)", setup=setup) < 2

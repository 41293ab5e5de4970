"""The build: compiled for every instruction set, with OpenMP, and taken by every import."""

import importlib.machinery
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import pytest
from processes import FREE_THREADED, run_python

import elu

PACKAGE = Path(elu.__file__).parent
ROOT = Path(__file__).parents[1]
SUFFIXES = tuple(importlib.machinery.EXTENSION_SUFFIXES)
X86_64 = platform.machine().lower() in ("x86_64", "amd64")
LINUX = sys.platform == "linux"

COMPILED = """
import sys, elu
from elu import _cpu, _openmp
kernels = sys.modules["elu._kernels_" + elu.config()["isa"]]
print(*(module.__file__ for module in (_cpu, _openmp, kernels)), sep="\\n")
"""


def compiled_files(folder):
    """The files of the extension modules that an import from `folder` takes."""
    process = run_python(COMPILED, cwd=folder, PYTHONPATH=None)
    return [Path(line) for line in process.stdout.splitlines()]


def test_modules_come_from_extension_files(tmp_path):
    files = compiled_files(tmp_path)
    assert len(files) == 3
    for file in files:
        assert file.name.endswith(SUFFIXES)
        assert file.parent == PACKAGE


@pytest.mark.skipif(PACKAGE.parent != ROOT, reason="another copy of the package is installed")
def test_modules_come_from_extension_files_in_the_repository_root():
    """There the folder elu/ comes before any installed package."""
    files = compiled_files(ROOT)
    assert len(files) == 3
    for file in files:
        assert file.name.endswith(SUFFIXES)
        assert file.parent == ROOT / "elu"


@pytest.mark.skipif(not X86_64, reason="only the baseline is built here")
@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_was_built(isa):
    files = [f.name for f in PACKAGE.iterdir() if f.name.startswith(f"_kernels_{isa}.")]
    assert any(name.endswith(SUFFIXES) for name in files), files


@pytest.mark.skipif(not (LINUX and X86_64), reason="reads /proc/cpuinfo")
def test_every_instruction_set_of_this_cpu_is_offered():
    """Linux lists only what the operating system supports as well."""
    flags = {"baseline"}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags |= set(line.split(":")[1].split())
            break
    expected = ["baseline"]
    if {"avx2", "fma"} <= flags:
        expected.append("avx2")
    if {"avx2", "fma", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        expected.append("avx512")
    assert list(elu.config()["isas"]) == expected
    assert elu.config()["isa"] in expected


@pytest.mark.skipif(X86_64, reason="this architecture has several")
def test_other_architectures_have_the_baseline():
    assert list(elu.config()["isas"]) == ["baseline"]


@pytest.mark.skipif(
    not LINUX or bool(os.environ.get("ELU_TEST_NO_OPENMP")),
    reason="OpenMP is promised on Linux, and ELU_TEST_NO_OPENMP says to do without",
)
def test_openmp_was_not_lost():
    assert elu.config()["openmp"] is True


def test_config_tells_all():
    config = elu.config()
    assert {"version", "isa", "isas", "openmp", "num_threads"} <= config.keys()
    assert config["version"] == elu.__version__ == importlib.metadata.version("elu")
    assert config["num_threads"] == elu.get_num_threads()
    assert isinstance(config["openmp"], bool)
    config["isas"].clear()
    assert elu.config()["isas"], "the caller's copy must be its own"


@pytest.mark.skipif(not FREE_THREADED, reason="this has the GIL")
def test_free_threaded_python_stays_without_the_gil():
    """A module that does not declare itself fit for it makes the import turn the GIL on."""
    script = "import sys, elu; print(sys._is_gil_enabled())"
    assert run_python(script, PYTHON_GIL=None).stdout.strip() == "False"


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()

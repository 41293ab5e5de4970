"""An import that fails says what to do; one that works leaves what saved models look for."""

import shutil
from pathlib import Path

import pytest
import reference
from processes import run_python

import elu

PACKAGE = Path(elu.__file__).parent

TRY = """
try:
    import elu
except ImportError as error:
    print(error)
"""


def message(folder):
    return run_python(TRY, cwd=folder, PYTHONPATH=str(folder)).stdout


@pytest.fixture
def package(tmp_path):
    """The package without anything compiled."""
    (tmp_path / "elu").mkdir()
    for file in PACKAGE.glob("*.py"):
        shutil.copy(file, tmp_path / "elu")
    return tmp_path / "elu"


def test_in_a_clone_where_nothing_was_compiled(package):
    assert "pip install -e ." in message(package.parent)


def test_with_an_old_numpy(package):
    numpy = package.parent / "numpy"
    numpy.mkdir()
    (numpy / "__init__.py").write_text('__version__ = "1.26.4"\n')
    assert message(package.parent) == "elu needs NumPy 2.0 or newer, and this is 1.26.4\n"


def test_without_the_openmp_library(package):
    error = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (package / "_cpu.py").touch()
    (package / "_api.py").write_text(f"raise ImportError({error!r})\n")
    found = message(package.parent)
    assert "libgomp1" in found
    assert error in found


def test_any_other_error_is_as_it_was(package):
    (package / "_cpu.py").touch()
    (package / "_api.py").write_text("raise ImportError('something else')\n")
    assert message(package.parent) == "something else\n"


@pytest.mark.skipif(len(elu.config()["isas"]) < 2, reason="there is only one to leave out")
def test_kernels_that_were_not_built_are_not_offered(tmp_path):
    *others, best = elu.config()["isas"]
    for folder in (PACKAGE, PACKAGE.with_name("elu.libs")):  # a wheel's OpenMP library
        if folder.is_dir():
            left_out = shutil.ignore_patterns(f"_kernels_{best}.*", "__pycache__")
            shutil.copytree(folder, tmp_path / folder.name, ignore=left_out)
    script = "import elu; print(*elu.config()['isas'])"
    process = run_python(script, cwd=tmp_path, PYTHONPATH=str(tmp_path), ELU_ISA=None)
    assert process.stdout.split() == others


@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_functions_are_found_by_module_and_name(name):
    """As Keras saves a layer whose activation is one of them."""
    function = getattr(elu, name)
    assert (function.__module__, function.__name__) == ("elu", name)

"""The recipes of README.md, each by itself in an empty folder: as a script, and line by line."""

import ast
import codeop

import pytest
from integrations.recipes import recipes
from processes import run_python

TITLES = ["pandas", "PyTorch", "JAX", "Keras", "ONNX", "dask, on one machine or a cluster"]


def imported(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("title", recipes())
def test_recipe(title, tmp_path, monkeypatch):
    code = recipes()[title]
    monkeypatch.setenv("KERAS_BACKEND", "numpy")  # importorskip would import TensorFlow
    for module in imported(code):
        pytest.importorskip(module)
    script = tmp_path / "script.py"
    script.write_text(code)
    process = run_python([script], warnings=None, cwd=tmp_path, PYTHONPATH=None)
    assert process.stderr == ""


@pytest.mark.parametrize("title", recipes())
def test_it_can_be_pasted_into_a_session(title):
    """Up to Python 3.12 a session ends a block at the first empty line."""
    statement = []
    for line in [*recipes()[title].splitlines(), ""]:
        statement.append(line)
        if codeop.compile_command("\n".join(statement)):  # None while it is not complete
            statement = []
    assert statement == []


def test_no_recipe_is_missing():
    assert set(recipes()) >= set(TITLES)

"""The recipes of README.md, each by itself in an empty folder: as a script, and line by line."""

import ast
import codeop
import os
import subprocess
import sys

import pytest
from integrations.recipes import recipes

TITLES = ["PyTorch", "JAX", "scikit-learn", "A cluster", "Larger than memory"]


def imported(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("title", recipes())
def test_recipe(title, tmp_path):
    code = recipes()[title]
    for module in imported(code):
        pytest.importorskip(module)
    script = tmp_path / "script.py"
    script.write_text(code)
    run = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")


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

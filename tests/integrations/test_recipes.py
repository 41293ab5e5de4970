"""The recipes of README.md, each pasted into a fresh session in an empty folder."""

import ast
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
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_no_recipe_is_missing():
    assert set(recipes()) >= set(TITLES)

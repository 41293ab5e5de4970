"""What `help` shows: examples that are true, and the signatures that were promised."""

import doctest
import inspect
from pathlib import Path

import numpy as np
import pytest
import reference
from processes import run_python

import elu

README = Path(__file__).parent.parent / "README.md"
PUBLIC = [*reference.FUNCTIONS, "set_num_threads", "get_num_threads", "config"]


@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_examples(name):
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner()
    output = []
    for test in finder.find(getattr(elu, name), name, globs={"np": np, "elu": elu}):
        runner.run(test, out=output.append)
    results = runner.summarize(verbose=False)
    assert results.attempted >= 1
    assert results.failed == 0, "".join(output)


@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_signatures(name):
    parameters = list(inspect.signature(getattr(elu, name)).parameters.values())
    arrays = reference.INPUTS[name]
    positional = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    alpha = {"alpha": 1.0} if name in reference.WITH_ALPHA else {}
    assert positional == {**dict.fromkeys(arrays, inspect.Parameter.empty), **alpha}
    keywords = {p.name: p for p in parameters[len(positional) :]}
    assert keywords["out"].default is None
    assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in keywords.values())
    assert all(p.annotation is p.empty for p in parameters), "help() would show Any for each"


@pytest.mark.parametrize("name", reference.FUNCTIONS)
def test_arrays_may_be_given_by_name(name):
    x = np.linspace(-2, 1, 7)
    function, names = reference.function(name), reference.INPUTS[name]
    by_name = function(**dict.fromkeys(names, x), alpha=1.5)
    reference.assert_same_bits(by_name, function(*[x] * len(names), 1.5))


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_explains_itself(name):
    assert len(inspect.getdoc(getattr(elu, name)).splitlines()[0]) > 10


@pytest.mark.parametrize("name", PUBLIC)
def test_numpydoc_has_nothing_to_complain_about(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    assert validate(f"elu.{name}")["errors"] == []


def test_public_names():
    assert set(PUBLIC) <= set(elu.__all__) <= set(dir(elu))


def test_the_examples_of_the_readme():
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted >= 5
    assert results.failed == 0


def test_the_constants_of_the_kernels_are_the_derived_ones():
    """bench/coefficients.py finds them anew and proves their error."""
    script = README.parent / "bench" / "coefficients.py"
    run_python([script], "--check", timeout=300)

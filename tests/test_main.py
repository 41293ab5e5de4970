"""`python -m elu`: the main job, for people and for machines."""

import json
import os

import pytest
from processes import run_python

import elu


def main(*arguments, returncode=0):
    return run_python(["-m", "elu"], *arguments, returncode=returncode, text=False)


@pytest.fixture(scope="module")
def for_people():
    return main()


@pytest.fixture(scope="module")
def for_machines():
    return main("--json")


def test_it_says_what_was_chosen_and_how_exact_and_fast_it_is(for_people):
    text = for_people.stdout.decode()
    assert elu.__version__ in text
    assert elu.config()["isa"] in text
    for word in ["thread", "float32", "float64", "ULP", "ns", "NumPy", "elu_grad"]:
        assert word in text


def test_a_pipe_gets_lines_only(for_people):
    """No progress bar: no carriage returns, no escape sequences, nothing on stderr."""
    assert b"\r" not in for_people.stdout.replace(os.linesep.encode(), b"\n")
    assert b"\x1b" not in for_people.stdout
    assert for_people.stderr == b""
    assert for_people.stdout.endswith(os.linesep.encode())


def test_json(for_machines):
    assert for_machines.stderr == b""
    report = json.loads(for_machines.stdout)
    config = elu.config()
    assert report["config"] == {**config, "isas": list(config["isas"])}
    for check in report["accuracy"]:
        assert {"function", "dtype", "values", "worst_ulp", "bound"} <= check.keys()
        assert 0 < check["worst_ulp"] <= check["bound"]
    checked = {(check["function"], check["dtype"]) for check in report["accuracy"]}
    assert {(f, d) for f in ("elu", "elu_grad") for d in ("float32", "float64")} <= checked
    assert sum(check["values"] for check in report["accuracy"]) > 10**6
    for timing in report["speed"]:
        assert {"function", "dtype", "size", "ns", "numpy_ns"} <= timing.keys()
        assert timing["ns"] > 0
        assert timing["numpy_ns"] > 0
    assert len({timing["size"] for timing in report["speed"]}) >= 3


def test_help():
    text = main("--help").stdout.decode()
    assert "python -m elu" in text
    assert "--json" in text


def test_an_unknown_option_is_refused():
    assert b"--jason" in main("--jason", returncode=2).stderr


@pytest.mark.parametrize("name", ["elu", "elu_grad"])
def test_a_failed_check_is_exit_status_1(name):
    """Here the function is off by a few ULP."""
    spoiled = f"""
import runpy, sys
import elu
right = elu.{name}
elu.{name} = lambda *arrays, **keywords: right(*arrays, **keywords) * (1 + 1e-6)
sys.argv = ["elu", "--json"]
runpy.run_module("elu", run_name="__main__", alter_sys=True)
"""
    run_python(spoiled, returncode=1)

"""The same bits on every processor and with every compiler: hashes of results, see hashes.py."""

import hashes
import pytest
from processes import run_python

import elu


@pytest.mark.parametrize("isa", elu.config()["isas"])
def test_the_results_have_the_hashes_that_stand_in_the_tree(isa):
    process = run_python([hashes.__file__], ELU_ISA=isa, returncode=None, timeout=900)  # emulated
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.startswith(f"{isa}, ")
    formats = {key[0] for key in hashes.expected()}
    assert formats == set(hashes.FORMATS)
    left_out = sum("is left out" in line for line in process.stderr.splitlines())
    count = len(hashes.expected()) * (4 - left_out) // 4
    assert f": {count} hashes, 0 different" in process.stdout

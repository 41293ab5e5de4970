"""Threads beside those of other libraries: the default, and how to limit them from outside."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from processes import run_python

import elu

threadpoolctl = pytest.importorskip("threadpoolctl")

pytestmark = pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")


def test_the_pool_is_found():
    assert "openmp" in {pool["user_api"] for pool in threadpoolctl.threadpool_info()}


@pytest.mark.parametrize("user_api", [None, "openmp"])
@pytest.mark.parametrize("asked_for", [None, 4])
def test_a_limit_holds_and_ends(asked_for, user_api):
    if asked_for and elu.get_num_threads() == 1:
        pytest.skip("OpenMP itself began with one thread, and tells no limit of one from that")
    if asked_for:
        elu.set_num_threads(asked_for)
    before = elu.get_num_threads()
    with threadpoolctl.threadpool_limits(1, user_api=user_api):
        assert elu.get_num_threads() == 1
        elu.elu(np.zeros(2**20, np.float32))
    assert elu.get_num_threads() == before


COUNT_THREADS = """
import os
import threading
import numpy as np
import elu
{imports}

def of_openmp():
    return len(os.listdir("/proc/self/task")) - threading.active_count()

x = np.zeros(2**20, np.float32)
before = of_openmp()
{code}
limited = of_openmp() - before
elu.elu(x)
print(limited, of_openmp() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cannot count threads here")
@pytest.mark.parametrize(
    ("imports", "code"),
    [
        ("import threadpoolctl", "with threadpoolctl.threadpool_limits(1): elu.elu(x)"),
        (
            "import dask.array",
            "elu.set_num_threads(1)\n"
            "elu.elu(dask.array.from_array(x, 2**18)).compute(scheduler='threads')\n"
            "elu.set_num_threads(3)",
        ),
    ],
    ids=["threadpoolctl", "threads of dask"],
)
def test_no_thread_is_made_under_a_limit(imports, code):
    """And without one they are: two beside the caller."""
    if "dask" in imports:
        pytest.importorskip("dask.array")
    script = COUNT_THREADS.format(imports=imports, code=code)
    process = run_python(script, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="3")
    assert process.stdout.split() == ["0", "2"]


def test_a_limit_for_blas_alone_is_none_for_openmp():
    before = elu.get_num_threads()
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert elu.get_num_threads() == before


def test_a_limit_in_each_thread_of_a_pool():
    """OpenMP keeps this number for each thread that calls: limit it where the work is done."""

    def work(_):
        with threadpoolctl.threadpool_limits(1, user_api="openmp"):
            return elu.get_num_threads()

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(work, range(6))) == {1}


def test_set_num_threads_holds_for_all_threads_of_a_process():
    """By default each caller gets all threads: in a pool of one's own, ask for one."""
    before = elu.get_num_threads()
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(lambda _: elu.get_num_threads(), range(6))) == {before}
        elu.set_num_threads(1)
        assert set(pool.map(lambda _: elu.get_num_threads(), range(6))) == {1}


ASKED_WITHIN_A_LIMIT = """
import threadpoolctl
import elu

for limit, asked_for in [(1, 5), (2, 5), (2, 1)]:
    with threadpoolctl.threadpool_limits(limit, user_api="openmp"):
        elu.set_num_threads(asked_for)
        assert elu.get_num_threads() == min(limit, asked_for), (limit, asked_for)
    assert elu.get_num_threads() == asked_for, (limit, asked_for)
"""


def test_set_num_threads_within_a_limit_holds_from_its_end_on():
    run_python(ASKED_WITHIN_A_LIMIT, OMP_NUM_THREADS="3")

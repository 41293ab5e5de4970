"""Threads beside those of other libraries: the default, and how to limit them from outside."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import elu

threadpoolctl = pytest.importorskip("threadpoolctl")

pytestmark = pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")


def test_the_pool_is_found():
    assert "openmp" in {pool["user_api"] for pool in threadpoolctl.threadpool_info()}


@pytest.mark.parametrize("user_api", [None, "openmp"])
@pytest.mark.parametrize("asked_for", [None, 4])
def test_a_limit_holds_and_ends(asked_for, user_api):
    if asked_for:
        elu.set_num_threads(asked_for)
    before = elu.get_num_threads()
    with threadpoolctl.threadpool_limits(1, user_api=user_api):
        assert elu.get_num_threads() == 1
        elu.elu(np.zeros(2**20, np.float32))
    assert elu.get_num_threads() == before


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

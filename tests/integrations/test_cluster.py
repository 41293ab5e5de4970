"""A cluster of several worker processes: the same bits, from arrays that fit into none of them."""

import hashlib
import os
import sys
from unittest import mock

import numpy as np
import pytest
import reference
from reference import FUNCTIONS

import elu

cloudpickle = pytest.importorskip("cloudpickle")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of sockets that a cluster leaves
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MEMORY_LIMIT = 400 << 20
BLOCK = 1 << 22
BLOCKS = 32  # 512 MiB of float32


def block(number):
    """The elements of one block, the same in every process."""
    return np.random.Generator(np.random.SFC64(number)).standard_normal(BLOCK, np.float32) * 5


def digest(a):
    return np.array([hashlib.blake2b(a.data, digest_size=8).hexdigest()])


def make(a, blocks):
    """`a` of each block, lazily."""
    numbers = da.arange(blocks, chunks=1)
    return numbers.map_blocks(lambda n: a(int(n[0])), chunks=((BLOCK,) * blocks,), dtype="f4")


# The instruction sets with fused multiply-add, which have all bits in common.
ISAS = [isa for isa in elu.config()["isas"] if isa != "baseline"] or elu.config()["isas"]


@pytest.fixture(scope="module")
def client():
    """Two workers, each as on a machine of its own: the second knows the oldest instructions."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests
    workers = {
        number: {
            "cls": distributed.Nanny,
            "options": {
                "nthreads": 1,
                "memory_limit": MEMORY_LIMIT,
                "env": {"ELU_ISA": isa},
                "dashboard": False,
            },
        }
        for number, isa in enumerate([ISAS[-1], ISAS[0]])
    }
    scheduler = {"cls": distributed.Scheduler, "options": {"port": 0, "dashboard": False}}
    with (
        mock.patch.dict(os.environ),  # a nanny leaves OMP_NUM_THREADS=1 there, for its worker
        distributed.SpecCluster(workers, scheduler) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        yield client
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_the_processes_differ(client):
    configs = client.run(elu.config).values()
    assert sorted(config["isa"] for config in configs) == sorted([ISAS[-1], ISAS[0]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits_from_more_than_a_workers_memory(client, name):
    """For some, which go the same way, from less."""
    blocks = BLOCKS if name in FUNCTIONS[:3] else 4
    x = make(block, blocks)
    grad = make(lambda number: block(number + BLOCKS), blocks)
    assert x.nbytes > MEMORY_LIMIT or blocks < BLOCKS
    result = reference.function(name)(*reference.inputs(name, grad, x), 1.5)
    digests = result.map_blocks(digest, dtype="U16", chunks=((1,) * blocks,))
    digests = client.compute(digests).result(timeout=120)
    for number in range(blocks):
        arrays = reference.inputs(name, block(number + BLOCKS), block(number))
        assert digests[number] == digest(reference.function(name)(*arrays, 1.5)), number


def test_both_processes_compute(client):
    """The bits do not tell which."""
    x = reference.mixed(np.float32, 1000)
    for worker in client.scheduler_info()["workers"]:
        future = client.submit(elu.elu, x, 1.5, workers=[worker], pure=False)
        reference.assert_same_bits(future.result(timeout=60), elu.elu(x, 1.5))


def test_graphs_reach_the_workers(client):
    x = reference.mixed(np.float32, 1000)
    result = elu.elu(da.from_array(x, chunks=300), da.full(1000, 1.5, chunks=300))
    result = client.compute(result).result(timeout=60)
    reference.assert_same_bits(result, elu.elu(x, 1.5))


def test_workers_do_not_oversubscribe(client):
    """dask sets OMP_NUM_THREADS=1 for its processes: threads of workers are the only ones."""
    assert set(client.run(elu.get_num_threads).values()) == {1}

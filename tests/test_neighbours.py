"""A good neighbour: in workers, beside other OpenMP runtimes, with limits set from outside."""

import importlib.util
import json
import multiprocessing
import os
import sys

import pytest
from processes import run_python

import elu

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
OPENMP = pytest.mark.skipif(not elu.config()["openmp"], reason="built without OpenMP")
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
TWO_CPUS = pytest.mark.skipif(CPUS < 2, reason="one CPU has no less")


def needs(module):
    """Skips a test without importing the module here, where it could change what others see."""
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is not installed")


def printed(script, *arguments, **environment):
    """What a Python process of its own prints; without errors, and settings of OpenMP from here."""
    unset = {name: None for name in os.environ if name.startswith("OMP_")}
    process = run_python(script, *arguments, **{**unset, **environment})
    assert process.stderr == ""
    return process.stdout


# -- worker processes ------------------------------------------------------------------------

WORKERS = """
import multiprocessing
import sys
import warnings
import numpy as np
import elu

warnings.simplefilter("ignore", DeprecationWarning)  # of forking a process with threads
method = sys.argv[1]
context = multiprocessing.get_context(method)
x = np.linspace(-5, 5, 2**18 + 17, dtype=np.float32)
by_default = elu.get_num_threads()
elu.set_num_threads(4)
expected = elu.elu(x)
for _ in range(20 if method == "fork" else 2):
    with context.Pool(2) as pool:
        results = pool.map_async(elu.elu, [x, x, x]).get(timeout=30)
        threads = pool.apply_async(elu.get_num_threads).get(timeout=30)
        pool.close()
        pool.join()
    assert all(np.array_equal(result, expected) for result in results)
    assert threads == (1 if method == "fork" else by_default), threads
    assert np.array_equal(elu.elu(x), expected)
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_compute_and_end(method):
    printed(WORKERS, method)


DATA_LOADER = """
import warnings
import numpy as np
warnings.simplefilter("ignore")
import elu
import torch

class Images(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, i):
        return elu.elu(x), elu.get_num_threads()

x = np.linspace(-5, 5, 2**17, dtype=np.float32)
elu.set_num_threads(4)
expected = elu.elu(x)
torch.nn.functional.elu(torch.from_numpy(x))
loader = torch.utils.data.DataLoader(
    Images(),
    batch_size=2,
    num_workers=2,
    timeout=30,
    multiprocessing_context="fork",
    collate_fn=list,
    # Itself, PyTorch sets 1, which would hide elu's own care where both use one OpenMP library.
    worker_init_fn=lambda _: torch.set_num_threads(2),
)
for epoch in range(20):
    for batch in loader:
        for result, threads in batch:
            assert np.array_equal(result, expected)
            assert threads == 1
    assert np.array_equal(elu.elu(x), expected)
"""


@LINUX
@needs("torch")
def test_workers_of_a_data_loader():
    printed(DATA_LOADER)


# -- two OpenMP runtimes ---------------------------------------------------------------------

# Each computes before and after the other is imported; subnormals show a mode that one has set.
TOGETHER = """
import hashlib
import sys
import warnings
import numpy as np

warnings.simplefilter("ignore")
x = np.resize(np.r_[np.linspace(-5, 5, 1001), -1e-310, 1e-310, -0.0], 2**18 + 17)
small = np.resize(np.float32([1e-40, -1e-40, 1e-38]), 2**18 + 17)
points = np.stack([x, x[::-1]], axis=1)

def use_elu():
    import elu
    elu.set_num_threads(2)
    results = [elu.elu(x), elu.elu_grad(x, x), elu.elu(small), elu.elu_grad(small, small)]
    results += [elu.selu(small), elu.selu_grad(x, x)]
    return results + [elu.celu(small, 0.5), elu.celu_grad(x, x, 0.5)]

def use_torch():
    import torch
    torch.set_num_threads(2)
    return [(torch.from_numpy(a) * 0.75).numpy() for a in (x, small)]

def use_sklearn():
    from sklearn.metrics import pairwise_distances_argmin
    return [pairwise_distances_argmin(points, points[:1003:17]), np.sqrt(small)]

found = {}
for name in sys.argv[1:]:
    digest = hashlib.sha256(b"".join(map(bytes, globals()["use_" + name]()))).hexdigest()
    assert found.setdefault(name, digest) == digest, name
print(sorted(found.items()))
"""


@pytest.mark.parametrize("other", [pytest.param(m, marks=needs(m)) for m in ("torch", "sklearn")])
def test_the_same_bits_beside_another_openmp(other):
    first = printed(TOGETHER, "elu", other, "elu", other)
    second = printed(TOGETHER, other, "elu", other, "elu")
    assert first == second
    assert printed(TOGETHER, "elu").strip("[]\n") in first


# -- how many threads ------------------------------------------------------------------------

# With the files of the control group in a folder; the limit comes after the import, as in use.
COUNT = """
import builtins
import contextlib
import json
import os
import sys

given = json.loads(sys.argv[1])
folder = sys.argv[2]
of_python = open

def redirected(name, *arguments, **keywords):
    if str(name).startswith(("/proc/self/cgroup", "/sys/fs/cgroup")):
        name = folder + str(name)
    return of_python(name, *arguments, **keywords)

if "cpus" in given:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:given["cpus"]])
builtins.open = redirected
import elu
builtins.open = of_python
import numpy as np

limit = contextlib.nullcontext()
if "limit" in given:
    import threadpoolctl
    limit = threadpoolctl.threadpool_limits(given["limit"], user_api="openmp")
if "asked" in given:
    elu.set_num_threads(given["asked"])
with limit:
    before = len(os.listdir("/proc/self/task"))
    elu.elu(np.zeros(2**20, np.float32))
    threads = 1 + len(os.listdir("/proc/self/task")) - before
    assert elu.get_num_threads() == threads, (elu.get_num_threads(), threads)
print(threads)
"""
ONE_CPU = {"/sys/fs/cgroup/cpu.max": "100000 100000\n"}


@pytest.fixture
def threads(tmp_path):
    """How many threads a new process computes on, with those files there are of its group."""

    def count(files=ONE_CPU, omp=None, **given):
        for name, text in {"/proc/self/cgroup": "0::/\n", **files}.items():
            path = tmp_path / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environment = {} if omp is None else {"OMP_NUM_THREADS": omp}
        return int(printed(COUNT, json.dumps(given), tmp_path, **environment))

    return count


@LINUX
@OPENMP
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"files": {}}, CPUS),
        ({"files": {}, "cpus": 1}, 1),
        ({}, 1),
        # OMP_NUM_THREADS before affinity and quota
        ({"omp": "7"}, 7),
        ({"omp": "7", "cpus": 1}, 7),
        # set_num_threads before all of them
        ({"asked": 5}, 5),
        ({"asked": 5, "cpus": 1}, 5),
        ({"asked": 5, "omp": "7"}, 5),
        ({"asked": 5, "omp": "1"}, 5),
    ],
    ids=str,
)
def test_what_comes_first(threads, given, expected):
    """The order that `help(elu.get_num_threads)` tells."""
    assert threads(**given) == expected


@LINUX
@OPENMP
@needs("threadpoolctl")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"files": {}, "limit": 1}, 1, marks=TWO_CPUS),
        ({"omp": "7", "limit": 3}, 3),
        ({"omp": "7", "asked": 5, "limit": 3}, 3),
        pytest.param({"asked": 5, "limit": 1}, 1, marks=TWO_CPUS),
        ({"asked": CPUS + 5, "limit": CPUS + 2}, CPUS + 2),
        # It lowers, and never raises.
        ({"limit": 3}, 1),
        ({"omp": "2", "limit": 3}, 2),
        ({"omp": "7", "asked": 2, "limit": 3}, 2),
    ],
    ids=str,
)
def test_a_limit_of_threadpoolctl_lowers_what_came_first(threads, given, expected):
    assert threads(**given) == expected


V1 = "/sys/fs/cgroup/cpu"


@LINUX
@OPENMP
@TWO_CPUS
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, CPUS, id="none"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "9900000 100000\n"}, CPUS, id="above"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1, id="half a CPU"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "190000 100000\n"}, 1, id="below two"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2, id="two"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "nonsense\n"}, CPUS, id="nonsense"),
        pytest.param(
            {
                "/proc/self/cgroup": "1:name=systemd:/\n0::/app.slice/job\n",
                "/sys/fs/cgroup/app.slice/job/cpu.max": "100000 100000\n",
            },
            1,
            id="its own group",
        ),
        pytest.param(
            {
                "/proc/self/cgroup": "0::/app.slice/job/part\n",
                "/sys/fs/cgroup/app.slice/cpu.max": "100000 100000\n",
                "/sys/fs/cgroup/app.slice/job/cpu.max": "400000 100000\n",
                "/sys/fs/cgroup/app.slice/job/part/cpu.max": "max 100000\n",
            },
            1,
            id="a group above",
        ),
        pytest.param(
            {
                "/proc/self/cgroup": "3:cpuset:/\n2:cpu,cpuacct:/\n",
                f"{V1}/cpu.cfs_quota_us": "100000\n",
                f"{V1}/cpu.cfs_period_us": "100000\n",
            },
            1,
            id="version 1",
        ),
        pytest.param(
            {
                "/proc/self/cgroup": "3:cpuset:/\n2:cpu,cpuacct:/\n",
                f"{V1}/cpu.cfs_quota_us": "-1\n",
                f"{V1}/cpu.cfs_period_us": "100000\n",
            },
            CPUS,
            id="version 1, none",
        ),
        pytest.param(
            {
                "/proc/self/cgroup": "3:cpuset:/\n2:cpu,cpuacct:/job\n",
                f"{V1}/job/cpu.cfs_quota_us": "100000\n",
                f"{V1}/job/cpu.cfs_period_us": "100000\n",
                f"{V1}/cpu.cfs_quota_us": "-1\n",
                f"{V1}/cpu.cfs_period_us": "100000\n",
            },
            1,
            id="version 1, its own group",
        ),
        pytest.param(
            {
                "/proc/self/cgroup": "3:cpuset:/pinned\n2:cpu,cpuacct:/\n",
                f"{V1}/pinned/cpu.cfs_quota_us": "100000\n",
                f"{V1}/pinned/cpu.cfs_period_us": "100000\n",
            },
            CPUS,
            id="version 1, of another group",
        ),
    ],
)
def test_the_quota_of_a_container(threads, files, expected):
    assert threads(files) == expected


# -- the process -----------------------------------------------------------------------------

ALONE = """
import ctypes
import itertools
import locale
import os
import signal
import sys
import threading
import time
import warnings
import numpy as np

FAMILIES, FORMS = ("elu", "selu", "celu"), ("", "_grad", "_grad_from_output")
KEPT = ("SigBlk", "SigIgn", "SigCgt", "Cpus_allowed", "Umask")

def state():
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    with open("/proc/self/status") as file:
        kernel = [line for line in file if line.startswith(KEPT)]
    return {
        "os.environ": dict(os.environ),
        "environ of C": list(itertools.takewhile(bool, environ)),
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "signals, CPUs and umask": kernel,
        "warnings": list(warnings.filters),
        "errors of NumPy": (np.geterr(), np.geterrcall()),
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.meta_path[:]),
        "path": sys.path[:],
        "folder": os.getcwd(),
        "files": os.listdir("/proc/self/fd"),
        "locale": locale.setlocale(locale.LC_ALL),
    }

def changes():
    return [name for name, value in state().items() if value != before[name]]

def count_threads():
    return len(os.listdir("/proc/self/task"))

# With the first thread of a process, glibc takes a signal for itself.
tasks = count_threads()
threading.Thread(target=int).start()
while count_threads() > tasks:
    time.sleep(0.001)

before = state()
import elu
assert count_threads() == tasks, "the import starts no thread"
assert not changes(), changes()
elu.set_num_threads(4)
for size in (7, 2**20 + 3):
    x = np.linspace(-5, 5, size, dtype=np.float32)
    for name in [f + s for s in FORMS for f in FAMILIES]:
        function, arrays = getattr(elu, name), [x, x] if "grad" in name else [x]
        alphas = [] if name.startswith("selu") else [np.float32(1.5)]
        function(*arrays)
        function(*[a[::-1] for a in arrays], *map(float, alphas))
        function(*[np.broadcast_to(a, (2, size)) for a in arrays], *alphas)
elu.config()
elu.get_num_threads()
assert not changes(), changes()
"""


@LINUX
def test_the_process_is_left_alone_and_nothing_printed():
    assert printed(ALONE) == ""


# Another thread sends the signal once both halves are under way, and checks that they still are. On
# a busy machine, or one with a single CPU, it may wake up too late for that: then there is another
# attempt.
INTERRUPTED = """
import os
import signal
import sys
import threading
import time
import numpy as np

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
import elu

elu.set_num_threads(int(sys.argv[1]))
x = np.full((2**12, 2**13), -1.5, np.float32)
alpha = {"a number": 1.5, "an array": np.full_like(x[:1], 1.5)}[sys.argv[2]]
expected = elu.elu(x[:1], alpha)
underway = False

def interrupt():
    global underway
    while not (out[0, 0] and out[len(out) // 2, 0]):
        time.sleep(1e-4)
    underway = not out[:, -1].all()
    os.kill(os.getpid(), signal.SIGINT)

stop = time.monotonic() + 60
while not underway:
    out = np.zeros_like(x)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        elu.elu(x, alpha, out=out)
        thread.join()
        time.sleep(5)
        sys.exit("no KeyboardInterrupt")
    except KeyboardInterrupt:
        assert (out == expected).all(), "not at the end of the call"
    thread.join()
    if time.monotonic() > stop:
        sys.exit("no other thread ran during the call")
assert (elu.elu(x, alpha) == expected).all()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("alpha", ["a number", "an array"])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_comes_at_the_end_of_the_call(threads, alpha):
    printed(INTERRUPTED, threads, alpha)

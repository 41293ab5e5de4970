"""elu.torch: PyTorch's own ELU, SELU and CELU, with nothing else changed."""

import contextlib
import copy
import sys
import threading

import numpy as np
import pytest
import reference
from processes import run_python

torch = pytest.importorskip("torch", exc_type=ImportError)
patching = pytest.importorskip("elu.torch", exc_type=ImportError)

functional = torch.nn.functional

FLOATS = {
    # A few units in the last place of what is added up. An alpha of PyTorch's is not rounded to
    # float16 or bfloat16.
    torch.float64: 1e-14,
    torch.float32: 1e-5,
    torch.float16: 5e-3,
    torch.bfloat16: 4e-2,
}
DTYPES = pytest.mark.parametrize("dtype", FLOATS, ids=str)

ACTIVATIONS = {
    "elu": functional.elu,
    "elu alpha=1.5": lambda x: functional.elu(x, 1.5),
    "elu alpha=0": lambda x: functional.elu(x, 0.0),
    "elu alpha=-0.5": lambda x: functional.elu(x, -0.5),
    "elu alpha=1e30": lambda x: functional.elu(x, 1e30),
    "selu": functional.selu,
    "celu": functional.celu,
    "celu alpha=0.7": lambda x: functional.celu(x, 0.7),
    "celu alpha=-0.7": lambda x: functional.celu(x, -0.7),
    "any scales": lambda x: torch._C._nn.elu(x, 1.5, 1.2, 0.8),
    "any input scale": lambda x: torch._C._nn.elu(x, 1.5, 1, 0.8),
    "elu_": lambda x: functional.elu_(x.clone()),
    "elu_ alpha=1.5": lambda x: functional.elu_(x.clone(), 1.5),
    "selu_": lambda x: torch.selu_(x.clone()),
    "celu_": lambda x: torch.celu_(x.clone(), 0.7),
    "elu inplace, strided": lambda x: functional.elu_(torch.stack([x, x], -1)[..., 0]),
}
CELUS = [call for name, call in ACTIVATIONS.items() if "celu" in name]
ACTIVATION = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)

LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.transpose(0, -1),
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "strided": lambda x: x[..., ::2],
    "expanded": lambda x: x[:1].expand(*x.shape),
    "offset": lambda x: x[1:, :, 1:],
    "0-d": lambda x: x[0, 0, 0, 0],
    "empty": lambda x: x[:0],
}


@pytest.fixture(autouse=True)
def _unpatched_in_the_end():
    yield
    patching.unpatch()


def sample(dtype, shape=(3, 4, 6, 10), seed=0):
    values = torch.from_numpy(np.random.default_rng(seed).normal(0, 2, shape))
    if seed == 0:
        values[0, 0, 0, :4] = torch.tensor([0.0, -0.0, np.inf, -np.inf])
    return values.to(dtype)


def forward_and_backward(activation, x, grad=None):
    leaf = x.detach().requires_grad_()
    y = activation(leaf)
    y.backward(torch.ones_like(y) if grad is None else grad)
    return y.detach(), leaf.grad


def assert_alike(actual, expected, tolerance):
    assert actual.dtype is expected.dtype
    assert actual.shape == expected.shape
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def kernels():
    """What PyTorch's dispatcher says of the operators."""
    return [torch._C._dispatch_dump_table(f"aten::{name}") for name in patching._KERNELS]


# -- values ----------------------------------------------------------------------------------


@DTYPES
@ACTIVATION
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_values_are_those_of_pytorch(activation, layout, dtype):
    x = layout(sample(dtype))
    grad = layout(sample(dtype, seed=1))
    def attempt():
        try:
            return forward_and_backward(activation, x, grad)
        except RuntimeError as error:
            return str(error)

    expected = attempt()
    with patching.patched():
        actual = attempt()
    if isinstance(expected, str):
        assert actual == expected
        return
    # PyTorch rounds 1 / alpha to float32 for the gradient.
    tolerance = max(FLOATS[dtype], 1e-6 if activation in CELUS else 0)
    for mine, theirs in zip(actual, expected, strict=True):
        assert_alike(mine, theirs, tolerance)
        if mine.dim() > 1 and mine.numel():
            assert mine.stride() == theirs.stride()


ORDERS = {
    "contiguous": lambda x: x.contiguous(),
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "strided": lambda x: torch.stack([x, x], -1)[..., 0],
    "expanded": lambda x: x[:1].expand(*x.shape),
    "one number": lambda x: x[0, 0, 0, 0].expand(*x.shape),  # as backward() of a sum hands it down
}


@pytest.mark.parametrize("first", ORDERS)
@pytest.mark.parametrize("second", ORDERS)
def test_the_order_of_a_gradient_is_that_of_pytorch(first, second):
    x, grad = sample(torch.float32), sample(torch.float32, seed=1)
    found = []
    for patched in (contextlib.nullcontext(), patching.patched()):
        with patched:
            found.append(
                torch.ops.aten.elu_backward(
                    ORDERS[first](grad), 1.5, 1, 1, False, ORDERS[second](x)
                )
            )
    assert_alike(found[1], found[0], 1e-5)
    if "expanded" not in (first, second):
        assert found[1].stride() == found[0].stride()


@DTYPES
def test_bits_are_those_of_the_package(dtype):
    """float16 and float32 as arrays of NumPy, bfloat16 as float32 rounded once."""
    x = sample(dtype)
    with patching.patched():
        result = functional.elu(x), functional.selu(x), functional.celu(x, 0.5)
    array = x.float().numpy() if dtype is torch.bfloat16 else x.numpy()
    for actual, name in zip(result, reference.FORWARD, strict=True):
        expected = torch.from_numpy(reference.function(name)(array, *[0.5] * (name == "celu")))
        assert torch.equal(actual, expected.to(dtype))


@pytest.mark.parametrize("threads", [1, 2, 3])
@DTYPES
def test_large_tensors_on_any_number_of_threads(dtype, threads):
    x = sample(dtype, (64, 3, 50, 40))
    before = torch.get_num_threads()
    with patching.patched():
        torch.set_num_threads(1)
        expected = [forward_and_backward(functional.selu, each) for each in (x, x[:, :, ::2])]
        torch.set_num_threads(threads)
        actual = [forward_and_backward(functional.selu, each) for each in (x, x[:, :, ::2])]
    torch.set_num_threads(before)
    for mine, one in zip(actual, expected, strict=True):
        assert torch.equal(mine[0], one[0])
        assert torch.equal(mine[1], one[1])


HOW_MANY_THREADS = """
import os
import torch
import elu.torch

torch.set_num_threads(1)
x = torch.zeros(2000, 1000)
elu.torch.patch()
for threads, view in enumerate((x, x[:, ::2]), 2):
    torch.set_num_threads(threads)
    before = len(os.listdir("/proc/self/task"))
    torch.nn.functional.elu(view)
    print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="cannot count threads here")
def test_as_many_threads_as_pytorch_was_told():
    """OpenMP makes those that it has not yet: one more for each call."""
    assert run_python(HOW_MANY_THREADS, warnings=None).stdout.split() == ["1", "1"]


@DTYPES
def test_a_gradient_that_is_expanded(dtype):
    x = sample(dtype)
    expected = forward_and_backward(functional.elu, x, torch.tensor(2.0, dtype=dtype).expand_as(x))
    with patching.patched():
        actual = forward_and_backward(
            functional.elu, x, torch.tensor(2.0, dtype=dtype).expand_as(x)
        )
    assert_alike(actual[1], expected[1], FLOATS[dtype])


def test_the_slope_at_0_is_the_one_of_pytorch():
    x = torch.tensor([0.0, -0.0, 1.0], dtype=torch.float64)
    for activation in (functional.selu, lambda x: functional.elu(x, 1.5)):
        expected = forward_and_backward(activation, x)[1]
        with patching.patched():
            torch.testing.assert_close(forward_and_backward(activation, x)[1], expected)


def outs(x):
    yield torch.empty_like(x)
    yield torch.empty(0, dtype=x.dtype)
    yield torch.empty(x.numel(), 2, dtype=x.dtype)[:, 0].view(x.shape)
    yield torch.empty_like(x, dtype=torch.float64)
    yield x
    storage = torch.zeros(x.numel() + 1, dtype=x.dtype)
    yield storage[1:].view(x.shape)


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
@pytest.mark.parametrize("number", range(6))
def test_out_is_taken_or_refused_as_by_pytorch(number):
    def attempt():
        x, grad = sample(torch.float32), sample(torch.float32, seed=1)
        found = []
        for call in (
            lambda out: torch.ops.aten.elu.out(x.clone(), 1.5, 1, 1, out=out),
            lambda out: torch.ops.aten.elu.out(x, 1.5, 1, 1, out=out),
            lambda out: torch.ops.aten.elu_backward.grad_input(
                grad, 1.5, 1, 1, False, x, grad_input=out
            ),
        ):
            out = list(outs(x))[number]
            try:
                call(out)
                found.append(out.clone())
            except RuntimeError as error:
                found.append(str(error))
        return found

    expected = attempt()
    with patching.patched():
        actual = attempt()
    for mine, theirs in zip(actual, expected, strict=True):
        assert type(mine) is type(theirs)
        if isinstance(mine, str):
            assert mine == theirs
        else:
            assert_alike(mine, theirs, 1e-5)


def out_over_a_part_of_the_input():
    memory = torch.ones(13)
    torch.ops.aten.elu.out(memory[1:], 1.0, 1, 1, out=memory[:12])


REJECTED = {
    "integers": lambda: functional.elu(torch.arange(3)),
    "complex": lambda: functional.selu(torch.ones(3, dtype=torch.complex64)),
    "one element for three": lambda: functional.elu_(torch.ones(1).expand(3)),
    "celu alpha=0": lambda: functional.celu(torch.ones(3), 0.0),
    "sparse": lambda: functional.elu(torch.ones(3).to_sparse()),
    "list": lambda: functional.elu([1.0]),
    "out over a part of the input": out_over_a_part_of_the_input,
    "negative alpha from the output": lambda: functional.elu_(
        torch.ones(3, requires_grad=True) * 1, -1.0
    ).sum().backward(),
    "two dtypes": lambda: torch.ops.aten.elu_backward(
        torch.ones(3), 1.0, 1, 1, False, torch.ones(3, dtype=torch.float64)
    ),
    "two shapes": lambda: torch.ops.aten.elu_backward(
        torch.ones(2), 1.0, 1, 1, False, torch.ones(3)
    ),
}


@pytest.mark.parametrize("call", REJECTED.values(), ids=REJECTED)
def test_what_pytorch_rejects_is_rejected_with_its_words(call):
    def attempt():
        try:
            return call().tolist()
        except Exception as error:
            return type(error), str(error).splitlines()[0]

    expected = attempt()
    with patching.patched():
        actual = attempt()
    assert actual == expected


# -- what is above the kernels -----------------------------------------------------------------


@pytest.mark.parametrize("activation", list(ACTIVATIONS.values())[:10], ids=list(ACTIVATIONS)[:10])
def test_first_and_second_derivatives(activation):
    x = torch.linspace(-3, 3, 12, dtype=torch.float64, requires_grad=True)
    with patching.patched():
        assert torch.autograd.gradcheck(activation, x)
        assert torch.autograd.gradgradcheck(activation, x)


@pytest.mark.parametrize("name", ["nn.functional.elu", "nn.functional.selu", "nn.functional.celu"])
def test_the_samples_of_pytorchs_own_tests(name):
    common = pytest.importorskip("torch.testing._internal.common_methods_invocations")
    (info,) = [each for each in common.op_db if each.name == name]

    def results():
        torch.manual_seed(0)
        for given in info.sample_inputs("cpu", torch.float64, requires_grad=True):
            y = info.op(given.input, *given.args, **given.kwargs)
            grads = torch.autograd.grad(y.sum(), given.input) if y.requires_grad else ()
            yield from (y.detach(), *grads)

    expected = list(results())
    with patching.patched():
        actual = list(results())
    assert len(actual) == len(expected) > 3
    for mine, theirs in zip(actual, expected, strict=True):
        assert_alike(mine, theirs, 1e-6 if "celu" in name else 1e-14)


def model(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(6, 16), torch.nn.ELU(), torch.nn.Linear(16, 16), torch.nn.SELU(),
        torch.nn.Linear(16, 16), torch.nn.CELU(0.5, inplace=True), torch.nn.Linear(16, 2),
    )


def test_a_training_run_has_the_same_losses():
    def losses():
        net = model()
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
        x = torch.randn(64, 6, generator=torch.Generator().manual_seed(1))
        for _ in range(100):
            optimizer.zero_grad()
            loss = (net(x) - x[:, :2].square()).square().mean()
            loss.backward()
            optimizer.step()
            yield loss.item()

    expected = list(losses())
    with patching.patched():
        actual = list(losses())
    assert expected[-1] < 0.5 * expected[0]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_transforms_modes_and_scripts():
    net, x = model().double(), torch.randn(5, 6, dtype=torch.float64)
    weights = dict(net.named_parameters())

    def loss(weights, x):
        return torch.func.functional_call(net, weights, (x,)).square().sum()

    def everything():
        yield torch.func.grad(loss)(weights, x)["0.weight"]
        yield torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x[:, None])["0.weight"]
        yield torch.func.jacrev(functional.selu)(x[0])
        yield torch.func.hessian(lambda v: functional.celu(v, 0.7).sum())(x[0])
        with torch.inference_mode():
            yield net(x).clone()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            yield net.float()(x.float()).double()
        net.double()
        yield torch.jit.trace(net, x)(x)
        yield copy.deepcopy(net)(x.to(memory_format=torch.contiguous_format))
        yield torch.export.export(net, (x,)).module()(x)

    expected = list(everything())
    with patching.patched():
        actual = list(everything())
    for number, (mine, theirs) in enumerate(zip(actual, expected, strict=True)):
        tolerance = 2e-2 if number == 5 else 1e-12
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_compiled_functions_before_and_after():
    x = torch.randn(1000)
    expected = functional.selu(x)
    try:
        before = torch.compile(lambda x: functional.selu(x) * 1)
        before(x)
    except Exception as error:  # there is no compiler, or none that it likes
        pytest.skip(f"torch.compile does not work here: {type(error).__name__}")
    with patching.patched():
        after = torch.compile(lambda x: functional.selu(x) + 0)
        for compiled in (before, after):
            torch.testing.assert_close(compiled(x), expected)
    for compiled in (before, after):
        torch.testing.assert_close(compiled(x), expected)


def test_a_subclass_has_its_say():
    class Logged(torch.Tensor):
        calls = 0

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            cls.calls += 1
            return super().__torch_function__(function, types, args, kwargs)

    with patching.patched():
        result = functional.elu(torch.randn(3).as_subclass(Logged))
    assert type(result) is Logged
    assert Logged.calls > 0


def test_shared_memory_and_memory_of_numpy():
    array = np.linspace(-2, 2, 12, dtype=np.float32)
    with patching.patched():
        functional.elu_(torch.from_numpy(array[:6]))
        shared = torch.linspace(-2, 2, 12).share_memory_()
        functional.elu_(shared)
    assert array[0] == shared[0] < -0.8
    assert array[11] == 2


# -- patching ----------------------------------------------------------------------------------


def test_the_kernels_of_before_are_back():
    before = kernels()
    for _ in range(3):
        patching.patch()
        patching.patch()
        assert kernels() != before
        patching.unpatch()
        assert kernels() == before
        patching.unpatch()
        assert kernels() == before


def test_blocks_within_blocks():
    before = kernels()
    with patching.patched():
        during = kernels()
        with patching.patched():
            assert kernels() == during
        assert kernels() == during
    assert kernels() == before
    patching.patch()
    with patching.patched():
        pass
    assert kernels() == during
    with patching.patched():
        patching.unpatch()
        assert kernels() == during  # until the block ends
    assert kernels() == before


def test_an_exception_in_a_block():
    before = kernels()
    with pytest.raises(KeyError), patching.patched():
        raise KeyError
    assert kernels() == before


def test_from_several_threads_while_others_compute():
    before, expected = kernels(), functional.elu(torch.linspace(-2, 2, 1000))
    wrong = []

    def work(number):
        for _ in range(50):
            if number % 2:
                with patching.patched():
                    result = functional.elu(torch.linspace(-2, 2, 1000))
            else:
                result = functional.elu(torch.linspace(-2, 2, 1000))
            if not torch.allclose(result, expected):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert kernels() == before


def test_kernels_that_are_taken_away_from_a_thread_on_its_way():
    """In a process of its own, which would end or raise in PyTorch."""
    run_python(
        """
import threading, torch, elu.torch
wrong, stop = [], False
def work():
    try:
        while not stop:
            torch.nn.functional.elu(torch.randn(300))
    except BaseException as error:
        wrong.append(error)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for _ in range(500):
    with elu.torch.patched(): pass
stop = True
for thread in threads: thread.join()
assert not wrong, wrong
""",
        warnings=None,
    )


def test_importing_elu_does_not_import_pytorch():
    run_python("import elu, sys; assert 'torch' not in sys.modules")


def test_an_old_pytorch_is_an_import_error():
    run_python(
        "import torch; del torch.library.get_kernel\n"
        "try:\n    import elu.torch\n"
        "except ImportError as error:\n    assert 'needs PyTorch 2.' in str(error)\n"
        "else:\n    raise SystemExit('imported')"
    )


PROGRAM = """
import sys, torch
name = torch.library.get_kernel("aten::elu", "CPU")
print(sys.argv[1:], __name__, "Python" in torch._C._dispatch_dump("aten::elu") or "patched")
import neighbour
import elu.torch
elu.torch.unpatch()
elu.torch.patch()
print(torch.nn.functional.elu(torch.tensor([-2.0, 0.5])).tolist())
"""


def test_a_program_that_nobody_touches(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "neighbour.py").write_text("")
    lines = run_python(
        ["-m", "elu.torch"], tmp_path / "program.py", "one", "--two", timeout=300
    ).stdout.splitlines()
    assert lines[0].startswith("['one', '--two'] __main__")
    assert lines[1].startswith("[-0.8646")
    assert "usage: python -m elu.torch" in run_python(["-m", "elu.torch"], returncode=1).stdout
    lines = run_python(
        ["-m", "elu.torch"], "-m", "program", "one", "--two", timeout=300, cwd=tmp_path
    ).stdout.splitlines()
    assert lines[0].startswith("['one', '--two'] __main__")


def test_in_a_forked_process():
    """One thread, for which those of the parent are no help, and no deadlock."""
    run_python(
        """
import os, torch, elu.torch
elu.torch.patch()
x = torch.linspace(-2, 2, 2**20)
expected = torch.nn.functional.elu(x)
child = os.fork()
if child == 0:
    torch.set_num_threads(1)
    os._exit(not torch.equal(torch.nn.functional.elu(x), expected))
_, status = os.waitpid(child, 0)
raise SystemExit(status)
""",
        warnings=None,
    )


def test_workers_of_a_data_loader():
    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, number):
            return functional.elu(torch.full((2**17,), -float(number)))

    with patching.patched():
        functional.elu(torch.full((2**18,), -1.0))
        loader = torch.utils.data.DataLoader(Data(), batch_size=4, num_workers=2)
        first = torch.cat([batch[:, 0] for batch in loader])
        expected = functional.elu(-torch.arange(8.0))
    assert torch.equal(first, expected)

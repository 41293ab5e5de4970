"""Who is measured: this package, its peers, and what bounds them. One small adapter for each.

An adapter imports its package when it is made (ImportError: not installed) and then yields, for a
point, the calls that it can make there, by the fastest entry point it has: results go to given
arrays where the peer can do that, and inputs are converted before the clock runs.
"""

import contextlib
import io
import math
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import stream
from timing import Arrays, Call, Point

OURS = "elu"
ONE_THREAD = "elu, 1 thread"
LIMITS = ("np.copyto", "memcpy", "memcpy NT", "np.add", "sum", "sum NT")  # NT: non-temporal stores
MARKS = ("np.exp", "np.multiply")  # not the same function, but what users know the speed of


def arguments(point: Point) -> str:
    return "x" if point.function == "elu" else "grad, x"


class Elu:
    names = (OURS,)

    def __init__(self) -> None:
        import elu

        self.elu = elu
        self.version = elu.config()["version"]

    def set_threads(self, n: int) -> None:
        self.elu.set_num_threads(n)

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        args = arguments(point)
        statement = f"f({args}, out=out)" if point.out else f"f({args})"
        names = {"f": getattr(self.elu, point.function), **vars(a)}
        result = "out" if point.out else statement

        def threads(n: int):
            return lambda: self.elu.set_num_threads(n)

        yield Call(OURS, statement, names, result, before=threads(point.threads))
        if point.threads > 1:
            yield Call(ONE_THREAD, statement, names, result, before=threads(1))


WHERE = {
    "elu": "np.where(x > 0, x, np.expm1(np.minimum(x, 0)))",
    "elu_grad": "grad * np.where(x > 0, 1, np.exp(np.minimum(x, 0)))",
    "elu_grad_from_output": "grad * np.where(x > 0, 1, x + 1)",
}
PASSES = {
    "elu": "np.maximum(x, np.expm1(np.minimum(x, 0)))",
    "elu_grad": "grad * np.exp(np.minimum(x, 0))",
    "elu_grad_from_output": "grad * (np.minimum(x, 0) + 1)",
}
IN_PLACE = {
    "elu": "minimum(x, 0, out=out); expm1(out, out=out); maximum(x, out, out=out)",
    "elu_grad": "minimum(x, 0, out=out); exp(out, out=out); multiply(grad, out, out=out)",
    "elu_grad_from_output": (
        "minimum(x, 0, out=out); add(out, 1, out=out); multiply(grad, out, out=out)"
    ),
}


class NumPy:
    """Twice: the expression that its users write, and the fewest passes, in place where possible.

    The second takes that exp(min(x, 0)) is 1, and expm1 of it 0, for positive x.
    """

    names = ("np.where", "np passes")
    version = np.__version__

    def set_threads(self, n: int) -> None:
        pass  # it has one

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        expression = WHERE[point.function]
        yield Call("np.where", expression, {"np": np, **vars(a)}, result=expression)
        if point.out:
            yield Call("np passes", IN_PLACE[point.function], {**vars(np), **vars(a)})
        else:
            expression = PASSES[point.function]
            yield Call("np passes", expression, {"np": np, **vars(a)}, result=expression)


class PyTorch:
    names = ("PyTorch",)

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.version = torch.__version__
        # For good: without it every call looks after gradients and versions that nobody wants.
        torch.inference_mode().__enter__()

    def set_threads(self, n: int) -> None:
        self.torch.set_num_threads(n)

    def tensors(self, a: Arrays) -> dict:
        return {name: self.torch.from_numpy(array) for name, array in vars(a).items()}

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        # The operators themselves, without the Python around them.
        if point.function == "elu":
            f = self.torch._C._nn.elu
            statement = "f(x, out=out)" if point.out else "f(x)"
        else:
            overloads = self.torch.ops.aten.elu_backward
            f = overloads.grad_input if point.out else overloads.default
            is_result = point.function == "elu_grad_from_output"
            given = ", grad_input=out" if point.out else ""
            statement = f"f(grad, 1.0, 1.0, 1.0, {is_result}, x{given})"
        result = "out" if point.out else statement
        yield Call("PyTorch", statement, {"f": f, **self.tensors(a)}, result)


class TorchCompile(PyTorch):
    names = ("torch.compile",)

    def __init__(self) -> None:
        super().__init__()
        import torch._inductor.config

        if not any(map(shutil.which, ("g++", "clang++", "c++"))):
            raise ImportError("no C++ compiler")
        torch._inductor.config.compile_threads = 1  # no idle worker processes beside us

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        self.torch.compiler.reset()
        elu = self.torch.nn.functional.elu
        backward = self.torch.ops.aten.elu_backward
        is_result = point.function == "elu_grad_from_output"

        if point.function == "elu":

            def compute(grad, x):
                return elu(x)

        else:

            def compute(grad, x):
                return backward(grad, 1.0, 1.0, 1.0, is_result, x)

        def fill(grad, x, out):
            out.copy_(compute(grad, x))  # fused: one pass

        f = self.torch.compile(fill if point.out else compute, dynamic=False)
        statement = "f(grad, x, out)" if point.out else "f(grad, x)"
        result = "out" if point.out else statement
        yield Call("torch.compile", statement, {"f": f, **self.tensors(a)}, result)


class OnnxRuntime:
    """Elu in float32; the package for inference has no gradients."""

    names = ("ONNX Runtime",)

    def __init__(self) -> None:
        import onnxruntime

        self.ort = onnxruntime
        self.version = onnxruntime.__version__

    def set_threads(self, n: int) -> None:
        from models import onnx_elu

        options = self.ort.SessionOptions()
        options.intra_op_num_threads = n
        cpu = ["CPUExecutionProvider"]
        self.session = self.ort.InferenceSession(onnx_elu(), options, providers=cpu)

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        if (point.function, point.dtype) != ("elu", "float32"):
            return
        if point.out:
            binding = self.session.io_binding()
            for bind, name, array in (
                (binding.bind_input, "x", a.x),
                (binding.bind_output, "y", a.out),
            ):
                bind(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
            names = {"run": self.session.run_with_iobinding, "binding": binding, "out": a.out}
            yield Call("ONNX Runtime", "run(binding)", names)
        else:
            statement = "run(None, {'x': x})"
            names = {"run": self.session.run, "x": a.x}
            yield Call("ONNX Runtime", statement, names, f"{statement}[0]")


class Jax:
    names = ("JAX",)

    def __init__(self) -> None:
        import jax

        self.jax = jax
        self.version = jax.__version__
        if not hasattr(os, "sched_setaffinity"):
            raise ImportError("no way to set its number of threads on this system")
        jax.config.update("jax_enable_x64", True)
        # We wait for each result anyway: computing it in the calling thread is faster.
        jax.config.update("jax_cpu_enable_async_dispatch", False)

    def set_threads(self, n: int) -> None:
        """A new backend, started while this process may use n cores: it makes as many threads."""
        from jax.extend.backend import clear_backends

        clear_backends()
        cores = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, set(sorted(cores)[:n]))
            self.jax.devices()
        finally:
            os.sched_setaffinity(0, cores)

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        jax, jnp = self.jax, self.jax.numpy

        def compute(grad, x):
            if point.function == "elu":
                return jax.nn.elu(x)
            slope = x + 1 if point.function == "elu_grad_from_output" else jnp.exp(x)
            return jnp.where(x > 0, grad, grad * slope)

        names = {"x": jax.device_put(a.x), "grad": jax.device_put(a.grad)}
        if point.out:
            # JAX's way to write over an array is to be given it for good, and to return it.
            names["f"] = jax.jit(
                lambda grad, x, out: compute(grad, x), donate_argnums=2, keep_unused=True
            )
            names["kept"] = [jax.device_put(a.out)]
            statement = "kept[0] = f(grad, x, kept[0]).block_until_ready()"
            yield Call("JAX", statement, names, result="kept[0]")
        else:
            names["f"] = jax.jit(compute)
            statement = "f(grad, x).block_until_ready()"
            yield Call("JAX", statement, names, result=statement)


NUMEXPR = {
    "elu": "where(x > 0, x, expm1(x))",
    "elu_grad": "where(x > 0, grad, grad * exp(x))",
    "elu_grad_from_output": "where(x > 0, grad, grad * (x + 1))",
}


class Numexpr:
    names = ("numexpr",)

    def __init__(self) -> None:
        import numexpr

        self.numexpr = numexpr
        self.version = numexpr.__version__

    def set_threads(self, n: int) -> None:
        self.numexpr.set_num_threads(n)

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        # Compiled beforehand; evaluate() would look the expression and its variables up each time.
        kind = float if point.dtype == "float32" else np.float64  # numexpr's names for the two
        signature = [(name.strip(), kind) for name in arguments(point).split(",")]
        f = self.numexpr.NumExpr(NUMEXPR[point.function], signature)
        given = ", out=out" if point.out else ""
        statement = f"f({arguments(point)}{given}, ex_uses_vml={self.numexpr.use_vml})"
        yield Call("numexpr", statement, {"f": f, **vars(a)}, "out" if point.out else statement)


class Numba:
    names = ("numba",)

    def __init__(self) -> None:
        import numba

        self.numba = numba
        self.version = numba.__version__
        self.compiled = {}

    def set_threads(self, n: int) -> None:
        self.numba.set_num_threads(n)
        self.parallel = n > 1

    def compile(self, function: str, parallel: bool) -> tuple:
        njit = self.numba.njit(parallel=parallel, error_model="numpy")
        prange = self.numba.prange

        if function == "elu":

            @njit
            def fill(grad, x, out):
                for i in prange(x.size):
                    out[i] = x[i] if x[i] > 0 else math.expm1(x[i])

        elif function == "elu_grad":

            @njit
            def fill(grad, x, out):
                for i in prange(x.size):
                    out[i] = grad[i] if x[i] > 0 else grad[i] * math.exp(x[i])

        else:

            @njit
            def fill(grad, x, out):
                for i in prange(x.size):
                    out[i] = grad[i] if x[i] > 0 else grad[i] * (x[i] + 1)

        @self.numba.njit
        def new(grad, x):
            out = np.empty_like(x)
            fill(grad, x, out)
            return out

        return fill, new

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        key = point.function, self.parallel
        if key not in self.compiled:
            self.compiled[key] = self.compile(*key)
        fill, new = self.compiled[key]
        if point.out:
            yield Call("numba", "f(grad, x, out)", {"f": fill, **vars(a)})
        else:
            yield Call("numba", "f(grad, x)", {"f": new, **vars(a)}, result="f(grad, x)")


class Xnnpack:
    """Through LiteRT: float32, no gradients. It works on its own arrays, filled beforehand."""

    names = ("XNNPACK",)

    def __init__(self) -> None:
        from ai_edge_litert import interpreter

        self.litert = interpreter
        self.version = f"LiteRT {version('ai-edge-litert')}"

    def set_threads(self, n: int) -> None:
        self.threads = n

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        from models import litert_elu

        if (point.function, point.dtype) != ("elu", "float32"):
            return
        interpreter = self.litert.Interpreter(
            model_content=litert_elu(point.size), num_threads=self.threads
        )
        interpreter.allocate_tensors()
        if not any(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details()):
            raise RuntimeError("LiteRT does not hand ELU to XNNPACK: its own kernel is far slower")
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], a.x)
        output = interpreter.get_output_details()[0]["index"]
        names = {"invoke": interpreter.invoke, "get": interpreter.get_tensor}
        result = f"get({output})"  # copies
        statement = "invoke()" if point.out else f"invoke(); {result}"
        yield Call("XNNPACK", statement, names, result)


class Limits:
    """The passes over the same arrays that an elementwise function cannot beat: only into `out`."""

    names = LIMITS

    def __init__(self) -> None:
        try:
            self.stream, self.note = stream.load(), "compiled"
        except ImportError as reason:
            self.stream, self.note = None, f"skipped: {reason}"

    def set_threads(self, n: int) -> None:
        pass  # an argument

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        if not point.out:
            return
        copy = point.function == "elu"
        if copy:
            name, statement, expected = "np.copyto", "f(out, x)", lambda a: a.x
        else:
            name, statement, expected = "np.add", "f(x, grad, out=out)", lambda a: a.x + a.grad
        names = {"f": getattr(np, name.removeprefix("np.")), **vars(a)}
        yield Call(name, statement, names, expected=expected)
        if not self.stream:
            return
        second = None if copy else a.grad.ctypes.data
        args = [a.out.ctypes.data, a.x.ctypes.data, second, point.size, point.threads]
        f = self.stream.f32 if point.dtype == "float32" else self.stream.f64
        for nt in (0, 1):
            names = {"f": f, "args": (*args, nt), "out": a.out, "keep": a}
            name = ("memcpy" if copy else "sum") + " NT" * nt
            yield Call(name, "f(*args)", names, expected=expected)


class Marks:
    names = MARKS
    version = np.__version__

    def set_threads(self, n: int) -> None:
        pass

    def calls(self, point: Point, a: Arrays) -> Iterator[Call]:
        name = "np.exp" if point.function == "elu" else "np.multiply"
        f = np.exp if point.function == "elu" else np.multiply
        args = arguments(point)
        statement = f"f({args}, out=out)" if point.out else f"f({args})"
        result = "out" if point.out else statement
        expected = (lambda a: np.exp(a.x)) if f is np.exp else (lambda a: a.grad * a.x)
        yield Call(name, statement, {"f": f, **vars(a)}, result, expected)


# By the names that --peers takes.
PEERS = {
    "numpy": NumPy,
    "torch": PyTorch,
    "torch.compile": TorchCompile,
    "onnxruntime": OnnxRuntime,
    "jax": Jax,
    "numexpr": Numexpr,
    "numba": Numba,
    "litert": Xnnpack,
}
PEER_NAMES = tuple(name for peer in PEERS.values() for name in peer.names)


def installed(wanted: list[str]) -> tuple[list, dict[str, str]]:
    """The contestants that are there; on each peer its version, or why it is skipped."""
    found, notes = [Elu()], {}
    for name in wanted:
        try:
            # Some packages greet on standard output.
            with contextlib.redirect_stdout(io.StringIO()):
                peer = PEERS[name]()
        except ImportError as reason:
            notes[name] = f"skipped: {reason}"
        else:
            found.append(peer)
            notes[name] = peer.version
    limits = Limits()
    notes["stream.c"] = limits.note
    return [*found, limits, Marks()], notes

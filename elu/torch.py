"""PyTorch's own ELU, SELU and CELU on the CPU, computed by this package.

    import elu.torch
    elu.torch.patch()

or, for a program as it is, ``python -m elu.torch program.py arguments``.

PyTorch's dispatcher is given other CPU kernels for ``aten::elu`` and its relatives. Everything
above them (modules, autograd, ``torch.func``, export) stays as it is. What these kernels do not
know (other dtypes, overlapping tensors, wrong arguments) they hand to those of PyTorch.
"""

import contextlib
import runpy
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch

from elu._dense import CODES, run_at
from elu._ufuncs import run_strided

if not hasattr(torch.library, "get_kernel"):
    raise ImportError(f"elu.torch needs PyTorch 2.10 or later, and this is {torch.__version__}")

Tensor: TypeAlias = torch.Tensor
Number: TypeAlias = float | int

_DTYPES = {getattr(torch, name): CODES[name]
           for name in ("float16", "bfloat16", "float32", "float64")}
_SELU = (1.6732632423543772, 1.0507009873554805, 1)  # alpha, scale and input scale of PyTorch
_CPU = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)


# -- patching --------------------------------------------------------------------------------

_lock = threading.Lock()
_library: torch.library.Library | None = None
_wanted = False  # by patch()
_contexts = 0  # of patched() that are open
# Of the last times only: small objects that stay for ever cut the memory of results in pieces.
_kept: deque[list[object]] = deque(maxlen=8)


def patch() -> None:
    """Compute ELU, SELU and CELU of PyTorch's CPU tensors with this package from here on.

    It holds for the whole process, all threads of it. Calling it again changes nothing.

    Raises
    ------
    ImportError
        From ``import elu.torch``, where PyTorch is not installed or is too old.

    See Also
    --------
    unpatch : Undo it.
    patched : The same for a block of code.

    Notes
    -----
    The values are those of this package, on as many threads as ``torch.get_num_threads()`` says.
    float64, float32, float16 and bfloat16 are computed, and all else as before. The slope at 0 is
    PyTorch's, that from the left. An `alpha` is rounded to the tensor's dtype. The gradient of CELU
    is more accurate than PyTorch's, which rounds 1 / alpha to float32.

    Examples
    --------
    >>> import torch
    >>> import elu.torch
    >>> elu.torch.patch()
    >>> torch.nn.functional.elu(torch.tensor([-2.0, 0.5]))
    tensor([-0.8647,  0.5000])
    >>> elu.torch.unpatch()
    """
    _set(wanted=True)


def unpatch() -> None:
    """Give PyTorch its own kernels back. Where nothing is patched, it does nothing.

    Within a block of `patched` it holds from the end of the block on.

    See Also
    --------
    patch : What it undoes.

    Examples
    --------
    >>> import elu.torch
    >>> elu.torch.unpatch()
    """
    _set(wanted=False)


@contextlib.contextmanager
def patched() -> Iterator[None]:
    """Patch PyTorch for a block of code, in all threads; what was before holds again after it.

    See Also
    --------
    patch : The same for good.

    Examples
    --------
    >>> import torch
    >>> import elu.torch
    >>> with elu.torch.patched():
    ...     torch.nn.functional.selu(torch.tensor([-2.0, 0.5]))
    tensor([-1.5202,  0.5254])
    """
    _set(contexts=1)
    try:
        yield
    finally:
        _set(contexts=-1)


def _set(wanted: bool | None = None, contexts: int = 0) -> None:
    global _library, _wanted, _contexts
    with _lock:
        _wanted = _wanted if wanted is None else wanted
        _contexts += contexts
        if (_wanted or _contexts > 0) == (_library is not None):
            return
        if _library is not None:
            _library._destroy()
            _library = None
            time.sleep(0.001)  # lets threads that wait for the GIL in a kernel go on
            return
        for name in _KERNELS:
            _originals[name] = torch.library.get_kernel(f"aten::{name}", "CPU").call_boxed
        _library = torch.library.Library("aten", "IMPL")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a kernel is overridden is what was asked for
            for name, kernel in _KERNELS.items():
                _library.impl(name, kernel, "CPU")
        # Another thread may be on its way into a kernel when the library is destroyed: it is kept.
        _kept.append([torch.library.get_kernel(f"aten::{name}", "CPU") for name in _KERNELS])


# -- the kernels -----------------------------------------------------------------------------

_originals: dict[str, Callable[..., Any]] = {}


def _elu(x: Tensor, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) -> Any:
    if _is_known(x):
        out = torch.empty_like(x)
        if _computed(0, (x,), alpha, scale, input_scale, out):
            return out
    return _originals["elu"](_CPU, x, alpha, scale, input_scale)


def _elu_out(
    x: Tensor, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1, *, out: Tensor
) -> Any:
    if _fits(out, x) and _computed(0, (x,), alpha, scale, input_scale, out):
        return out
    return _originals["elu.out"](_CPU, x, alpha, scale, input_scale, out=out)


def _elu_(x: Tensor, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) -> Any:
    if _is_known(x) and _is_dense(x) and _computed(0, (x,), alpha, scale, input_scale, x):
        return x
    return _originals["elu_"](_CPU, x, alpha, scale, input_scale)


def _elu_backward(
    grad: Tensor, alpha: Number, scale: Number, input_scale: Number, is_result: bool, x: Tensor
) -> Any:
    if _is_known(x) and _is_like(grad, x) and not (is_result and alpha < 0):
        # As PyTorch has it: in the order of grad, if that is not expanded.
        out = torch.empty_like(x if 0 in grad.stride() else grad)
        if _computed(1 + is_result, (grad, x), alpha, scale, input_scale, out):
            return out
    return _originals["elu_backward"](_CPU, grad, alpha, scale, input_scale, is_result, x)


def _elu_backward_out(
    grad: Tensor, alpha: Number, scale: Number, input_scale: Number, is_result: bool, x: Tensor, *,
    grad_input: Tensor,
) -> Any:
    if (
        _fits(grad_input, x) and _fits(grad_input, grad) and not (is_result and alpha < 0)
        and _computed(1 + is_result, (grad, x), alpha, scale, input_scale, grad_input)
    ):
        return grad_input
    return _originals["elu_backward.grad_input"](
        _CPU, grad, alpha, scale, input_scale, is_result, x, grad_input=grad_input
    )


_KERNELS: dict[str, Callable[..., Any]] = {
    "elu": _elu,
    "elu.out": _elu_out,
    "elu_": _elu_,
    "elu_backward": _elu_backward,
    "elu_backward.grad_input": _elu_backward_out,
}


def _computed(
    form: int, inputs: tuple[Tensor, ...], alpha: Number, scale: Number, input_scale: Number,
    out: Tensor,
) -> bool:
    """Whether one of this package's functions is meant, which has been computed then."""
    x = inputs[-1]
    if isinstance(alpha, complex):
        return False
    if scale == input_scale == 1:
        formula = CODES["elu"][form]
    elif (alpha, scale, input_scale) == _SELU:
        formula = CODES["selu"][form]
    elif scale == 1 and alpha > 0 and abs(alpha * input_scale - 1) < 1e-6:  # it may be a float32
        formula = CODES["celu"][form]
    else:
        return False
    dtype, threads = _DTYPES[x.dtype], torch.get_num_threads()
    if all(_is_alike(each, out) for each in inputs):
        grad = inputs[0].data_ptr() if form else 0
        return run_at(
            formula, dtype, grad, x.data_ptr(), alpha, out.data_ptr(), x.numel(), threads
        )
    arrays = tuple(_array(each) for each in inputs)
    return run_strided(formula, dtype, arrays, alpha, _array(out), threads)


def _is_known(x: Tensor) -> bool:
    return x.dtype in _DTYPES and x.layout is torch.strided and x.numel() > 0


def _is_like(a: Tensor, b: Tensor) -> bool:
    """Nothing is to be converted or broadcast."""
    return a.dtype is b.dtype and a.shape == b.shape and a.layout is b.layout


def _is_alike(a: Tensor, dense: Tensor) -> bool:
    """The elements lie in the same order, one after the other."""
    return (a.is_contiguous() and dense.is_contiguous()) or a.stride() == dense.stride()


def _is_dense(x: Tensor) -> bool:
    """The elements lie one after the other, in whatever order of the dimensions."""
    if x.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True


def _fits(out: Tensor, x: Tensor) -> bool:
    """A result can be written there as it is: no cast, no other shape, and no memory in common."""
    return (
        _is_known(x) and _is_like(out, x) and _is_dense(out)
        and out.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    )


def _array(x: Tensor) -> Any:
    """The tensor's memory as an ndarray; bfloat16, which NumPy does not know, as its bits."""
    x = x.detach()
    return x.view(torch.int16).numpy().view("u2") if x.dtype is torch.bfloat16 else x.numpy()


# -- python -m elu.torch ---------------------------------------------------------------------


def main() -> None:
    usage = "usage: python -m elu.torch (program.py | -m module) [arguments]"
    del sys.argv[0]
    module = sys.argv[:1] == ["-m"]
    if module:
        del sys.argv[0]
    if not sys.argv or sys.argv[0].startswith("-"):
        print(f"{usage}\n\nRun a program with PyTorch's ELU, SELU and CELU computed by elu.")
        sys.exit(sys.argv[:1] not in (["-h"], ["--help"]))
    patch()
    if module:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    # As elu.torch and not as __main__: patch() of the program has to find what is patched.
    from elu.torch import main as run

    run()

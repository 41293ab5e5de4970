"""ELU, SELU and CELU and their gradients for NumPy arrays: fast and accurate.

elu, elu_grad, elu_grad_from_output
    The exponential linear unit, and its gradients from a layer's input or output.
selu, selu_grad, selu_grad_from_output
    The same with the scale and the alpha of self-normalizing networks.
celu, celu_grad, celu_grad_from_output
    The same with a slope at 0 that is 1 from both sides.
set_num_threads, get_num_threads
    How many threads large arrays are computed on.
config
    What this build and this machine are.

`elu.torch` is a module: ``import elu.torch; elu.torch.patch()``.
"""

from numpy import __version__ as _numpy

if int(_numpy.partition(".")[0]) < 2:
    raise ImportError(f"elu needs NumPy 2.0 or newer, and this is {_numpy}")
try:
    from elu import _cpu as _cpu  # compiled, and nothing else: it is missing first
    from elu._api import (
        celu,
        celu_grad,
        celu_grad_from_output,
        config,
        elu,
        elu_grad,
        elu_grad_from_output,
        selu,
        selu_grad,
        selu_grad_from_output,
    )
    from elu._openmp import get_num_threads, set_num_threads
    from elu._version import __version__
except ImportError as _error:
    if "elu._cpu" in (_error.name, f"{_error.name}._cpu"):
        raise ImportError(
            f"the compiled modules of elu are not in {__path__[0]}: if this is its source, start "
            "Python in another folder or run `pip install -e .` there"
        ) from None  # Python's own guess is a circular import
    if "gomp" in str(_error):
        raise ImportError(
            "elu needs the OpenMP library: install the package libgomp1 (Debian, Ubuntu) or "
            f"libgomp (Fedora, Alpine). {_error}"
        ) from _error
    raise

__all__ = [
    "__version__",
    "celu",
    "celu_grad",
    "celu_grad_from_output",
    "config",
    "elu",
    "elu_grad",
    "elu_grad_from_output",
    "get_num_threads",
    "selu",
    "selu_grad",
    "selu_grad_from_output",
    "set_num_threads",
]

for _name in __all__:
    if _name != "__version__":
        globals()[_name].__module__ = "elu"  # where users and their saved models find it
        globals()[_name].__annotations__ = {}  # at run time they are Any, which help() would repeat

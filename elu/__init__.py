"""ELU, the exponential linear unit, and its gradients for NumPy arrays: fast and accurate."""

from elu._api import config, elu, elu_grad, elu_grad_from_output
from elu._openmp import get_num_threads, set_num_threads
from elu._version import __version__

__all__ = [
    "__version__",
    "config",
    "elu",
    "elu_grad",
    "elu_grad_from_output",
    "get_num_threads",
    "set_num_threads",
]

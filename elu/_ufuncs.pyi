from typing import Any

import numpy as np

__pyx_capi__: dict[str, object]
UFUNCS: tuple[np.ufunc, ...]
WITH_ALPHA: tuple[np.ufunc | None, ...]

def run_strided(
    formula: int, dtype: int, arrays: tuple[Any, ...], alpha: float, out: Any, most_threads: int
) -> bool: ...

elu: np.ufunc
elu_alpha: np.ufunc
elu_grad: np.ufunc
elu_grad_alpha: np.ufunc
elu_grad_from_output: np.ufunc
elu_grad_from_output_alpha: np.ufunc
selu: np.ufunc
selu_grad: np.ufunc
selu_grad_from_output: np.ufunc
celu: np.ufunc
celu_alpha: np.ufunc
celu_grad: np.ufunc
celu_grad_alpha: np.ufunc
celu_grad_from_output: np.ufunc
celu_grad_from_output_alpha: np.ufunc

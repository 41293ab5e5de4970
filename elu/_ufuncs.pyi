import numpy as np

__pyx_capi__: dict[str, object]
elu: np.ufunc
elu_alpha: np.ufunc
elu_grad: np.ufunc
elu_grad_alpha: np.ufunc
elu_grad_from_output: np.ufunc
elu_grad_from_output_alpha: np.ufunc

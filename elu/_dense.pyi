from typing import Any

__pyx_capi__: dict[str, object]
CODES: dict[str, Any]

def run_at(
    formula: int, dtype: int, grad: int, x: int, alpha: float, out: int, n: int, most_threads: int
) -> bool: ...

from typing import SupportsIndex

__pyx_capi__: dict[str, object]
openmp: bool

def set_num_threads(n: SupportsIndex) -> None: ...
def get_num_threads() -> int: ...

"""The passes over memory of stream.c, compiled when asked for: a copy, and a sum of two arrays."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("stream.c")
FLAGS = ["-O3", "-fopenmp", "-shared", "-fPIC"]


def load() -> ctypes.CDLL:
    """Compile stream.c and load it; ImportError with the reason where that is not possible."""
    compilers = filter(None, [os.environ.get("CC"), "cc", "gcc", "clang"])
    compiler = next((path for path in map(shutil.which, compilers) if path), None)
    if compiler is None:
        raise ImportError("no C compiler")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "stream.so")
        command = [compiler, *FLAGS, str(SOURCE), "-o", str(library)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise ImportError(f"{Path(compiler).name} failed: {run.stderr.strip().splitlines()[0]}")
        loaded = ctypes.CDLL(str(library))
    pointer, count, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for pass_ in (loaded.f32, loaded.f64):
        pass_.argtypes = [pointer, pointer, pointer, count, number, number]
        pass_.restype = None
    return loaded

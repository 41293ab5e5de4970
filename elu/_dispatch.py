"""Choose the kernel module: asks _cpu, imports one of those that this build carries."""

import importlib
import importlib.util
import os

from elu import _cpu

# What this build carries and this CPU can run, the best one last. A module is looked for, not
# imported: its initialisation is compiled for its instruction set, too.
isas = [name for name in _cpu.supported() if importlib.util.find_spec(f"elu._kernels_{name}")]

isa = os.environ.get("ELU_ISA") or isas[-1]
if isa not in isas:
    raise ImportError(
        f"ELU_ISA={isa!r} names no instruction set that is available here: {', '.join(isas)}"
    )

kernels = importlib.import_module(f"elu._kernels_{isa}").kernels

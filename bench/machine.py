"""What a measurement was made on."""

import os
import platform
from pathlib import Path

import numpy as np


def facts(notes: dict[str, str]) -> dict:
    import elu

    return {
        "cpu": cpu(),
        "cores": cores(),
        "caches": caches(),
        "memory": f"{memory() / 2**30:.0f} GiB" if memory() else "unknown",
        "huge pages": huge_pages(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "elu": elu.config(),
        "contestants": notes,
    }


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        return 0


def cpu() -> str:
    facts = {}
    for line in read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    return "{model name} (family {cpu family}, model {model})".format(**facts)


def caches() -> str:
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (read(f"{index}/{name}") for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"


def huge_pages() -> str:
    """What the kernel is set to: always, madvise (NumPy asks for them) or never."""
    return read("/sys/kernel/mm/transparent_hugepage/enabled").partition("[")[2].partition("]")[0]


def read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""

"""Instructions per element that each kernel takes on aarch64, counted under emulation.

    python bench/instructions.py [compiler ...]     # GCC and Clang, which cross-compile

Debian's packages for it: gcc-aarch64-linux-gnu libc6-dev-arm64-cross clang lld qemu-user-static.
A count is no time, but it does not depend on the machine, and it shows what a compiler makes of the
loops. Each one is the difference between arrays of 2,048 ordinary elements and of 1,024.
"""

import os
import re
import runpy
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPILERS = ["aarch64-linux-gnu-gcc", "clang --target=aarch64-linux-gnu -fuse-ld=lld"]
FUNCTIONS = [f"{family}{suffix}" for family in ("elu", "selu", "celu")
             for suffix in ("", "_grad", "_grad_from_output")]
FORMATS = {"float32": "float", "float64": "double"}
SIZE = 2048
MODULE = "3elu_17_kernels_baseline"  # as Cython writes elu._kernels_baseline

PROGRAM = f"""
#include "_kernels_baseline.c"
#include <stdlib.h>

int main(int argc, char **argv) {{
    static REAL memory[4][{SIZE}];
    int formula = atoi(argv[1]), each = !strcmp(argv[2], "each"), n = atoi(argv[3]);
    for (int k = 0; k < {SIZE}; k++) {{
        memory[0][k] = memory[1][k] = (REAL)(k * 37 % 101) / 25 - 2;
        memory[2][k] = each ? 1 + (REAL)(k % 7) / 4 : atof(argv[2]);
    }}
    enter(0, NULL);
    __pyx_v_{MODULE}_table.compute[each][formula][0](
        memory[0], memory[1], memory[2], memory[3], n, 0);
}}
"""


def setup_of_aarch64():
    """The names in setup.py as it builds for aarch64, which also makes C of the kernels."""
    os.chdir(ROOT)
    os.environ["_PYTHON_HOST_PLATFORM"] = "linux-aarch64"
    sys.argv = ["setup.py", "--quiet", "egg_info"]
    return runpy.run_path("setup.py")


def compiled(folder, compiler, setup, format_name):
    """A program that calls one kernel, once."""
    kind = list(FORMATS).index(format_name)
    program = Path(folder, "-".join(re.findall(r"\w+", f"{compiler} {format_name}")))
    source = Path(folder, "program.c")
    source.write_text(PROGRAM)
    flags = setup["FLAGS"]["unix"] + setup["GCC_FLAGS"]["baseline"] * ("gcc" in compiler)
    # Of Python's functions the kernels call none.
    subprocess.run(
        [*shlex.split(compiler), *flags, "-w", "-static", "-no-pie", "-ffunction-sections",
         "-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all",
         f"-DREAL={FORMATS[format_name]}",
         f"-Denter=__pyx_fuse_{kind}__pyx_f_{MODULE}_enter_kernels",
         "-Ibuild/elu", "-Ielu", f"-I{sysconfig.get_paths()['include']}",
         str(source), "-o", str(program), "-lm"],
        check=True,
    )
    return program


def executed(program, formula, alpha, n):
    """The instructions of a run: QEMU says each one that it starts, one by one."""
    command = ["qemu-aarch64-static", "-singlestep", "-d", "exec,nochain", "-D", "/dev/stdout",
               program, str(formula), alpha, str(n)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.count(b"\n")


def per_element(formula, alpha, program):
    more, less = (executed(program, formula, alpha, n) for n in (SIZE, SIZE // 2))
    return (more - less) / (SIZE - SIZE // 2)


def main():
    compilers = sys.argv[1:] or COMPILERS
    setup = setup_of_aarch64()
    built = [(compiler, name) for name in FORMATS for compiler in compilers]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        print("|", " | ".join(["function", "alpha", *(f"{c.split()[0]}, {f}" for c, f in built)]),
              "|\n" + "|---" * (2 + len(built)) + "|")
        programs = [compiled(folder, compiler, setup, name) for compiler, name in built]
        for formula, name in enumerate(FUNCTIONS):
            for alpha in ["-"] if name.startswith("selu") else ["1", "1.5", "each"]:
                counts = pool.map(partial(per_element, formula, alpha), programs)
                print("|", " | ".join([f"`{name}`", alpha, *(f"{c:.1f}" for c in counts)]), "|",
                      flush=True)


if __name__ == "__main__":
    main()

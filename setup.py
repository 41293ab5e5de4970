"""What of the build needs code: extensions, instruction sets, OpenMP; the rest is declared."""

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

X86_64 = platform.machine().lower() in ("x86_64", "amd64")
NUMPY_CORE = Path(numpy.get_include()).parent
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
          ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")]

# One module per instruction set, so that no instruction leaks from one into another.
ISA_FLAGS = {
    "baseline": {"unix": [], "msvc": []},
    "avx2": {"unix": ["-mavx2", "-mfma"], "msvc": ["/arch:AVX2"]},
    "avx512": {
        # 512 bits at once: GCC and Clang prefer 256 without being told.
        "unix": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
                 "-mprefer-vector-width=512"],
        "msvc": ["/arch:AVX512"],
    },
}
if not X86_64:
    del ISA_FLAGS["avx2"], ISA_FLAGS["avx512"]

# No contraction and no value-changing option: the same bits on every instruction set.
# Traps and errno are not used, and forgoing them lets the compiler vectorise selections.
FLAGS = {
    "unix": ["-O3", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno"],
    "msvc": ["/O2", "/fp:precise"],
}

OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int sum = 0;
    #pragma omp parallel for reduction(+:sum)
    for (int i = 0; i < 100; i++) sum += omp_get_num_threads() > 0;
    return sum != 100;
}
"""


class BuildExt(build_ext):
    """Adds the flags of the compiler in use, and OpenMP if a program with it compiles and runs."""

    def build_extensions(self):
        kind = self.compiler.compiler_type if self.compiler.compiler_type == "msvc" else "unix"
        compile_args, link_args = self.openmp_args(kind)
        for extension in self.extensions:
            isa = extension.name.rpartition("_kernels_")[2]
            extension.extra_compile_args += FLAGS[kind] + ISA_FLAGS.get(isa, {}).get(kind, [])
            if isa not in ISA_FLAGS:
                extension.extra_compile_args += compile_args
                extension.extra_link_args += link_args
        super().build_extensions()

    def openmp_args(self, kind):
        if sys.platform == "darwin":
            # The system's Clang has no OpenMP, and a second runtime beside PyTorch's or
            # scikit-learn's has crashed their processes.
            print("elu: built without OpenMP on macOS, on one thread")
            return [], []
        args = (["/openmp"], []) if kind == "msvc" else (["-fopenmp"], ["-fopenmp"])
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(OPENMP_PROBE)
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder,
                                                extra_postargs=args[0])
                self.compiler.link_executable(objects, "probe", output_dir=folder,
                                              extra_postargs=args[1])
                subprocess.run([str(Path(folder, "probe"))], check=True, timeout=60)
            except Exception as error:  # each compiler has its own
                print(f"elu: OpenMP does not work here ({error}): built without, on one thread",
                      file=sys.stderr)
                return [], []
        return args


def extension(name, **keywords):
    return Extension(f"elu.{name}", [f"elu/{name}.pyx"], define_macros=MACROS, **keywords)


numpy_math = {
    "include_dirs": [numpy.get_include()],
    "library_dirs": [str(NUMPY_CORE / "lib")],
    "libraries": ["npymath"],
}
extensions = [
    extension("_cpu"),
    extension("_threads"),
    extension("_doors", **numpy_math),
    extension("_api", include_dirs=[numpy.get_include()]),
    *(extension(f"_kernels_{isa}", depends=["elu/_kernels.pxi", "elu/_loops.pxd"])
      for isa in ISA_FLAGS),
]

setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=cythonize(
        extensions,
        build_dir="build",
        language_level=3,
    ),
)

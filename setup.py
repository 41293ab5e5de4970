"""What of the build needs code: extensions, instruction sets, OpenMP; the rest is declared."""

import gzip
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

# The target, which may be another than the machine that builds. universal2 of macOS is two at once,
# for which one set of flags has to do.
X86_64 = sysconfig.get_platform().endswith(("x86_64", "amd64"))
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
          ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")]

# The same sources give the same archives, byte by byte: whoever builds them, and whenever.
os.umask(0o022)
os.environ.setdefault("SOURCE_DATE_EPOCH", "1580601600")  # 2020-02-02, as in Hatch

# One module per instruction set, so that no instruction leaks from one into another.
ISA_FLAGS = {
    "baseline": {"unix": [], "msvc": []},
    "avx2": {"unix": ["-mavx2", "-mfma", "-mf16c"], "msvc": ["/arch:AVX2"]},
    "avx512": {
        # 512 bits at once: GCC and Clang prefer 256 without being told.
        "unix": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
                 "-mf16c", "-mprefer-vector-width=512"],
        "msvc": ["/arch:AVX512"],
    },
}
if not X86_64:
    del ISA_FLAGS["avx2"], ISA_FLAGS["avx512"]

# No contraction and no value-changing option: the same bits on every instruction set.
# -fno-fast-math takes back what CFLAGS may bring: with it results were wrong by 1e7 ULP, and the
# modules made the whole process flush subnormal numbers to zero as soon as they were loaded.
# Traps and errno are not used, and forgoing them lets the compiler vectorise selections.
FLAGS = {
    "unix": ["-O3", "-fno-fast-math", "-ffp-contract=off", "-fno-trapping-math",
             "-fno-math-errno", "-g0"],  # debug information names the folders of the build
    "msvc": ["/O2", "/fp:precise"],
}

# GCC computes one vector after the other unless told to take turns: elu took 0.591 ns for a float64
# element instead of 0.573. Only AVX-512 has the registers for it, and Clang knows no such options.
GCC_FLAGS = {"avx512": ["-fschedule-insns", "-fsched-pressure"]}
if not X86_64:
    # On aarch64 GCC does so unless told not to, and spills: elu took 7.4 instructions for a float32
    # element instead of 6.1, and 23.5 for one of float64 instead of 17.6.
    GCC_FLAGS["baseline"] = ["-fno-schedule-insns"]

# Without what only a debugger reads, and without the time of the build (/Brepro).
LINK_FLAGS = {
    # Each of the two can bring crtfastmath.o, which sets the process to flush subnormal numbers.
    "unix": ["-fno-fast-math", "-fno-unsafe-math-optimizations", "-O3",
             "-Wl,-x" if sys.platform == "darwin" else "-Wl,-s"],
    "msvc": ["/Brepro"],
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
            if kind == "unix" and self.is_gcc():
                extension.extra_compile_args += GCC_FLAGS.get(isa, [])
            extension.extra_link_args += LINK_FLAGS[kind]
            if isa not in ISA_FLAGS:
                extension.extra_compile_args += compile_args
                extension.extra_link_args += link_args
        super().build_extensions()

    def is_gcc(self):
        command = [*self.compiler.compiler_so[:1], "--version"]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return "Free Software Foundation" in output

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


class Sdist(sdist):
    """Leaves out of the archive who built it and when, which setuptools puts in."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, **_):
        def plain(member):
            member.mtime = date
            member.mode = 0o755 if member.isdir() else 0o644
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            return member

        date = int(os.environ["SOURCE_DATE_EPOCH"])
        path = f"{base_name}.tar.gz"
        Path(path).parent.mkdir(exist_ok=True)
        with (open(path, "wb") as file,
              gzip.GzipFile("", "wb", fileobj=file, mtime=date) as packed,
              tarfile.open(mode="w", fileobj=packed) as archive):
            archive.add(base_dir, filter=plain)
        return path


def extension(name, suffix="pyx", **keywords):
    return Extension(
        f"elu.{name}", [f"elu/{name}.{suffix}"], define_macros=MACROS,
        include_dirs=["elu", numpy.get_include()], **keywords,
    )


extensions = [
    extension("_api", "py"),
    extension("_validation", "py"),
    extension("_dense"),
    extension("_ufuncs"),
    extension("_openmp"),
    extension("_cpu"),
    *(extension(f"_kernels_{isa}", depends=["elu/_kernels.pxi", "elu/_kernels.pxd",
                                            "elu/_simd.h", "elu/_coefficients.h"])
      for isa in ISA_FLAGS),
]

setup(
    cmdclass={"build_ext": BuildExt, "sdist": Sdist},
    ext_modules=cythonize(
        extensions,
        build_dir="build",
        language_level=3,
        # Without the GIL, too: what a call writes is its own. The process shares tables, filled at
        # import, and two numbers of _openmp, read and written whole, of which any value will do.
        # An annotation tells a type checker what may be given, not Cython what it becomes.
        compiler_directives={"autotestdict": False, "freethreading_compatible": True,
                             "annotation_typing": False},
    ),
)

"""Python in a process of its own: the one way in which the tests start one. What this one is."""

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import elu

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# LLVM's OpenMP library, for a build with Clang. It ends the process where GNU's goes on.
LIBOMP = (
    sys.platform == "linux" and elu.config()["openmp"]
    and "/libomp" in Path("/proc/self/maps").read_text("utf-8", "replace")
)


def run_python(
    script, *arguments, timeout=120, returncode=0, warnings="error", text=True, input=None,
    cwd=None, **environment,
):
    """Run Python with `script` and `arguments`, and return a CompletedProcess with its output.

    `script` is code, or a sequence of arguments of the interpreter such as `["-m", "elu"]`. The
    process has to end within `timeout` seconds and with `returncode`, where that is not None.
    `warnings` is for the option -W, None leaves them as they are. `environment` adds to the
    variables of this process; None takes one away.

    It leads a session of its own, all of which ends with it: a worker that hangs would hold the
    pipes, and outlive the test.
    """
    command = [sys.executable]
    command += ["-W", warnings] if warnings else []
    command += ["-c", script] if isinstance(script, str) else map(str, script)
    command += map(str, arguments)
    variables = {**os.environ, **environment}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=text,
        cwd=cwd,
        env={name: value for name, value in variables.items() if value is not None},
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(input, timeout=timeout)
        finally:
            process.kill()
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    if returncode is not None:
        assert process.returncode == returncode, f"exit status {process.returncode}:\n{errors}"
    return subprocess.CompletedProcess(command, process.returncode, output, errors)

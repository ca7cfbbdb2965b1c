"""The built programs, for tests in Python that are given their folder as the first argument."""
import os
import subprocess
import sys

PROGRAMS = os.path.abspath(sys.argv[1])
ENVIRONMENT = dict(os.environ, PATH=PROGRAMS + os.pathsep + os.environ["PATH"], OMP_NUM_THREADS="1",
                   OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def ratiofarm(*words, folder):
    return subprocess.run(["ratiofarm", *words], cwd=folder, env=ENVIRONMENT, text=True, capture_output=True)


def told(done):
    """How a command ended, for the message of a failure."""
    return f"\n{' '.join(done.args)}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"

"""Starts the programs of the comparison and reads what they print."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOLERANCE = {"fp64": 1e-10, "fp32": 1e-3}
TOLERANCE_OF_VALUE = {"fp64": 1e-10, "fp32": 1e-6}


class Unequal(Exception):
    """A peer computes something else than ours: no time is printed."""


def available_bytes():
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    return 0


def machine():
    with open("/proc/cpuinfo") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in lines["flags"].split()]
    with open("/proc/meminfo") as file:
        total = int(file.readline().split()[1]) / 1048576
    name = lines["model name"]
    return (f"{os.cpu_count()} cores of {name} (family {lines['cpu family']}, model "
            f"{lines['model']}; {', '.join(flags)}), {total:.0f} GiB, Linux {platform.release()}")


class Programs:
    """The built parts and the Python of the peers."""

    def __init__(self, parts, log=sys.stderr):
        self.parts, self.log = Path(parts), log
        self.folder = Path(tempfile.mkdtemp(prefix="ratiofarm-bench-"))

    def note(self, text):
        print(f"[{os.getloadavg()[0]:.1f}] {text}", file=self.log, flush=True)

    def _json(self, command):
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(str(c) for c in command)} ended with {done.returncode}")
        return json.loads(done.stdout)

    def gemm(self, threads=2):
        return self._json([self.parts / "gemm_bench", threads])

    def ours(self, mode, ranks=1, **arguments):
        self.note(f"ours: {mode} {arguments}")
        start = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", ranks] if ranks > 1 else []
        if os.getuid() == 0:  # Open MPI refuses root unless told twice
            os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        return self._json(start + [self.parts / "fit_peer_bench", mode] +
                          [f"{key}={value}" for key, value in arguments.items()])

    def jax(self, specification):
        self.note(f"JAX: {specification['events']} events")
        specification = {"library": str(self.parts / "libfit_problem_arrays.so"), "processes": 10,
                         "parameters": 100, **specification}
        return self._json([sys.executable, HERE / "jax_peers.py", json.dumps(specification)])

    def jax_toys(self, specification):
        self.note(f"JAX: toys {specification['settings']}")
        specification = {"library": str(self.parts / "libfit_problem_arrays.so"), **specification}
        return self._json([sys.executable, HERE / "jax_toys.py", json.dumps(specification)])

    def keep(self, name, result):
        path = self.folder / name
        path.write_text(json.dumps(result))
        return str(path)


def check(what, precision, errors):
    """Raises unless every difference lies below the tolerance of the precision."""
    for quantity, error in errors.items():
        table = TOLERANCE_OF_VALUE if quantity == "value" else TOLERANCE
        if not error < table[precision]:
            raise Unequal(f"{what}: {quantity} differs from ours by {error:.2e} of its largest "
                          f"element ({precision}; allowed {table[precision]:g})")


def least(seconds):
    return min(seconds)


def median(seconds):
    return sorted(seconds)[len(seconds) // 2]


def seconds_text(seconds):
    if seconds is None:
        return "-"
    for limit, factor, unit, digits in ((1e-3, 1e6, "us", 0), (0.1, 1e3, "ms", 1), (1, 1e3, "ms", 0),
                                        (100, 1, "s", 2), (1e9, 1, "s", 0)):
        if seconds < limit:
            return f"{seconds * factor:.{digits}f} {unit}"
    return f"{seconds:g} s"


def ratio_text(ratio):
    return f"{ratio:,.0f}x" if ratio >= 20 else f"{ratio:.2f}x"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])

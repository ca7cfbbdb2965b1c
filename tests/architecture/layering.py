#!/usr/bin/env python3
"""Fails on an include or a call outside the layering table, and on a right that nobody uses.

    layering.py [ROOT]       check the tree (default: this one)
"""

import re
import sys
from pathlib import Path

# room: (folder, rooms it may include, outside libraries). A library marked with * may stand in
# headers too. Every room may include itself and the C++ and C standard library; fmt in sources.
ROOMS = {
    "core": ("src/core", "", "spdlog xxhash zlib"),
    "protocol": ("src/protocol", "core", ""),
    "physics": ("src/physics", "core", ""),
    "simulation": ("src/simulation", "core physics", ""),
    "campaign": ("src/campaign", "core protocol physics simulation", "boost eigen* json* toml"),
    "mpi": ("src/mpi", "core", "mpi*"),
    "h5": ("src/h5", "core", "hdf5*"),
    "farm": ("src/farm", "core mpi", "mpi"),
    "store": ("src/store", "core", "json*"),
    "tables": ("src/tables", "core protocol physics mpi h5", "json"),
    "simulation/files": (
        "src/simulation/files", "core protocol simulation campaign tables", ""),
    "scheduler": ("scheduler", "farm store", ""),
    "scheduler/host": ("scheduler/host", "core mpi farm store scheduler", ""),
    "workers": ("workers", "core protocol farm", ""),
    "workers/trainer/quality": ("workers/trainer/quality", "core protocol", ""),
    "workers/trainer": ("workers/trainer", "core protocol workers/trainer/quality", "torch cuda"),
    "fit": ("fit", "core physics mpi", "boost eigen"),
    "results": ("src/results", "core protocol physics campaign tables fit", "json*"),
    "report": (
        "src/report", "core protocol campaign store tables fit results measurement", "eigen json*"),
    "pyhf": ("src/pyhf", "core physics campaign", "json*"),
    "measurement": (
        "src/measurement",
        "core protocol physics mpi campaign farm store tables fit results", "boost eigen json"),
    "pipeline": (
        "src/pipeline",
        "core protocol mpi h5 campaign farm store tables scheduler/host workers "
        "workers/trainer/quality fit results report measurement", "json*"),
    "commands": (
        "src/commands",
        "core protocol mpi h5 simulation simulation/files campaign store tables scheduler "
        "scheduler/host workers fit results report pyhf measurement pipeline", "json boost"),
}

LIBRARIES = {
    "fmt": r"fmt/",
    "spdlog": r"spdlog/",
    "xxhash": r"xxhash\.h$",
    "zlib": r"zlib\.h$",
    "eigen": r"Eigen/",
    "toml": r"toml\+\+/",
    "boost": r"boost/",
    "mpi": r"mpi(-ext)?\.h$",
    "hdf5": r"(hdf5|H5\w*)\.h$",
    "json": r"nlohmann/",
    "torch": r"(torch|ATen|c10|caffe2)/",
    "cuda": r"(cuda|cublas|nvml|driver_types)\w*\.h$",
}
SYSTEM = r"(sys|netinet|arpa|linux)/"

# Calls that belong to the room with the library, however the declaration came in sight.
CALLS = {"mpi": re.compile(r"\bMPI_[A-Z][a-z]+\w*\s*\("), "hdf5": re.compile(r"\bH5[A-Z]+[a-z]\w*\s*\(")}


class Check:
    def __init__(self, root):
        self.root = root
        self.problems = []
        self.used = {room: set() for room in ROOMS}
        self.files = 0

    def room_of(self, path):
        """The room of a path relative to the root, or None."""
        installed = re.match(r"include/ratiofarm/(\w+)/", path)
        if installed:
            return installed.group(1)
        inside = [room for room, (folder, _, _) in ROOMS.items() if path.startswith(folder + "/")]
        return max(inside, key=len, default=None)

    def target_of(self, header):
        """The room that an include line names, or None for an outside header."""
        if header.startswith("ratiofarm/"):
            return self.room_of("include/" + header)
        if "/" not in header:
            return None
        return self.room_of("src/" + header) or self.room_of(header)

    def problem(self, path, text):
        self.problems.append(f"{path}: {text}")

    def library(self, room, path, header):
        allowed = ROOMS[room][2].split()
        for name, pattern in LIBRARIES.items():
            if not re.match(pattern, header):
                continue
            in_source = path.endswith((".cpp", ".cu"))
            if name + "*" in allowed:
                self.used[room].add(name + ("" if in_source else "*"))
            elif name in allowed or name == "fmt":
                self.used[room].add(name)
                if not in_source:
                    self.problem(path, f"{name} belongs into sources of '{room}' ({header})")
            else:
                self.problem(path, f"'{room}' must not use {name} here ({header})")
            return
        if "/" in header and not re.match(SYSTEM, header):
            self.problem(path, f"a library that the layering table does not know ({header})")

    def include(self, room, path, header):
        if "../" in header:
            self.problem(path, f"an include that climbs out of its folder ({header})")
            return
        target = self.target_of(header)
        if target is None:
            self.library(room, path, header)
        elif target != room:
            if target in ROOMS[room][1].split():
                self.used[room].add(target)
            else:
                self.problem(path, f"'{room}' must not include '{target}' here ({header})")

    def file(self, path):
        room = self.room_of(path)
        if room is None:
            self.problem(path, "in no room of the layering table")
            return
        self.files += 1
        libraries = [name.rstrip("*") for name in ROOMS[room][2].split()]
        for line in (self.root / path).read_text().splitlines():
            include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if include:
                self.include(room, path, include.group(1))
                continue
            code = re.sub(r'//.*|"[^"]*"', "", line)
            for library, pattern in CALLS.items():
                call = pattern.search(code)
                if call and library not in libraries:
                    self.problem(path, f"'{room}' must not call {library} ({call.group(0)})")

    def tree(self):
        for top in ("include/ratiofarm", "src", "scheduler", "workers", "fit"):
            for path in sorted((self.root / top).rglob("*")):
                if path.suffix in (".cpp", ".hpp", ".h", ".cu"):
                    self.file(path.relative_to(self.root).as_posix())

    def unused_rights(self):
        for room, (_, rooms, libraries) in ROOMS.items():
            for right in rooms.split() + libraries.split():
                if right not in self.used[room]:
                    self.problem("the layering table", f"'{room}' makes no use of '{right}'")

    def page(self):
        """The table of ARCHITECTURE.md says the same."""
        rows = {}
        for line in (self.root / "ARCHITECTURE.md").read_text().splitlines():
            row = re.fullmatch(r"\| `([^`]+)` \|.*\|\s*([^|]*?)\s*\|", line)
            if row:
                rows[row.group(1)] = row.group(2).replace(",", "")
        for folder, rooms, _ in ROOMS.values():
            if rows.get(folder) != rooms:
                self.problem("ARCHITECTURE.md", f"row `{folder}` must end with: {rooms}")


def main():
    here = Path(__file__).resolve().parents[2]
    check = Check(Path(sys.argv[1]) if sys.argv[1:] else here)
    check.tree()
    if check.root == here:
        check.unused_rights()
        check.page()
    print(*check.problems, sep="\n")
    if check.problems or not check.files:
        print(f"{len(check.problems)} problems in {check.files} files")
        return 1
    print(f"{check.files} files keep to the layering")
    return 0


sys.exit(main())

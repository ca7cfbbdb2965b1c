#!/usr/bin/env python3
"""One flipped bit in any file of a finished run, then every command that reads the run.

    flips_test.py FOLDER_OF_PROGRAMS [--all] [--seed S] [--file PART_OF_A_NAME]

A command ends with 0 and the numbers that it gave before, or it names the damaged file and ends
with 2, or with 75 and then, run again, in one of the first two ways. Never with another number,
never by a signal. By default some classes of bytes and some commands are drawn; --all takes each
command after each class.
"""
import argparse
import concurrent.futures
import json
import pathlib
import random
import re
import shutil
import sys
import tempfile

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import toy_campaign  # noqa: E402
from programs import ratiofarm, told  # noqa: E402

MORE = """
[[systematic]]
name = "scale"
shape = { B = { up = "B_up", down = "B_down" } }
[[region]]
name = "SR"
type = "unbinned"
where = { x = [-1.0, inf] }
[[region]]
name = "CR"
type = "binned"
observable = "x"
edges = [-inf, -2.0, -1.0]
[[simulate.systematic]]
name = "scale"
B = { shift = [0.3], up = 1.05, down = 0.96 }
"""
SMALL = {"simulate.events": "1200", "training.epochs": "2", "training.batch": "128", "training.learning_rate": "1e-2",
         "network.hidden": "[4]", "systematics.halves": "false", "systematics.null_shapes": '"keep"',
         "process.S.yield": "60.0", "ensemble.replicas": "2", "training.calibration": '"isotonic"'}
COMMANDS = {
    "run": ["run", "toy.toml", "--out", "run"],
    "fit": ["fit", "toy.toml", "--out", "run", "--json"],
    "scan": ["scan", "toy.toml", "--out", "run", "--points", "3", "--json"],
    "impacts": ["impacts", "toy.toml", "--out", "run", "--json"],
    "limits": ["limits", "toy.toml", "--out", "run", "--points", "3", "--json"],
    "toys": ["toys", "toy.toml", "--out", "run", "--toys", "4", "--neyman", "0.5", "--json"],
    "gof": ["gof", "toy.toml", "--out", "run", "--toys", "4", "--json"],
    "report": ["report", "toy.toml", "--out", "run"],
    "check": ["check", "toy.toml", "--json"],
    "plan": ["plan", "toy.toml", "--out", "run", "--json"],
    "status": ["status", "--out", "run", "--json"],
    "explain": ["explain", "S/member 0", "--out", "run"],
    "nets": ["export", "toy.toml", "--format", "safetensors", "--ensemble", "S", "--run", "run", "--out", "S.safetensors"],
    "gather": ["gather", "toy.toml", "--out", "run"],
    "infer": ["infer", "toy.toml", "--out", "run"],
    "verify": ["verify", "--out", "run"],
}
PRODUCTS = {"run": "run/fit.json", "report": "run/report.html", "nets": "S.safetensors", "gather": "run/ensembles",
            "infer": "run/ratios.h5"}
KEPT = ("campaign.toml", "toys.json", "gof.json")  # `run` makes everything else again
AGAIN = ("gather", "infer")  # what they make is removed before


class Run:
    """A finished run, which always lies in the same folder, and what its commands say."""

    def __init__(self, folder):
        self.folder = folder / "work"
        self.kept = folder / "kept"
        self.said = {}
        self.folder.mkdir(parents=True)
        (self.folder / "toy.toml").write_text(toy_campaign.campaign("signal", SMALL, MORE, gates=False))
        # submit.sh and the results of toys are files of the run, too.
        for words in (["simulate", "toy.toml"], COMMANDS["run"], COMMANDS["toys"], COMMANDS["gof"],
                      ["submit", "toy.toml", "--out", "run", "--dry-run"]):
            done = ratiofarm(*words, folder=self.folder)
            assert done.returncode == 0, told(done)
        (self.folder / "run/lock").unlink(missing_ok=True)
        shutil.copytree(self.folder, self.kept)

    def restore(self, command):
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)
        if command not in AGAIN:
            return
        product = self.folder / PRODUCTS[command]
        if product.is_dir():
            shutil.rmtree(product)
        else:
            product.unlink()

    def numbers(self, command, done):
        """What must stay as it is."""
        product = self.folder / PRODUCTS.get(command, "")
        if command in AGAIN:
            return [values_of(path) for path in (sorted(product.rglob("*.h5")) if product.is_dir() else [product])]
        if not product.is_file():
            return done.stdout
        return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"", product.read_bytes())  # a report says when

    def sound(self, command):
        if command not in self.said:
            self.restore(command)
            done = ratiofarm(*COMMANDS[command], folder=self.folder)
            assert done.returncode == 0, told(done)
            self.said[command] = self.numbers(command, done)
        return self.said[command]

    def files(self):
        return sorted(path.relative_to(self.folder) for path in self.folder.rglob("*")
                      if path.is_file() and path.name != "toy.toml")

    def check(self, case):
        """\return what is wrong, if anything is"""
        file, kind, place, bit, command = case
        sound = self.sound(command)
        self.restore(command)
        if not (self.folder / file).exists():
            return None  # what the command makes
        flip(self.folder / file, place, bit)
        tries = [ratiofarm(*COMMANDS[command], folder=self.folder)]
        if tries[-1].returncode == 75:
            tries.append(ratiofarm(*COMMANDS[command], folder=self.folder))
        problem = self.problem(command, file, tries, sound)
        where = f"{file}, {kind}, byte {place} bit {bit}, {command}"
        return problem and f"{where}: {problem}{''.join(map(told, tries))}"

    def problem(self, command, file, tries, sound):
        done = tries[-1]
        said = "".join(each.stdout + each.stderr for each in tries)
        if done.returncode == 0:
            return None if self.numbers(command, done) == sound or tells_of_damage(done) else "other numbers"
        if done.returncode != 2:
            return "no clean end"
        if command == "run" and file.name not in KEPT:
            return "it was not made again"
        return None if file.name in said else "the damaged file is not named"


def tells_of_damage(done):
    """Of commands that look at a run: damaged lines of the journal are counted, records named."""
    if not done.stdout.startswith("{"):
        told_below = re.search("damaged lines skipped|^damaged  ", done.stdout, re.M)
        return told_below is not None or "left out of the page" in done.stderr
    says = json.loads(done.stdout)
    return bool(says.get("damaged") or says.get("damaged_journal_lines") or "damaged" in str(says.get("warnings")))


def values_of(path):
    with h5py.File(path) as file:
        values = {}
        file.visititems(lambda name, it: values.update({name: it[()].tobytes()}) if hasattr(it, "shape") else None)
    return {name: value for name, value in values.items() if name != "metadata_crc"}


def flip(path, place, bit):
    content = bytearray(path.read_bytes())
    content[min(place, len(content) - 1)] ^= 1 << bit  # times in the records of two runs differ in length
    path.write_bytes(content)


def classes_of(path):
    """Kind of byte to the ranges that it has in the file."""
    size = path.stat().st_size
    if path.suffix == ".h5":
        ranges = {"superblock": [(0, 48)]}
        with h5py.File(path) as file:
            def add(name, it):
                if getattr(it, "shape", None) and it.id.get_offset() is not None:
                    first = it.id.get_offset()
                    ranges["values of " + re.sub(".*/", "", name)] = [(first, first + it.size * it.dtype.itemsize)]
            file.visititems(add)
        ends = sorted(spans[0] for spans in ranges.values())
        gaps = [(a[1], b[0]) for a, b in zip(ends, ends[1:] + [(size, size)]) if a[1] < b[0]]
        ranges["metadata"] = gaps
        return ranges
    if path.suffix == ".ckpt":
        fields = [("magic", 0, 8), ("version", 8, 12), ("kind", 12, 16), ("digest", 16, 32), ("size", 32, 40), ("crc", 40, 44)]
        return {name: [(first, last)] for name, first, last in fields} | {"body": [(44, size)]}
    return {"head": [(0, 24)], "body": [(24, size - 48)], "tail": [(size - 48, size)]}


def kind_of(file):
    """Files of one kind have the same readers."""
    return re.sub(r"[0-9a-f]{32}", "task", file.name) if file.suffix == ".ckpt" else str(file)


def cases(run, options):
    rng = random.Random(options.seed)
    files = {}
    for file in run.files():
        files.setdefault(kind_of(file), []).append(file)
    for name, alike in sorted(files.items()):
        if options.file not in name:
            continue
        classes = classes_of(run.folder / alike[0])
        commands = list(COMMANDS)
        for kind in sorted(classes) if options.all else rng.sample(sorted(classes), min(2, len(classes))):
            for command in commands if options.all else rng.sample(commands, 2):
                file = rng.choice(alike)
                spans = classes_of(run.folder / file).get(kind) or [(0, 8)]
                yield file, kind, rng.randrange(*rng.choice(spans)), rng.randrange(8), command


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(Run, (pathlib.Path(folder) / name for name in "ab")))
        todo = list(cases(runs[0], options))
        parts = pool.map(lambda i: [runs[i].check(case) for case in todo[i::2]], range(2))
        problems = [problem for part in parts for problem in part if problem]
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"{len(todo)} flips, {len(problems)} failures")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

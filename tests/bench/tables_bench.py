#!/usr/bin/env python3
"""How fast events are written and imported: ./run bench tables [--rows N]

A table of 10 features of 32 bits, a weight and an id in random order, from a DataFrame by write_events and from ROOT, Parquet, npz
and CSV files by import. Each is a process of its own beside a plain write of the bytes of events.h5, twice: before and after. All
are synced. Prints a table in Markdown; memory is the peak of the process, of write_events without the DataFrame itself. "Reading
alone" is the file's own library on all cores, into one table in memory.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEATURES = [f"x{k}" for k in range(10)]
PIECE = 1_000_000

MAKE = """
import sys
import numpy as np
kind, rows, piece = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(1)
ids = rng.permutation(rows).astype("i8")
def table(first):
    n = min(piece, rows - first)
    columns = {f"x{k}": rng.normal(size=n).astype("f4") for k in range(10)}
    return columns | {"w": rng.uniform(0.5, 1.5, n), "event": ids[first:first + n]}
tables = (table(first) for first in range(0, rows, piece))
if kind == "npz":
    pieces = list(tables)
    np.savez("t.npz", **{name: np.concatenate([one[name] for one in pieces]) for name in pieces[0]})
elif kind == "root":
    import uproot
    with uproot.recreate("t.root") as file:
        for one in tables:
            if "t" not in file:
                file.mktree("t", {name: values.dtype for name, values in one.items()})
            file["t"].extend(one)
else:
    import pyarrow, pyarrow.csv, pyarrow.parquet
    writer = None
    for one in map(pyarrow.table, tables):
        make = pyarrow.parquet.ParquetWriter if kind == "parquet" else pyarrow.csv.CSVWriter
        writer = writer or make("t." + kind, one.schema)
        writer.write_table(one)
    writer.close()
"""
WRITE = """
import resource, sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np, pandas as pd
import ratiofarm
rows, rng = int(sys.argv[2]), np.random.default_rng(1)
frame = pd.DataFrame({f"x{k}": rng.normal(size=rows).astype("f4") for k in range(10)}
                     | {"w": rng.uniform(0.5, 1.5, rows), "event": rng.permutation(rows)}, copy=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin, processor = time.perf_counter(), time.process_time()
ratiofarm.write_events("e.h5", {"S": frame}, features=[f"x{k}" for k in range(10)], weight="w", id="event")
print(time.perf_counter() - begin, time.process_time() - processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
"""
READ = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
kind, path = sys.argv[1], "t." + sys.argv[1]
if kind == "root":
    import uproot
elif kind == "parquet":
    import pyarrow.parquet
elif kind == "csv":
    import pyarrow.csv
else:
    import numpy
begin = time.perf_counter()
if kind == "root":
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        uproot.open(path)["t"].arrays(library="np", decompression_executor=threads, interpretation_executor=threads)
elif kind == "parquet":
    pyarrow.parquet.read_table(path)
elif kind == "csv":
    pyarrow.csv.read_csv(path)
else:
    dict(numpy.load(path))
print(time.perf_counter() - begin)
"""


def write_plainly(folder, size):
    """Seconds for so many bytes and their sync."""
    block, begin = os.urandom(1 << 20), time.perf_counter()
    with open(folder / "raw", "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(block)
        os.fsync(file.fileno())
    seconds = time.perf_counter() - begin
    (folder / "raw").unlink()
    return seconds


def measured(words, folder):
    """Seconds, processor seconds and peak memory in MB of a program."""
    begin = time.perf_counter()
    child = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    assert status == 0, words
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000.0


def run(kind, rows, folder):
    if kind == "write_events":
        done = subprocess.run([sys.executable, "-c", WRITE, str(ROOT / "python" / "src"), str(rows)], cwd=folder, check=True, text=True,
                              capture_output=True)
        seconds, processor, peak = map(float, done.stdout.split())
        return seconds, processor, peak / 1000.0, 0.0
    subprocess.run([sys.executable, "-c", MAKE, kind, str(rows), str(PIECE)], cwd=folder, check=True)
    os.sync()
    reading = float(subprocess.run([sys.executable, "-c", READ, kind], cwd=folder, check=True, text=True, capture_output=True).stdout)
    result = measured([sys.executable, str(ROOT / "scripts" / "import_events.py"), "--sample", f"S=t.{kind}", "--features",
                       ",".join(FEATURES), "--weight", "w", "--id", "event", "--out", "e.h5"], folder)
    (folder / f"t.{kind}").unlink()
    return *result, reading


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", default="write_events,npz,root,parquet,csv")
    parser.add_argument("--folder", help="where files are written (default: a temporary folder)")
    options = parser.parse_args()
    print("| from | MB | seconds | processor seconds | plain write, seconds | rate / rate of the plain write | reading alone, seconds | "
          "MB of memory |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in options.only.split(","):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = pathlib.Path(name)
            size = 56 * options.rows
            plain = write_plainly(folder, size)
            seconds, processor, peak, reading = run(kind, options.rows, folder)
            size = (folder / "e.h5").stat().st_size
            plain = (plain + write_plainly(folder, size)) / 2.0
            print(f"| {kind} | {size / 1e6:.0f} | {seconds:.2f} | {processor:.2f} | {plain:.2f} | {plain / seconds:.2f} | "
                  f"{f'{reading:.2f}' if reading else '-'} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The whole job beside what people do by hand: ./run bench campaign [--quick]

The same events, nets, epochs and fit by `ratiofarm run` and by peers/campaign_peer.py, in turns: time on
the wall, processor time, peak memory of all processes, mu. Prints a table in Markdown.
"""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from closed_form import campaign, environment

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from measure import machine, table  # noqa: E402

# name, events a sample, members, epochs, batch, hidden, rounds
CASES = [("12 nets of 2x64, 300,000 events a sample", 300_000, 4, 6, 8192, [64, 64], 3),
         ("1,002 nets of 2x16, 20,000 events a sample", 20_000, 334, 4, 1024, [16, 16], 1)]
QUICK = [("6 nets of 2x16, 20,000 events a sample", 20_000, 2, 2, 1024, [16, 16], 1)]
SPLIT = {"train": 0.5, "validation": 0.05, "inference": 0.45}


def keys(name, events, members, epochs, batch, hidden):
    return {"campaign.name": f'"{name}"', "simulate.events": str(events), "ensemble.members": str(members),
            "training.epochs": str(epochs), "training.batch": str(batch), "network.hidden": str(hidden),
            "training.learning_rate": "4e-3", "training.optimizer": '"nadam"', "training.schedule": '"cosine"',
            "training.patience": "0", **{f"split.{key}": str(value) for key, value in SPLIT.items()}}


class Watch(threading.Thread):
    """Largest sum of the private memory of a process and all that it started."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.25):
            self.peak = max(self.peak, sum(map(self.private, self.family(self.pid))))

    @staticmethod
    def family(pid):
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
            except OSError:
                pass
        family = [pid]
        for each in family:
            family += parents.get(each, [])
        return family

    @staticmethod
    def private(pid):
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            return 0
        return 1024 * sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def adopt_orphans():
    """What outlives its parent counts as ours: trainers, whose launcher ends first."""
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans():
    try:
        while os.waitpid(-1, 0):
            pass
    except ChildProcessError:
        pass


def timed(command, folder, **more):
    """\\return what it printed, seconds, processor seconds of it and its children, peak bytes"""
    begin, before = time.monotonic(), os.times()
    process = subprocess.Popen([str(word) for word in command], cwd=folder, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env=environment(**more))
    watch = Watch(process.pid)
    watch.start()
    text = process.communicate()[0]
    watch.ended.set()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}\n{text[-2000:]}")
    reap_orphans()
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return text, time.monotonic() - begin, used, watch.peak


def case_rows(programs, case, cores, most_rounds):
    name, *setting, rounds = case
    members, epochs, batch, hidden = setting[1:]
    settings = json.dumps({"members": members, "epochs": epochs, "batch": batch, "rate": 4e-3, "hidden": hidden,
                           "cores": cores, **SPLIT})
    found = {"**ratiofarm run**": [], "Python by hand": []}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        (folder / "campaign.toml").write_text(campaign("interference", keys("bench", *setting), gates=False))
        timed([programs / "ratiofarm", "simulate", "campaign.toml"], folder)
        events = next(folder.glob("*.h5"))
        for k in range(min(rounds, most_rounds)):
            _, seconds, used, peak = timed([programs / "ratiofarm", "run", "campaign.toml", "--out", f"run{k}.run", "-n",
                                            cores], folder, OMP_NUM_THREADS="1")
            fit = json.loads((folder / f"run{k}.run" / "fit.json").read_text())
            mu = next(p for p in fit["parameters"] if p["name"] == "mu")
            found["**ratiofarm run**"].append((seconds, used, peak, mu["value"], mu["error"]))
            here = pathlib.Path(__file__).resolve().parent
            text, seconds, used, peak = timed([sys.executable, here / "peers/campaign_peer.py", events, settings], folder)
            answer = json.loads(text.splitlines()[-1])
            found["Python by hand"].append((seconds, used, peak, answer["mu"], answer["error"]))
    best = min(row[0] for row in found["**ratiofarm run**"])
    return [[name if who.startswith("**") else "", who, f"{min(r[0] for r in rows):.1f} s "
             f"({statistics.median(r[0] for r in rows):.1f})", f"{min(r[1] for r in rows):.1f} s",
             f"{max(r[2] for r in rows) / 2**20:.0f} MiB", f"{rows[0][3]:.4f} +- {rows[0][4]:.4f}",
             "" if who.startswith("**") else f"{min(r[0] for r in rows) / best:.2f}x"] for who, rows in found.items()]


def main():
    parser = argparse.ArgumentParser(prog="./run bench campaign", description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--rounds", type=int, default=3, help="at most so many")
    given = parser.parse_args()
    adopt_orphans()
    cores, load = os.cpu_count(), os.getloadavg()[0]
    rows = []
    for case in QUICK if given.quick else CASES:
        if given.only in case[0]:
            rows += case_rows(given.programs.resolve(), case, cores, given.rounds)
            print(rows[-2:], file=sys.stderr, flush=True)
    print(f"{machine()}; load {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    print(table(["job", "program", "seconds, least (median)", "processor", "peak memory (PSS)", "mu",
                 "ratiofarm is faster by"], rows))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a campaign of 100 processes x 1000 members costs the farm itself: ./run bench scale

    scale_table.py --programs DIR --parts DIR [--processes 100] [--members 1000] [--ranks 2]
    scale_table.py ... --processes 20 --jobs 4 --pause 0.1

A trainer that answers at once stands in for the real one (instant_trainer). Memory is the largest
that a rank ever had, without its trainer. With --jobs so many jobs share the trainings, each of
which takes --pause seconds: what claiming them costs. Prints a table in Markdown.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import h5py
import numpy

from closed_form import environment

# Runs a command and writes down its largest memory in MB.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
status, usage = os.wait4(pid, 0)[1:]
name = sys.argv[1] + os.environ.get("OMPI_COMM_WORLD_RANK", "0")
open(name, "w").write(str(usage.ru_maxrss / 1024))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def write_events(path, names, events):
    draw = numpy.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-events", 1
        for number, name in enumerate(names):
            sample = file.create_group(name)
            features = draw.normal(number / len(names), 1, size=(events, 1)).astype("f4")
            sample.create_dataset("features", data=features).attrs["columns"] = ["x"]
            sample.create_dataset("weight", data=numpy.full(events, 10.0 / events))
            sample.create_dataset("id", data=numpy.arange(events, dtype="u8"))


def campaign(names, members):
    lines = ['[campaign]', 'name = "scale"', 'seed = 1', '[events]', 'file = "events.h5"',
             'features = ["x"]', '[split]', 'train = 0.5', 'validation = 0.25', 'inference = 0.25',
             '[parameters]', 'mu = { start = 1.0, range = [0.0, 10.0] }', '[reference]',
             "mixture = { " + ", ".join(f"{name} = 1" for name in names) + " }",
             '[network]', 'hidden = [8]', '[training]', 'batch = 64', 'epochs = 100', '[ensemble]',
             f'members = {members}', '[data]', 'asimov = { mu = 1.0 }', '[inference]', 'poi = "mu"']
    for name in names:
        coefficient = "mu" if name == names[0] else "1"
        lines += ["[[process]]", f'name = "{name}"', f'coefficient = "{coefficient}"']
    return "\n".join(lines) + "\n"


class Runs:
    def __init__(self, programs, trainer, folder):
        self.program, self.trainer, self.folder = str(programs / "ratiofarm"), trainer, folder
        self.rows = []

    def run(self, what, *arguments, ranks=1, codes=(0,)):
        memory = self.folder / "memory"
        command = [sys.executable, "-c", MEASURE, str(memory), self.program, *arguments]
        if ranks > 1:
            command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
        begin, before = time.monotonic(), os.times()
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, text=True,
                              env=environment(RATIOFARM_TRAINER=str(self.trainer), OMP_NUM_THREADS="1"),
                              stderr=open(self.folder / "log", "w"))
        spent, after = time.monotonic() - begin, os.times()
        if done.returncode not in codes:
            sys.exit(f"{what}: exit code {done.returncode}\n" + (self.folder / "log").read_text()[-3000:])
        used = after.children_user + after.children_system - before.children_user - before.children_system
        megabytes = [float((self.folder / f"memory{rank}").read_text()) for rank in range(ranks)]
        row = (what, f"{spent:.1f}", f"{used:.1f}", f"{megabytes[0]:.0f}",
               f"{max(megabytes[1:]):.0f}" if ranks > 1 else "")
        print("| " + " | ".join(row) + " |", flush=True)
        return done.stdout


def share(runs, jobs, ranks, pause):
    """Jobs that join at the same time; the time that their ranks 0 spent with claims."""
    command = [runs.program, "train", "campaign.toml", "--out", "shared", "--join"]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]
    env = environment(RATIOFARM_TRAINER=str(runs.trainer), OMP_NUM_THREADS="1", INSTANT_TRAINER_SECONDS=str(pause))
    logs = [runs.folder / f"job{job}" for job in range(jobs)]
    begin, before = time.monotonic(), os.times()
    farms = [subprocess.Popen(command, cwd=runs.folder, env=env, stdout=subprocess.DEVNULL, stderr=open(log, "w")) for log in logs]
    codes = [farm.wait() for farm in farms]
    after, spent = os.times(), time.monotonic() - begin
    if any(codes):
        sys.exit(f"exit codes {codes}\n" + logs[0].read_text()[-3000:])
    print(f"{jobs} jobs of {ranks} ranks, trainings of {pause} s: {spent:.1f} s, "
          f"{after.children_user + after.children_system - before.children_user - before.children_system:.1f} processor seconds\n")
    print("| job | trainings | seconds of its farms | of rank 0 with claims | share | share of all ranks | processor seconds with claims | share of rank 0 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for number, log in enumerate(logs):
        said = log.read_text()
        seconds = sum(float(s) for s in re.findall(r'farm ended seconds=(\S+)', said))
        claims = re.findall(r'time spent with claims tasks=(\d+) seconds=(\S+) processor_seconds=(\S+)', said)
        tasks, claiming, work = (sum(float(end[k]) for end in claims) for k in range(3))
        print(f"| {number + 1} | {tasks:.0f} | {seconds:.1f} | {claiming:.2f} | {100 * claiming / seconds:.2f} % | "
              f"{100 * claiming / seconds / ranks:.2f} % | {work:.2f} | {100 * work / seconds:.2f} % |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--parts", type=pathlib.Path, required=True)
    parser.add_argument("--processes", type=int, default=100)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--budget", default="", help="stop the farm then, as --time-budget")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds")
    options = parser.parse_args()
    names = [f"process_{number:03}" for number in range(options.processes)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_events(folder / "events.h5", names, 200)
        (folder / "campaign.toml").write_text(campaign(names, options.members))
        runs = Runs(options.programs.resolve(), (options.parts / "instant_trainer").resolve(), folder)
        tasks = options.processes * options.members
        print(f"{options.processes} processes x {options.members} members = {tasks} trainings, "
              f"load average {os.getloadavg()[0]:.0f}\n")
        where = ("campaign.toml", "--out", "run")
        if options.jobs:
            return share(runs, options.jobs, options.ranks, options.pause)
        print("| step | seconds | processor seconds | MB of rank 0 | MB of another rank |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        runs.run("plan", "plan", *where)
        budget = ("--time-budget", options.budget) if options.budget else ()
        runs.run("train", "train", *where, *budget, ranks=options.ranks, codes=(0, 75))
        runs.run("train, up to date", "train", *where, *(budget or ()), ranks=options.ranks,
                 codes=(0, 75))
        runs.run("status", "status", *where)
        runs.run("explain", "explain", f"{names[1]}/member 7", "--out", "run")


main()

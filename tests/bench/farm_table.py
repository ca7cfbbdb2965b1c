#!/usr/bin/env python3
"""What the farm costs beside the trainings: ./run bench farm [--quick]

Real trainings by the real program for the processor time of rank 0 and for checkpoints; runners
that wait, in farm_bench, for messages and short tasks. Prints a table in Markdown.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

from closed_form import campaign, environment

CAMPAIGN = {"campaign.name": '"bench"', "training.epochs": "1000000", "training.learning_rate": "1e-4",
            "training.checkpoint_seconds": "5"}
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n"]
DEFAULT_INTERVAL = 60.0  # seconds between checkpoints, training.checkpoint_seconds


def start_training(programs, folder, hidden, ranks, seconds):
    """A farm of three nets that never end, stopped after so many seconds."""
    (folder / "campaign.toml").write_text(
        campaign("interference", {**CAMPAIGN, "network.hidden": hidden}))
    program = str(programs / "ratiofarm")
    subprocess.run([program, "simulate", "campaign.toml"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(folder / "log", "w") as log:
        return subprocess.Popen(
            [*MPIRUN, str(ranks), program, "train", "campaign.toml", "--out", "run",
             "--time-budget", f"0:{seconds // 60:02}:{seconds % 60:02}"],
            cwd=folder, env=environment(OMP_NUM_THREADS="1"), stdout=log, stderr=log)


def processor_seconds(pid):
    """User and system time of all threads of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rank_0_of(mpirun):
    for child in pathlib.Path(f"/proc/{mpirun}/task/{mpirun}/children").read_text().split():
        variables = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if b"OMPI_COMM_WORLD_RANK=0" in variables:
            return int(child)
    raise SystemExit("rank 0 is not to be found")


def rank_0_share(programs, seconds):
    """Part of a core that rank 0 takes while it and another rank train."""
    with tempfile.TemporaryDirectory() as name:
        farm = start_training(programs, pathlib.Path(name), "[256, 256]", 2, seconds + 20)
        time.sleep(8)
        pid = rank_0_of(farm.pid)
        begin, processor = time.monotonic(), processor_seconds(pid)
        time.sleep(seconds)
        spent, used = time.monotonic() - begin, processor_seconds(pid) - processor
        farm.wait()
        return used / spent


def longest_checkpoint(programs, hidden, seconds):
    """Seconds, as the trainer measured them, of the longest checkpoint of a farm of one rank."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        code = start_training(programs, folder, hidden, 1, seconds).wait()
        text = (folder / "log").read_text()
        if code != 75:
            raise SystemExit(f"exit code {code}\n{text}")
        return float(re.search(r"longest_checkpoint_seconds=(\S+)", text).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--parts", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="shorter, for a look")
    arguments = parser.parse_args()
    programs = arguments.programs.resolve()
    seconds = 10 if arguments.quick else 60
    rows = []

    share = rank_0_share(programs, seconds)
    rows.append((f"rank 0 while two nets train, {seconds} s, 2 ranks", "1 % of a core",
                 f"{100 * share:.2f} %"))
    waiting = json.loads(subprocess.run(
        [*MPIRUN, "2", str(arguments.parts / "farm_bench"),
         f"seconds={seconds // 3}"],
        env=environment(OMP_NUM_THREADS="1"), check=True, stdout=subprocess.PIPE).stdout)
    for case in waiting["waiting"]:
        rows.append((f"rank 0 that gets {case['messages_per_second']:.0f} progress messages a second",
                     "1 % of a core", f"{100 * case['share_of_a_core']:.2f} %"))
    short = waiting["short_tasks"]
    rows.append((f"{short['tasks']} tasks of 10 ms on 2 ranks: time beside the work", "1 ms a task",
                 f"{1e3 * short['overhead_seconds']:.2f} ms"))
    rows.append(("the same: processor time of rank 0", "1 ms a task",
                 f"{1e3 * short['processor_seconds']:.2f} ms"))
    for name, hidden in (("4x256", [256] * 4), ("7x1500", [1500] * 7)):
        longest = longest_checkpoint(programs, hidden, seconds + 30)
        rows.append((f"longest checkpoint of a {name} net ({longest:.3f} s) in an interval of "
                     f"{DEFAULT_INTERVAL:.0f} s", "1 % of training",
                     f"{100 * longest / DEFAULT_INTERVAL:.3f} %"))
    print(f"load average {os.getloadavg()}, {os.cpu_count()} cores\n")
    print("| what | target | here |\n| --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


main()

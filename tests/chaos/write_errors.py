"""Every writing call of a small run fails, one run after the other.

write_errors.py PROGRAMS LIBRARY [--every N] [--one-kind] [--first K] [--ranks 1,2] [--seed S]

A campaign is run once undisturbed, and its writing calls are counted (write_errors.c). Then the
n-th of them fails, once or from there on, with each kind of error. The run must end in time and
with a documented exit code: 0 where the failure did not matter, 2 where another try cannot help
(no permission), 75 otherwise. The same command without the failure must then end with 0 and with
the files of the undisturbed run. --every tries one call in N, with another kind of error each; so does --one-kind with every call.
Each failure is printed at once, so that an interrupted sweep goes on with --first.
"""

import argparse
import errno
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

KINDS = [  # name, errno, forever
    ("EIO once", errno.EIO, False),
    ("EIO from there on", errno.EIO, True),
    ("ENOSPC once", errno.ENOSPC, False),
    ("ENOSPC from there on", errno.ENOSPC, True),
    ("EROFS from there on", errno.EROFS, True),
    ("EACCES once", errno.EACCES, False),
    ("EINTR once", errno.EINTR, False),
    ("half written once", 0, False),
]
SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"


class Runs:
    def __init__(self, programs, library, folder, patience):
        self.programs, self.library, self.folder = programs, library, folder
        self.patience = patience
        self.counter = folder / "counter"

    def start(self, ranks, out, at, error, forever, env):
        command = [str(self.programs / "ratiofarm"), "run", "campaign.toml", "--out", out]
        if ranks > 1:
            command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
        self.counter.write_bytes(bytes(8))
        env = dict(env, OMP_NUM_THREADS="1", LD_PRELOAD=str(self.library),
                   WRITE_ERRORS_FOLDER=str(self.folder / out), WRITE_ERRORS_COUNTER=str(self.counter),
                   WRITE_ERRORS_AT=str(at), WRITE_ERRORS_ERRNO=str(error))
        if forever:
            env["WRITE_ERRORS_FOREVER"] = "1"
        log = open(self.folder / "log", "wb")
        return subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=log,
                                start_new_session=True)

    def run(self, ranks, out, at=0, error=0, forever=False):
        """Exit code, or None where the run did not end in time."""
        process = self.start(ranks, out, at, error, forever, os.environ)
        try:
            return process.wait(self.patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None

    def calls(self):
        return int.from_bytes(self.counter.read_bytes(), "little")

    def content(self, out):
        """Digests of all datasets, and the bytes of fit.json."""
        text = subprocess.run([self.programs / "ratiofarm", "verify", "--json", "--out", out],
                              cwd=self.folder, check=True, capture_output=True, text=True).stdout
        lines = [line for line in text.splitlines() if '"/' in line]
        return lines, (self.folder / out / "fit.json").read_bytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--one-kind", action="store_true")
    parser.add_argument("--first", type=int, default=1, help="call to begin with")
    parser.add_argument("--patience", type=float, default=90, help="seconds for one run")
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    runs = Runs(options.programs.resolve(), options.library.resolve(), folder,
                options.patience)
    campaign = subprocess.run(
        [sys.executable, SUPPORT / "toy_campaign.py", "interference", "--no-gates", "simulate.events=400",
         "training.epochs=1", "ensemble.members=1", "network.hidden=[8]"],
        check=True, capture_output=True, text=True).stdout
    (folder / "campaign.toml").write_text(campaign)
    subprocess.run([runs.programs / "ratiofarm", "simulate", "campaign.toml"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    random.seed(options.seed)
    faults, tried = [], 0

    def fault(text):
        faults.append(text)
        print("FAULT", text, flush=True)

    codes = {}
    for ranks in map(int, options.ranks.split(",")):
        if runs.run(ranks, f"calm{ranks}") != 0:
            sys.exit("the undisturbed run failed: " + (folder / "log").read_text())
        calls, calm = runs.calls(), runs.content(f"calm{ranks}")
        for at in range(options.first + random.randrange(options.every), calls + 1, options.every):
            one = options.one_kind or options.every > 1
            kinds = [random.choice(KINDS)] if one else KINDS
            for name, error, forever in kinds:
                where = f"{ranks} ranks, call {at} of {calls}, {name}"
                tried += 1
                code = runs.run(ranks, "broken", at, error, forever)
                codes[code] = codes.get(code, 0) + 1
                print(f"{where}: exit code {code}", flush=True)
                log = (folder / "log").read_text(errors="replace")
                # MPI itself may fail where it writes; mpirun then gives 1.
                if code not in (0, 2, 75) or (code == 2 and error != errno.EACCES):
                    fault(f"{where}: exit code {code}\n{log[-2000:]}")
                if code is None:
                    shutil.rmtree(folder / "broken", ignore_errors=True)
                    continue
                again = runs.run(ranks, "broken")
                if again != 0:
                    log = (folder / "log").read_text(errors="replace")
                    fault(f"{where}: exit code {again} of the rerun\n{log[-2000:]}")
                elif runs.content("broken") != calm:
                    fault(f"{where}: other bits after the rerun")
                shutil.rmtree(folder / "broken", ignore_errors=True)
    print(f"{tried} failures, exit codes {codes}, {len(faults)} faults")
    shutil.rmtree(folder)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

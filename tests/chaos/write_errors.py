"""Every writing call of a small run fails, or every file that is read is damaged, run after run.

write_errors.py PROGRAMS LIBRARY [--reads] [--every N] [--one-kind] [--only TEXT] [--ranks 1,2]
    [--seed S] [--stages A,B]

A campaign is run once undisturbed, stage by stage, and its writing calls are traced
(write_errors.c). Then the n-th call of a stage fails, once or from there on, with each kind of
error. The stage must end in time and with a documented exit code: 0 where the failure did not
matter, 2 where another try cannot help (no permission), 75 otherwise. The same command without the
failure must then end with 0 and with every byte of the undisturbed run.
--every tries one call in N, with another kind of error each. --one-kind tries every call with one
kind, and every kind with each class of calls: those of one name and one kind of file.
--only: calls on files whose names contain TEXT.
--reads: instead, each file of the run that is opened to be read is removed or shortened just
before: the whole chain ends with 0 or 75, never as if that were the user's mistake.
"""

import argparse
import collections
import errno
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile


def kind(name, error, forever=False):
    """Name of a kind of failure and what write_errors.c is told."""
    return name, {"WRITE_ERRORS_ERRNO": str(error), **({"WRITE_ERRORS_FOREVER": "1"} if forever else {})}


WRITE_KINDS = [
    kind("EIO once", errno.EIO),
    kind("EIO from there on", errno.EIO, True),
    kind("ENOSPC once", errno.ENOSPC),
    kind("ENOSPC from there on", errno.ENOSPC, True),
    kind("EROFS from there on", errno.EROFS, True),
    kind("EACCES once", errno.EACCES),
    kind("EINTR once", errno.EINTR),
    kind("half written once", 0),
]
READ_KINDS = [(word, {"WRITE_ERRORS_READS": word}) for word in ("removed", "shortened")]
STAGES = {
    "train": [], "gather": [], "infer": [], "fit": [], "toys": ["--toys", "20", "--block", "10"],
    "report": []}
SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"


def class_of(call):
    """Name of the call and kind of its file."""
    name, path = call
    path = re.sub(r"[0-9a-f]{32}|\.\d+\.", lambda found: "." if "." in found[0] else "TASK", path)
    return name, re.sub(r"tasks/[0-9a-f]{2}\b", "tasks/XX", path)


class Runs:
    def __init__(self, options, folder):
        self.programs, self.library = options.programs.resolve(), options.library.resolve()
        self.patience, self.folder = options.patience, folder
        self.counter, self.trace = folder / "counter", folder / "trace"
        self.log = folder / "log"
        self.kinds = READ_KINDS if options.reads else WRITE_KINDS

    def kinds_of(self, call):
        """Only calls that write bytes can write half of them."""
        is_short = lambda kind: kind[1].get("WRITE_ERRORS_ERRNO") == "0"
        return [kind for kind in self.kinds
                if not is_short(kind) or call[0] in ("write", "pwrite", "pwrite64")]

    def run(self, ranks, stage, at=0, kind=None):
        """Exit code of a stage in the folder "run", or None where it did not end in time."""
        command = [self.programs / "ratiofarm", stage, "campaign.toml", "--out", "run",
                   *STAGES.get(stage, [])]
        if ranks > 1:
            command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
        self.counter.write_bytes(bytes(8))
        self.trace.unlink(missing_ok=True)
        env = dict(os.environ, OMP_NUM_THREADS="1", LD_PRELOAD=str(self.library),
                   WRITE_ERRORS_FOLDER=str(self.folder / "run"), WRITE_ERRORS_TRACE=str(self.trace),
                   WRITE_ERRORS_COUNTER=str(self.counter), WRITE_ERRORS_AT=str(at),
                   **(kind or self.kinds[0])[1])
        with open(self.log, "wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=log,
                                       start_new_session=True)
        try:
            return process.wait(self.patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None

    def expect_no_links(self):
        """Where links cannot be made a job that joins says so, and what remains."""
        self.run(1, "train")
        at = next(n for n, (name, path) in enumerate(self.calls(), 1) if name == "symlink" and "/test." in path)
        shutil.rmtree(self.folder / "run")
        code = self.run(1, "train", at, kind("no links", errno.EOPNOTSUPP))
        said = self.log.read_text()
        if code != 2 or "Divide the trainings by --shard" not in said:
            sys.exit(f"exit code {code} where links cannot be made: {said}")
        shutil.rmtree(self.folder / "run")

    def calls(self):
        """(name, path) of each writing call of the last run, in their order."""
        calls = {}
        for line in self.trace.read_text().splitlines() if self.trace.exists() else []:
            number, name, path = line.split(" ", 2)
            calls[int(number)] = name, path.removeprefix(str(self.folder / "run")).lstrip("/")
        return [calls[number] for number in sorted(calls)]

    def content(self):
        """Every file that does not hold times, with its bytes. What was set aside as damaged stays;
        so does, for a minute, what somebody writes who comes for the lock, and until the next farm
        what report left half written: it does not know whether another one writes it."""
        def counts(name):
            is_kept = name.endswith(".damaged") or (
                name.startswith(("lock", "report.html.")) and name.endswith(".partial"))
            return not is_kept and not name.startswith("journal.") and name not in ("turn", "report.html")

        files = (self.folder / "run").rglob("*")
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in files
                if file.is_file() and counts(file.name)}

    def restore(self, kept):
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        if kept.exists():
            shutil.copytree(kept, self.folder / "run")


class Sweep:
    def __init__(self, runs, options):
        self.runs, self.options = runs, options
        self.tried, self.codes, self.faults = 0, collections.Counter(), []
        self.hit = collections.defaultdict(set)  # class of calls to kinds that it failed with

    def fault(self, text):
        self.faults.append(text)
        print("FAULT", text, self.runs.log.read_text(errors="replace")[-2000:], sep="\n", flush=True)

    def chosen(self, calls):
        """(number of the call, kind) of all failures of a stage."""
        wanted = [at for at, call in enumerate(calls, 1) if self.options.only in call[1]]
        if not self.options.one_kind:
            for at in wanted[random.randrange(self.options.every)::self.options.every]:
                kinds = self.runs.kinds_of(calls[at - 1])
                yield from ((at, kind) for kind in
                            (kinds if self.options.every == 1 else [random.choice(kinds)]))
            return
        classes = collections.defaultdict(list)
        for at in wanted:
            classes[class_of(calls[at - 1])].append(at)
        for members in classes.values():
            kinds = self.runs.kinds_of(calls[members[0] - 1])
            random.shuffle(kinds)
            for i in range(max(len(members), len(kinds))):
                yield members[i % len(members)], kinds[i % len(kinds)]

    def try_call(self, ranks, stage, at, kind, kept, calm):
        self.runs.restore(kept)
        self.tried += 1
        code = self.runs.run(ranks, stage, at, kind)
        calls = self.runs.calls()
        call = calls[at - 1] if at <= len(calls) else ("none", "")
        self.hit[class_of(call)].add(kind[0])
        self.codes[code] += 1
        where = f"{ranks} ranks, {stage}, call {at}, {' '.join(call)}, {kind[0]}"
        print(f"{where}: exit code {code}", flush=True)
        if code not in (0, 2, 75) or (code == 2 and not kind[0].startswith("EACCES")):
            self.fault(f"{where}: exit code {code}")
        if code is None:
            return
        again = self.runs.run(ranks, stage)
        if again != 0:
            self.fault(f"{where}: exit code {again} of the rerun")
        elif (content := self.runs.content()) != calm:
            names = {*calm, *content}
            different = [name for name in names if calm.get(name) != content.get(name)]
            self.fault(f"{where}: other bytes after the rerun: {', '.join(sorted(different))}")

    def sweep(self, ranks):
        runs = self.runs
        shutil.rmtree(runs.folder / "run", ignore_errors=True)
        for stage in ["run"] if self.options.reads else STAGES:
            kept = runs.folder / "kept"
            shutil.rmtree(kept, ignore_errors=True)
            if (runs.folder / "run").exists():
                shutil.copytree(runs.folder / "run", kept)
            if runs.run(ranks, stage) != 0:
                sys.exit("the undisturbed run failed: " + runs.log.read_text())
            calls, calm = runs.calls(), runs.content()
            if stage not in ("run", *self.options.stages):
                continue
            print(f"{ranks} ranks, {stage}: {len(calls)} calls", flush=True)
            for at, kind in self.chosen(calls):
                self.try_call(ranks, stage, at, kind, kept, calm)
            runs.restore(kept)
            if runs.run(ranks, stage) != 0:
                sys.exit("the undisturbed run failed: " + runs.log.read_text())


def options_of():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--reads", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--join", action="store_true", help="train as a job that may have others beside it")
    parser.add_argument("--one-kind", action="store_true")
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--stages", default=",".join(STAGES), help="those of which calls fail")
    parser.add_argument("--patience", type=float, default=90, help="seconds for one run")
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.stages = options.stages.split(",")
    if options.join:
        STAGES["train"] = ["--join", "--lease", "1"]
    return options


def main():
    options = options_of()
    folder = pathlib.Path(tempfile.mkdtemp()).resolve()
    runs = Runs(options, folder)
    campaign = subprocess.run(
        [sys.executable, SUPPORT / "toy_campaign.py", "signal", "--no-gates", "simulate.events=400",
         "training.epochs=1", "training.batch=256", "network.hidden=[8]"],
        check=True, capture_output=True, text=True).stdout
    (folder / "campaign.toml").write_text(campaign)
    subprocess.run([runs.programs / "ratiofarm", "simulate", "campaign.toml"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    random.seed(options.seed)
    if options.join:
        runs.expect_no_links()
    sweep = Sweep(runs, options)
    for ranks in map(int, options.ranks.split(",")):
        sweep.sweep(ranks)
    for (name, path), kinds in sorted(sweep.hit.items()):
        print(f"  {len(kinds)} kinds  {name} {path}")
    print(f"{sweep.tried} failures of {len(sweep.hit)} classes of calls, exit codes "
          f"{dict(sweep.codes)}, {len(sweep.faults)} faults")
    shutil.rmtree(folder)
    sys.exit(1 if sweep.faults else 0)


if __name__ == "__main__":
    main()

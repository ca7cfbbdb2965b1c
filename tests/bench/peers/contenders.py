"""Programs that take orders (peer_process.py), alone on all cores or one on each, and what they
need for some steps. All that compete in a row of the table are open at the same time and take turns."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Program:
    """One process; `core` binds it."""

    def __init__(self, command, core=None, log=None, environment=None):
        bind = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen([*bind, *map(str, command)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=log, text=True,
                                        env=environment)

    def send(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.process.args)} ended without an answer")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Pool:
    """Programs by (kind, layout), started when first asked for. Layout "2 threads": one process on
    all cores; "1 thread": one process on the first core; "2 x 1": one process on each core; "one
    process": for a GPU."""

    LAYOUTS = {"2 threads": [(2, None)], "1 thread": [(1, 0)], "2 x 1": [(1, 0), (1, 1)],
               "one process": [(4, None)]}

    def __init__(self, trainer_bench, log, device="cpu"):
        python = sys.executable
        self.commands = {"ours": [trainer_bench], "torch": [python, HERE / "torch_trainer.py"],
                         "jax": [python, HERE / "jax_trainer.py"]}
        self.programs, self.log = {}, log
        self.on = [] if device == "cpu" else [device]
        self.environment = None  # of ours, if it needs another

    def get(self, kind, layout):
        """The processes of a layout; those bound to a core are shared between layouts."""
        return [self._one(kind, *place) for place in self.LAYOUTS[layout]]

    def _one(self, kind, threads, core):
        key = (kind, threads, core)
        if key not in self.programs:
            self.programs[key] = Program([*self.commands[kind], threads, *self.on], core, self.log,
                                         self.environment if kind == "ours" else None)
        return self.programs[key]

    def drop(self, kind):
        """Ends the programs of a kind, and so gives back their memory."""
        for key in [k for k in self.programs if k[0] == kind]:
            self.programs.pop(key).end()

    def close(self):
        for kind in list(self.commands):
            self.drop(kind)


class Contender:
    """One way to train the nets of a case."""

    by_processor = False  # what counts: processor seconds, not those elapsed

    def __init__(self, pool, name, kind, variant, layout):
        self.pool, self.name, self.kind, self.variant, self.layout = pool, name, kind, variant, layout
        self.seconds, self.processor, self.first, self.loss, self.steps = [], [], None, None, 0

    def open(self, case, purpose="train"):
        """To train, every process gets its share of the nets; to evaluate, all of them and its share
        of the events."""
        self.programs, self.case = self.pool.get(self.kind, self.layout), case
        self.key = f"{purpose}, {self.variant}, {self.layout}"
        shares = self.cuts(case.nets) if purpose == "train" else [(0, case.nets)] * len(self.programs)
        for program, (first, count) in zip(self.programs, shares):
            program.send(do="open", key=self.key, folder=case.folder, first=first, count=count,
                         variant=self.variant, purpose=purpose)
        for program in self.programs:
            program.answer()

    def cuts(self, count):
        """[(first, count)] of the processes."""
        ends = [count * k // len(self.programs) for k in range(len(self.programs) + 1)]
        return [(a, b - a) for a, b in zip(ends[:-1], ends[1:])]

    def _all(self, each=None, **order):
        for k, program in enumerate(self.programs):
            program.send(key=self.key, **order, **(each[k] if each else {}))
        return [program.answer() for program in self.programs]

    def warm(self, steps, rounds):
        """Steps that do not count; programs are compiled in the first round."""
        for _ in range(rounds):
            self.run(steps)
        self.first = steps * self.seconds[0]
        self.seconds, self.processor = [], []

    def run(self, steps):
        """All processes work side by side: the slowest counts."""
        self.steps += steps
        self._keep(self._all(do="run", steps=steps), steps)

    def _keep(self, answers, steps=1):
        clock = "processor" if self.by_processor else "seconds"
        self.seconds.append(max(a[clock] for a in answers) / steps)
        self.processor.append(sum(a["processor"] for a in answers) / steps)

    def validate(self):
        losses = [a["loss"] for a in self._all(do="loss")]
        counts = [count for _, count in self.cuts(self.case.nets)]
        self.loss = sum(n * x for n, x in zip(counts, losses)) / self.case.nets

    def evaluate(self, count):
        """Mean and spread of the first events."""
        each = [{"first": a, "count": n} for a, n in self.cuts(count)]
        answers = self._all(each, do="evaluate")
        self._keep(answers)
        return answers[0]["mean"], answers[0]["spread"]

    def close(self):
        self._all(do="close")


def load_text():
    return ", ".join(f"{x:.1f}" for x in os.getloadavg())

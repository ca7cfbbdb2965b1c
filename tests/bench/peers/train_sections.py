"""The parts of ./run bench train. Each measures and returns Markdown."""

import json
import subprocess
from dataclasses import dataclass, field

import numpy as np

from contenders import Contender
from measure import Unequal, least, median, ratio_text, seconds_text, table
from training_problem import Case, write

BOTH, SPLIT, ONE = "2 threads", "2 x 1", "1 thread"


@dataclass
class Family:
    """Ways to do the same with one program; the fastest of them is what counts."""
    name: str
    kind: str
    ways: list        # (variant, layout)
    precision: str = "fp32"


def ways(*variants, layouts=(SPLIT, BOTH)):
    return [(variant, layout) for variant in variants for layout in layouts]


def on_one_core(families):
    """The same programs, each with one thread on the first core."""
    name = lambda f: f.name.replace("two trainers side by side", "net by net")
    return [Family(name(f), f.kind, list(dict.fromkeys((variant, ONE) for variant, _ in f.ways)),
                   f.precision) for f in families]


def one_net(layouts):
    """What trains a single net."""
    families = []
    for p in ("fp32", "bf16"):
        families += [Family("**ours**", "ours", ways(p, layouts=layouts), p),
                     Family("PyTorch eager", "torch", ways(f"eager {p}", layouts=layouts), p),
                     Family("torch.compile", "torch", ways(f"compile {p}", layouts=[BOTH]), p),
                     Family("JAX jit", "jax", ways(f"jit {p}", layouts=layouts), p)]
    return families


def many_nets():
    """What trains an ensemble: one process with all cores, or one on each core."""
    return [Family("**ours**, two trainers side by side", "ours", [("fp32", SPLIT)]),
            Family("**ours**, packed", "ours", ways("pack fp32")),
            Family("PyTorch eager, net by net", "torch", ways("eager fp32")),
            Family("torch.compile, net by net", "torch", [("compile fp32", SPLIT)]),
            Family("torch.func vmap", "torch", ways("vmap fp32")),
            Family("JAX jit, net by net", "jax", [*ways("jit fp32"), ("jit scan fp32", SPLIT)]),
            Family("JAX vmap", "jax", [*ways("vmap fp32"), ("vmap scan fp32", SPLIT)]),
            Family("**ours**, two trainers side by side", "ours", [("bf16", SPLIT)], "bf16"),
            Family("PyTorch eager, net by net", "torch", [("eager bf16", SPLIT)], "bf16"),
            Family("JAX jit, net by net", "jax", [("jit bf16", SPLIT)], "bf16")]


def nets_of_particles():
    """What trains nets of particle lists: each net on a core of its own, or all cores on each."""
    return [Family("**ours**", "ours", [("fp32", SPLIT)]),
            Family("PyTorch eager", "torch", ways("eager fp32")),
            Family("torch.compile", "torch", [("compile fp32", SPLIT)]),
            Family("JAX jit", "jax", ways("jit fp32"))]


def particle_rows():
    """A net for each core. Events have from a quarter of the slots to all of them, or all."""
    def row(kind, slots, batch, width, blocks, steps, columns=3, full=False, heads=4):
        size = f"{slots} particles" if full else f"{slots // 4} to {slots} particles"
        case = Case(f"{kind}, width {width}, {blocks} blocks, {size}, B = {batch}", [width], batch, 2,
                    events=8192, validation=2048, inputs=0, kind=kind, slots=slots, full=full,
                    columns=columns, width=width, blocks=blocks, heads=heads)
        return Row(case, nets_of_particles(), steps, 5)

    return [row("deep_sets", 16, 1024, 64, 2, 20), row("deep_sets", 30, 512, 64, 2, 20),
            row("deep_sets", 16, 1024, 64, 2, 20, full=True),
            row("lorentz", 16, 512, 32, 3, 2, columns=0), row("lorentz", 10, 1024, 32, 3, 2, columns=0),
            row("lorentz", 4, 1024, 32, 3, 4, columns=0, full=True),
            row("lorentz", 16, 512, 32, 3, 2, columns=0, full=True), row("graph", 16, 512, 32, 2, 3),
            row("transformer", 16, 512, 32, 2, 3), row("pelican", 16, 512, 16, 2, 2, columns=0)]


@dataclass
class Row:
    """A case, what competes in it, and how long."""
    case: Case
    families: list
    steps: int    # of a round
    rounds: int   # that are timed, after two that are not and one that chooses
    first_loss: float = 0.0   # before any step, of rows of particle lists


@dataclass
class Settings:
    quick: bool
    only: list = field(default_factory=list)   # parts of names of cases
    one_core: bool = False

    def rows(self):
        wide = lambda batch: Case(f"7x1500, B = {batch}", [1500] * 7, batch, rate=1e-4,
                                  events=16384, validation=4096)
        small = lambda width: Case(f"32 nets of 3x{width}, B = 1024", [width] * 3, 1024, 32)
        rows = [Row(wide(1024), one_net([BOTH]), 1, 7),
                Row(wide(4096), [f for f in one_net([BOTH]) if f.name != "torch.compile"], 1, 3),
                Row(Case("4x256, B = 1024", [256] * 4, 1024), one_net([BOTH, ONE]), 20, 9),
                Row(small(64), many_nets(), 10, 7), Row(small(128), many_nets(), 5, 7),
                Row(small(256), many_nets(), 2, 7), *particle_rows()]
        if self.quick and not self.only:
            rows = rows[2:4]
        if self.quick:
            rows = [Row(r.case, r.families, max(1, r.steps // 4), 2) for r in rows]
        if self.one_core:
            rows = [Row(r.case, on_one_core(r.families), r.steps, r.rounds) for r in rows]
        return [r for r in rows if not self.only or any(part in r.case.name for part in self.only)]


def gemm_rates(pool, known, kinds=("torch", "jax"), precisions=("fp32", "bf16"), layout=BOTH,
               width=1500):
    """FLOP per second of a product of so many rows and columns: the best of PyTorch and JAX, and of all
    times this was asked."""
    for kind in kinds:
        program = pool.get(kind, layout)[0]
        for precision in precisions:
            program.send(do="gemm", precision=precision, width=width, repeats=8)
            known[precision] = max(known.get(precision, 0.0), program.answer()["rate"])
    return known


def trials(row, pool, note):
    """Opens every way of every family, warms it up and keeps the fastest of each."""
    finalists = []
    for family in row.families:
        tried = []
        for variant, layout in family.ways:
            contender = Contender(pool, family.name, family.kind, variant, layout)
            contender.precision = family.precision
            contender.open(row.case)
            if row.case.of_particles():
                expect_first_loss(row, contender, finalists)
            contender.warm(row.steps, rounds=2)
            contender.run(row.steps)
            tried.append(contender)
            note(f"{row.case.name}: {family.name}, {variant}, {layout}: {contender.first:.2f} s for "
                 f"the first {row.steps} steps, then {contender.seconds[-1] * 1e3:.2f} ms a step")
        tried.sort(key=lambda c: c.seconds[-1])
        for slower in tried[1:]:
            slower.close()
        finalists.append(tried[0])
    return finalists


def expect_first_loss(row, contender, others):
    """Every program computes the same function of the same weights before any is trained."""
    contender.validate()
    row.first_loss = contender.loss if not others else row.first_loss
    if not abs(contender.loss - row.first_loss) < 2e-5 * max(1.0, row.first_loss):
        raise Unequal(f"{row.case.name}: {contender.name}: the loss before the first step is "
                      f"{contender.loss:.6f}, ours is {row.first_loss:.6f}")


def training_section(pool, row, folder, note):
    write(row.case, folder)
    finalists = trials(row, pool, note)
    for _ in range(row.rounds):
        for contender in finalists:
            contender.run(row.steps)
    for contender in finalists:
        contender.validate()
        contender.close()
    return row, finalists


def particle_table(row, finalists):
    """Times of a step of each net. Processor seconds are those of all threads."""
    case, ours = row.case, finalists[0]
    best = least(ours.processor) / case.nets
    lines = []
    for c in finalists:
        processor = least(c.processor) / case.nets
        lines.append([c.name, f"{c.variant}, {c.layout}",
                      f"{seconds_text(least(c.seconds))} ({seconds_text(median(c.seconds))})",
                      seconds_text(processor),
                      "" if c is ours else f"{ratio_text(least(c.seconds) / least(ours.seconds))}",
                      "" if c is ours else ratio_text(processor / best), seconds_text(c.first),
                      f"{c.loss:.5f}"])
    text = (f"### {case.name}\n\n{case.parameters():,} parameters, {case.nets} nets; loss "
            f"{row.first_loss:.5f} before the first step in all programs, shown after "
            f"{finalists[0].steps} steps of each net.\n\n")
    return text + table(["program", "best way", "a step of both nets, least (median)",
                         "processor time of a step of one net", "ours is faster by",
                         "by processor time", f"first {row.steps} steps, with compiling",
                         "validation loss"], lines)


def training_table(row, finalists, rates):
    """Losses may differ by the order of the events and by the precision."""
    if row.case.of_particles():
        return particle_table(row, finalists)
    best = {p: min(least(c.seconds) for c in finalists if c.kind == "ours" and c.precision == p)
            for p in {c.precision for c in finalists}}
    lines = []
    for c in finalists:
        fastest, flop = least(c.seconds), row.case.flop()
        lines.append([c.name, c.precision, f"{c.variant}, {c.layout}",
                      f"{seconds_text(fastest)} ({seconds_text(median(c.seconds))})",
                      f"{flop / fastest / 1e9:.1f}", f"{100 * flop / fastest / rates[c.precision]:.0f} %",
                      "" if c.kind == "ours" else ratio_text(fastest / best[c.precision]),
                      seconds_text(c.first), f"{c.loss:.5f}"])
    case = row.case
    text = (f"### {case.name}\n\n{case.parameters():,} parameters, {case.nets} net(s), "
            f"{case.flop() / 1e9:.2f} GFLOP a step of all nets; loss after {finalists[0].steps} steps "
            f"of each net.\n\n")
    return text + table(["program", "precision", "best way", "a step, least (median)", "GF/s",
                         "of the GEMM rate", "ours is faster by", f"first {row.steps} steps, with compiling",
                         "validation loss"], lines)


def evaluation_families():
    return [Family("**ours**, from mapped events to the published file", "ours", [("fp32", SPLIT)]),
            Family("PyTorch eager, net by net", "torch", ways("eager fp32")),
            Family("torch.func vmap", "torch", ways("vmap fp32")),
            Family("JAX jit, net by net", "jax", ways("jit fp32")),
            Family("JAX vmap", "jax", ways("vmap fp32")),
            Family("**ours**, from mapped events to the published file", "ours", [("bf16", SPLIT)],
                   "bf16"),
            Family("PyTorch eager, net by net", "torch", [("eager bf16", SPLIT)], "bf16")]


def evaluation_contender(pool, family, case, count):
    """The faster way of a family, warm. \\return it, its mean and spread"""
    tried = []
    for variant, layout in family.ways:
        contender = Contender(pool, family.name, family.kind, variant, layout)
        contender.precision = family.precision
        contender.open(case, "evaluate")
        contender.evaluate(count)
        contender.first = contender.seconds.pop()
        result = contender.evaluate(count)
        tried.append((contender.seconds[-1], len(tried), contender, result))
    tried.sort()
    for _, _, contender, _ in tried[1:]:
        contender.close()
    return tried[0][2], tried[0][3]


def expect_equal(name, precision, ours, theirs):
    for what, a, b in zip(("mean", "spread"), ours, theirs):
        error = np.abs(np.array(a) - np.array(b)).max()
        if not error < {"fp32": 2e-5, "tf32": 5e-3, "bf16": 0.1}[precision]:
            raise Unequal(f"evaluation, {name}, {precision}: {what} differs from ours by {error:.2e}")


def evaluation_section(pool, case, count, rounds, rates, note, families):
    finalists = []
    for family in families:
        contender, result = evaluation_contender(pool, family, case, count)
        ours = result if not finalists else ours
        expect_equal(family.name, family.precision, ours, result)
        note(f"evaluation, {case.name}: {family.name}, {contender.variant}, {contender.layout}: "
             f"{contender.seconds[-1]:.3f} s")
        finalists.append(contender)
    for _ in range(rounds):
        for contender in finalists:
            contender.evaluate(count)
    lines = []
    for c in finalists:
        best = min(least(x.seconds) for x in finalists
                   if x.kind == "ours" and x.precision == c.precision)
        rate = case.nets * count / least(c.seconds)
        flop = 2.0 * case.parameters() * rate
        lines.append([c.name, c.precision, f"{c.variant}, {c.layout}", f"{rate / 1e6:.2f} M",
                      f"{case.nets * count / median(c.seconds) / 1e6:.2f} M",
                      f"{100 * flop / rates[c.precision]:.0f} %",
                      "" if c.kind == "ours" else ratio_text(least(c.seconds) / best)])
        c.close()
    return (f"### Evaluation: {case.nets} nets of {case.name.split('of ')[-1].split(',')[0]} on {count:,} "
            "events\n\n" +
            table(["program", "precision", "best way", "event-nets/s, best", "median",
                   "of the GEMM rate", "ours is faster by"], lines))


def start_section(program, trainer, rounds):
    """One process per task against one that stays."""
    answer = json.loads(subprocess.run([program, trainer, str(rounds)], stdout=subprocess.PIPE,
                                       text=True, check=True).stdout)
    line = lambda name, seconds: [name, f"{seconds_text(least(seconds))} ({seconds_text(median(seconds))})"]
    return ("### A process per task against a persistent worker\n\n"
            f"The same task, a training of {answer['task']}, from asking to its published result; "
            f"{rounds} times each, in turns.\n\n" +
            table(["", "seconds of a task, least (median)"],
                  [line("a trainer started for the task", answer["started"]),
                   line("of that: until it says hello", answer["hello"]),
                   line("a task sent to a running trainer", answer["persistent"])]))

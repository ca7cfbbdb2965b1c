#!/usr/bin/env python3
"""Networks of particle lists beside MLPs, on events whose ratio of densities is known.

    particle_study.py --bin build/release/bin --out FOLDER [--only set,mass,resonances]
                      [--events N ...] [--kinds NAME ...] [--seeds K ...] [--members M]

set: a marked Poisson process, particles with one column. mass: two massless particles from a boosted
resonance. resonances: two resonances in four particles that nobody paired. Each net is trained by
ratiofarm from events.h5 to ratios.h5; printed are, on 40,000 events that no net has seen, the excess of
the cross-entropy over that of the exact ratio and the rms error of ln r, in the order of the seeds, each with events
and nets of its own. "what the events allow": a logistic regression on what the exact ratio is made of, with a few
terms more (Problem.statistics), fitted to the same training events. Golden events and the optimum of each problem are
checked first. Nets of lists see nothing else (features = []), those
of sets the number of particles, since 1.8 % of the events have none.
"""
import argparse
import os
import pathlib
import subprocess
import time

import h5py
import numpy as np

import ratiofarm

MOMENTA = ["E", "px", "py", "pz"]
TEST = 20000


def directions(n, rng):
    z, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    side = np.sqrt(1 - z**2)
    return np.stack([side * np.cos(phi), side * np.sin(phi), z], axis=1)


def boosted(p, direction, beta):
    """Momenta [n, k, 4] after boosts [n, 3] and [n]."""
    gamma = (1 / np.sqrt(1 - beta**2))[:, None]
    along = (p[..., 1:] * direction[:, None]).sum(2)
    energy = gamma * (p[..., 0] + beta[:, None] * along)
    more = (gamma - 1) * along + gamma * beta[:, None] * p[..., 0]
    return np.concatenate([energy[..., None], p[..., 1:] + more[..., None] * direction[:, None]], 2)


def decay(mass, rng):
    """Two massless particles of a mass at rest, [n, 2, 4]."""
    half = mass[:, None] / 2
    p = directions(len(mass), rng) * half
    return np.stack([np.concatenate([half, p], 1), np.concatenate([half, -p], 1)], 1)


def random_boost(p, rng):
    return boosted(p, directions(len(p), rng), rng.uniform(0, 0.8, len(p)))


class Set:
    """n ~ Poisson(4 or 5), marks N(0, 1) or N(0.3, 1.2^2), at most 20 of them."""
    optimum, yields = 0.59954, (5.0, 4.0)

    def events(self, signal, n, rng):
        counts = np.minimum(rng.poisson(5.0 if signal else 4.0, n), 20)
        marks = rng.normal(size=(n, 20))
        marks = 0.3 + 1.2 * marks if signal else marks
        return [marks[k, :counts[k]] for k in range(n)]

    def log_ratio(self, events):
        one = lambda x: -0.5 * ((x - 0.3) / 1.2) ** 2 - np.log(1.2) + 0.5 * x**2
        return np.array([len(x) * np.log(1.25) - 1.0 + one(x).sum() for x in events])

    def golden(self):
        return [([np.array([])], -1.0), ([np.array([1.0])], -0.6293168944),
                ([np.array([-2.0, 0.5, 3.0])], 1.3655215391)]

    def table(self, events):
        """The lists, and padded slots with their mask as an MLP wants them: a slot that no event
        fills would be a constant, which no training takes, and hardly any fills the 12th."""
        slots = np.zeros((len(events), 20))
        mask = np.zeros((len(events), 20))
        for k, x in enumerate(events):
            slots[k, :len(x)], mask[k, :len(x)] = np.sort(x), 1
        columns = {f"x{k}": slots[:, k] for k in range(11)} | {f"m{k}": mask[:, k] for k in range(11)}
        columns["n"] = np.array([len(x) for x in events], dtype=float)
        return columns, {"mark": events}

    def statistics(self, events):
        """Exact with four; moments of third order beside them."""
        sums = [[(x**k).sum() for k in (1, 2, 3)] for x in events]
        n = np.array([len(x) for x in events], dtype=float)
        return np.column_stack([np.ones(len(n)), n, n**2, sums])

    def kinds(self):
        flat = [f"x{k}" for k in range(11)] + [f"m{k}" for k in range(11)]
        return {"MLP of 11 padded slots and mask": (flat, 'hidden = [64, 64, 64]'),
                "deep_sets": (["n"], 'kind = "deep_sets"\nparticles = ["mark"]\nwidth = 32\nmax_particles = 20')}

    def training(self, events):
        return f"epochs = {60 if events < 5000 else 12}\nbatch = 128\nlearning_rate = 2e-3"


class Momenta:
    """Events are arrays [n, particles, 4], the hardest first."""

    def table(self, events):
        order = np.argsort(-np.hypot(events[:, :, 1], events[:, :, 2]), axis=1)
        events = np.take_along_axis(events, order[..., None], 1)
        columns = {f"{c}{k}": events[:, k, j]
                   for k in range(events.shape[1]) for j, c in enumerate(MOMENTA)}
        return columns, {c: list(events[:, :, j]) for j, c in enumerate(MOMENTA)}

    def flat(self):
        return [f"{c}{k}" for k in range(self.particles) for c in MOMENTA]


class Mass(Momenta):
    """A resonance at 125 or 100, both 15 wide, boosted by up to 0.8 in any direction."""
    optimum, yields, particles = 0.4330983348, (1.0, 1.0), 2

    def events(self, signal, n, rng):
        return random_boost(decay(rng.normal(125.0 if signal else 100.0, 15.0, n), rng), rng)

    def mass(self, events):
        total = events.sum(1)
        return np.sqrt(np.maximum(total[:, 0]**2 - (total[:, 1:]**2).sum(1), 0))

    def log_ratio(self, events):
        return (25 * self.mass(events) - 2812.5) / 225

    def statistics(self, events):
        """Exact with two; a cubic polynomial."""
        x = (self.mass(events) - 112.5) / 15.0
        return np.stack([x**k for k in range(4)], 1)

    def golden(self):
        pair = lambda m: np.array([[[m / 2, 0, 0, m / 2], [m / 2, 0, 0, -m / 2]]])
        return [(pair(125.0), 1.3888889), (pair(100.0), -1.3888889)]

    def kinds(self):
        lists = 'max_particles = 2\n'
        return {"MLP of the momenta": (self.flat(), 'hidden = [64, 64, 64]'),
                "MLP of gram": ([], 'hidden = [32, 32]\ngram = 2'),
                "deep_sets": ([], lists + 'kind = "deep_sets"\nwidth = 64\nparticles = ["log_pt", "eta", "phi"]'),
                "graph": ([], lists + 'kind = "graph"\nwidth = 32\nparticles = ["log_pt", "eta", "phi"]'),
                "transformer": ([], lists + 'kind = "transformer"\nwidth = 32\n'
                                            'particles = ["log_pt", "eta", "phi"]'),
                "lorentz": ([], lists + 'kind = "lorentz"\nwidth = 16'),
                "pelican": ([], lists + 'kind = "pelican"\nwidth = 8\nblocks = 1')}

    def training(self, events):
        return f"epochs = {150 if events < 5000 else 20}\nbatch = 100\nlearning_rate = 3e-3"


class Resonances(Momenta):
    """M = 500 -> a b -> 4 massless; masses N(125, 10) in [60, 200], or uniform there."""
    optimum, yields, particles, total = 0.20446, (1.0, 1.0), 4, 500.0

    def events(self, signal, n, rng):
        def masses():
            if not signal:
                return rng.uniform(60.0, 200.0, n)
            m = rng.normal(125.0, 10.0, n)
            while (bad := (m < 60) | (m > 200)).any():
                m[bad] = rng.normal(125.0, 10.0, bad.sum())
            return m
        a, b = masses(), masses()
        p, axis = self.momentum(a, b), directions(n, rng)
        pairs = []
        for mass, sign in ((a, 1.0), (b, -1.0)):
            beta = p / np.sqrt(p**2 + mass**2)
            pairs.append(boosted(decay(mass, rng), sign * axis, beta))
        return random_boost(np.concatenate(pairs, 1), rng)

    def momentum(self, a, b):
        product = (self.total**2 - (a + b)**2) * (self.total**2 - (a - b)**2)
        return np.sqrt(np.maximum(product, 1e-12)) / (2 * self.total)

    def log_ratio(self, events):
        def mass(i, j):
            p = events[:, i] + events[:, j]
            return np.sqrt(np.maximum(p[:, 0]**2 - (p[:, 1:]**2).sum(1), 1e-12))
        # 1 / (the normalisation of the cut Gaussian) is 1 to 1e-10.
        gauss = lambda m: np.exp(-0.5 * ((m - 125.0) / 10.0)**2) / (10.0 * np.sqrt(2 * np.pi))
        sums = np.zeros((2, len(events)))
        for (i, j), (k, l) in (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))):
            a, b = mass(i, j), mass(k, l)
            inside = (a > 60) & (a < 200) & (b > 60) & (b < 200)
            common = inside / (a * b * self.momentum(a, b))
            sums += [gauss(a) * gauss(b) * common, common / 140.0**2]
        return np.log(sums[0]) - np.log(sums[1])

    statistics = None

    def golden(self):
        return [(np.array([[[295.897577, 147.385054, 70.08883, 246.820942],
                            [77.650661, 46.144312, 55.060278, -29.473606],
                            [56.497893, 31.164315, 47.101142, 1.509903],
                            [146.216496, -2.167337, -7.15593, -146.0252]]]), 2.75928606)]

    def kinds(self):
        lists = 'max_particles = 4\n'
        columns = 'particles = ["log_pt", "eta", "phi"]'
        return {"MLP of the momenta": (self.flat(), 'hidden = [128, 128, 128]'),
                "MLP of gram": ([], 'hidden = [128, 128, 128]\ngram = 4'),
                "deep_sets": ([], lists + f'kind = "deep_sets"\nwidth = 64\n{columns}'),
                "graph": ([], lists + f'kind = "graph"\nwidth = 64\nblocks = 3\n{columns}'),
                "lorentz": ([], lists + 'kind = "lorentz"\nwidth = 64\nblocks = 3'),
                "pelican": ([], lists + 'kind = "pelican"\nwidth = 32\nblocks = 2'),
                "transformer": ([], lists + f'kind = "transformer"\nwidth = 64\nblocks = 3\n{columns}')}

    def training(self, events):
        steps = 10000
        return f"epochs = {max(1, steps * 256 // (2 * events))}\nbatch = 256\nlearning_rate = 2e-3"


CAMPAIGN = """[campaign]
name = "study"
seed = {seed}
[events]
file = "events.h5"
features = {features}
[split]
{split}
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[reference]
mixture = {{ B = 1 }}
[network]
{network}
[training]
{training}
patience = 0
keep = "best"
schedule = "cosine"
calibration = "none"
[ensemble]
members = {members}
[gates]
{gates}
[data]
asimov = {{ mu = 1.0, source = "samples" }}
"""
GATES = ("excess", "sc_rms", "closure", "slope", "overtraining", "saturated", "constant", "loss_outlier")


def entropy(log_ratio, signal):
    """Mean cross-entropy of labels; both classes with the same weight."""
    return np.logaddexp(0, -log_ratio if signal else log_ratio).mean()


def check(problem, name, rng):
    for events, expected in problem.golden():
        found = problem.log_ratio(events)[0]
        assert abs(found - expected) < 2e-6, (name, found, expected)
    parts = [entropy(problem.log_ratio(problem.events(s, 200000, rng)), s) for s in (True, False)]
    print(f"{name}: golden events agree; optimum {np.mean(parts):.5f} on 400,000 events "
          f"(known: {problem.optimum:.5f})", flush=True)
    assert abs(np.mean(parts) - problem.optimum) < 0.003


def write(problem, folder, events, seed):
    """events.h5 with `events` for training and TEST to judge of each class. \return ln r, statistics, all of a class"""
    samples, exact, statistics = {}, {}, {}
    total = events + events // 4 + TEST
    for number, name in enumerate(("S", "B")):
        rng = np.random.default_rng([seed, number, events])
        made = problem.events(name == "S", total, rng)
        exact[name] = problem.log_ratio(made)
        statistics[name] = problem.statistics(made) if problem.statistics else None
        columns, lists = problem.table(made)
        samples[name] = columns | {"p_" + c: v for c, v in lists.items()} | {
            "id": (np.uint64(number) << np.uint64(40)) + np.arange(total, dtype=np.uint64),
            "weight": np.full(total, 100.0 / total)}
    ratiofarm.write_events(folder / "events.h5", samples, features=list(columns), id="id",
                           particles={c: "p_" + c for c in lists})
    return exact, statistics, total


def shares(events, total):
    """[split]: training, validation, the rest."""
    train, validation = round(events / total, 9), round(events // 4 / total, 9)
    return {"train": train, "validation": validation, "inference": round(1 - train - validation - 1e-8, 9)}


def trained(options, problem, folder, name, net, split):
    """Trains one net. \return the folder of its run"""
    features, network, events = net
    text = CAMPAIGN.format(
        seed=options.seed, members=options.members, features=list(features), network=network, training=problem.training(events),
        gates="\n".join(f"{gate} = 0" for gate in GATES), split="\n".join(f"{k} = {v:.9f}" for k, v in split.items())
        ).replace("'", '"')
    file = folder / f"{name}.toml"
    file.write_text(text)
    run = folder / f"{name}.run"
    with open(folder / f"{name}.log", "w") as log:
        for command in ("train", "gather", "infer"):
            subprocess.run([options.bin / "ratiofarm", command, file.name, "--out", run.name],
                           cwd=folder, check=True, stdout=log, stderr=log)
    return run


def regression(statistics, exact, split):
    """Logistic regression on the training events. \return excess and rms error, as judged()"""
    part = {name: ratiofarm.split_part((np.uint64(number) << np.uint64(40)) + np.arange(len(exact[name]), dtype=np.uint64), split)
            for number, name in enumerate(("S", "B"))}
    x = np.concatenate([statistics[name][part[name] == 0] for name in ("S", "B")])
    numbers = [(part[name] == 0).sum() for name in ("S", "B")]
    y = np.repeat([1.0, 0.0], numbers)
    class_weight = np.repeat([1 / numbers[0], 1 / numbers[1]], numbers)
    scale = np.maximum(x.std(0), 1e-12) + (x.std(0) == 0)
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x / scale) @ w))
        step = class_weight * p * (1 - p)
        hessian = ((x / scale) * step[:, None]).T @ (x / scale)
        w -= np.linalg.solve(hessian + 1e-12 * np.eye(len(w)), (x / scale).T @ (class_weight * (p - y)))
    losses, squares = [], []
    for name in ("S", "B"):
        test = part[name] == 2
        found, truth = (statistics[name][test] / scale) @ w, exact[name][test]
        losses.append(entropy(found, name == "S") - entropy(truth, name == "S"))
        squares.append(((found - truth)**2).mean())
    return np.mean(losses), np.sqrt(np.mean(squares))


def judged(run, exact):
    """Excess cross-entropy and rms error of ln r on events of inference."""
    losses, squares = [], []
    with h5py.File(run / "ratios.h5") as file:
        names = [str(name) for name in file.attrs["processes"]]
        for sample in ("S", "B"):
            group = file["events"][sample]
            truth = exact[sample][group["row"][:]]
            found = group["log_r"][:, names.index("S")]
            losses.append(entropy(found, sample == "S") - entropy(truth, sample == "S"))
            squares.append(((found - truth)**2).mean())
    return np.mean(losses), np.sqrt(np.mean(squares))


PROBLEMS = {"set": (Set(), [2000, 20000]), "mass": (Mass(), [1000, 10000]), "resonances": (Resonances(), [5000, 40000])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="set,mass,resonances")
    parser.add_argument("--events", type=int, nargs="*", help="for training, of both classes together")
    parser.add_argument("--kinds", nargs="*")
    parser.add_argument("--members", type=int, default=4, help="nets whose mean is judged; 4 is the program's default, too")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    for name in options.only.split(","):
        problem, sizes = PROBLEMS[name]
        check(problem, name, np.random.default_rng(99))
        print("\n| net | training events | excess cross-entropy | its mean | rms error of ln r |\n"
              "| --- | --- | --- | --- | --- |", flush=True)
        for events in options.events or sizes:
            table(options, problem, options.out / f"{name}-{events}", events)
        print(flush=True)


def table(options, problem, folder, events):
    """The lines of one number of training events."""
    made, split = {}, {}
    for seed in options.seeds:
        (folder / str(seed)).mkdir(parents=True, exist_ok=True)
        exact, statistics, total = write(problem, folder / str(seed), events // 2, seed)
        made[seed], split = (exact, statistics), shares(events // 2, total)

    def line(name, found):
        excess, rms = np.array(found).T
        print(f"| {name} | {events} | {', '.join(f'{x:.4f}' for x in excess)} | {excess.mean():.4f} | {rms.mean():.2f} |", flush=True)

    if problem.statistics:
        line("what the events allow", [regression(made[seed][1], made[seed][0], split) for seed in options.seeds])
    for number, (kind, (features, network)) in enumerate(problem.kinds().items()):
        if options.kinds and kind not in options.kinds:
            continue
        found = []
        for options.seed in options.seeds:
            run = trained(options, problem, folder / str(options.seed), f"net{number}-{int(time.time())}",
                          (features, network, events // 2), split)
            found.append(judged(run, made[options.seed][0]))
        line(kind, found)


if __name__ == "__main__":
    main()

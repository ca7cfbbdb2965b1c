#!/usr/bin/env python3
"""Toys from events with negative weights beside pseudo-experiments of the true density.

    negative_weights_study.py --bin build/release/bin --out FOLDER [--mixture signed|sum] [--toys N] [--lists N]

"sum": a peak over an exponential, at mu = 1. "signed": with an interference, S at mu - sqrt(mu), SBI
at sqrt(mu) and B at 1 - sqrt(mu), at mu = 0.5. Ratios are exact; 0, 10, 20 and 40 % of the events
have negative weights, a share that rises with x. The pseudo-experiments are thrown from the density
and fitted on a grid; they share no code with the program.
"""
import argparse
import json
import pathlib
import shutil
import subprocess

import h5py
import numpy as np

LENGTH, CELLS, EVENTS = 10.0, 20000, 20000
X = (np.arange(CELLS) + 0.5) * LENGTH / CELLS
STEP = LENGTH / CELLS


def normal(mean, width):
    return normalised(lambda x: np.exp(-0.5 * ((x - mean) / width)**2))


def normalised(density):
    total = density(X).sum() * STEP
    return lambda x: density(x) / total


class Mixture:
    def __init__(self, signed):
        background = normalised(lambda x: np.exp(-0.3 * x))
        if signed:
            s, b = normal(4.0, 1.0), background
            rate = lambda x: 40 * s(x) + 120 * b(x) - 1.2 * np.sqrt(40 * s(x) * 120 * b(x))
            self.density = {"S": s, "SBI": normalised(rate), "B": b}
            self.yields = np.array([40.0, rate(X).sum() * STEP, 120.0])
            self.coefficient = {"S": "mu - sqrt(mu)", "SBI": "sqrt(mu)", "B": "1 - sqrt(mu)"}
            self.shares, self.truth, self.range = [0.25, 0.5, 0.25], 0.5, (0.0, 8.0)
            self.grid = np.linspace(0, np.sqrt(8), 441)**2
        else:
            self.density = {"S": normal(4.0, 0.6), "B": background}
            self.yields = np.array([12.0, 80.0])
            self.coefficient = {"S": "mu", "B": "1"}
            self.shares, self.truth, self.range = [0.3, 0.7], 1.0, (-3.0, 8.0)
            self.grid = np.linspace(-3, 8, 441)
        self.signed = signed

    def densities(self, x):
        return np.stack([density(x) for density in self.density.values()], -1)

    def rates(self, mu):
        mu = np.asarray(mu, float)
        root = np.sqrt(np.maximum(mu, 0))
        parts = (mu - root, root, 1 - root) if self.signed else (mu, 1 + 0 * mu)
        return np.stack(parts, -1) * self.yields

    def fit(self, x):
        """mu-hat and t at the truth."""
        density = self.densities(x)
        nll = lambda mu: float(self.rates(mu).sum() - np.log(np.maximum(density @ self.rates(mu), 1e-300)).sum())
        all_rates = self.rates(self.grid)
        values = all_rates.sum(1) - np.log(np.maximum(all_rates @ density.T, 1e-300)).sum(1)
        k = int(np.argmin(values))
        low, high = self.grid[max(k - 1, 0)], self.grid[min(k + 1, len(self.grid) - 1)]
        for _ in range(40):
            left, right = low + 0.382 * (high - low), low + 0.618 * (high - low)
            low, high = (low, right) if nll(left) < nll(right) else (left, high)
        best = min(self.range[0], 0.5 * (low + high), key=nll)
        return best, 2 * (nll(self.truth) - nll(best))

    def true_toys(self, n, rng):
        below = np.cumsum(self.densities(X) @ self.rates(self.truth)) * STEP
        toys = []
        for _ in range(n):
            events = rng.poisson(below[-1])
            toys.append((events, *self.fit(np.interp(rng.random(events) * below[-1], below, X))))
        return np.array(toys)

    def sample(self, k, negative, rng):
        """x and weights, of which about a share is negative."""
        density = self.densities(X)[:, k]
        net = 1 - 2 * np.clip(negative * (0.4 + 0.12 * X), 0, 0.47)
        below = np.cumsum(density / net)
        x = np.interp(rng.random(EVENTS) * below[-1], below, X)
        sign = np.where(rng.random(EVENTS) < (1 - np.interp(x, X, net)) / 2, -1.0, 1.0)
        weight = sign * rng.lognormal(0, 0.3, EVENTS)
        return x, weight * self.yields[k] / weight.sum()

    def write(self, folder, negative, seed, rng):
        names = list(self.density)
        samples = [self.sample(k, negative, rng) for k in range(len(names))]
        reference = lambda x: self.densities(x) @ self.shares
        mean = sum(share * (w / w.sum()) @ (self.densities(x) / reference(x)[:, None])
                   for share, (x, w) in zip(self.shares, samples))
        with h5py.File(folder / "r.h5", "w") as f:
            f.attrs.update({"format": "ratiofarm-ratios", "version": 1, "processes": names, "yields": self.yields})
            for name, (x, w) in zip(names, samples):
                group = f.create_group("events/" + name)
                group["weight"] = w
                ratio = self.densities(x) / reference(x)[:, None] / mean
                group["log_r"] = np.log(np.maximum(ratio, 1e-280)).astype("f4")
            f.create_group("reference").attrs.update({"processes": names, "samples": names, "fractions": self.shares})
        text = f'[campaign]\nname = "negative"\nseed = {seed}\n[parameters.mu]\nrange = {list(self.range)}\n'
        for name, coefficient in self.coefficient.items():
            text += f'[[process]]\nname = "{name}"\ncoefficient = "{coefficient}"\n'
        (folder / "c.toml").write_text(text + f'[data]\nasimov = {{ mu = {self.truth}, source = "reference" }}\n')


def line(name, n, events, mean, width, t68, t95, below, worth=""):
    print(f"| {name} | {events:.2f} | {mean:.3f} | {width:.3f} | {t68:.2f} | {t95:.2f} | {100 * below:.1f} | {worth} |"
          f" {n} toys, +- {width / n**0.5:.3f} in mu, {46.5 / n**0.5:.1f} % in coverage", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--mixture", choices=["signed", "sum"], default="signed")
    parser.add_argument("--toys", type=int, default=800)
    parser.add_argument("--lists", type=int, default=4)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mixture, rng = Mixture(options.mixture == "signed"), np.random.default_rng(7)
    n = 4 * options.toys
    true = mixture.true_toys(n, rng)
    print("| negative weights | events | mean of mu | width | t at 68.27 % | t at 95 % | t < 1, % | worth |")
    print("| --- " * 8 + "|")
    line("true density", n, true[:, 0].mean(), true[:, 1].mean(), true[:, 1].std(), *np.quantile(true[:, 2], [0.6827, 0.95]),
         (true[:, 2] < 1).mean())
    for negative in (0.0, 0.1, 0.2, 0.4):
        points, worth = [], ""
        for seed in range(1, options.lists + 1):
            mixture.write(options.out, negative, seed, rng)
            shutil.rmtree(options.out / "run", ignore_errors=True)
            subprocess.run([str(options.bin.resolve() / "ratiofarm"), "toys", "c.toml", "--ratios", "r.h5", "--out", "run",
                            "--toys", str(options.toys)], cwd=options.out, check=True, capture_output=True)
            text = (options.out / "run" / "toys.json").read_text()
            record = json.loads(text[:text.rindex("}") + 1])
            point, = record["points"]
            t, = point["statistics"]
            counts, bins = t["histogram"]["counts"], t["histogram"]
            in_unit = round(len(counts) / (bins["high"] - bins["low"]))
            points.append([point["mean_events"], point["parameters"][0]["mean"], point["parameters"][0]["width"],
                           *[level["value"] for level in t["thresholds"]], sum(counts[:in_unit]) / sum(counts)])
            worth = " ".join(f"{s['effective_events']:.0f}" for s in record.get("negative_weights", []))
        line(f"{100 * negative:.0f} %", options.toys * options.lists, *np.mean(points, 0), worth)


if __name__ == "__main__":
    main()

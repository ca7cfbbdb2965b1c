#!/usr/bin/env python3
"""Minima of random models: those of `ratiofarm fit` beside a multi-start of an independent program.

    minima_study.py --bin build/release/bin --out FOLDER [--models N] [--first N] [--also N...] [--strict]

Even models are binned, odd ones unbinned, with what makes minima hard to find: one-sided and
mirrored variations, codes with kinks, bounds, roots, signed mixtures, parameters that the data
barely determine, a fixed parameter of interest. The likelihood is written again here, in NumPy,
and minimised by SciPy from many starts, one set in every orthant of the kinked parameters. Counts
how often the fit lies above by more than 1e-3 in NLL, says it did not converge, or a point of its
scan is above the independent profile by more than 2e-3 in t or below the minimum, without a flag.
--strict: ends with 1 if any of these was silent, or a fit did not converge.
"""
import argparse
import itertools
import json
import pathlib
import shutil
import subprocess

import h5py
import numpy as np
from scipy.optimize import minimize

FLOOR, SMALLEST_G = 1e-6, 1e-6


def shift(code, up, down, a):
    """Additive change for shifts at +1 and -1."""
    if code == "code0":
        return np.where(a >= 0, a * up, -a * down)
    if code == "code2":
        s, d = 0.5 * (up + down), 0.5 * (up - down)
        return np.where(a > 1, (d + 2 * s) * (a - 1) + up,
                        np.where(a < -1, (d - 2 * s) * (a + 1) + down, s * a * a + d * a))
    if abs(a) >= 1:
        return a * up if a > 0 else -a * down
    return 0.5 * a * (up - down) + a * a * (up + down) / 16 * (15 + a * a * (3 * a * a - 10))


def factor(code, up, down, a):
    if code not in ("code1", "code4"):
        return 1 + shift(code, up - 1, down - 1, a)
    if code == "code1" or abs(a) >= 1:
        return up**a if a >= 0 else down**-a
    lu, ld = np.log(up), np.log(down)
    right = np.array([down - 1, up - 1, -down * ld, up * lu, down * ld**2, up * lu**2])
    c = np.tensordot(INVERSE4, right, axes=1)
    return 1 + sum(c[n] * a**(n + 1) for n in range(6))


INVERSE4 = np.linalg.inv(np.array(
    [[(-1.0)**n for n in range(1, 7)], [1.0] * 6, [n * (-1.0)**(n - 1) for n in range(1, 7)],
     list(range(1, 7)), [n * (n - 1) * (-1.0)**n for n in range(1, 7)],
     [n * (n - 1) for n in range(1, 7)]]))


def poisson(n, nu):
    """nu - n ln nu with the floor of docs: continued below 1e-6 events."""
    t = nu / FLOOR
    seen = nu - n * np.where(t >= 1, np.log(np.maximum(nu, FLOOR)),
                             np.log(FLOOR) + (t - 1) - 0.5 * (t - 1)**2)
    none = np.where(nu >= 0, nu, nu - FLOOR * t**3 / 6)
    return np.sum(np.where(n > 0, seen, none))


class Model:
    """Parameters with ranges; nll(theta) by plain formulas."""

    def __init__(self, seed):
        self.rng = np.random.default_rng([20261129, seed])
        self.names, self.low, self.high, self.start = [], [], [], []
        self.constraint, self.fixed, self.kinked, self.toml = [], [], [], ""
        mu_low = float(self.rng.choice([0.0, 0.0, -2.0]))
        self.add("mu", 1.0, mu_low, 10.0)

    def add(self, name, start, low, high, width=None, observed=0.0):
        self.names.append(name), self.start.append(start), self.low.append(low), self.high.append(high)
        self.constraint.append(None if width is None else (observed, width))
        self.fixed.append(False), self.kinked.append(False)

    def constraints(self, theta):
        return sum(0.5 * ((t - c[0]) / c[1])**2 for t, c in zip(theta, self.constraint) if c)

    def fix_poi(self):
        self.fixed[0], self.start[0] = True, float(self.rng.uniform(0.3, 3.0))

    def head(self):
        lines = '[campaign]\nname = "minima"\n'
        for k, name in enumerate(self.names):
            if name.startswith("alpha_") and not self.binned:
                continue
            lines += f'[parameters.{name}]\nstart = {self.start[k]}\nrange = [{self.low[k]}, {self.high[k]}]\n'
            if self.constraint[k]:
                lines += f'constraint = "gaussian"\nobserved = {self.constraint[k][0]}\n'
                lines += f'width = {self.constraint[k][1]}\n'
            if self.fixed[k]:
                lines += 'fixed = true\n'
        return lines

    def variation(self, size):
        """Factors at +1 and -1: mirrored, one-sided, the same sign, or ordinary."""
        kind = self.rng.integers(5)
        d = size * self.rng.uniform(0.4, 1.6) * self.rng.choice([-1, 1])
        up, down = [(1 + d, 1 - d), (1 + d, 1 + d * self.rng.uniform(0.8, 1.2)), (1 + d, 1.0),
                    (1 + d, 1 + 0.4 * d), (1 + d, 1 - 0.3 * d)][kind]
        return max(float(up), 0.05), max(float(down), 0.05)


class Binned(Model):
    binned = True

    def __init__(self, seed):
        super().__init__(seed)
        rng = self.rng
        for k in range(rng.integers(1, 5)):
            self.add(f"alpha_{k}", 0.0, -5.0, 5.0, 1.0)
        nuisances = self.names[1:]
        if rng.random() < 0.3:
            self.add("k", 1.0, 0.0, 5.0)
        if rng.random() < 0.15:
            self.add("weak", 1.0, 0.0, 10.0)
        self.regions = []
        for r in range(rng.integers(1, 3)):
            n = int(rng.integers(2, 7))
            background = rng.uniform(5, 120) * rng.uniform(0.3, 1.0, n)
            signal = rng.uniform(0.05, 0.4) * background.sum() * rng.dirichlet(np.ones(n))
            samples = [["s", signal, "mu" if rng.random() < 0.8 else "mu^2"],
                       ["b", background, "k" if "k" in self.names else "1"]]
            if "weak" in self.names:
                samples.append(["w", np.full(n, 1e-6), "weak"])
            for sample in samples:
                sample += [[], []]
            for name in nuisances:
                sample = samples[rng.integers(2)]
                if rng.random() < 0.5:
                    code = str(rng.choice(["code4", "code1", "code0"]))
                    sample[3].append((name, *self.variation(0.15), code))
                else:
                    pairs = [self.variation(0.2) for _ in range(n)]
                    if rng.random() < 0.5:  # the same kind in every bin
                        scale = self.variation(1.0)
                        tilt = rng.uniform(-0.3, 0.3, n)
                        pairs = [(1 + (scale[0] - 1) * t, 1 + (scale[1] - 1) * t) for t in tilt]
                    code = str(rng.choice(["code4p", "code0", "code2"]))
                    up, down = (sample[1] * np.array([p[k] for p in pairs]) for k in (0, 1))
                    sample[4].append((name, up, down, code))
                    self.kinked[self.names.index(name)] |= code == "code0"
                if sample[3] and sample[3][-1][0] == name and sample[3][-1][3] in ("code0", "code1"):
                    self.kinked[self.names.index(name)] = True
            self.regions.append([f"R{r}", samples, None])
        truth = np.array(self.start)
        truth[0] = rng.uniform(0, 3)
        for k, c in enumerate(self.constraint):
            if c:
                truth[k] = rng.normal(0, 1.5)
        for region in self.regions:
            region[2] = rng.poisson(np.maximum(self.expected(region, truth), 0.01)).astype(float)
        if rng.random() < 0.15:
            self.fix_poi()

    def expected(self, region, theta):
        value = dict(zip(self.names, theta))
        total = 0.0
        for _, contents, coefficient, yields, shapes in region[1]:
            f = {"mu": value["mu"], "mu^2": value["mu"]**2, "1": 1.0}.get(coefficient)
            f = value[coefficient] if f is None else f
            for name, up, down, code in yields:
                f = f * factor(code, up, down, value[name])
            bins = contents.copy()
            for name, up, down, code in shapes:
                bins = bins + shift(code, up - contents, down - contents, value[name])
            total = total + f * bins
        return total

    def nll(self, theta):
        return self.constraints(theta) + sum(poisson(r[2], self.expected(r, theta)) for r in self.regions)

    def write(self, folder, points):
        numbers = lambda a: "[" + ", ".join(repr(float(x)) for x in a) + "]"
        text = self.head() + f"[inference]\nscan = {numbers(points)}\n"
        for name, samples, observed in self.regions:
            text += f'[[region]]\nname = "{name}"\ntype = "binned"\nobserved = {numbers(observed)}\n'
            for sample, contents, coefficient, yields, shapes in samples:
                text += f'[[region.sample]]\nname = "{sample}"\ncontents = {numbers(contents)}\n'
                text += f'coefficient = "{coefficient}"\n'
                ys = [f'{{ parameter = "{p}", up = {u!r}, down = {d!r}, code = "{c}" }}' for p, u, d, c in yields]
                hs = [f'{{ parameter = "{p}", up = {numbers(u)}, down = {numbers(d)}, code = "{c}" }}'
                      for p, u, d, c in shapes]
                text += (f"yields = [{', '.join(ys)}]\n" if ys else "") + (f"shapes = [{', '.join(hs)}]\n" if hs else "")
        (folder / "c.toml").write_text(text)
        return ["c.toml"]


class Unbinned(Model):
    binned = False
    MIXTURES = [dict(S="mu", B="1"), dict(S="mu - sqrt(mu)", SBI="sqrt(mu)", B="1 - sqrt(mu)"),
                dict(S="mu", B="k")]

    def __init__(self, seed):
        super().__init__(seed)
        rng = self.rng
        which = int(rng.choice(3, p=[0.5, 0.35, 0.15]))
        self.coefficients = self.MIXTURES[which]
        self.processes = list(self.coefficients)
        if which == 1:
            self.low[0] = 0.0
        if which == 2:
            self.add("k", 1.0, 0.0, 5.0)
        n_nuisances = int(rng.integers(1, 4))
        self.yields, self.shapes, self.codes = [], [], {}
        self.expected = dict(S=rng.uniform(10, 60), B=rng.uniform(60, 150))
        self.cosine = rng.uniform(-0.9, 0.9)  # of the interference
        grid = np.linspace(-8, 8, 1601)
        self.expected["SBI"] = float(np.sum(self.rate("SBI", grid)) * 0.01)
        for k in range(n_nuisances):
            name = f"alpha_{k}"
            self.add(name, 0.0, -5.0, 5.0, 1.0)
            shape = str(rng.choice(["code4", "code1", "code0", "code4p", "code2"]))
            codes = (shape, str(rng.choice(["code4", "code1", "code0"])))
            self.codes[name] = codes
            for process in self.processes:
                if rng.random() < 0.5:
                    continue
                if rng.random() < 0.6:
                    self.yields.append((process, name, *self.variation(0.15)))
                    self.kinked[-1] |= codes[1] in ("code0", "code1")
                if rng.random() < 0.6:
                    a, b = rng.uniform(-0.4, 0.4, 2)
                    side = float(rng.choice([-1.0, 1.0, 0.0, 0.9]))
                    self.shapes.append((process, name, a, b, side))
                    self.kinked[-1] |= codes[0] in ("code0", "code1")
            if not any(k[1] == name for k in self.yields + self.shapes):
                self.yields.append((self.processes[-1], name, *self.variation(0.15)))
                self.kinked[-1] |= codes[1] in ("code0", "code1")
        self.norm = bool(rng.random() < 0.7)
        reference = np.concatenate([rng.normal(1, 0.5, 150), rng.normal(0, 1, 250)])
        truth = rng.uniform(0, 3)
        data = np.concatenate([rng.normal(1, 0.5, rng.poisson(truth * self.expected["S"])),
                               rng.normal(0, 1, rng.poisson(self.expected["B"]))])
        data += rng.normal(0, 0.15) if rng.random() < 0.5 else 0.0
        self.sets = {"ref": self.events(reference), "data": self.events(data)}
        if rng.random() < 0.15:
            self.fix_poi()

    def rate(self, process, x):
        """Events per unit of x; with the interference every mu has a density that is not negative."""
        s = self.expected["S"] * np.exp(-2.0 * (x - 1)**2) / np.sqrt(0.5 * np.pi)
        b = self.expected["B"] * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
        return dict(S=s, B=b, SBI=s + b + 2 * self.cosine * np.sqrt(s * b))[process]

    def events(self, x):
        density = [self.rate(p, x) / self.expected[p] for p in self.processes]
        log_r = np.log(np.stack(density, 1) / np.mean(density, 0)[:, None]).astype("f4")
        up = np.array([a * np.tanh(x) + b for _, _, a, b, _ in self.shapes]).reshape(-1, len(x)).astype("f4")
        down = np.array([s * (a * np.tanh(x) + b) for _, _, a, b, s in self.shapes]).reshape(-1, len(x)).astype("f4")
        return log_r.astype("f8"), up.astype("f8"), down.astype("f8")

    def coefficient(self, text, value):
        mu = value["mu"]
        return {"mu": mu, "1": 1.0, "k": value.get("k"), "sqrt(mu)": np.sqrt(mu) if mu >= 0 else 0,
                "mu - sqrt(mu)": mu - np.sqrt(max(mu, 0)), "1 - sqrt(mu)": 1 - np.sqrt(max(mu, 0))}[text]

    def terms(self, events, value):
        log_r, up, down = events
        t = np.exp(log_r)
        for (process, name, *_), u, d in zip(self.shapes, up, down):
            j = self.processes.index(process)
            code, a = self.codes[name][0], value[name]
            if code == "code1" or (code == "code4" and abs(a) >= 1):
                g = np.exp(a * u) if a >= 0 else np.exp(-a * d)
            else:
                g = factor(code, np.exp(u), np.exp(d), a)
            t[:, j] *= np.maximum(g, SMALLEST_G)
        return t

    def nll(self, theta):
        value = dict(zip(self.names, theta))
        data = self.terms(self.sets["data"], value)
        rates = []
        for process in self.processes:
            rate = self.coefficient(self.coefficients[process], value) * self.expected[process]
            for p, name, up, down in self.yields:
                if p == process:
                    rate *= factor(self.codes[name][1], up, down, value[name])
            rates.append(rate)
        total = sum(rates)
        rates = np.array(rates)
        if self.norm and self.shapes:
            rates = rates / self.terms(self.sets["ref"], value).mean(0)
        floor = FLOOR * (np.exp(self.sets["data"][0]) @ np.array([self.expected[p] for p in self.processes]))
        t = data @ rates / floor - 1
        logs = np.log(floor) + np.where(t >= 0, np.log1p(np.maximum(t, 0)), t - 0.5 * t * t)
        return total - logs.sum() + self.constraints(theta)

    def write(self, folder, points):
        text = self.head()
        for process in self.processes:
            text += f'[[process]]\nname = "{process}"\ncoefficient = "{self.coefficients[process]}"\n'
        for name, (shape, yields) in self.codes.items():
            text += f'[[systematic]]\nname = "{name[6:]}"\nshape_code = "{shape}"\nyield_code = "{yields}"\n'
        norm = "reference" if self.norm else "none"
        text += f'[data]\nsample = "data"\n[inference]\nshape_norm = "{norm}"\nscan = [{", ".join(map(repr, points))}]\n'
        (folder / "c.toml").write_text(text)
        with h5py.File(folder / "r.h5", "w") as f:
            f.attrs.update({"format": "ratiofarm-ratios", "version": 2, "processes": self.processes,
                            "yields": [self.expected[p] for p in self.processes]})
            if self.shapes:
                f.attrs.update({"shape_processes": [s[0] for s in self.shapes],
                                "shape_parameters": [s[1] for s in self.shapes]})
            if self.yields:
                f.attrs.update({"yield_processes": [y[0] for y in self.yields],
                                "yield_parameters": [y[1] for y in self.yields],
                                "yield_up": [y[2] for y in self.yields],
                                "yield_down": [y[3] for y in self.yields]})
            for name, key in [("ref", p) for p in self.processes[:1]] + [("data", "data")]:
                log_r, up, down = self.sets[name]
                group = f.create_group("events/" + key)
                weight = np.ones(len(log_r)) if key == "data" else np.full(len(log_r), self.expected[key] / len(log_r))
                group["weight"], group["log_r"] = weight, log_r.astype("f4")
                if self.shapes:
                    group["log_g_up"], group["log_g_down"] = up.astype("f4"), down.astype("f4")
            for process in self.processes[1:]:
                group = f.create_group("events/" + process)
                group["weight"], group["log_r"] = np.zeros(1), np.zeros((1, len(self.processes)), "f4")
                if self.shapes:
                    group["log_g_up"] = group["log_g_down"] = np.zeros((len(self.shapes), 1), "f4")
            reference = f.create_group("reference")
            reference.attrs.update({"processes": [self.processes[0]], "samples": [self.processes[0]], "fractions": [1.0]})
        return ["c.toml", "--ratios", "r.h5"]


def least(model, rng, starts, held=None):
    """The least NLL over many starts, each inside one orthant of the kinked parameters."""
    free = [k for k in range(len(model.names)) if not model.fixed[k] and (held is None or k != 0)]
    theta = np.array(model.start, float)
    if held is not None:
        theta[0] = held
    if not free:
        return model.nll(theta), theta
    kinks = [k for k in free if model.kinked[k]]
    orthants = list(itertools.product([-1, 1], repeat=len(kinks)))
    if len(orthants) > 8:
        orthants = [orthants[i] for i in rng.choice(len(orthants), 8, replace=False)]

    def at(x):
        full = theta.copy()
        full[free] = x
        return model.nll(full)

    best = (np.inf, theta)
    for signs in orthants:
        bounds = []
        for k in free:
            low, high = max(model.low[k], 1e-12 if model.low[k] == 0 else model.low[k]), model.high[k]
            if k in kinks:
                low, high = (0.0, high) if signs[kinks.index(k)] > 0 else (low, -1e-300)
            bounds.append((low, high))
        for _ in range(max(2, starts // len(orthants))):
            x = [np.clip(rng.normal(0, 1.5) if model.constraint[k] else rng.uniform(0, 4), *bounds[i])
                 for i, k in enumerate(free)]
            with np.errstate(all="ignore"):
                end = minimize(at, x, method="L-BFGS-B", bounds=bounds, options=dict(maxiter=300, ftol=1e-13, gtol=1e-7))
            if end.fun < best[0]:
                full = theta.copy()
                full[free] = end.x
                best = (end.fun, full)
    return best


def study(number, binary, out, starts):
    model = (Binned if number % 2 == 0 else Unbinned)(number)
    rng = np.random.default_rng([7, number])
    folder = out / f"m{number}"
    folder.mkdir(parents=True, exist_ok=True)
    points = [0.25, 2.25]
    words = model.write(folder, points)
    shutil.rmtree(folder / "run", ignore_errors=True)
    run = subprocess.run([str(binary / "ratiofarm"), "fit", *words, "--out", "run"], cwd=folder,
                         capture_output=True, text=True, check=False)
    path = folder / "run" / "fit.json"
    if not path.exists():
        return {"error": run.stderr.strip().splitlines()[-1] if run.stderr else f"exit {run.returncode}"}
    text = path.read_text()
    record = json.loads(text[:text.rindex("}") + 1])
    value = {p["name"]: p["value"] for p in record["parameters"]}
    theta = np.array([value[n] for n in model.names])
    mine = model.nll(theta)
    found = {"converged": record["converged"], "passes": record["passes"], "kinked": any(model.kinked)}
    theirs = independent(model, rng, folder, points, starts)
    found["above"] = mine - theirs[0][0]
    found["where"] = dict(zip(model.names, theirs[0][1]))
    found["mine"] = dict(zip(model.names, np.round(theta, 3).tolist()))
    found["scan"] = []
    for point, (profile, _) in zip(record["scan"], theirs[1:]):
        found["scan"].append((point["converged"], point["t"] - 2 * (profile - mine), point["t"]))
    return found


def independent(model, rng, folder, points, starts):
    """Minimum and profiles, [NLL, place]; kept, so that another program can be tried."""
    path = folder / f"independent_{starts}.json"
    if not path.exists():
        ends = [least(model, rng, starts)]
        if not model.fixed[0]:
            ends += [least(model, rng, starts // 2, held=point) for point in points]
        path.write_text(json.dumps([[float(nll), np.round(where, 3).tolist()] for nll, where in ends]))
    return json.loads(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--also", type=int, nargs="*", default=[], help="further models")
    parser.add_argument("--starts", type=int, default=16)
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    count = dict(models=0, errors=0, not_converged=0, above=0, points=0, points_not_converged=0,
                 points_above=0, points_negative=0, passes=0)
    for number in [*range(options.first, options.first + options.models), *options.also]:
        found = study(number, options.bin.resolve(), options.out, options.starts)
        count["models"] += 1
        if "error" in found:
            count["errors"] += 1
            print(f"model {number}: {found['error']}")
            continue
        count["passes"] += found["passes"]
        count["not_converged"] += not found["converged"]
        if not found["converged"]:
            print(f"model {number}: not converged, above by {found['above']:.2g}")
        elif found["above"] > 1e-3:
            count["above"] += 1
            print(f"model {number}: above by {found['above']:.4g}: {found['mine']}, deeper at {found['where']}")
        for converged, above, t in found["scan"]:
            count["points"] += 1
            count["points_not_converged"] += not converged
            count["points_above"] += bool(converged and above > 2e-3)
            count["points_negative"] += bool(t < 0)
            if converged and (above > 2e-3 or t < 0):
                print(f"model {number}: t = {t:.5g}, above the profile by {above:.4g}")
    print(", ".join(f"{name} {value}" for name, value in count.items()))
    silent = count["errors"] + count["not_converged"] + count["above"] + count["points_above"] + count["points_negative"]
    return 1 if options.strict and silent + count["points_not_converged"] else 0


if __name__ == "__main__":
    raise SystemExit(main())

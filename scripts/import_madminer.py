#!/usr/bin/env python3
"""A MadMiner file to events and a campaign: what `ratiofarm import --madminer` starts. Needs numpy and h5py.

The pool of events becomes one sample whose columns of weights are the benchmarks; each benchmark of the morphing basis
is a process (docs/formats.md). Names are taken from the file, expressions in it are never evaluated.
"""
import argparse
import os
import re
import sys

writes_bytecode, sys.dont_write_bytecode = not sys.dont_write_bytecode, True  # none beside the installed programs
from import_events import MAPPED, PLAIN_NAME, Problem, event_ids, guarded, h5py, np, published  # noqa: E402

sys.dont_write_bytecode = not writes_bytecode

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
#: What MadMiner writes for the parameter itself, and in front of a factor: the cross section stays a polynomial.
SCALED = re.compile(r"(|None|_|([-+]?\d+\.?\d*(e[-+]?\d+)?) *\* *theta|theta( *\* *[-+]?\d+\.?\d*(e[-+]?\d+)?)?)")
LARGEST_CONDITION = 1e10
LARGEST_LOG = 10.0  # of a nuisance factor, as MadMiner clips it
FEW_EFFECTIVE = 0.05
ROWS = 65536


def texts(values):
    return [value.decode() if isinstance(value, bytes) else str(value) for value in np.asarray(values).ravel()]


class MadMinerFile:
    """What a file says besides its events."""

    def __init__(self, path):
        self.path = path
        try:
            self.file = h5py.File(path)
        except OSError as error:
            raise Problem(f"{path}: cannot be read as an HDF5 file ({error}); is it complete?") from error
        for group in ("parameters", "benchmarks"):
            if group not in self.file:
                raise Problem(f"{path}: has no group '{group}', so it is no file of MadMiner")
        if "samples/weights" not in self.file:
            raise Problem(f"{path}: holds no events (no group 'samples'): it is a setup file; import what LHEReader, "
                          "DelphesReader or combine_and_shuffle wrote")
        self.read_parameters()
        self.read_benchmarks()
        self.read_morphing()
        self.read_nuisances()
        self.read_shares()
        self.features = texts(self.dataset("observables/names"))

    def dataset(self, name):
        if name not in self.file:
            raise Problem(f"{self.path}: '{name}' is missing")
        return self.file[name][()]

    def read_parameters(self):
        self.parameters = texts(self.dataset("parameters/names"))
        self.ranges = np.asarray(self.dataset("parameters/ranges" if "parameters/ranges" in self.file else
                                              "parameters/val_ranges"), float).reshape(-1, 2)
        for name in self.parameters:
            if not IDENTIFIER.fullmatch(name):
                raise Problem(f"{self.path}: parameter '{name}' must consist of letters, digits and _")
        transforms = texts(self.file["parameters/transforms"][()]) if "parameters/transforms" in self.file else []
        for name, transform in zip(self.parameters, transforms):
            if not SCALED.fullmatch(transform.strip()):
                raise Problem(f"{self.path}: parameter '{name}' is transformed by '{transform}', an expression that is not "
                              "evaluated (only a factor is, as in 16.52*theta); make the file with the parameters themselves")

    def read_benchmarks(self):
        names = texts(self.dataset("benchmarks/names"))
        values = np.asarray(self.dataset("benchmarks/values"), float).reshape(len(names), -1)
        is_nuisance = np.asarray(self.file["benchmarks/is_nuisance"][()], bool).ravel() if (
            "benchmarks/is_nuisance" in self.file) else np.zeros(len(names), bool)
        is_reference = np.asarray(self.file["benchmarks/is_reference"][()], bool).ravel() if (
            "benchmarks/is_reference" in self.file) else np.zeros(len(names), bool)
        for name in names:
            if not PLAIN_NAME.fullmatch(name):
                raise Problem(f"{self.path}: benchmark '{name}' must consist of letters, digits and _ . + - only")
        self.columns = {name: k for k, name in enumerate(names)}  # of weights
        self.basis = [name for name, nuisance in zip(names, is_nuisance) if not nuisance]
        self.values = values[~is_nuisance]
        if is_nuisance.any() and is_reference[~is_nuisance].sum() != 1:
            raise Problem(f"{self.path}: {int(is_reference[~is_nuisance].sum())} benchmarks are marked as the reference of the "
                          "nuisance parameters; exactly one must be (benchmarks/is_reference)")
        self.reference = self.basis[int(np.argmax(is_reference[~is_nuisance]))]
        self.nuisance_benchmarks = [name for name, nuisance in zip(names, is_nuisance) if nuisance]

    def read_morphing(self):
        self.components = np.asarray(self.dataset("morphing/components"), int).reshape(-1, len(self.parameters))
        self.matrix = np.asarray(self.dataset("morphing/morphing_matrix"), float)
        n, benchmarks = len(self.components), len(self.basis)
        if benchmarks < n:
            raise Problem(f"{self.path}: {benchmarks} benchmarks do not determine {n} components of the morphing; add benchmarks")
        if self.matrix.shape != (n, benchmarks):
            raise Problem(f"{self.path}: the morphing matrix has shape {self.matrix.shape}, must have a line for each of the {n} "
                          f"components and a column for each of the {benchmarks} physics benchmarks")
        powers = np.prod(self.values[:, None, :] ** self.components[None], axis=2)  # [b, c]
        worst = np.abs(self.matrix @ powers - np.eye(n)).max()
        if not worst < 1e-6:
            raise Problem(f"{self.path}: the morphing matrix does not invert the benchmarks (off by {worst:.3g}): it belongs to "
                          "other components or benchmarks; set the morphing up again")
        self.condition = np.linalg.cond(powers)

    def read_nuisances(self):
        self.nuisances = {}
        if "nuisance_parameters/names" in self.file:
            names = texts(self.dataset("nuisance_parameters/names"))
            up, down = (texts(self.dataset(f"nuisance_parameters/benchmark_{side}")) for side in ("positive", "negative"))
            for name, *benchmarks in zip(names, up, down):
                self.nuisances[name] = [None if one in ("", "None") else one for one in benchmarks]
                if self.nuisances[name][0] is None:
                    raise Problem(f"{self.path}: nuisance parameter '{name}' has no positive benchmark")
        used = [one for pair in self.nuisances.values() for one in pair if one]
        for benchmark in used:
            if benchmark not in self.columns:
                raise Problem(f"{self.path}: benchmark '{benchmark}' of a nuisance parameter does not exist")
        for benchmark in self.nuisance_benchmarks:
            if benchmark not in used:
                raise Problem(f"{self.path}: nuisance benchmark '{benchmark}' belongs to no nuisance parameter")

    def read_shares(self):
        """Factors on the weights of events by the benchmark at which they were drawn. Events of each alone give the whole cross
        section; together MadMiner averages them by their numbers. The last one is for background."""
        sampled = np.asarray(self.file["samples/sampling_benchmarks"][()], int).ravel() if (
            "samples/sampling_benchmarks" in self.file) else np.zeros(1, int)
        if sampled.max(initial=0) >= len(self.basis):
            raise Problem(f"{self.path}: an event was drawn at benchmark {sampled.max()} (samples/sampling_benchmarks), must be below "
                          f"{len(self.basis)}, the number of physics benchmarks")
        found = np.bincount(sampled[sampled >= 0], minlength=len(self.basis))
        drawn = found.astype(float)
        if "sample_summary/signal_events" in self.file and np.size(self.file["sample_summary/signal_events"]):
            drawn = np.asarray(self.file["sample_summary/signal_events"][()], float).ravel()
            if drawn.shape != found.shape or ((drawn > 0.0) != (found > 0)).any():
                raise Problem(f"{self.path}: sample_summary/signal_events says {drawn.astype(int).tolist()} events of the physics "
                              f"benchmarks, samples/sampling_benchmarks {found.tolist()}; combine the files again with "
                              "recalculate_header=True")
        self.shares = np.append(drawn / max(1.0, drawn.sum()), 1.0)

    def pieces(self):
        """(observations, weights, whether signal) of some rows each."""
        observations, weights = self.file["samples/observations"], self.file["samples/weights"]
        sampled = self.file["samples/sampling_benchmarks"] if "samples/sampling_benchmarks" in self.file else None
        rows, columns = weights.shape if weights.ndim == 2 else (0, 0)
        if rows == 0 or columns != len(self.columns) or observations.shape != (rows, len(self.features)):
            raise Problem(f"{self.path}: samples have {observations.shape} observations and {weights.shape} weights, must be "
                          f"[events, {len(self.features)}] and [events, {len(self.columns)}]")
        for first in range(0, rows, ROWS):
            x, w = observations[first:first + ROWS].astype(float), weights[first:first + ROWS].astype(float)
            at = np.zeros(len(w), int) if sampled is None else np.maximum(sampled[first:first + ROWS], -1)
            signal, w = at >= 0, w * self.shares[at][:, None]
            for what, values, names in (("observable", x, self.features), ("benchmark", w, list(self.columns))):
                bad = np.argwhere(~np.isfinite(values))
                if len(bad):
                    raise Problem(f"{self.path}: {what} '{names[bad[0][1]]}' is {values[tuple(bad[0])]} in event "
                                  f"{first + bad[0][0]} (must be finite); make the file without such events")
            physics = w[:, [self.columns[name] for name in self.basis]]
            if not np.allclose(physics[~signal], physics[~signal][:, :1], rtol=1e-6, atol=0.0):
                raise Problem(f"{self.path}: a background event has different weights under the benchmarks")
            yield first, x, w, signal


class Factors:
    """What a nuisance parameter does to the weights: exp(a nu + b nu^2), clipped as MadMiner does."""

    def __init__(self, source):
        self.source = source
        self.lowest = {name: np.full(2, np.inf) for name in source.nuisances}
        self.highest = {name: np.full(2, -np.inf) for name in source.nuisances}

    def of(self, name, w):
        """Factors at +1 and -1 for each event [2, n]."""
        reference = w[:, self.source.columns[self.source.reference]]
        up, down = self.source.nuisances[name]

        def log_ratio(benchmark):
            varied = w[:, self.source.columns[benchmark]]
            both = (varied > 0.0) == (reference > 0.0)
            if not both[reference != 0.0].all() or ((reference == 0.0) & (varied != 0.0)).any():
                raise Problem(f"{self.source.path}: benchmark '{benchmark}' and the reference '{self.source.reference}' have "
                              "weights of different sign for some event, so their ratio is no factor")
            return np.log(np.divide(varied, reference, out=np.ones_like(varied), where=reference != 0.0))

        a, b = log_ratio(up), 0.0
        if down is not None:
            other = log_ratio(down)
            a, b = 0.5 * (a - other), 0.5 * (a + other)
        a, b = np.clip(a, -LARGEST_LOG, LARGEST_LOG), np.clip(b, -LARGEST_LOG, LARGEST_LOG)
        factors = np.exp(np.stack([a + b, b - a]))
        seen = reference != 0.0
        if seen.any():
            self.lowest[name] = np.minimum(self.lowest[name], factors[:, seen].min(axis=1))
            self.highest[name] = np.maximum(self.highest[name], factors[:, seen].max(axis=1))
        return factors

    def is_constant(self, name):
        return np.allclose(self.lowest[name], self.highest[name], rtol=1e-6)


class Sample:
    """Datasets that grow, then are written contiguously by copy: sizes are known, so they are made at once."""

    def __init__(self, file, name, n, features, columns):
        self.group = file.create_group(name)
        self.data = {"features": self.group.create_dataset("features", (n, len(features)), "f4"),
                     "weight": self.group.create_dataset("weight", (n,), "f8"), "id": self.group.create_dataset("id", (n,), "u8")}
        self.data["features"].attrs.create("columns", features, dtype=h5py.string_dtype())
        for column in columns:
            self.data[f"weights/{column}"] = self.group.create_dataset(f"weights/{column}", (n,), "f8")
        self.at = 0

    def add(self, n, values):
        for name, rows in values.items():
            self.data[name][self.at:self.at + n] = rows
        self.at += n


def count(source):
    """Events of signal and background, and the nuisance parameters that are only factors on yields."""
    factors, counts, sums, squares = Factors(source), np.zeros(2, int), 0.0, 0.0
    for _, _, w, signal in source.pieces():
        counts += [signal.sum(), (~signal).sum()]
        physics = w[signal][:, [source.columns[name] for name in source.basis]]
        sums, squares = sums + physics.sum(axis=0), squares + (physics**2).sum(axis=0)
        for name in source.nuisances:
            factors.of(name, w[signal])
    if counts[0] == 0:
        raise Problem(f"{source.path}: holds no signal events")
    for name, total in zip(source.basis, sums):
        if not total > 0.0:
            raise Problem(f"{source.path}: the weights of benchmark '{name}' sum to {total:g} pb; a cross section must be > 0")
    for name, effective in zip(source.basis, sums**2 / squares / counts[0]):
        if effective < FEW_EFFECTIVE:
            print(f"ratiofarm import: warning: benchmark '{name}': {counts[0]} events are worth only {effective * counts[0]:.0f} of "
                  "one weight; sample more events near it", file=sys.stderr)
    if source.condition > LARGEST_CONDITION:
        print(f"ratiofarm import: warning: the benchmarks determine the morphing badly (condition {source.condition:.2g}); choose "
              "them farther apart", file=sys.stderr)
    factors.cross_section = sums[source.basis.index(source.reference)]
    return counts, factors


def write_events(source, out, lumi, counts, factors):
    shapes = [name for name in source.nuisances if not factors.is_constant(name)]
    varied = [(name, k, f"{benchmark}_{name}_{side}") for name in shapes
              for benchmark in source.basis for k, side in enumerate(("up", "down"))]
    with published(out) as partial, h5py.File(partial, "w", **MAPPED) as file:
        file.attrs["format"] = "ratiofarm-events"
        file.attrs["version"] = 1
        pool = Sample(file, "pool", counts[0], source.features, [*source.basis, *(column for _, _, column in varied)])
        background = Sample(file, "background", counts[1], source.features, []) if counts[1] else None
        family = os.path.basename(source.path)
        for first, x, w, signal in source.pieces():
            rows = first + np.flatnonzero(signal)
            mine = lumi * w[signal]
            values = {"features": x[signal], "weight": mine[:, source.columns[source.reference]],
                      "id": event_ids(family, [rows], len(rows))}
            values |= {f"weights/{name}": mine[:, source.columns[name]] for name in source.basis}
            for name in shapes:
                changes = factors.of(name, w[signal])
                for benchmark in source.basis:
                    for change, side in zip(changes, ("up", "down")):
                        values[f"weights/{benchmark}_{name}_{side}"] = mine[:, source.columns[benchmark]] * change
            pool.add(len(rows), values)
            if background and not signal.all():
                rows = first + np.flatnonzero(~signal)
                background.add(len(rows), {"features": x[~signal], "id": event_ids(family, [rows], len(rows)),
                                           "weight": lumi * w[~signal][:, source.columns[source.reference]]})
    return shapes


def formula(powers, names):
    factors = [name if power == 1 else f"{name}^{power}" for name, power in zip(names, powers) if power]
    return " * ".join(factors) or "1"


def campaign_text(source, name, events, has_background, shapes, factors):
    quoted = ", ".join(f'"{feature}"' for feature in source.features)
    lines = [f"# From the MadMiner file {os.path.basename(source.path)}: d sigma is a polynomial of the parameters, so the ratios of",
             "# its basis benchmarks, which are columns of weights of one pool of events, describe every point.",
             "[campaign]", f'name = "{name}"', "[events]", f'file = "{events}"', f"features = [{quoted}]", "[parameters]"]
    start = dict(zip(source.parameters, source.values[source.basis.index(source.reference)]))
    for parameter, (low, high) in zip(source.parameters, source.ranges):
        lines.append(f"{parameter} = {{ start = {start[parameter]!r}, range = [{float(min(low, start[parameter]))!r}, "
                     f"{float(max(high, start[parameter]))!r}] }}".replace("np.float64(", "").replace(")", ""))
    terms = [formula(powers, source.parameters) for powers in source.components]
    square = len(terms) == len(source.basis)
    for k, benchmark in enumerate(source.basis):
        lines += ["[[process]]", f'name = "{benchmark}"', 'sample = "pool"', f'weight = "{benchmark}"']
        if not square:
            parts = [f"{m!r} * {term}" for m, term in zip(source.matrix[:, k].tolist(), terms) if m]
            lines.append(f'coefficient = "{" + ".join(parts).replace("+ -", "- ") or "0"}"')
    if square:
        lines += ["[[morphing]]", "terms = [" + ", ".join(f'"{term}"' for term in terms) + "]", "anchors = {"]
        lines[-1] += ", ".join(f" {benchmark} = {{ " + ", ".join(
            f"{p} = {v!r}" for p, v in zip(source.parameters, values.tolist())) + " }"
            for benchmark, values in zip(source.basis, source.values)) + " }"
    mixture = [f"{benchmark} = 1" for benchmark in source.basis]
    if has_background:
        lines += ["[[process]]", 'name = "background"']
        mixture.append("background = 1")
    lines += ["[reference]", "mixture = { " + ", ".join(mixture) + " }", "[inference]", f'poi = "{source.parameters[0]}"']
    if source.nuisances:
        lines.append("# MadMiner's factors exp(a nu + b nu^2), known at nu = +1 and -1.")
    for nuisance in source.nuisances:
        lines += ["[[systematic]]", f'name = "{nuisance}"', f'parameter = "{nuisance}"' if IDENTIFIER.fullmatch(nuisance) else ""]
        if nuisance in shapes:
            sides = [f'{b} = {{ up_weight = "{b}_{nuisance}_up", down_weight = "{b}_{nuisance}_down" }}' for b in source.basis]
            lines += ["shape = { " + ", ".join(sides) + " }", 'shape_code = "exp_quadratic"']
        else:
            up, down = (float(np.mean([factors.lowest[nuisance][k], factors.highest[nuisance][k]])) for k in (0, 1))
            lines += ["shape = []", "yield = { " + ", ".join(f"{b} = {{ up = {up!r}, down = {down!r} }}"
                                                                for b in source.basis) + " }"]
        lines.append('yield_code = "exp_quadratic"')
    return "\n".join(line for line in lines if line) + "\n"


def import_madminer():
    parser = argparse.ArgumentParser(prog="ratiofarm import --madminer")
    parser.add_argument("--madminer", required=True)
    parser.add_argument("--out", default="events.h5")
    parser.add_argument("--campaign", default="campaign.toml")
    parser.add_argument("--lumi", type=float, default=1.0)
    options = parser.parse_args()
    if not (np.isfinite(options.lumi) and options.lumi > 0.0):
        raise Problem(f"--lumi {options.lumi}: must be a number > 0, in 1/pb")
    if not os.path.exists(options.madminer):
        raise Problem(f"{options.madminer}: no such file")
    source = MadMinerFile(options.madminer)
    counts, factors = count(source)
    shapes = write_events(source, options.out, options.lumi, counts, factors)
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", os.path.splitext(os.path.basename(options.campaign))[0])
    folder = os.path.dirname(os.path.abspath(options.campaign))
    text = campaign_text(source, stem.lstrip("-") or "eft", os.path.relpath(options.out, folder), counts[1] > 0, shapes, factors)
    with published(options.campaign) as partial:
        with open(partial, "w") as file:
            file.write(text)
    print(f"{options.out}: {counts[0]} events under {len(source.basis)} benchmarks"
          + (f", {counts[1]} of background" if counts[1] else "") + f", for {options.lumi:g}/pb; signal of '{source.reference}': "
          f"{factors.cross_section:.6g} pb\n{options.campaign}: "
          f"{len(source.parameters)} parameters, {len(source.components)} components, {len(source.nuisances)} nuisance parameters")


if __name__ == "__main__":
    guarded(import_madminer)

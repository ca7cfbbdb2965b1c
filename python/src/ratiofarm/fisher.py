"""Fisher information at a point: what can be known at best, before anything is trained and after.

    truth      I_ij = sum over events of d_i w d_j w / w, w = sum_j f_j w_j: as if it were known what the simulation knows of an
               event, its weight under every process of a pool, or its process; nothing that sees features can know more
    ratios     expected events of the reference, with D(x) of the likelihood in place of w: what the learned ratios see
    histogram  bins of one feature        rate  the number of events alone

Constraints of nuisance parameters are added; a profiled error leaves the other parameters free. It reads the events file and the
ratio file like any reader, and shares the formulas of `likelihood`; nothing here needs a farm.
"""
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .events import read_events
from .files import Array, Problem, did_you_mean, read_toml
from .likelihood import Binned, Likelihood, Point, Unbinned, campaign_coefficients, coefficient, events_of, interpolate

STEP = 1e-3


@dataclass(frozen=True)
class Information:
    """The information matrix of one level. prior: of the constraints; error: of the diagonal, from the number of events."""

    level: str
    names: list[str]
    matrix: Array
    prior: Array
    error: Array

    def sigma(self, name: str, fixed: bool = False) -> float:
        """Error of a parameter, with all others profiled or fixed; infinite where nothing is known of it."""
        total, k = self.matrix + self.prior, self.names.index(name)
        information = total[k, k] if fixed else self.profiled([name])[0, 0]
        return float(1.0 / np.sqrt(information)) if information > 1e-12 * max(1.0, total[k, k]) else np.inf

    def profiled(self, names: list[str]) -> Array:
        """The matrix of some parameters, with all others profiled: the Schur complement."""
        total = self.matrix + self.prior
        mine = [self.names.index(name) for name in names]
        others = [k for k in range(len(self.names)) if k not in mine]
        mixed = total[np.ix_(mine, others)]
        return np.asarray(total[np.ix_(mine, mine)] - mixed @ np.linalg.pinv(total[np.ix_(others, others)], hermitian=True) @ mixed.T)


def fisher(campaign: str | os.PathLike[str], ratios: str | os.PathLike[str] | None = None, *, at: Point | None = None,
           feature: str | None = None, bins: int | Array = 20) -> dict[str, Information]:
    """The information of each level that the files allow: truth, rate and histogram with events, ratios with a ratio file.

    at: parameters; those that are not given are at their start. feature: of the histogram; default: the first.
    bins: edges, or a number of bins that hold as many events each.
    """
    sections = read_toml(campaign)
    parameters = Likelihood.parameters_of(sections)
    for name in at or {}:
        if name not in parameters:
            raise Problem(f"no parameter '{name}'" + did_you_mean(name, parameters))
    point = {name: float((at or {}).get(name, parameter.start)) for name, parameter in parameters.items()}
    names = [name for name, parameter in parameters.items() if not parameter.fixed]
    prior = np.diag([{"none": 0.0}.get(parameters[name].constraint, parameters[name].width**-2) for name in names])
    found: dict[str, Information] = {}

    def add(level: str, parts: list[tuple[Callable[[Point], Array], Array | float]]) -> None:
        matrix, squares = np.zeros((len(names), len(names))), np.zeros(len(names))
        for expected, weight in parts:
            value, slopes = expected(point), derivatives(expected, point, names)
            used = np.abs(value) > 0.0
            if (value[used] < 0.0).any():
                raise Problem(f"at {point} {int((value < 0.0).sum())} of {len(value)} events or bins have a negative density "
                              f"({level}); information has no meaning there: choose another point, or more events")
            scaled = np.divide(slopes, value, out=np.zeros_like(slopes), where=used)
            matrix += scaled @ (weight * value * scaled).T
            squares += ((weight * value * scaled**2) ** 2).sum(axis=1)
        found[level] = Information(level, names, matrix, prior, np.sqrt(squares))

    pools = _pools(sections, Path(campaign).parent)
    if pools:
        add("truth", [(pool.weights, 1.0) for pool in pools])
        column = pools[0].columns.index(feature) if feature in pools[0].columns else 0
        if feature is not None and feature not in pools[0].columns:
            raise Problem(f"no feature '{feature}'" + did_you_mean(feature, pools[0].columns))
        edges = np.asarray(bins, dtype=float)
        if edges.ndim == 0:
            everything = np.concatenate([pool.features[:, column] for pool in pools])
            edges = np.quantile(everything, np.linspace(0.0, 1.0, int(edges) + 1)[1:-1])
        places = [np.searchsorted(edges, pool.features[:, column], side="right") for pool in pools]

        def counts(p: Point) -> Array:
            return np.asarray(sum(np.bincount(place, pool.weights(p), len(edges) + 1) for pool, place in zip(pools, places)))

        add("histogram", [(counts, 1.0)])
        add("rate", [(lambda p: np.array([counts(p).sum()]), 1.0)])
    if ratios is not None:
        likelihood = Likelihood({**sections, "data": {"asimov": {"source": "reference"}}}, ratios, folder=Path(campaign).parent,
                                all_reference=True)  # of no data
        parts: list[tuple[Callable[[Point], Array], Array | float]] = []
        for region in likelihood.regions:
            if isinstance(region, Binned):
                parts.append((region.expected, 1.0))
            elif isinstance(region, Unbinned):
                parts.append((region.mixture, region.reference / region.reference.sum()))
        add("ratios", parts)
    if not found:
        raise Problem(f"'{campaign}' names neither events nor ratios, so there is nothing to compute from")
    return found


def derivatives(function: Callable[[Point], Array], point: Point, names: list[str]) -> Array:
    """By central differences of fourth order [names, n]."""
    slopes = []
    for name in names:
        step = STEP * max(1.0, abs(point[name]))
        values = [function({**point, name: point[name] + k * step}) for k in (-2, -1, 1, 2)]
        slopes.append((values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step))
        if not np.isfinite(slopes[-1]).all():
            raise Problem(f"the model has no derivative in '{name}' at {point[name]}: a root or a limit is too near; choose another "
                          "point")
    return np.array(slopes)


@dataclass
class _Process:
    coefficient: Callable[[Point], float]
    expected: float
    weight: Array                 #: [n]
    yields: list[tuple[str, str, float, float]]
    shapes: list[tuple[str, str, Array, Array]]  #: parameter, code, factors at +1 and -1 [n]

    def weights(self, p: Point) -> Array:
        """Expected events, event by event; the yields that are declared are those of the sum."""
        weights = self.weight
        for parameter, code, up, down in self.shapes:
            weights = weights * interpolate(code, up, down, p[parameter])
        declared = {parameter for parameter, *_ in self.yields}
        factor = self.coefficient(p) * self.expected / self.weight.sum()
        for parameter, code, up, down in self.shapes:
            if parameter in declared:
                factor *= self.weight.sum() / (self.weight * interpolate(code, up, down, p[parameter])).sum()
        for parameter, code, high, low in self.yields:
            factor *= interpolate(code, high, low, p[parameter])
        return np.asarray(factor * weights)


@dataclass
class _Pool:
    """The processes whose events are the same rows."""

    columns: list[str]
    features: Array
    processes: list[_Process]

    def weights(self, p: Point) -> Array:
        return np.asarray(sum(process.weights(p) for process in self.processes))


def _pools(sections: Mapping[str, Any], folder: Path) -> list[_Pool]:
    path = sections.get("events", {}).get("file")
    if path is None or not (folder / path).exists():
        return []
    pools: dict[str, _Pool] = {}
    coefficients = campaign_coefficients(sections)
    for section in sections.get("process", []):
        events = read_events(folder / path, events_of(section))
        sample = events_of(section).partition("@")[0]
        pool = pools.setdefault(sample, _Pool(events.columns, events.features, []))
        process = _Process(coefficient(coefficients[section["name"]]), float(section.get("yield", events.weight.sum())),
                           events.weight, [], [])
        for systematic in sections.get("systematic", []):
            parameter = systematic.get("parameter", "alpha_" + systematic["name"])
            declared = systematic.get("yield", {}).get(section["name"])
            if declared is not None:
                process.yields.append((parameter, systematic.get("yield_code", "code4"), declared["up"], declared["down"]))
            shapes = systematic.get("shape", {})
            columns = shapes.get(section["name"], {}) if isinstance(shapes, Mapping) else {}
            if "up_weight" in columns:
                factors = [np.divide(events.weights[columns[side]], events.weight, out=np.ones(len(events)), where=events.weight != 0.0)
                           for side in ("up_weight", "down_weight")]
                process.shapes.append((parameter, systematic.get("shape_code", "code4"), factors[0], factors[1]))
            elif "up" in columns and declared is None:
                sums = [float(read_events(folder / path, columns[side]).weight.sum() / events.weight.sum()) for side in ("up", "down")]
                process.yields.append((parameter, systematic.get("yield_code", "code4"), sums[0], sums[1]))
        pool.processes.append(process)
    return list(pools.values())

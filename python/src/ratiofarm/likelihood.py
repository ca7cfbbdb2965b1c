"""The negative log-likelihood of a campaign, from its file and its ratio files alone.

It shares no code with the program, so it proves that docs/campaign.md and docs/formats.md say enough:

    NLL = sum over unbinned regions of nu - sum_i w_i ln D_i
        + sum over bins of nu_b - n_b ln nu_b
        + sum over constrained parameters of (p - observed)^2 / 2 width^2 (or a count's)
    nu  = sum_j f_j nu_j prod_m G_jm        D_i = sum_j f_j nu_j prod_m G_jm r_j(x_i) prod_m g_jm(x_i) / Z_j

f_j is the coefficient of process j, nu_j its yield, G and g what systematic m does to its yield and its density, and
Z_j the mean of r_j prod g over the reference.
"""
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .files import Array, Problem, did_you_mean, read_toml
from .ratios import Ratios

Point = Mapping[str, float]
LARGEST_LOG_G = np.float32(2.99573227)  # ln 20: ratios g beyond it are clipped
SMALLEST_G = 1e-6
RELATIVE_FLOOR, SMALLEST_FLOOR = 1e-6, 1e-150  # of D, relative to sum_j nu_j r_j
SMALLEST_EXPECTATION = 1e-6  # of a bin


# ---- The formulas ----------------------------------------------------------------------------------------------------


def shifts(code: str, alpha: float) -> tuple[float, float]:
    """What an additive code takes of the changes at +1 and at -1."""
    if code == "code2" and alpha >= 1.0:
        return 1.5 * alpha - 0.5, 0.5 * (alpha - 1.0)
    if code == "code2" and alpha < -1.0:
        return -0.5 * (alpha + 1.0), -0.5 - 1.5 * alpha
    if code == "code2":
        return alpha * (alpha + 1.0) / 2.0, alpha * (alpha - 1.0) / 2.0
    if code == "code4p" and abs(alpha) < 1.0:
        even = (15.0 * alpha**2 - 10.0 * alpha**4 + 3.0 * alpha**6) / 16.0
        return even + alpha / 2.0, even - alpha / 2.0
    return (alpha, 0.0) if alpha >= 0.0 else (0.0, -alpha)


def interpolate(code: str, up: Any, down: Any, alpha: float) -> Any:
    """The factor at alpha that is `up` at +1, `down` at -1 and 1 at 0. up, down: numbers or arrays > 0"""
    if code in ("code0", "code2", "code4p"):
        to_up, to_down = shifts(code, alpha)
        return 1.0 + to_up * (up - 1.0) + to_down * (down - 1.0)
    if code == "exp_quadratic":
        return up ** ((alpha + alpha**2) / 2.0) * down ** ((alpha**2 - alpha) / 2.0)
    if code == "code1" or abs(alpha) >= 1.0:
        return up**alpha if alpha >= 0.0 else down**-alpha
    log_u, log_d = np.log(up), np.log(down)
    s0, a0 = (up + down) / 2.0, (up - down) / 2.0
    s1, a1 = (up * log_u - down * log_d) / 2.0, (up * log_u + down * log_d) / 2.0
    s2, a2 = (up * log_u**2 + down * log_d**2) / 2.0, (up * log_u**2 - down * log_d**2) / 2.0
    terms = [15.0 * a0 - 7.0 * s1 + a2, -24.0 + 24.0 * s0 - 9.0 * a1 + s2, 2.0 * (-5.0 * a0 + 5.0 * s1 - a2),
             2.0 * (12.0 - 12.0 * s0 + 7.0 * a1 - s2), 3.0 * a0 - 3.0 * s1 + a2, -8.0 + 8.0 * s0 - 5.0 * a1 + s2]
    return 1.0 + sum(term * alpha ** (k + 1) for k, term in enumerate(terms)) / 8.0


def guarded_log(mixture: Array, floor: Array, weight: Array) -> Array:
    """ln D, and below its floor the continuation: a parabola in D, bounded for negative weights."""
    t = mixture / floor - 1.0
    below = t - t**2 / 2.0
    below = np.log(floor) + np.where(weight < 0.0, below / (1.0 + t**2), below)
    return np.where(mixture >= floor, np.log(np.maximum(mixture, floor)), below)


def poisson(n: Array, nu: Array) -> float:
    """sum_b nu_b - n_b ln nu_b, continued below 1e-6 expected events."""
    low = SMALLEST_EXPECTATION
    t = nu / low
    empty = np.where(nu >= 0.0, nu, nu - low * t**3 / 6.0)
    low_log = np.log(low) + (t - 1.0) - (t - 1.0) ** 2 / 2.0
    return float(np.sum(np.where(n == 0.0, empty, nu - n * np.where(nu >= low, np.log(np.maximum(nu, low)), low_log))))


@dataclass(frozen=True)
class Parameter:
    """start: where a fit begins and where data are made that do not say otherwise; observed: the global observable"""

    name: str
    start: float
    range: tuple[float, float]
    constraint: str
    observed: float
    width: float
    fixed: bool

    def nll(self, value: float, observed: float) -> float:
        """Of the auxiliary measurement."""
        if self.constraint == "gaussian":
            return 0.5 * ((value - observed) / self.width) ** 2
        if self.constraint == "poisson":
            return (value - observed * math.log(max(value, 1e-9))) / self.width**2
        return 0.0


@dataclass(frozen=True)
class Process:
    name: str
    expected: float                     #: events at coefficient 1
    coefficient: Callable[[Point], float]
    yields: dict[str, tuple[str, float, float]]  #: parameter: code, factor at +1, factor at -1
    shapes: dict[str, tuple[str, int]]  #: parameter: code, line of ln g

    def rate(self, p: Point) -> float:
        """f_j nu_j prod G, events; may be negative."""
        effects = (interpolate(code, up, down, p[name]) for name, (code, up, down) in self.yields.items())
        return self.coefficient(p) * self.expected * math.prod(max(effect, 1e-6) for effect in effects)


@dataclass
class Unbinned:
    """The events of a region: data, and with weight 0 those that only the reference needs."""

    name: str
    processes: list[Process]
    weight: Array             #: [n]
    reference: Array          #: [n], shares of the reference; sum to 1, or 0 where no Z is needed
    r: Array                  #: [n, p]
    log_g: tuple[Array, Array]  #: up and down, [lines, n] each
    normalised: bool          #: whether p_j prod g is divided by its mean over the reference
    parts: dict[str, int]     #: samples that the events are of, in this order, and their numbers of events

    def densities(self, p: Point, rows: slice = slice(None)) -> Array:
        """r_j prod g of every process [n, p], not divided by Z."""
        densities = self.r[rows].copy()
        for j, process in enumerate(self.processes):
            for name, (code, line) in process.shapes.items():
                up, down = (np.exp(np.clip(side[line, rows], -LARGEST_LOG_G, LARGEST_LOG_G).astype(float)) for side in self.log_g)
                densities[:, j] *= np.maximum(interpolate(code, up, down, p[name]), SMALLEST_G)
        return densities

    def normalisations(self, densities: Array) -> Array:
        """Z_j [p]."""
        if not self.normalised:
            return np.ones(len(self.processes))
        return np.asarray(self.reference @ densities / self.reference.sum())

    def mixture(self, p: Point) -> Array:
        """D_i [n]."""
        densities = self.densities(p)
        rates = np.array([process.rate(p) for process in self.processes])
        return np.asarray(densities @ (rates / self.normalisations(densities)))

    def nll(self, p: Point) -> float:
        scale = self.r @ np.array([process.expected for process in self.processes])
        floor = np.maximum(RELATIVE_FLOOR * scale, SMALLEST_FLOOR)
        nu = sum(process.rate(p) for process in self.processes)
        return nu - float(self.weight @ guarded_log(self.mixture(p), floor, self.weight))


class Binned:
    """A region of counts."""

    def __init__(self, section: Mapping[str, Any]) -> None:
        self.name, self.samples, self.observed = str(section["name"]), section.get("sample", []), section.get("observed")
        if not self.samples:
            raise Problem(f"region '{self.name}' is filled with events: use selected.toml of the run directory")
        self.coefficients = [coefficient(sample.get("coefficient", "1")) for sample in self.samples]

    def expected(self, p: Point) -> Array:
        """Events in each bin."""
        total: Array = np.zeros(len(self.samples[0]["contents"]))
        for sample, f in zip(self.samples, self.coefficients):
            contents = np.array(sample["contents"], dtype=float)
            nu = contents.copy()
            for shape in sample.get("shapes", []):
                up, down = shifts(shape.get("code", "code4p"), p[shape["parameter"]])
                nu += up * (np.array(shape["up"]) - contents) + down * (np.array(shape["down"]) - contents)
            for effect in sample.get("yields", []):
                nu *= interpolate(effect.get("code", "code4"), effect["up"], effect["down"], p[effect["parameter"]])
            for names in sample.get("factors", []):
                nu *= [p[name] if name else 1.0 for name in names]
            total += f(p) * nu
        return total

    def nll(self, p: Point) -> float:
        return poisson(np.asarray(self.observed, dtype=float), self.expected(p))


class Likelihood:
    """The likelihood that `ratiofarm fit` minimises.

    campaign: a campaign file, resolved or as written; or the dict that it holds, for other parametrisations.
    ratios: the ratio file of regions that name none. folder: where relative paths of a dict begin.
    unblinded: look at the data of a blind campaign; otherwise its Asimov data are used, as the program does.
    keep_null_shapes: also use shapes that are not significant; None: as the campaign says.
    all_reference: hold the events of the reference, too, where no sum over it is needed.

    `regions`, `parameters`, `observed` (global observables) and `data` (in words) may be looked at. Raises Problem for
    what it does not know: shape_norm = "reference_quadratic", and finite_mc.use = "nuisance" or method = "wifi".
    """

    def __init__(self, campaign: str | os.PathLike[str] | Mapping[str, Any], ratios: str | os.PathLike[str] | None = None, *,
                 folder: str | os.PathLike[str] = ".", unblinded: bool = False, keep_null_shapes: bool | None = None,
                 all_reference: bool = False) -> None:
        if not isinstance(campaign, Mapping):
            folder = Path(campaign).parent
            campaign = read_toml(campaign)
        self.parameters = _parameters(campaign)
        model = _Model(campaign, keep_null_shapes, all_reference)
        data = campaign.get("data", {})
        sections = campaign.get("region", [])
        unbinned = [section for section in sections if section["type"] == "unbinned"]
        unbinned = unbinned or ([] if sections else [{"name": "SR"}])
        binned = [Binned(section) for section in sections if section["type"] == "binned"]
        blind = data.get("blind", False) and not unblinded
        sample = "" if blind else data.get("sample", "")
        by_itself = not unbinned and "asimov" not in data and all(region.observed for region in binned)
        self.is_observed = not blind and bool(sample or data.get("observed", by_itself))
        asimov = data.get("asimov", {})
        start = {p.name: p.start for p in self.parameters.values()}
        made_at = start | {name: value for name, value in asimov.items() if name != "source"}
        self.observed = {p.name: p.observed if self.is_observed else made_at[p.name] for p in self.parameters.values()}
        source = sample or asimov.get("source", "samples")
        self.data = f"events of sample {sample}" if sample else "observed contents" if self.is_observed else \
            f"Asimov data from the {source}" if unbinned else "Asimov data"
        self.regions: list[Unbinned | Binned] = []
        for section in unbinned:
            path = Path(folder) / section["ratios"] if "ratios" in section else ratios
            if path is None:
                raise Problem(f"region '{section['name']}' needs a ratio file: Likelihood(campaign, ratios)")
            self.regions.append(model.region(section, Ratios(path), source, bool(sample), made_at))
        for region in binned:
            if not self.is_observed:
                region.observed = region.expected(made_at)
            elif region.observed is None:
                raise Problem(f"region '{region.name}' has no observed contents; add observed = [...], or fit Asimov data")
            self.regions.append(region)

    @staticmethod
    def parameters_of(campaign: Mapping[str, Any]) -> dict[str, Parameter]:
        """Those of a campaign that is not fitted."""
        return _parameters(campaign)

    def point(self, values: Point | None = None, **named: float) -> dict[str, float]:
        """All parameters; those that are not given are at their start."""
        given = dict(values or {}) | named
        for name in given:
            if name not in self.parameters:
                raise Problem(f"no parameter '{name}'" + did_you_mean(name, self.parameters))
        return {name: float(given.get(name, parameter.start)) for name, parameter in self.parameters.items()}

    def nll(self, values: Point | None = None, **named: float) -> float:
        """The negative log-likelihood; only differences have a meaning. Arguments: as of point()"""
        p = self.point(values, **named)
        return sum(region.nll(p) for region in self.regions) + sum(
            parameter.nll(p[name], self.observed[name]) for name, parameter in self.parameters.items())


# ---- From the campaign and the ratio file to these objects -----------------------------------------------------------


def coefficient(text: str) -> Callable[[Point], float]:
    """The function that a formula such as "mu - sqrt(mu)" is."""
    names: list[str] = []

    def place(match: re.Match[str]) -> str:
        if match.group() == "sqrt":
            return "sqrt"
        names.append(match.group())
        return f"p[{len(names) - 1}]"

    code = re.sub(r"(?<![\w.])[A-Za-z_]\w*", place, text).replace("^", "**")
    try:
        if not re.fullmatch(r"(sqrt\s*(?=\()|p\[\d+\]|[\d.]+([eE][+-]?\d+)?|[-+*/()\s])*", code) or \
                re.search(r"[])\d.]\s*\(", code):
            raise SyntaxError
        compiled = compile(code.strip(), text, "eval")
    except SyntaxError:
        raise Problem(f"coefficient '{text}': allowed are sums and products of numbers, parameters, parameter^power and "
                      "sqrt(parameter)") from None
    environment = {"__builtins__": {}, "sqrt": lambda x: math.sqrt(x) if x >= 0.0 else math.nan}

    def value(p: Point) -> float:
        return float(eval(compiled, environment, {"p": [p[name] for name in names]}))

    return value


def events_of(process: Mapping[str, Any]) -> str:
    """The events of a [[process]]: a sample, or "sample@column" with a column of its own as weights."""
    sample = str(process.get("sample", process["name"]))
    return sample + "@" + str(process["weight"]) if process.get("weight") else sample


def campaign_coefficients(campaign: Mapping[str, Any]) -> dict[str, str]:
    """The formula of every process; those of a morphing basis are f = V^-1 t, with V the terms at the anchors."""
    found = {section["name"]: str(section.get("coefficient", "1")) for section in campaign.get("process", [])}
    for basis in campaign.get("morphing", []):
        amplitude = basis.get("amplitude", [])
        terms = basis.get("terms") or [f"({a})*({b})" for k, a in enumerate(amplitude) for b in amplitude[k:]]
        names = {name for point in basis["anchors"].values() for name in point}
        functions = [coefficient(term) for term in terms]
        values = np.array([[t({name: point.get(name, 0.0) for name in names}) for t in functions] for point in basis["anchors"].values()])
        for name, column in zip(basis["anchors"], np.linalg.inv(values).T.tolist()):
            found[name] = " + ".join(f"({c:.17g})*({term})" for c, term in zip(column, terms) if c != 0.0) or "0"
    return found


def _parameters(campaign: Mapping[str, Any]) -> dict[str, Parameter]:
    sections = dict(campaign.get("parameters", {}))
    for systematic in campaign.get("systematic", []):
        name = systematic.get("parameter", "alpha_" + systematic["name"])
        sections.setdefault(name, {"constraint": "gaussian", "start": 0.0} | systematic)
    result = {}
    for name, section in sections.items():
        constraint = section.get("constraint", "none")
        observed = float(section.get("observed", 1.0 if constraint == "poisson" else 0.0))
        width = float(section.get("width", 1.0))
        start = float(section.get("start", 1.0 if constraint == "none" else observed))
        low, high = section.get("range", (observed - 5.0 * width, observed + 5.0 * width))
        result[name] = Parameter(name, start, (low, high), constraint, observed, width, bool(section.get("fixed", False)))
    return result


class _Model:
    def __init__(self, campaign: Mapping[str, Any], keep_null_shapes: bool | None, all_reference: bool) -> None:
        self.all_reference = all_reference
        finite_mc = campaign.get("finite_mc", {})
        if finite_mc.get("use") == "nuisance" or finite_mc.get("method") == "wifi":
            raise Problem("[finite_mc] changes the ratios of this fit (use = \"nuisance\" or method = \"wifi\"), which this "
                          "reader does not know; use = \"report\" and method = \"replicas\" leave them as they are")
        self.systematics = campaign.get("systematic", [])
        self.processes = {section["name"]: section for section in campaign.get("process", [])}
        self.coefficients = campaign_coefficients(campaign)
        self.shape_norm = campaign.get("inference", {}).get("shape_norm", "reference")
        null_shapes = campaign.get("systematics", {}).get("null_shapes", "as_error")
        self.keep_null_shapes = null_shapes == "keep" if keep_null_shapes is None else keep_null_shapes

    def process(self, name: str, region: Mapping[str, Any], ratios: Ratios) -> Process:
        if name not in self.processes:
            raise Problem(f"'{ratios.path}': process '{name}' is not in the campaign" + did_you_mean(name, self.processes))
        section = self.processes[name]
        expected = region.get("yield", {}).get(name, section.get("yield", ratios.yields[name]))
        yields, shapes = {}, {}
        for systematic in self.systematics:
            parameter = systematic.get("parameter", "alpha_" + systematic["name"])
            wanted = systematic.get("shape")
            line = ratios.shapes.index((name, parameter)) if (name, parameter) in ratios.shapes else None
            if wanted is not None and name in wanted and line is None:
                raise Problem(f"'{ratios.path}' has no ln g of process '{name}' and parameter '{parameter}', which systematic "
                              f"'{systematic['name']}' names")
            if line is not None and (wanted is None or name in wanted) and (self.keep_null_shapes or not ratios.shape_none[line]):
                shapes[parameter] = (systematic.get("shape_code", "code4"), line)
            declared = systematic.get("yield")
            if declared is not None:
                declared = {key: (float(factor["up"]), float(factor["down"])) for key, factor in declared.items()}
            factors = ratios.yield_factors.get((name, parameter)) if declared is None else declared.get(name)
            if factors is not None:
                yields[parameter] = (systematic.get("yield_code", "code4"), *factors)
        return Process(name, float(expected), coefficient(self.coefficients[name]), yields, shapes)

    def region(self, section: Mapping[str, Any], ratios: Ratios, source: str, is_data: bool, made_at: Point) -> Unbinned:
        """The events that are fitted, and those of the reference where sums over it are needed."""
        processes = [self.process(name, section, ratios) for name in ratios.processes]
        shape_norm = section.get("shape_norm", self.shape_norm)
        has_shapes = any(process.shapes for process in processes)
        if shape_norm == "reference_quadratic" and has_shapes:
            raise Problem("shape_norm = \"reference_quadratic\" expands the normalisation, which this reader does not; "
                          "shape_norm = \"reference\" is what it approximates")
        normalised = shape_norm != "none" and has_shapes
        by_mixture = not is_data and source == "reference"
        if (normalised or by_mixture) and not ratios.reference:
            raise Problem(f"'{ratios.path}' describes no reference, which Asimov data from it and the normalisation of shapes need")
        factors: dict[str, float] = {}    # sample: what its weights are multiplied by; data have ones
        reference: dict[str, float] = {}  # sample: its share of the reference
        if is_data:
            factors[source] = 1.0
        elif source == "samples":
            factors = {events_of(self.processes[process.name]): 1.0 for process in processes
                       if process.rate(made_at) != 0.0}
        if normalised or by_mixture or self.all_reference:
            for _, sample, fraction in ratios.reference:
                reference[sample] = reference.get(sample, 0.0) + fraction
        parts = {sample: ratios[sample] for sample in {**factors, **reference}}
        weight = [np.zeros(len(part)) if sample not in factors else
                  np.ones(len(part)) if is_data else part.weight for sample, part in parts.items()]
        shares = [reference.get(sample, 0.0) * part.weight / part.weight.sum() for sample, part in parts.items()]
        log_r = np.concatenate([part.log_r for part in parts.values()]).astype(float)
        lines = tuple(np.concatenate([part.lines[side] for part in parts.values()], axis=1).astype("f4") if ratios.shapes
                      else np.empty((0, len(log_r)), "f4") for side in ("log_g_up", "log_g_down"))
        region = Unbinned(section["name"], processes, np.concatenate(weight), np.concatenate(shares),
                          np.where(log_r < -700.0, 0.0, np.exp(log_r)), (lines[0], lines[1]), normalised, {sample: len(part) for sample, part in parts.items()})
        if is_data and any((part.weight != 1.0).any() for sample, part in parts.items() if sample in factors):
            raise Problem(f"'{ratios.path}': the observed events of sample '{source}' have weights other than 1")
        if by_mixture:
            if shape_norm != "none" and not has_shapes and ratios.shape_norm == "none":  # not normalised by anybody yet
                means = region.reference @ region.r
                region.r = region.r / np.where(np.abs(means - 1.0) < 1e-6, 1.0, means)
            region.weight = region.reference * region.mixture(made_at) / region.reference.sum()
        elif not is_data:
            self._weigh_samples(region, made_at)
        return region

    def _weigh_samples(self, region: Unbinned, made_at: Point) -> None:
        """Asimov data: the events of each process with its shape at the point, and its rate as the sum of weights."""
        ends = np.cumsum(list(region.parts.values()))
        rows = {sample: slice(end - region.parts[sample], end) for sample, end in zip(region.parts, ends)}
        for j, process in enumerate(region.processes):
            rate = process.rate(made_at)
            if rate == 0.0:
                continue
            mine = rows[events_of(self.processes[process.name])]
            weight = region.weight[mine]
            shaped = weight * region.densities(made_at, mine)[:, j] / region.r[mine, j]
            region.weight[mine] = rate * shaped / shaped.sum()

"""A run directory: everything that a campaign gave, as arrays and tables, each file compared with its checksums."""
import os
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .events import Events, _names, open_events
from .files import Array, Problem, did_you_mean, read_json, read_toml
from .likelihood import Likelihood
from .nets import Ensemble
from .ratios import Ratios
from .table import Table

ROWS_PER_STEP = 1 << 20
FIT_SCHEMA = "ratiofarm.fit/2"
FORMATS = {"toys.json": ("ratiofarm toys", 1), "gof.json": ("ratiofarm goodness of fit", 1)}


class Ensembles(Mapping[str, Ensemble]):
    """From the name of an ensemble ("S", "B/scale/up") to its nets, which are read when asked for."""

    def __init__(self, folder: Path) -> None:
        self._paths = {path.relative_to(folder).with_suffix("").as_posix().replace("%2F", "/"): path
                       for path in sorted(folder.rglob("*.h5"))}
        self._read: dict[str, Ensemble] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __getitem__(self, name: str) -> Ensemble:
        if name not in self._paths:
            raise Problem(f"no ensemble '{name}'" + did_you_mean(name, self._paths))
        if name not in self._read:
            self._read[name] = Ensemble(self._paths[name])
        return self._read[name]


class Run:
    """What a run directory holds. Files are read when they are first asked for; open the run again to see later ones.

    Raises Problem where a file is missing (and says which command makes it), damaged, or of another version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise Problem(f"'{self.path}' is not a run directory")
        if not any((self.path / name).exists() for name in ("campaign.toml", "fit.json", "journal.jsonl")):
            raise Problem(f"'{self.path}' holds no files of a run (no campaign.toml, fit.json or journal.jsonl)")

    def __repr__(self) -> str:
        return f"<Run '{self.path}'>"

    def _json(self, name: str, command: str) -> dict[str, Any]:
        if not (self.path / name).exists():
            raise Problem(f"'{self.path}' has no {name}; 'ratiofarm {command}' makes it")
        result = read_json(self.path / name)
        found = (result.get("format"), result.get("version"))
        if FORMATS.get(name, found) != found:
            raise Problem(f"'{self.path / name}' has format {found[0]!r}, version {found[1]!r}; this package reads {FORMATS[name]}")
        return result

    # ---- The fit -----------------------------------------------------------------------------------------------------

    @cached_property
    def campaign(self) -> dict[str, Any]:
        """The resolved campaign: every default written out."""
        return read_toml(self.path / "campaign.toml", required=True)

    @cached_property
    def fit(self) -> dict[str, Any]:
        """fit.json, whose `definitions` say what each number means."""
        fit = self._json("fit.json", "fit")
        if fit["schema"] != FIT_SCHEMA:
            raise Problem(f"'{self.path / 'fit.json'}' has schema {fit['schema']!r}; this package reads {FIT_SCHEMA!r}")
        return fit

    @property
    def parameters(self) -> Table:
        """`name`, `value`, `error`, `error_low`, `error_high`, `pull`, `constraint` ... of each parameter."""
        return Table.of(self.fit["parameters"])

    @property
    def best(self) -> dict[str, float]:
        """The values at the minimum, by name."""
        return {parameter["name"]: parameter["value"] for parameter in self.fit["parameters"]}

    @property
    def covariance(self) -> Array:
        """[parameters, parameters] in the order of `parameters`; 0 where fixed."""
        return np.array(self.fit["covariance"], dtype=float)

    @property
    def correlation(self) -> Array:
        """[parameters, parameters] in the order of `parameters`; 0 where fixed."""
        return np.array(self.fit["correlation"], dtype=float)

    @property
    def scan_parameter(self) -> str:
        """What the scan moves."""
        return str(self.fit.get("scan_parameter") or self.fit["poi"])

    @property
    def scan(self) -> Table:
        """`value` of the scanned parameter, `t`, `converged`, `interpolated`, and the other parameters' profiled values."""
        names = [parameter["name"] for parameter in self.fit["parameters"]]
        return Table.of({"value": point["poi"], "t": point["t"], "converged": point["converged"],
                         "interpolated": point["interpolated"]} | dict(zip(names, point["parameters"]))
                        for point in self.fit["scan"])

    @property
    def impacts(self) -> Table:
        """Signed shifts of the parameter of interest by each parameter; `fit["definitions"]` says by which definition."""
        return Table.of(self.fit["impacts"], dict.fromkeys(["parameter"] + [key for row in self.fit["impacts"] for key in row]))

    @property
    def injections(self) -> Table:
        """Estimates of `data.injections`, one row for each injected parameter."""
        return Table.of({"injection": injection["name"], "converged": injection["converged"]} | parameter
                        for injection in self.fit.get("injections", []) for parameter in injection["parameters"])

    @property
    def limits(self) -> Table:
        """CLs at each tested value of the parameter of interest, observed and expected at each of `band_sigmas`."""
        if "limits" not in self.fit:
            raise Problem(f"'{self.path / 'fit.json'}' has no limits; 'ratiofarm limits' adds them")
        limits = self.fit["limits"]
        return Table.of({key: value for key, value in test.items() if key != "expected_cls"}
                        | {f"expected_cls_{sigma:+.0f}": value for sigma, value in zip(limits["band_sigmas"], test["expected_cls"])}
                        for test in limits["tests"])

    # ---- Toys and goodness of fit --------------------------------------------------------------------------------------

    @cached_property
    def toys(self) -> dict[str, Any]:
        """toys.json."""
        return self._json("toys.json", "toys")

    @property
    def toy_parameters(self) -> Table:
        """Mean, width and pulls of the estimates at each truth (`test`)."""
        return Table.of({"test": point["test"]} | parameter for point in self.toys["points"] for parameter in point["parameters"])

    @property
    def toy_thresholds(self) -> Table:
        """`value` and its statistical `error` at each `test`, `statistic` and `level`, with what the data have (`observed`)."""
        return Table.of({"test": point["test"], "statistic": statistic["name"], "observed": statistic["observed"]} | threshold
                        for point in self.toys["points"] for statistic in point["statistics"]
                        for threshold in statistic["thresholds"])

    @cached_property
    def gof(self) -> Table:
        """The tests of goodness of fit: `region`, `observable`, `deviance`, `ndf`, p-values."""
        rows = []
        for test in self._json("gof.json", "gof")["tests"]:
            p_value = test["p_value"] or {"value": None, "error": None}
            rows.append(test | {"p_value": p_value["value"], "p_value_error": p_value["error"]})
        return Table.of(rows, ["region", "observable", "deviance", "ndf", "p_asymptotic", "p_value", "p_value_error",
                               "edges", "observed", "expected"])

    # ---- Nets and ratios -----------------------------------------------------------------------------------------------

    @cached_property
    def ensembles(self) -> Ensembles:
        return Ensembles(self.path / "ensembles")

    @cached_property
    def ratios(self) -> Ratios:
        if not (self.path / "ratios.h5").exists():
            raise Problem(f"'{self.path}' has no ratios.h5; 'ratiofarm infer' makes it")
        return Ratios(self.path / "ratios.h5")

    def evaluate(self, events: Any, id: Array | None = None) -> Table:
        """ln r of every process, normalised as in ratios.h5, and ln g of every trained shape, of any events [n].

        events: a table with the columns that the nets read, or an array [n, d] in the order of `events.features`.
        id: u64 [n]. With `split.folds`, give it for events that may have trained nets: see Ensemble.log_ratio().
        The columns are named as the ensembles: "S", "B/scale/up". Equal to ratios.h5 but for rounding to 32 bits.
        Warns of events beyond all that the reference has in a feature, if the events file of the run is there.
        """
        if not self.ensembles:
            raise Problem(f"'{self.path}' has no ensembles: run 'ratiofarm gather', or 'ratiofarm run'")
        self._warn_outside(events)
        table = Table()
        for name, ensemble in self.ensembles.items():
            if not ensemble.process or name.endswith("/replicas"):
                continue
            z = self.ratios.log_z[ensemble.process] if name == ensemble.process else 0.0
            table[name] = ensemble.log_ratio(events, id) - z
        return table

    @cached_property
    def _support(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each feature in the reference; empty without the events file."""
        selected = self.path / "selected.toml"
        campaign = read_toml(selected, required=True) if selected.exists() else self.campaign
        section = campaign.get("events", {})
        file = self.path / section.get("file", "")
        samples = {process["name"]: process.get("sample", process["name"]) for process in campaign.get("process", [])}
        wanted = [samples[name] for name in campaign.get("reference", {}).get("mixture", {}) if name in samples]
        if not file.is_file() or not wanted:
            return {}
        low: dict[str, float] = {}
        high: dict[str, float] = {}
        with open_events(file) as events:
            for sample in wanted:
                features = events[sample]["features"]
                columns = [str(name) for name in features.attrs["columns"]]
                for first in range(0, len(features), ROWS_PER_STEP):
                    rows = features[first:first + ROWS_PER_STEP]
                    for name in section.get("features", []):
                        x = rows[:, columns.index(name)]
                        low[name] = min(low.get(name, np.inf), float(x.min()))
                        high[name] = max(high.get(name, -np.inf), float(x.max()))
        return {name: (low[name], high[name]) for name in low}

    def _warn_outside(self, events: Any) -> None:
        try:
            support = self._support
        except (OSError, KeyError, ValueError):
            return  # what the nets need of the file they say themselves
        found = []
        for k, (name, (low, high)) in enumerate(support.items()):
            if isinstance(events, Events):
                x = events.features[:, events.columns.index(name)] if name in events.columns else None
            elif isinstance(events, np.ndarray) and events.dtype.names is None:
                x = events[:, k] if events.ndim == 2 and events.shape[1] == len(support) else None
            else:
                x = np.asarray(events[name]) if name in _names(events) else None
            if x is None:
                continue
            x = np.asarray(x, dtype=np.float32)
            outside = int(np.count_nonzero((x < low) | (x > high)))
            if outside:
                found.append(f"{name}: {outside} of {len(x)} outside {low:.6g} to {high:.6g}")
        if found:
            warnings.warn("events lie where the reference has none, and nets only extrapolate there: " + "; ".join(found),
                          stacklevel=3)

    def likelihood(self, campaign: str | os.PathLike[str] | Mapping[str, Any] | None = None,
                   ratios: str | os.PathLike[str] | None = None, *, all_reference: bool = False) -> Likelihood:
        """The likelihood of the fit. campaign, ratios: what was fitted, where that is not what the directory holds.

        Data of a blind campaign are used once its fit did so, on record. Raises Problem if `fit.json` is the fit of
        another campaign than the one that the directory holds.
        """
        fit = self.fit if (self.path / "fit.json").exists() else {}
        if campaign is None:
            selected = self.path / "selected.toml"
            campaign = read_toml(selected, required=True) if selected.exists() else self.campaign
            _expect_same(campaign, fit, self.path)
        if ratios is None and (self.path / "ratios.h5").exists():
            ratios = self.ratios.path
            known = {inputs for key, inputs in fit.get("made_from", {}).items() if key.startswith("ratios.")} - {"unknown"}
            if known and self.ratios.attributes.get("inputs") not in known:
                raise Problem(f"'{ratios}' is not the ratio file of fit.json; name that one, likelihood(ratios=...), or fit again")
        judged = fit.get("shapes", {}).get("judged", [])
        keep = None if not judged else not any(shape["left_out"] for shape in judged) or None
        return Likelihood(campaign, ratios, folder=self.path, unblinded="unblinded" in fit.get("blinding", {}),
                          keep_null_shapes=keep, all_reference=all_reference)


def _expect_same(campaign: Mapping[str, Any], fit: Mapping[str, Any], path: Path) -> None:
    """That the campaign says what the fit was made from, as far as it decides a likelihood."""
    mine = dict(_keys({key: campaign[key] for key in ("parameters", "process", "systematic", "region", "data", "inference")
                       if key in campaign}))
    if "unblinded" in fit.get("blinding", {}):  # such a fit is made as if the campaign had not been blind
        mine["data.blind"] = False
    for key, text in fit.get("made_from", {}).items():
        made_from = tomllib.loads(f"value = {text}")["value"] if key in mine else None
        if key in mine and mine[key] != made_from:
            raise Problem(f"'{path / 'fit.json'}' is the fit of another campaign than the one of this directory: {key} is "
                          f"{made_from} there and {mine[key]} here; name it, likelihood(campaign), or fit again")


def _keys(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`process.S.yield` and its value, and so on, as `made_from` has them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _keys(item, f"{prefix}{key}.")
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, 1):
            yield from _keys(item, f"{prefix}{item.get('name', number)}.")
    else:
        yield prefix[:-1], value


def open_run(path: str | os.PathLike[str]) -> Run:
    """Opens a run directory, finished or not."""
    return Run(path)

"""unfolded.h5: the events of an unfolding with their weights, in any bins."""
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .files import Array, Problem, did_you_mean, needed, open_table, read_json, read_rows

FORMAT, VERSION = "ratiofarm-unfolded", 1


@dataclass(frozen=True)
class Histogram:
    """Unfolded weights by bins."""

    edges: Array
    contents: Array
    covariances: dict[str, Array]  #: by source: data, mc, members, and the variations
    missing: tuple[str, ...] = ()  #: variations by another sample, whose part is not known in these bins

    @property
    def covariance(self) -> Array:
        """The sum of all sources that are known."""
        bins = len(self.contents)
        return sum(self.covariances.values(), np.zeros((bins, bins)))

    @property
    def error(self) -> Array:
        return np.asarray(np.sqrt(np.diag(self.covariance)))


@dataclass(frozen=True)
class Unfolded:
    """Published events. All weights contain that of the simulation; their sum is the number of events."""

    columns: list[str]            #: of the truth
    truth: Array                  #: f32 [n, t]
    id: Array                     #: u64 [n]
    weight_mc: Array              #: f64 [n] as the simulation generated them
    weights: dict[str, Array]     #: "nominal", "bootstrap_data_0", "ensemble_0", variations
    iterations: dict[int, Array]  #: of the nominal chains
    attributes: dict[str, Any]    #: what the file says of itself: unit, misses, fakes and so on
    rules: dict[str, str]         #: of each column of weights, how its nets were combined
    observables: tuple[dict[str, Any], ...] = ()  #: declared ones with their covariances, of unfold.json beside the file

    def column(self, name: str) -> Array:
        if name not in self.columns:
            raise Problem(f"no column '{name}' of the truth" + did_you_mean(name, self.columns))
        return np.asarray(self.truth[:, self.columns.index(name)])

    def frame(self) -> Any:
        """As a pandas DataFrame with the names of public OmniFold results: the truth, weight_mc, weights_nominal,
        weights_bootstrap_data_0 and so on."""
        pandas = needed("pandas", "frames")

        return pandas.DataFrame(self._public())

    def _public(self) -> dict[str, Array]:
        weights = {"weight_mc": self.weight_mc} | {f"weights_{name}": values for name, values in self.weights.items()}
        for name in self.columns:
            if name in weights:
                raise Problem(f"the column '{name}' of the truth has the name of weights; give it another one")
        return {name: self.truth[:, k] for k, name in enumerate(self.columns)} | weights

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the columns of frame() for others: .h5 (a dataset for each column, attributes say what the weights
        are, as `ratiofarm export --format omnifold`) or .parquet."""
        where = Path(path)
        if where.suffix == ".parquet":
            needed("pyarrow", "frames")
            self.frame().to_parquet(where)
            return
        if where.suffix not in (".h5", ".hdf5"):
            raise Problem(f"'{where}': must end with .h5 or .parquet")
        import h5py

        with h5py.File(where, "w") as file:
            file.attrs.update(self.attributes)
            for name, values in self._public().items():
                file.create_dataset(name, data=values)
            for name, rule in self.rules.items():
                file[f"weights_{name}"].attrs["rule"] = rule

    def histogram(self, values: str | Array, edges: Sequence[float]) -> Histogram:
        """Contents with covariances. values: a column, or any number for each event, such as a function of columns.
        Variations by another sample have other events: their part is known in the bins of the campaign only, beside
        unfold.json. In others it is missing, with a warning."""
        x = self.column(values) if isinstance(values, str) else np.asarray(values)
        if len(x) != len(self.id):
            raise Problem(f"{len(x)} values for {len(self.id)} events")
        bins = np.asarray(edges, "f8")
        if bins.ndim != 1 or len(bins) < 2 or not np.all(bins[1:] > bins[:-1]):
            raise Problem(f"edges = {list(edges)} must be two or more ascending numbers")
        limits = bins.astype("f4") if x.dtype == np.float32 else bins  # 0.7 of a column of 32 bits is on the edge 0.7

        def fill(weights: Array) -> Array:
            inside = (x >= limits[0]) & (x < limits[-1])
            places = np.searchsorted(limits, x[inside], side="right") - 1
            return np.bincount(places, weights[inside], minlength=len(bins) - 1)

        nominal = fill(self.weights["nominal"])
        covariances: dict[str, Array] = {}
        for source, prefix in [("data", "bootstrap_data_"), ("mc", "bootstrap_mc_"), ("members", "ensemble_")]:
            some = [fill(w) for name, w in self.weights.items() if name.startswith(prefix)]
            if len(some) > 1:
                covariances[source] = np.cov(np.array(some).T, ddof=1).reshape(len(nominal), -1) / (len(some) if source == "members" else 1)
        by_sample = [name for name in str(self.attributes.get("variations_by_sample", "")).split(", ") if name]
        declared = self._declared(values, bins)
        if declared is not None:  # all sources, each as unfold.json has it
            return Histogram(bins, nominal, declared)
        for name, weights in self.weights.items():
            if name == "nominal" or name.startswith(("bootstrap_data_", "bootstrap_mc_", "ensemble_")):
                continue
            d = fill(weights) - nominal
            base, _, side = name.rpartition("_")
            pair = {"up": "down", "down": "up"}.get(side)
            both = pair is not None and (f"{base}_{pair}" in self.weights or f"{base}_{pair}" in by_sample)
            source = base if both else name
            covariances[source] = covariances.get(source, 0) + np.outer(d, d) * (0.5 if both else 1)
        if by_sample:
            warnings.warn(f"errors in these bins lack {', '.join(by_sample)}: the events of another sample are not in this file "
                          "(their covariance is known in the bins of the campaign)", stacklevel=2)
        return Histogram(bins, nominal, covariances, tuple(by_sample))

    def _declared(self, values: str | Array, bins: Array) -> dict[str, Array] | None:
        """The covariances of an observable of the campaign, if it has these bins."""
        for of in self.observables:
            edges = np.array([float(edge) for edge in of["edges"]])
            if isinstance(values, str) and of["column"] == values and np.array_equal(edges, bins):
                return {one["source"]: np.array(one["rows"]) for one in of["covariances"]}
        return None


def open_unfolded(path: str | os.PathLike[str]) -> Unfolded:
    """The unfolded events of a run directory, or of a file. Raises Problem if it is missing or damaged."""
    where = Path(path) / "unfolded.h5" if Path(path).is_dir() else Path(path)
    record = where.with_name("unfold.json")
    observables = read_json(record)["observables"] if record.exists() else []
    with open_table(where, FORMAT, [VERSION]) as file:
        def columns(group: str) -> dict[str, Array]:
            return {name: read_rows(file[group][name]) for name in file[group] if not name.endswith("_crc")}

        return Unfolded([str(name) for name in file["truth"].attrs["columns"]], read_rows(file["truth"]), read_rows(file["id"]),
                        read_rows(file["weight_mc"]), columns("weights"),
                        {int(name): values for name, values in sorted(columns("iterations").items(), key=lambda item: int(item[0]))},
                        {name: value for name, value in file.attrs.items() if name not in ("format", "version")},
                        {name: str(column.attrs["rule"]) for name, column in file["weights"].items() if "rule" in column.attrs},
                        tuple(observables))

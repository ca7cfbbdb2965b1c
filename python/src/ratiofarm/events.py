"""events.h5: the events of all samples, from tables of any kind, and back."""
import contextlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .files import (ROWS_PER_BLOCK, Array, Problem, did_you_mean, needed, open_table, published, read_rows,
                    write_metadata_crc)

FORMAT, VERSION = "ratiofarm-events", 1
NAME_CHARACTERS, LONGEST_NAME = set("_.+-"), 100
NAME_RULE = "a name consists of letters, digits and _ . + - and starts with a letter, a digit or _"
#: Of |p|: energies and momenta may come from texts of a few digits; and the share of particles that may have less.
SHELL_ROUNDING, MOST_BELOW_SHELL = 1e-4, 0.01
#: Sums of weights that the program accepts: the expected number of events.
SMALLEST_SUM, LARGEST_SUM = 1e-30, 1e30
#: Of a file whose datasets the program maps: numbers of 64 bits lie at multiples of 8 bytes.
MAPPED: dict[str, int] = {"alignment_threshold": 1, "alignment_interval": 8}
#: Feature of events that have particle lists only.
MULTIPLICITY = "multiplicity"


@dataclass(frozen=True)
class Particles:
    """The particle lists of the events of a sample, one after the other."""

    columns: list[str]
    offsets: Array              #: u64 [n + 1]: event i has rows offsets[i] to offsets[i + 1]
    values: Array               #: f32 [particles, columns]
    types: Array | None = None  #: i64 [particles]

    def of(self, event: int) -> Array:
        """Those of one event [n, columns]."""
        return np.asarray(self.values[int(self.offsets[event]):int(self.offsets[event + 1])])

    def at(self, rows: Array) -> "Particles":
        """Those of some of the events."""
        first, last = self.offsets[:-1][rows].astype("i8"), self.offsets[1:][rows].astype("i8")
        mine = np.concatenate([np.arange(a, b) for a, b in zip(first, last)] or [np.zeros(0, "i8")]).astype("i8")
        offsets = np.concatenate([np.zeros(1, "u8"), np.cumsum(last - first).astype("u8")])
        return Particles(self.columns, offsets, self.values[mine], None if self.types is None else self.types[mine])


@dataclass(frozen=True)
class Levels:
    """Truth of simulated events, and which of the two levels they pass."""

    columns: list[str]          #: of the truth
    truth: Array                #: f32 [n, t]
    pass_reco: Array            #: u8 [n]
    pass_truth: Array           #: u8 [n]


@dataclass(frozen=True)
class Events:
    """The events of one sample, checked."""

    name: str
    columns: list[str]          #: of features
    features: Array             #: f32 [n, d]
    weight: Array               #: f64 [n], expected events
    id: Array                   #: u64 [n]
    weights: dict[str, Array] = field(default_factory=dict)  #: further columns of weights, f64 [n] each
    particles: "Particles | None" = None

    def __len__(self) -> int:
        return len(self.weight)

    def at(self, rows: Array) -> "Events":
        """Some of the events, in this order."""
        lists = None if self.particles is None else self.particles.at(rows)
        return Events(self.name, self.columns, self.features[rows], self.weight[rows], self.id[rows],
                      {name: values[rows] for name, values in self.weights.items()}, lists)

    def frame(self) -> Any:
        """As a pandas DataFrame: the features, `weight`, `id` and the further columns of weights."""
        pandas = needed("pandas", "frames")

        return pandas.DataFrame({name: self.features[:, k] for k, name in enumerate(self.columns)}
                                | {"weight": self.weight, "id": self.id} | self.weights)


def write_events(path: str | os.PathLike[str], samples: Mapping[str, Any], *, features: Sequence[str], id: str | None,
                 weight: str | float | Mapping[str, str | float] = "weight", weights: Mapping[str, str] | None = None,
                 particles: Sequence[str] | Mapping[str, str] = (), particle_type: str | None = None,
                 truth: Sequence[str] = (), pass_reco: str = "pass_reco", pass_truth: str = "pass_truth") -> Path:
    """Writes an events file that the program maps as it is, with all checksums.

    samples: from the name of a sample to its table: a DataFrame, a dict of arrays, a structured array, an
    awkward array of records; anything whose `table[column]` is one number for each event.
    features: columns that nets may see; finite, stored as 32-bit floats. With `particles` there may be none: then the number
    of particles is written as the feature `multiplicity`, which a campaign with `features = []` does not look at.
    id: column of whole numbers >= 0, distinct within a sample. It decides who trains and who is for inference, so
    variations of one generated event (up, down) share it. None: the number of the row, which only suits samples
    whose variations have all rows in the same order.
    weight: column whose sum is the expected number of events, or a number for all events (1.0 for data); or a
    mapping that says so for each sample.
    weights: further columns of weights, from their name in the file to the column; of the samples that have it.
    particles: columns that are a list for each event (of an awkward array, or lists of numbers), one number for each
    particle, or a mapping from names in the file to them; E, px, py, pz first if nets are to know momenta.
    particle_type: such a column of whole numbers, PDG ids for example.
    truth: columns of the truth, for an unfolding; of the samples that have the columns pass_reco and pass_truth, 0 or 1
    (or False and True): whether the event has features, and whether its truth is in the region. Values of a level that
    an event does not pass may be anything.

    No second copy of the table is held: rows are converted 65536 at a time. Raises Problem for anything that the
    program would refuse; then there is no file.
    """
    if not samples:
        raise Problem(f"'{path}': no samples; give at least one, {{'S': table}}")
    features = [features] if isinstance(features, str) else [str(feature) for feature in features]
    lists = dict(particles) if isinstance(particles, Mapping) else {name: name for name in particles}
    if not features and lists:
        samples, features = {name: _numbered(name, table, next(iter(lists.values()))) for name, table in samples.items()}, [MULTIPLICITY]
    if not features or len(set(features)) != len(features):
        raise Problem(f"features {features}: must be at least one column, none of them twice")
    if particle_type is not None and not lists:
        raise Problem(f"particle_type '{particle_type}': there are no particles; name their columns")
    levels = {name: _levels(name, table, list(truth), pass_reco, pass_truth) for name, table in samples.items()
              if truth and pass_reco in _names(table) and pass_truth in _names(table)}
    if truth and not levels:
        raise Problem(f"truth {list(truth)}: no sample has the columns '{pass_reco}' and '{pass_truth}'")
    sources = {name: _source(name, table, features, id, _weight_of(name, weight), weights or {}, levels.get(name))
               for name, table in samples.items()}
    jagged = {name: _particles(name, table, lists, particle_type, len(sources[name].weight))
              for name, table in samples.items() if lists}
    for name in weights or {}:
        if not _is_plain(name) or name.endswith("_crc"):
            raise Problem(f"weights '{name}': {NAME_RULE}, and does not end with _crc")
        if not any(name in source.weights for source in sources.values()):
            raise Problem(f"weights '{name}': no sample has a column '{(weights or {})[name]}'")
    with published(path) as partial:
        with h5py.File(partial, "w", **MAPPED) as file:
            file.create_dataset("metadata_crc", data=np.zeros(1, "u4"))
            for name, source in sources.items():
                source.write(file.create_group(name))
                if name in jagged:
                    _write_particles(file[name], jagged[name])
            file.attrs["version"] = np.int64(VERSION)
            file.attrs["format"] = FORMAT
        write_metadata_crc(partial)
    return Path(path)


def open_events(path: str | os.PathLike[str]) -> contextlib.AbstractContextManager[h5py.File]:
    """An events file as HDF5, its metadata checked; `open_table` says what it raises."""
    return open_table(path, FORMAT, [VERSION])


def sample_names(path: str | os.PathLike[str]) -> list[str]:
    """The samples of an events file."""
    with open_events(path) as file:
        return [name for name, item in file.items() if isinstance(item, h5py.Group)]


def read_events(path: str | os.PathLike[str], sample: str) -> Events:
    """All events of a sample, compared with their checksums. Raises Problem if it is missing or damaged."""
    with open_events(path) as file:
        weight = "weight"
        if "@" in sample and sample not in file:  # a sample with one of its further columns as weights
            sample, _, column = sample.partition("@")
            weight = f"weights/{column}"
            if sample in file and weight not in file[sample]:
                raise Problem(f"'{path}': sample '{sample}' has no weights '{column}'"
                              + did_you_mean(column, [name for name in file[sample].get("weights", {}) if not name.endswith("_crc")]))
        if not isinstance(file.get(sample), h5py.Group):
            raise Problem(f"'{path}': no sample '{sample}'"
                          + did_you_mean(sample, [name for name, item in file.items() if isinstance(item, h5py.Group)]))
        group = file[sample]
        further = [name for name, item in group.get("weights", {}).items()
                   if isinstance(item, h5py.Dataset) and not name.endswith("_crc")]
        return Events(sample, [str(name) for name in group["features"].attrs["columns"]],
                      read_rows(group["features"]).astype("f4", copy=False), read_rows(group[weight]).astype("f8", copy=False),
                      read_rows(group["id"]).astype("u8", copy=False),
                      {name: read_rows(group["weights"][name]).astype("f8", copy=False) for name in further},
                      _read_particles(group) if "particles" in group else None)


def _read_particles(group: h5py.Group) -> Particles:
    return Particles([str(name) for name in group["particles"].attrs["columns"]],
                     read_rows(group["particle_offsets"]).astype("u8", copy=False),
                     read_rows(group["particles"]).astype("f4", copy=False),
                     read_rows(group["particle_type"]).astype("i8", copy=False) if "particle_type" in group else None)


@dataclass(frozen=True)
class _Source:
    """The checked columns of one sample, as views of the caller's table where possible."""

    name: str
    names: list[str]
    features: list[Array]
    weight: Array
    id: Array
    weights: dict[str, Array]
    levels: "Levels | None" = None

    def write(self, group: h5py.Group) -> None:
        _write(group, "features", (len(self.weight), len(self.names)), "f4", self._feature_blocks())
        group["features"].attrs.create("columns", self.names, dtype=h5py.string_dtype())
        for name, values in [("weight", self.weight), *((f"weights/{name}", v) for name, v in self.weights.items())]:
            _write(group, name, values.shape, "f8", self._weight_blocks(name, values))
        if self.levels is not None:
            truth = self.levels.truth
            _write(group, "truth", truth.shape, "f4", (truth[rows] for rows in _blocks(len(truth))))
            group["truth"].attrs.create("columns", self.levels.columns, dtype=h5py.string_dtype())
            for name, flags in [("pass_reco", self.levels.pass_reco), ("pass_truth", self.levels.pass_truth)]:
                _write(group, name, flags.shape, "u1", (flags[rows] for rows in _blocks(len(flags))))
        _write(group, "id", self.id.shape, "u8", (self.id[rows].astype("u8") for rows in _blocks(len(self.id))))

    def _feature_blocks(self) -> Iterator[Array]:
        for rows in _blocks(len(self.weight)):
            block = np.empty((min(rows.stop, len(self.weight)) - rows.start, len(self.names)), "f4")
            with np.errstate(over="ignore"):
                for k, column in enumerate(self.features):
                    block[:, k] = column[rows]
            finite = np.isfinite(block)
            if self.levels is not None:
                finite |= self.levels.pass_reco[rows, None] == 0
            if not finite.all():
                row, k = np.argwhere(~finite)[0]
                raise Problem(f"sample '{self.name}': column '{self.names[k]}' is {self.features[k][rows.start + row]} in row "
                              f"{rows.start + row} (must be finite as a 32-bit float); drop such events or give them a value")
            yield block

    def _weight_blocks(self, name: str, values: Array) -> Iterator[Array]:
        total = 0.0
        for rows in _blocks(len(values)):
            block = values[rows].astype("f8")
            if not np.isfinite(block).all():
                row = rows.start + int(np.argmin(np.isfinite(block)))
                raise Problem(f"sample '{self.name}': {name} is {values[row]} in row {row} (must be finite)")
            total += float(block.sum())
            yield block
        if not SMALLEST_SUM <= total <= LARGEST_SUM:
            bound = f"<= {LARGEST_SUM:g}" if total > LARGEST_SUM else f">= {SMALLEST_SUM:g}" if total > 0 else "> 0"
            raise Problem(f"sample '{self.name}': {name} sums to {total:g} (must be {bound}: it is the expected number of events)")


def _particles(sample: str, table: Any, lists: Mapping[str, str], particle_type: str | None, events: int) -> Particles:
    columns = {name: _jagged(sample, table, column, events) for name, column in lists.items()}
    counts = next(iter(columns.values()))[0]
    types = None if particle_type is None else _jagged(sample, table, particle_type, events)
    for name, (other, _) in [*columns.items(), *([] if types is None else [(str(particle_type), types)])]:
        wrong = np.flatnonzero(other != counts)
        if len(wrong):
            raise Problem(f"sample '{sample}': '{name}' has {other[wrong[0]]} particles in row {wrong[0]}, '{next(iter(lists))}' "
                          f"has {counts[wrong[0]]}")
    if counts.sum() == 0:
        raise Problem(f"sample '{sample}' has no particle in any event")
    with np.errstate(over="ignore"):
        values = np.stack([flat for _, flat in columns.values()], axis=1).astype("f4")
    if not np.isfinite(values).all():
        row, k = np.argwhere(~np.isfinite(values))[0]
        event = int(np.searchsorted(np.cumsum(counts), row, side="right"))
        raise Problem(f"sample '{sample}': '{list(lists)[k]}' of a particle is {list(columns.values())[k][1][row]} in row {event} "
                      "(must be finite as a 32-bit float)")
    if types is not None and types[1].dtype.kind not in "iu":
        raise Problem(f"sample '{sample}': particle_type '{particle_type}' has type {types[1].dtype} (must be whole numbers)")
    _expect_momenta(sample, list(lists), values, counts)
    offsets = np.concatenate([np.zeros(1, "u8"), np.cumsum(counts).astype("u8")])
    return Particles(list(lists), offsets, values, None if types is None else types[1].astype("i8"))


def _expect_momenta(sample: str, columns: list[str], values: Array, counts: Array) -> None:
    if columns[:4] != ["E", "px", "py", "pz"]:
        return
    if (values[:, 0] < 0.0).any():
        row = int(np.argmax(values[:, 0] < 0.0))
        event = int(np.searchsorted(np.cumsum(counts), row, side="right"))
        raise Problem(f"sample '{sample}': 'E' of a particle is {values[row, 0]} in row {event} (must be >= 0)")
    p = values[:, :4].astype("f8")
    below = int((p[:, 0] < np.sqrt((p[:, 1:] ** 2).sum(1)) * (1.0 - SHELL_ROUNDING)).sum())
    if below > MOST_BELOW_SHELL * len(p):
        raise Problem(f"sample '{sample}': {below} of {len(p)} particles have E < |p|: are the first columns really E, px, py and pz, "
                      "in the same unit?")


def _numbered(sample: str, table: Any, column: str) -> dict[str, Any]:
    """The columns of a table and the number of particles."""
    names = _names(table)
    if column not in names:
        raise Problem(f"sample '{sample}': no column '{column}' of particles" + did_you_mean(column, names))
    counts, _ = _jagged(sample, table, column, len(_at(table, column)))
    return {name: _at(table, name) for name in names} | {MULTIPLICITY: counts}


def _jagged(sample: str, table: Any, name: str, events: int) -> tuple[Array, Array]:
    """Particles of each event, and the numbers of all of them."""
    known = _names(table)
    if name not in known:
        raise Problem(f"sample '{sample}': no column '{name}' of particles" + did_you_mean(name, known))
    column = _at(table, name)
    try:
        if type(column).__module__.startswith("awkward"):
            import awkward

            counts, flat = np.asarray(awkward.num(column)), np.asarray(awkward.to_numpy(awkward.flatten(column)))
        else:
            rows = [np.asarray(row) for row in column]
            if any(row.ndim != 1 for row in rows):
                raise ValueError
            counts = np.array([len(row) for row in rows], dtype="i8")
            flat = np.concatenate([row for row in rows if len(row)] or [np.zeros(0)])
    except (ValueError, TypeError):
        raise Problem(f"sample '{sample}': column '{name}' of particles is not a list of numbers for each event") from None
    if flat.ndim != 1:
        raise Problem(f"sample '{sample}': column '{name}' of particles has lists in its lists; choose one number for each particle")
    if np.ma.is_masked(flat) or flat.dtype.kind not in "biuf":
        raise Problem(f"sample '{sample}': column '{name}' of particles has missing values or no numbers (type {flat.dtype})")
    if len(counts) != events:
        raise Problem(f"sample '{sample}': column '{name}' of particles has {len(counts)} rows, the features have {events}")
    return counts, np.asarray(flat)


def _write_particles(group: h5py.Group, lists: Particles) -> None:
    def put(name: str, values: Array, dtype: str) -> None:
        _write(group, name, values.shape, dtype, (np.ascontiguousarray(values[rows]) for rows in _blocks(len(values))))

    put("particles", lists.values, "f4")
    group["particles"].attrs.create("columns", lists.columns, dtype=h5py.string_dtype())
    put("particle_offsets", lists.offsets, "u8")
    if lists.types is not None:
        put("particle_type", lists.types, "i8")


def _levels(sample: str, table: Any, truth: list[str], pass_reco: str, pass_truth: str) -> Levels:
    flags = []
    for name in (pass_reco, pass_truth):
        column = np.asarray(_column(sample, table, name))
        wrong = np.flatnonzero((column != 0) & (column != 1))
        if len(wrong):
            raise Problem(f"sample '{sample}': '{name}' is {column[wrong[0]]} in row {wrong[0]} (must be 0 or 1)")
        flags.append(column.astype("u1"))
    if len(flags[0]) != len(flags[1]):
        raise Problem(f"sample '{sample}': '{pass_reco}' has {len(flags[0])} rows, '{pass_truth}' has {len(flags[1])}")
    columns = [np.asarray(_column(sample, table, name)) for name in truth]
    for name, column in zip(truth, columns):
        if len(column) != len(flags[0]):
            raise Problem(f"sample '{sample}': column '{name}' has {len(column)} rows, '{pass_reco}' has {len(flags[0])}")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(np.stack(columns, axis=1).astype("f4"))
    bad = ~np.isfinite(values) & (flags[1][:, None] == 1)
    if bad.any():
        row, k = np.argwhere(bad)[0]
        raise Problem(f"sample '{sample}': column '{truth[k]}' is {columns[k][row]} in row {row}, which passes '{pass_truth}' "
                      "(must be finite as a 32-bit float)")
    return Levels(truth, values, flags[0], flags[1])


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(first, first + ROWS_PER_BLOCK) for first in range(0, rows, ROWS_PER_BLOCK))


def _write(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: str, blocks: Iterator[Array]) -> None:
    """A contiguous dataset and its checksums, block by block."""
    dataset = group.create_dataset(name, shape, dtype)
    crcs: list[int] = []
    for block in blocks:
        first = len(crcs) * ROWS_PER_BLOCK
        dataset[first:first + len(block)] = block
        crcs.append(zlib.crc32(block.data))
    group.create_dataset(name + "_crc", data=np.array(crcs, "u4"))


def _weight_of(sample: str, weight: str | float | Mapping[str, str | float]) -> str | float:
    if isinstance(weight, Mapping) and sample not in weight:
        raise Problem(f"weight says nothing of sample '{sample}'" + did_you_mean(sample, weight))
    one = weight[sample] if isinstance(weight, Mapping) else weight
    if isinstance(one, bool) or not isinstance(one, (str, int, float, np.integer, np.floating)):
        raise Problem(f"sample '{sample}': weight is {one!r} (must be the name of a column, or a number for all events)")
    return one


def _is_plain(name: Any) -> bool:
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        return False
    return (name[0].isalnum() or name[0] == "_") and all(c.isascii() and (c.isalnum() or c in NAME_CHARACTERS) for c in name)


def _source(name: str, table: Any, features: list[str], id: str | None, weight: str | float,
            weights: Mapping[str, str], levels: "Levels | None" = None) -> _Source:
    if not _is_plain(name):
        raise Problem(f"sample {name!r}: {NAME_RULE}")
    columns = [_column(name, table, feature) for feature in features]
    rows = len(columns[0])
    if rows == 0:
        raise Problem(f"sample '{name}' has no events")
    values = _column(name, table, weight) if isinstance(weight, str) else np.broadcast_to(np.float64(weight), (rows,))
    further = {key: _column(name, table, column) for key, column in weights.items() if column in _names(table)}
    ids = np.arange(rows, dtype="u8") if id is None else _column(name, table, id)
    flags = [] if levels is None else [("pass_reco", levels.pass_reco), ("truth", levels.truth)]
    for label, column in [*zip(features, columns), ("weight", values), ("id", ids), *further.items(), *flags]:
        if len(column) != rows:
            raise Problem(f"sample '{name}': column '{label}' has {len(column)} rows, '{features[0]}' has {rows}")
    if id is not None:
        _expect_ids(name, id, ids)
    return _Source(name, features, columns, values, ids, further, levels)


def _expect_ids(sample: str, column: str, ids: Array) -> None:
    if ids.dtype.kind not in "iu":
        raise Problem(f"sample '{sample}': id '{column}' has type {ids.dtype} (must be whole numbers: floats lose the last "
                      "digits of large ids)")
    if ids.dtype.kind == "i" and (ids < 0).any():
        raise Problem(f"sample '{sample}': id '{column}' is {ids.min()} in row {ids.argmin()} (must be >= 0)")
    if (ids[1:] > ids[:-1]).all():
        return
    ordered = np.sort(ids)
    same = ordered[1:] == ordered[:-1]
    if same.any():
        raise Problem(f"sample '{sample}': {same.sum()} of {len(ids)} events have the id of another one, for example "
                      f"{ordered[1:][same][0]}; combine '{column}' with what tells them apart, such as run * 10**10 + event")


def _names(table: Any) -> list[str]:
    for attribute in ("column_names", "columns", "fields"):  # Arrow tables; DataFrames; awkward arrays
        if hasattr(table, attribute):
            return [str(name) for name in getattr(table, attribute)]
    if isinstance(table, Mapping):
        return [str(name) for name in table]
    names = getattr(getattr(table, "dtype", None), "names", None)
    if names is None:
        raise Problem(f"a table must be a DataFrame, a dict of arrays, a structured array or an array of records, not "
                      f"{type(table).__name__}")
    return list(names)


def _at(table: Any, name: str) -> Any:
    """A column by what its name looks like: frames may have numbers as names."""
    keys = getattr(table, "columns", None) if hasattr(table, "iloc") else table if isinstance(table, Mapping) else None
    return table[name if keys is None else next(key for key in keys if str(key) == name)]


def _column(sample: str, table: Any, name: str) -> Array:
    known = _names(table)
    if name not in known:
        raise Problem(f"sample '{sample}': no column '{name}'" + did_you_mean(name, known))
    try:
        column = np.asanyarray(_at(table, name))
    except ValueError:  # jagged, or values that are missing
        missing = "?" in str(getattr(_at(table, name), "type", ""))
        column = np.array([None]) if missing else np.empty((0, 0))
    if np.ma.is_masked(column) or column.dtype.kind not in "biuf" and column.ndim == 1:
        raise Problem(f"sample '{sample}': column '{name}' has missing values or no numbers (type {column.dtype}); drop such "
                      "events or fill them")
    if column.ndim != 1:
        raise Problem(f"sample '{sample}': column '{name}' is not one number for each event; choose one, such as the leading "
                      "object's")
    return np.asarray(column)

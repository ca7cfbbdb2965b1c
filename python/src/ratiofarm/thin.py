"""A bundle with fewer events of the reference: smaller, and told what that costs."""
import os
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xxhash

from .bundle import Bundle, _listed
from .files import EVENTS_PER_BLOCK, ROWS_PER_BLOCK, Array, Problem, open_table, published, write_metadata_crc
from .fisher import derivatives
from .likelihood import Likelihood, Unbinned, events_of
from .process import program
from .ratios import FORMAT, VERSIONS, Ratios
from .runs import Run
from .split import uniform

KEY = 0x7468696E  # of the hash of ids that chooses events


def thin_bundle(run: Run, out: str | os.PathLike[str], *, error: float = 0.005,
                options: Sequence[str | os.PathLike[str]] = ()) -> Bundle:
    """Publishes a run with as few simulated events as a Monte Carlo error allows; `left_out` of bundle.json says what it costs.

    error: the largest relative error, from the number of events, of the mean of each r_j over the reference and of the
    Fisher information of each parameter. Events are chosen by a hash of their ids, the weights of each sample keep their
    sum; data keep all events. The fit in the bundle is that of its own events. options: more words for `ratiofarm bundle`, such as "--data".
    Raises Problem if all events are too few already, or if the program refuses.
    """
    if any("ratios" in section for section in run.campaign.get("region", [])):
        raise Problem(f"'{run.path}': a region names a ratio file of its own; thin_bundle() knows only ratios.h5 of the run")
    costs = errors(run)
    name, worst = max(costs.items(), key=lambda item: item[1])
    share = (worst / error) ** 2
    if share >= 1.0:
        raise Problem(f"'{run.path}': all events of the reference together give {name} to {100.0 * worst:.2g} %, so none can be left "
                      f"out for error = {error}; allow more than {worst:.3g}, or publish all of them with 'ratiofarm bundle'")
    parent = Path(out).absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        ratios = Path(folder) / "ratios.h5"
        kept, of = write_thinned(run.ratios, ratios, _simulated(run), share)
        done = subprocess.run([program(), "bundle", run.path / "campaign.toml", "--ratios", ratios, "--run", Path(folder) / "fit.run",
                               "--out", out, *options], text=True, capture_output=True)
        if done.returncode != 0:
            raise Problem(f"ratiofarm bundle: {(done.stderr or done.stdout).strip()}")
    bundle = Bundle(out)
    return _listed(bundle, bundle.record["level"], [
        f"{of - kept} of {of} simulated events: with {kept} of them {name} is known to {100.0 * worst * np.sqrt(of / kept):.2g} %, "
        f"and NLL differences at the golden points are off by up to {_off(bundle, run):.2g}"])


def errors(run: Run) -> dict[str, float]:
    """Relative Monte Carlo errors from the number of reference events, by what is known so well."""
    campaign = {key: value for key, value in run.campaign.items() if key != "data"} | {"data": {"asimov": {"source": "reference"}}}
    likelihood = Likelihood(campaign, run.ratios.path, folder=run.path, all_reference=True)  # of no data
    found: dict[str, float] = {}
    for region in likelihood.regions:
        if not isinstance(region, Unbinned):
            continue
        weight = region.reference / region.reference.sum()
        for j, process in enumerate(region.processes):
            found[f"the mean of r of {process.name}"] = _relative(weight, region.r[:, j], 0.0)
        point, names = likelihood.point(), [name for name, parameter in likelihood.parameters.items() if not parameter.fixed]
        density = region.mixture(point)
        for name, slopes in zip(names, derivatives(region.mixture, point, names)):
            parameter = likelihood.parameters[name]
            known = 0.0 if parameter.constraint == "none" else parameter.width**-2
            terms = np.divide(slopes**2, density, out=np.zeros_like(density), where=density > 0.0)
            if terms.any():
                found[f"the information on {name}"] = _relative(weight, terms, known)
    if not found:
        raise Problem(f"'{run.path}' has no unbinned region, so there are no events to leave out")
    return found


def _relative(weight: Array, values: Array, more: float) -> float:
    """Error of a weighted mean, relative to it and to what else is known. weight: sums to 1"""
    mean = float(weight @ values)
    return float(np.sqrt((weight**2) @ (values - mean) ** 2) / abs(mean + more))


def _simulated(run: Run) -> set[str]:
    """Samples of the ratio file whose events are not data."""
    return {sample for _, sample, _ in run.ratios.reference} | {events_of(section) for section in run.campaign.get("process", [])}


def _off(bundle: Bundle, run: Run) -> float:
    """The largest change of an NLL difference at the golden points."""
    full = bundle.likelihood(ratios=run.ratios.path)
    nll = [full.nll(dict(zip(bundle.golden["parameters"], point["parameters"]))) for point in bundle.golden["points"]]
    return max(abs(value - nll[0] - float(point["nll"])) for value, point in zip(nll, bundle.golden["points"]))


def write_thinned(ratios: Ratios, path: Path, samples: set[str], share: float) -> tuple[int, int]:
    """Writes a ratio file with about a share of the events of some samples. Returns how many of them, of how many."""
    kept = of = 0
    with published(path) as partial:
        with open_table(ratios.path, FORMAT, VERSIONS) as source, h5py.File(partial, "w", libver=("earliest", "v108")) as copy:
            for name, item in source.items():
                if name != "events":
                    source.copy(item, copy, name)
            for name in ratios.samples:
                group = source["events"][name]
                if name not in samples:
                    source.copy(group, copy, f"events/{name}")
                    continue
                ids = group["id"][()] if "id" in group else np.arange(len(group["weight"]), dtype="u8")
                rows = np.flatnonzero(uniform(KEY, ids) < share)
                kept, of = kept + len(rows), of + len(ids)
                _copy_rows(group, copy.create_group(f"events/{name}"), rows)
            copy.attrs.update({key: value for key, value in source.attrs.items() if key not in ("format", "version", "reference_events")})
            if "reference_events" in source.attrs:
                copy.attrs["reference_events"] = np.uint64(sum(len(copy[f"events/{sample}/weight"]) for sample in
                                                               {sample for _, sample, _ in ratios.reference}))
            copy.attrs["version"], copy.attrs["format"] = source.attrs["version"], source.attrs["format"]
            has_crc = "metadata_crc" in copy
        if has_crc:
            write_metadata_crc(partial)
    return kept, of


def _copy_rows(source: Any, target: Any, rows: Array) -> None:
    """Some events of a sample, with their checksums; weights keep their sum."""
    for name, item in source.items():
        if name.endswith(("_crc", "_xxh3")):
            continue
        per_event = name in ("weight", "log_r", "id", "row", "spread")
        values = item[()]
        if name == "weight":
            total, chosen = values.sum(), values[rows].sum()
            if len(rows) == 0 or not chosen * total > 0.0:
                raise Problem(f"'{source.file.filename}': the {len(rows)} events of {source.name} that would stay have weights that "
                              f"sum to {chosen:.6g} (all: {total:.6g}); allow a smaller error")
            target.attrs.update(dict(source.attrs) | {"sum_of_weights": float((values[rows] * (total / chosen)).sum())})
            values = values * (total / chosen)
        values = np.ascontiguousarray(values[rows] if per_event else values[:, rows])
        target.create_dataset(name, data=values)
        if per_event:
            sums = [zlib.crc32(values[first:first + ROWS_PER_BLOCK].data) for first in range(0, len(values), ROWS_PER_BLOCK)]
            target.create_dataset(name + "_crc", data=np.array(sums, "u4"))
        else:
            digests = [[xxhash.xxh3_64_intdigest(line[first:first + EVENTS_PER_BLOCK].tobytes())
                        for first in range(0, len(line), EVENTS_PER_BLOCK)] for line in values]
            target.create_dataset(name + "_xxh3", data=np.array(digests, "u8").reshape(len(values), -1))

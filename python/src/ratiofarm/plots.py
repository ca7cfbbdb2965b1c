"""Results as matplotlib figures, to be restyled: every function draws on `ax`, or on a new figure, and returns the axes.

The figure is `axes.figure`; colours and sizes follow matplotlib's rcParams.
"""
from typing import TYPE_CHECKING, Any

import numpy as np

from .events import read_events
from .files import Array, Problem, did_you_mean, needed
from .likelihood import Unbinned
from .nets import Ensemble
from .runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _axes(ax: Any, width: float = 6.0, height: float = 4.0) -> Any:
    if ax is not None:
        return ax
    pyplot = needed("matplotlib.pyplot", "plots")

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def scan(run: Run, ax: "Axes | None" = None) -> "Axes":
    """t along the scanned parameter, with t = 1 and 3.84."""
    ax, points = _axes(ax), run.scan
    order = np.argsort(points["value"])
    ax.plot(points["value"][order], points["t"][order], label=run.fit["campaign"])
    for level in (1.0, 3.841):
        ax.axhline(level, color="0.6", linewidth=0.8, linestyle="--")
    ax.set(xlabel=run.scan_parameter, ylabel="t = 2 (NLL - minimum)", ylim=(0.0, None))
    return ax


def ranking(run: Run, count: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Pulls with constraints, and below them the impacts on the parameter of interest, largest first."""
    impacts, parameters = run.impacts, run.parameters
    if len(impacts.get("parameter", [])) == 0:
        raise Problem(f"'{run.path}': the fit has no other free parameter, so there are no impacts")
    order = np.argsort(-np.abs(impacts["refit_shift"]))[:count]
    names = [str(impacts["parameter"][k]) for k in order]
    ax, places = _axes(ax, 6.0, 1.5 + 0.28 * len(names)), np.arange(len(names))
    shifts = {"up": impacts["refit_shift"][order], "down": -impacts["refit_shift"][order]}
    if "refit_up" in impacts:  # by fits
        shifts = {side: np.where(np.isnan(impacts[f"refit_{side}"][order]), shift, impacts[f"refit_{side}"][order])
                  for side, shift in shifts.items()}
    for side, shift in shifts.items():
        ax.barh(places, shift, height=0.7, alpha=0.5, label=f"impact, {side}")
    ax.set_yticks(places, names)
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel=f"shift of {run.fit['poi']}")
    known = {str(name): k for k, name in enumerate(parameters["name"])}
    pulled = [(place, known[name]) for place, name in zip(places, names) if "pull" in parameters
              and np.isfinite(parameters["pull"][known[name]])]
    if pulled:
        top = ax.twiny()
        rows = [row for _, row in pulled]
        top.errorbar(parameters["pull"][rows], [place for place, _ in pulled], xerr=parameters["constraint"][rows], fmt="o",
                     color="black", markersize=4, label="pull")
        top.set(xlabel="pull and constraint", xlim=(-3.0, 3.0))
    ax.legend(loc="lower right", fontsize="small")
    return ax


def correlation(run: Run, ax: "Axes | None" = None) -> "Axes":
    """The correlation matrix of the free parameters."""
    free = ~run.parameters["fixed"].astype(bool)
    names, matrix = run.parameters["name"][free], run.correlation[np.ix_(free, free)]
    ax = _axes(ax, 2.0 + 0.35 * len(names), 1.5 + 0.35 * len(names))
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.set_yticks(range(len(names)), names)
    ax.figure.colorbar(image, ax=ax, label="correlation")
    return ax


def limits(run: Run, ax: "Axes | None" = None) -> "Axes":
    """CLs along the parameter of interest, observed and expected with its bands."""
    ax, table, found = _axes(ax), run.limits, run.fit["limits"]
    for low, high, colour in ((-2, 2, "#f6d55c"), (-1, 1, "#3caea3")):
        ax.fill_between(table["poi"], table[f"expected_cls_{low:+d}"], table[f"expected_cls_{high:+d}"], color=colour,
                        label=f"expected +- {high}")
    ax.plot(table["poi"], table["expected_cls_+0"], color="black", linestyle="--", label="expected")
    ax.plot(table["poi"], table["cls"], color="black", marker=".", label="observed")
    ax.axhline(1.0 - found["level"], color="#ed553b", linewidth=0.8)
    ax.set(xlabel=run.fit["poi"], ylabel="CLs", ylim=(0.0, 1.0))
    ax.legend(fontsize="small")
    return ax


def distribution(run: Run, feature: str, bins: Any = 40, at: dict[str, float] | None = None, region: str | None = None,
                 campaign: Any = None, ax: "Axes | None" = None) -> "Axes":
    """A feature of the fitted events of an unbinned region, beside the model and each process in it.

    at: values of parameters, default the best fit; {} is before the fit. bins: number of bins or their edges.
    campaign: as of Run.likelihood(). The model is the reference, weighted by the ratios.
    """
    ax, likelihood = _axes(ax), run.likelihood(campaign, all_reference=True)
    unbinned = {one.name: one for one in likelihood.regions if isinstance(one, Unbinned)}
    name = region if region is not None else next(iter(unbinned), "")
    if name not in unbinned:
        raise Problem(f"no unbinned region '{name}'" + did_you_mean(name, unbinned))
    events, p = unbinned[name], likelihood.point(run.best if at is None else at)
    if not events.reference.any():
        raise Problem(f"'{run.path}': the ratio file describes no reference, from which the model is drawn")
    x = _feature(run, events, feature)
    densities = events.densities(p)
    rates = np.array([process.rate(p) for process in events.processes]) / events.normalisations(densities)
    weights = events.reference[:, None] / events.reference.sum() * densities * rates
    used = (events.weight != 0.0) | (events.reference != 0.0)
    edges = np.histogram_bin_edges(x[used], bins)
    data = np.histogram(x, edges, weights=events.weight)[0]
    error = np.sqrt(np.maximum(data, 0.0))  # weighted (Asimov) events: that of as many observed ones
    ax.errorbar((edges[1:] + edges[:-1]) / 2.0, data, yerr=error, fmt="o", color="black", markersize=3, label=likelihood.data)
    ax.stairs(np.histogram(x, edges, weights=weights.sum(axis=1))[0], edges, color="#173f5f", linewidth=1.5, label="model")
    for j, process in enumerate(events.processes):
        ax.stairs(np.histogram(x, edges, weights=weights[:, j])[0], edges, linestyle="--", label=process.name)
    ax.set(xlabel=feature, ylabel="events")
    ax.legend(fontsize="small")
    return ax


def _feature(run: Run, events: Unbinned, feature: str) -> Array:
    selected = run.path / "selected.h5"
    path = selected if selected.exists() else run.campaign["events"]["file"]
    columns = []
    for sample in events.parts:
        table, ratios = read_events(path, sample), run.ratios[sample]
        if feature not in table.columns:
            raise Problem(f"'{path}': no column '{feature}'" + did_you_mean(feature, table.columns))
        if "row" not in ratios.columns:
            raise Problem(f"'{run.ratios.path}' does not say which events its rows are (no dataset 'row')")
        columns.append(table.features[ratios.columns["row"].astype(int), table.columns.index(feature)])
    values: Array = np.concatenate(columns).astype(float)
    return values


def gof(run: Run, observable: str, region: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """Observed and expected events in the bins of a test of goodness of fit, by number of the bin."""
    tests = run.gof
    rows = [k for k in range(len(tests["region"])) if tests["observable"][k] == observable
            and region in (None, tests["region"][k]) and tests["observed"][k] is not None]
    if not rows:
        raise Problem(f"no test in bins of '{observable}'" + did_you_mean(observable, map(str, tests["observable"])))
    ax, row = _axes(ax), rows[0]
    observed, expected = np.asarray(tests["observed"][row], float), np.asarray(tests["expected"][row], float)
    ax.stairs(expected, label="expected at the best fit")
    ax.errorbar(np.arange(len(observed)) + 0.5, observed, yerr=np.sqrt(np.maximum(observed, 0.0)), fmt="o", color="black",
                markersize=4, label="observed")
    ax.set(xlabel=f"bin of {observable}", ylabel="events", ylim=(0.0, None),
           title=f"{tests['region'][row]}: p = {tests['p_value'][row]:.3g}")
    ax.legend(fontsize="small")
    return ax


def training(ensemble: Ensemble, ax: "Axes | None" = None) -> "Axes":
    """Training and validation loss of each net by epoch."""
    ax = _axes(ax)
    for k in range(len(ensemble)):
        epochs = np.arange(1, ensemble.training_loss.shape[1] + 1)
        ax.plot(epochs, ensemble.training_loss[k], color="#20639b", alpha=0.6, label="training" if k == 0 else None)
        ax.plot(epochs, ensemble.validation_loss[k], color="#ed553b", alpha=0.6, label="validation" if k == 0 else None)
    ax.set(xlabel="epoch", ylabel="loss", title=ensemble.name)
    ax.legend(fontsize="small")
    return ax


def calibration(ensemble: Ensemble, ax: "Axes | None" = None) -> "Axes":
    """The fraction of numerator events in bins of the predicted one, of each net on its validation events."""
    ax = _axes(ax, 4.5, 4.5)
    for k, name in enumerate(ensemble.names):
        predicted, observed, error = (ensemble.calibration[key][k] for key in ("predicted", "observed", "error"))
        ax.errorbar(predicted, observed, yerr=error, fmt=".", label=name if len(ensemble) <= 8 else None)
    ax.plot([0.0, 1.0], [0.0, 1.0], color="0.6", linewidth=0.8)
    ax.set(xlabel="predicted fraction", ylabel="fraction of events", title=ensemble.name)
    if len(ensemble) <= 8:
        ax.legend(fontsize="small")
    return ax

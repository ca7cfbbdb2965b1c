"""The parts of the report. Each measures, checks that results are equal, and returns Markdown."""

import os
from dataclasses import dataclass, field

import numpy as np

from measure import (Unequal, available_bytes, check, least, median, ratio_text, seconds_text, table)
from pyhf_peer import compare_with_pyhf

PEERS = [  # name, precisions, text
    ("rows_as_written", ["fp32"], "(a) JAX, one HVP per row, whole set, as commonly written"),
    ("rows_in_blocks", ["fp32", "fp64"], "(b) JAX, HVP rows by scan over blocks, best setting"),
    ("closed_form", ["fp32", "fp64"], "(c) closed form in JAX, scan over blocks, best setting"),
    ("jax_hessian", ["fp32"], "(e) jax.hessian"),
]
BLOCKS = {"rows_in_blocks": [(50, 1), (200, 2), (20, 2), (50, 2)],  # (events, devices)
          "closed_form": [(50, 1), (200, 2), (1000, 2), (200, 1)],
          "gradient": [(200, 1), (20, 2), (50, 2)]}


@dataclass
class Settings:
    """How much is measured."""
    quick: bool
    folder: str
    sections: list
    sizes: list = field(default_factory=list)

    def __post_init__(self):
        self.sizes = self.sizes or ([2000] if self.quick else [2000, 20000, 200000, 1000000])
        self.middle = 2000 if self.quick else 20000     # growth, scan, GEMM fractions
        self.large = 20000 if self.quick else 200000    # ranks, load
        self.largest = 20000 if self.quick else 1000000  # the complete fit
        self.budget = 0.5 if self.quick else 4.0        # seconds per peer and size
        self.repeats = 3 if self.quick else 7
        self.cold_points = 2 if self.quick else 5

    def candidates(self):
        result = {}
        for name, pairs in BLOCKS.items():
            chosen = pairs[-1:] if self.quick else pairs
            result[name] = [{"block": b, "devices": d, "rows": 1, "product": "sum of logs"}
                            for b, d in chosen]
        if not self.quick:
            result["rows_in_blocks"].append({"block": 50, "devices": 2, "rows": 10,
                                             "product": "sum of logs"})
        return result

    def jax_fits(self, events):
        """Whether a process of JAX can hold the events, twice while they are moved."""
        return 2.1 * 8.05e3 * events < available_bytes()


def merge(one, other):
    """Two measurements of the same thing, before and after the peers."""
    return {"min": min(one["min"], other["min"]), "median": 0.5 * (one["median"] + other["median"])}


def hessian_section(programs, settings, results):
    results["tuned"] = {}
    rows = []
    for n in settings.sizes:
        ours = pass_of_ours(programs, settings, n)
        found = peers_at(programs, settings, results, n, ours) if settings.jax_fits(n) else None
        again = pass_of_ours(programs, settings, n)
        for precision in ours:
            if ours[precision]["result"] != again[precision]["result"]:
                raise Unequal(f"our own result at N = {n}, {precision}, changed between two runs")
            for clock in ("seconds", "processor"):
                ours[precision][clock] = merge(ours[precision][clock], again[precision][clock])
        results[n] = {"ours": ours, "peers": found}
        rows += hessian_rows(n, ours, found)
    return "## The Hessian\n\n" + table(
        ["N", "program", "precision", "seconds, least (median)", "processor seconds, least",
         "ours takes less processor time by", "compiling", "memory beside the events",
         "largest difference"], rows)


def pass_of_ours(programs, settings, n):
    repeats = settings.repeats if n < 1000000 else 3
    result = {p: programs.ours("pass", events=n, precision=p, repeats=repeats)
              for p in ("fp64", "fp32")}
    hessians = [np.array(r["result"]["hessian"]) for r in result.values()]
    error = np.abs(hessians[0] - hessians[1]).max() / np.abs(hessians[0]).max()
    check(f"ours in fp32 at N = {n}", "fp32", {"hessian": error})
    return result


def peers_at(programs, settings, results, n, ours):
    specification = {
        "events": n, "budget": settings.budget, "candidates": settings.candidates(),
        "settings": results["tuned"], "memory_limit": 0.6 * available_bytes(),
        "ours": {p: programs.keep(f"ours_{p}.json", r) for p, r in ours.items()},
        "peers": [[name, p] for name, precisions, _ in PEERS for p in precisions
                  if worth_running(name, n, settings)] + [["gradient", "fp64"]],
        "quick": settings.quick}
    if not results["tuned"] and n <= 20000:
        specification["tune"] = [["rows_in_blocks", "fp32"], ["rows_in_blocks", "fp64"],
                                 ["closed_form", "fp32"], ["closed_form", "fp64"],
                                 ["gradient", "fp64"]]
    if n == settings.sizes[0] and "fit" in settings.sections:
        specification["peers"].append(["minuit", "fp64"])
    answer = programs.jax(specification)
    results["tuned"] = answer["settings"]
    for key, peer in answer["results"].items():
        if "errors" in peer and not key.startswith("minuit"):
            check(f"{key} at N = {n}", key.split()[-1], peer["errors"])
    return answer["results"]


def worth_running(name, n, settings):
    """What is known to need more than the machine has is asked for its memory at N = 20k alone."""
    if name == "jax_hessian":
        return n <= 2000
    if name == "rows_as_written":
        return n <= 20000
    return True


def hessian_rows(n, ours, peers):
    rows = []
    for precision in ("fp64", "fp32"):
        r = ours[precision]
        extra = r["memory"]["peak"] - r["bytes_fp32_data"]
        rows.append([f"{n:,}", "**ours**, events held as fp32", precision, timing(r["seconds"]),
                     seconds_text(r["processor"]["min"]), "", "", f"{extra / 1e6:,.0f} MB at its peak", ""])
    if peers is None:
        rows.append([f"{n:,}", "JAX", "", "not run: two copies of the events exceed the free "
                     "memory"] + [""] * 5)
        return rows
    for name, precisions, text in PEERS:
        for precision in precisions:
            peer = peers.get(f"{name} {precision}")
            if peer is not None:
                rows.append(peer_row(n, text, precision, peer, ours[precision]["processor"]["min"]))
    return rows


def peer_row(n, text, precision, peer, our_seconds):
    if "stops" in peer:
        return [f"{n:,}", text, precision, f"stops: {peer['stops']}"] + [""] * 5
    note = f"; {peer['scaled_from_rows']} of 101 rows timed" if peer["scaled_from_rows"] else ""
    error = max(peer["errors"].values())
    return [f"{n:,}", text, precision,
            f"{seconds_text(least(peer['seconds']))} ({seconds_text(median(peer['seconds']))}){note}",
            seconds_text(least(peer["processor"])),
            ratio_text(least(peer["processor"]) / our_seconds),
            seconds_text(peer["compile_seconds"]),
            f"{peer['temporary_bytes'] / 1e6:,.0f} MB", f"{error:.0e}"]


def timing(seconds):
    return f"{seconds_text(seconds['min'])} ({seconds_text(seconds['median'])})"


def flop(n, s=10, p=100):
    """Symmetric product of S N rows, and 40 operations per element."""
    return n * s * p * (p + 1.0) + 40.0 * n * s * p


def roofline_section(rates, settings, results):
    rows = []
    for n in settings.sizes:
        for precision in ("fp32", "fp64"):
            seconds = results[n]["ours"][precision]["processor"]["min"]
            rate = flop(n) / seconds
            rows.append([f"{n:,}", precision, f"{n / seconds / 1e6:.4f} M", f"{rate / 1e9:.1f}",
                         f"{100 * rate / rates[precision]:.0f} %"])
    held = results[settings.sizes[-1]]["ours"]["fp32"]
    return (f"## Share of the roofline\n\nEverything per processor second, which other "
            f"programs on the machine change least. GEMM, 1500 wide, 2 threads, best of LibTorch "
            f"and numpy before and after: {rates['fp32'] / 1e9:.1f} GFLOP in fp32, "
            f"{rates['fp64'] / 1e9:.1f} in fp64. FLOP of one pass: N S P (P + 1) for the symmetric "
            f"product and 40 N S P for the elements.\n\n" +
            table(["N", "precision", "events", "GFLOP", "of the GEMM rate"], rows) +
            f"\n\nHeld at N = {settings.sizes[-1]:,}: {held['bytes_held'] / 1e9:.3f} GB, "
            f"{held['bytes_held'] / held['bytes_fp32_data']:.3f} of the fp32 events; the whole "
            f"process at its peak {held['memory']['peak'] / 1e9:.3f} GB, "
            f"{held['memory']['peak'] / held['bytes_fp32_data']:.3f}.")


def fit_section(programs, settings, results):
    minuit = results[settings.sizes[0]]["peers"]["minuit fp64"]
    rows = []
    for n in sorted({settings.sizes[0], settings.middle, settings.sizes[-1]}):
        rows += fit_rows(programs, settings, results, n, minuit)
    text = ("## The complete fit with covariance\n\n" + table(
        ["N", "program", "precision", "passes or calls", "seconds", "processor seconds", "ours takes less processor time by"], rows))
    return text + "\n\n" + scan_text(programs, settings)


def fit_rows(programs, settings, results, n, minuit):
    rows, least_seconds = [], {}
    for precision in ("fp64", "fp32"):
        one = programs.ours("fit", events=n, precision=precision, reference=1, cold_points=0)["descent"]
        if n == settings.sizes[0]:
            compare_fits(one, minuit, precision)
        least_seconds[precision] = one["processor"]
        rows.append([f"{n:,}", "**ours**, cold start, one descent", precision,
                     f"{one['passes']} passes", seconds_text(one["seconds"]),
                     seconds_text(one["processor"]), ""])
    calls = sum(minuit[k].get("passes", 0) for k in ("migrad", "hesse") if k in minuit)
    if n == settings.sizes[0]:
        spent, processor = (sum(minuit[k][clock] for k in ("migrad", "hesse") if k in minuit)
                            for clock in ("seconds", "processor"))
        label = "(d) iminuit, jitted JAX gradient" + ("" if "hesse" in minuit else ", MIGRAD alone")
    elif results.get(n, {}).get("peers"):
        spent, processor = (calls * least(results[n]["peers"]["gradient fp64"][clock])
                            for clock in ("seconds", "processor"))
        label = (f"(d) the same, **extrapolated**: calls at N = {settings.sizes[0]:,} times "
                 "seconds per gradient here")
    else:
        return rows
    rows.append([f"{n:,}", label, "fp64", f"{calls} gradients", seconds_text(spent),
                 seconds_text(processor), ratio_text(processor / least_seconds["fp64"])])
    return rows


def compare_fits(ours, minuit, precision):
    """Minima agree to a thousandth of an error, which is what MIGRAD promises; errors to 1 %."""
    values = np.array(ours["values"])
    values[0] = np.sqrt(values[0])
    errors = np.array(ours["errors"])
    errors[0] /= 2 * values[0]
    pulls = np.abs(values - np.array(minuit["values"])) / errors
    if pulls.max() > 0.05:
        raise Unequal(f"MIGRAD ends {pulls.max():.3f} errors from our minimum ({precision})")
    if "hesse" in minuit:
        ratio = np.abs(np.array(minuit["errors"]) / errors - 1).max()
        if ratio > 0.05:  # HESSE differentiates numerically, coarsely with strategy 0
            raise Unequal(f"HESSE's errors differ from ours by {ratio:.3f} ({precision})")


def scan_text(programs, settings):
    got = programs.ours("fit", events=settings.middle, reference=1, cold_points=settings.cold_points)
    scan = got["scan"]
    for point in scan["cold"]:
        if abs(point["t"] - point["t_of_scan"]) > 1e-4 * max(1.0, point["t"]):
            raise Unequal(f"scan: t = {point['t_of_scan']}, a cold fit has {point['t']}")
    cold = [p["seconds"] for p in scan["cold"]]
    mean = sum(cold) / len(cold)
    complete = got["complete"]
    return (f"Profile of mu in {scan['points']} points, N = {settings.middle:,}, fp64: "
            f"{seconds_text(scan['seconds'])}, {scan['passes']} passes, the cost of "
            f"**{scan['seconds'] / mean:.2f} cold fits** (mean of {len(cold)} with mu fixed at "
            f"points of the scan: {seconds_text(mean)}, "
            f"{sum(p['passes'] for p in scan['cold']) / len(cold):.1f} passes; t agrees). 50 cold "
            f"fits would take {seconds_text(50 * mean)} (scaled). `fit` with all it does by "
            f"default (search for further minima, asymmetric errors of mu): "
            f"{complete['passes']} passes, {seconds_text(complete['seconds'])}.")


def rank_section(programs, settings, results):
    rows = []
    for precision in ("fp64", "fp32"):
        got = programs.ours("ranks", ranks=2, events=settings.large, precision=precision,
                            repeats=settings.repeats)
        if not got["same_bits"]:
            raise Unequal(f"2 ranks or 2 threads give other bits than one ({precision})")
        one = got["one_thread"]["min"]
        rows.append([f"{settings.large:,}", precision, timing(got["one_thread"]),
                     f"{timing(got['two_threads'])}: **{one / got['two_threads']['min']:.2f}x**",
                     f"{timing(got['all_ranks'])}: **{one / got['all_ranks']['min']:.2f}x**",
                     "yes"])
    return "## Ranks and threads\n\nInterleaved in one run.\n\n" + table(
        ["N", "precision", "1 rank, 1 thread", "1 rank, 2 threads", "2 ranks, 1 thread each",
         "identical bits"], rows)


def load_section(programs, settings, results):
    got = programs.ours("load", events=settings.large, repeats=3,
                        file=os.path.join(settings.folder, "bench_ratios.h5"))
    raw, load = got["raw"], got["load"]
    return (f"## Loading\n\nA ratio file of {got['bytes'] / 1e9:.2f} GB (N = {settings.large:,}) in "
            f"the page cache, 2 threads: plain read() {timing(raw)}, "
            f"{got['bytes'] / raw['min'] / 1e9:.2f} GB/s; from opening the file to a likelihood "
            f"ready for its first pass, checksums verified, {timing(load)}, "
            f"{got['bytes'] / load['min'] / 1e9:.2f} GB/s: **{raw['min'] / load['min']:.2f}** of "
            "the raw read.")


def toys_section(programs, settings, results):
    """Toys of 10^4 events with 20 nuisance parameters, thrown from 60,000 events of 3 processes."""
    list_of = {"events": 60000, "processes": 3, "parameters": 20}
    ours = programs.ours("toys", **list_of, expected=10000, toys=16 if settings.quick else 200)
    batches = (1, 8) if settings.quick else (1, 8, 32)
    peers = programs.jax_toys({
        **list_of, "ours": programs.keep("toys.json", ours), "toys": batches[-1],
        "settings": [["fp64", batch, 200] for batch in batches] + [["fp32", batches[-1], 200]]})
    spent = ours["thrown"] + ours["fitted"]
    rows = [["**ours**, one toy after the other", "fp64", seconds_text(ours["fitted"]),
             f"{10000 * spent / 3600:.2f} h", "", "", ""]]
    for peer in peers:
        if peer["largest_pull"] > {"fp64": 1e-8, "fp32": 1e-2}[peer["precision"]]:
            raise Unequal(f"JAX's toys end {peer['largest_pull']:.1e} errors from ours")
        batch = f"vmap over {peer['batch']} toys" if peer["batch"] > 1 else "one toy after the other"
        rows.append([f"JAX, {batch}", peer["precision"], seconds_text(peer["processor"]),
                     f"{10000 * peer['processor'] / 3600:.2f} h",
                     ratio_text(peer["processor"] / ours["fitted"]),
                     seconds_text(peer["compile_seconds"]), f"{peer['largest_pull']:.0e} errors"])
    return (f"## Toys\n\n10,000 events each, S = 3, P = 20, thrown from {list_of['events']:,} events. "
            f"Processor seconds of a fit with covariance; throwing takes ours "
            f"{seconds_text(ours['thrown'])} a toy more (in the hours), JAX gets its events for "
            f"nothing. Ours looks for further minima, too; JAX takes Newton steps from the truth "
            f"alone. {ours['converged']} of {len(ours['toys'])} fits converged.\n\n" +
            table(["program", "precision", "a fit", "10,000 toys on one core",
                   "ours takes less processor time by", "compiling", "largest difference"], rows))


def norm_section(programs, settings, results):
    rows = []
    for norm in ("none", "reference", "reference_quadratic"):
        for storage in ("fp32", "fp16"):
            got = programs.ours("pass", events=settings.middle, precision="fp32", norm=norm,
                                storage=storage, repeats=settings.repeats)
            rows.append([norm, storage, timing(got["seconds"]),
                         f"{got['bytes_held'] / got['bytes_fp32_data']:.3f}"])
    return (f"## Other settings of ours\n\nN = {settings.middle:,}, element work in fp32. All "
            "figures above are `shape_norm = none`: one sum over one set of events. `reference` "
            "sums over the reference events as well, here the same ones.\n\n" +
            table(["shape_norm", "events held as", "one pass",
                   "bytes held / bytes of fp32 events"], rows))


def growth_section(programs, settings, results):
    rows = []
    base = settings.middle
    for n, s, p in ((base // 2, 10, 100), (base, 10, 100), (2 * base, 10, 100), (base, 10, 25),
                    (base, 10, 50), (base, 10, 200), (base, 5, 100), (base, 20, 100)):
        got = programs.ours("pass", events=n, processes=s, parameters=p, precision="fp32",
                            repeats=settings.repeats)
        spent = got["processor"]["min"]
        rows.append([f"{n:,}", s, p, timing(got["seconds"]), seconds_text(spent),
                     f"{flop(n, s, p) / spent / 1e9:.1f}"])
    return "## Growth of one pass\n\nfp32, 2 threads.\n\n" + table(
        ["N", "processes S", "nuisance parameters P", "seconds, least (median)",
         "processor seconds, least", "GFLOP per processor second"], rows)


def binned_section(programs, settings, results):
    return compare_with_pyhf(programs, settings)

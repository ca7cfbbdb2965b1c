"""Fit times of binned models, ours beside pyhf's, after checking that both find the same minimum.

usage: pyhf_fit.py BINNED_BENCH [WORKSPACE.json ...]

BINNED_BENCH is the program built from tests/bench/binned_bench.cpp. Without workspaces models of
several sizes are made. Every number is the fastest of some fits in one process, compiled and
warmed up, of one thread each; pyhf starts from its own initial values and computes no errors,
ours ends with the exact Hessian and all covariances.
"""

import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pyhf

SIZES = [(1, 10, 4), (2, 20, 20), (3, 30, 40)]  # channels, bins, systematics
PEERS = [("numpy", "scipy"), ("numpy", "minuit")]
if importlib.util.find_spec("jax"):
    PEERS.append(("jax", "scipy"))  # with gradients


def made(channels, bins, systematics):
    """A workspace of three samples per channel: every systematic moves the norm of one sample and
    the shape of another, and every bin has a staterror."""
    dice = random.Random(5)
    spec = {"channels": [], "observations": [], "version": "1.0.0", "measurements": [
        {"name": "bench", "config": {"poi": "mu", "parameters": []}}]}
    for c in range(channels):
        shapes = [[scale * dice.uniform(0.5, 1.5) for _ in range(bins)] for scale in (20, 300, 150)]
        samples = []
        for s, (name, data) in enumerate(zip(("signal", "main", "other"), shapes)):
            modifiers = [{"name": f"stat_{c}", "type": "staterror",
                          "data": [0.02 * value for value in data]}]
            if name == "signal":
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            for k in range(systematics):
                if k % 3 == s:
                    size = dice.uniform(0.01, 0.1)
                    modifiers.append({"name": f"syst_{k}", "type": "normsys",
                                      "data": {"hi": 1 + size, "lo": 1 - 0.9 * size}})
                elif k % 3 == (s + 1) % 3:
                    tilts = [dice.gauss(0, 0.03) for _ in data]
                    modifiers.append({"name": f"syst_{k}", "type": "histosys", "data": {
                        "hi_data": [v * (1 + t) for v, t in zip(data, tilts)],
                        "lo_data": [v * (1 - 0.8 * t) for v, t in zip(data, tilts)]}})
            samples.append({"name": name, "data": data, "modifiers": modifiers})
        total = [sum(values) for values in zip(*shapes)]
        spec["channels"].append({"name": f"channel_{c}", "samples": samples})
        spec["observations"].append({"name": f"channel_{c}", "data": [
            float(round(dice.gauss(v, v ** 0.5))) for v in total]})
    return spec


def pyhf_fit(spec, backend, optimizer, budget):
    """(seconds of the fastest fit, gain in NLL over the start)"""
    pyhf.set_backend(backend, {"scipy": pyhf.optimize.scipy_optimizer(maxiter=20000),
                               "minuit": pyhf.optimize.minuit_optimizer(maxiter=10**6)}[optimizer],
                     precision="64b")
    workspace = pyhf.Workspace(spec)
    model = workspace.model()
    data = workspace.data(model)
    start = -float(model.logpdf(pyhf.tensorlib.astensor(model.config.suggested_init()), data)[0])
    seconds, begin = [], time.perf_counter()
    while not seconds or time.perf_counter() - begin < budget:
        before = time.perf_counter()
        values = pyhf.infer.mle.fit(data, model)
        seconds.append(time.perf_counter() - before)
    return min(seconds), start + float(model.logpdf(values, data)[0])


def compare(name, spec, program):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "workspace.json"
        path.write_text(json.dumps(spec))
        ours = json.loads(subprocess.run([program, str(path)], check=True, capture_output=True,
                                         text=True).stdout)
    line = (f"{name:26s} {ours['parameters']:6d} {ours['pass_ms']:9.3f} {ours['passes']:7d} "
            f"{ours['fit_ms']:9.2f}")
    for backend, optimizer in PEERS:
        try:
            seconds, gain = pyhf_fit(spec, backend, optimizer, budget=5.0)
        except pyhf.exceptions.FailedMinimization:
            line += f" {'fails':>12s} {'':>8s} {'':>9s}"
            continue
        # Ours must not be worse; theirs stop earlier by their tolerance.
        assert ours["nll_gain"] > gain - 1e-6, (name, ours["nll_gain"], gain)
        line += (f" {1e3 * seconds:12.1f} {1e3 * seconds / ours['fit_ms']:7.0f}x "
                 f"{ours['nll_gain'] - gain:9.1e}")
    print(line, flush=True)


def main():
    program, files = sys.argv[1], sys.argv[2:]
    print(f"pyhf {pyhf.__version__}; milliseconds; 'short of': NLL above our minimum")
    print(f"{'model':26s} {'params':>6s} {'pass':>9s} {'passes':>7s} {'fit':>9s}" + "".join(
        f" {backend + '+' + optimizer:>12s} {'ratio':>8s} {'short of':>9s}"
        for backend, optimizer in PEERS))
    for file in files:
        compare(pathlib.Path(file).stem, json.loads(pathlib.Path(file).read_text()), program)
    if not files:
        for channels, bins, systematics in SIZES:
            name = f"{channels} x {bins} bins, {systematics} systs"
            compare(name, made(channels, bins, systematics), program)


if __name__ == "__main__":
    main()

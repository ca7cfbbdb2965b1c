#!/usr/bin/env python3
"""The same measurement with a histogram of the mass, by pyhf: what a binned analysis reaches.

    compare_pyhf.py measurement.toml [run directory] [--bins N]

Templates are made of the same inference events as the likelihood of ratiofarm, with all their
variations; the data are those of the campaign. pyhf computes the likelihood, iminuit minimises it:
coefficients such as mu - sqrt(mu) are normalisation factors that follow mu. The statistical errors
of the templates are left out. With a run directory, its fits stand beside these.
"""
import argparse
import json
import math
import pathlib
import tomllib

import iminuit
import numpy as np
import pyhf

import ratiofarm


class Templates:
    """Histograms of the samples of an events file, scaled from inference events to all."""

    def __init__(self, path, split, edges):
        self.path, self.split, self.edges = path, split, edges

    def events(self, sample):
        """Events, and which of them are for inference."""
        events = ratiofarm.read_events(self.path, sample)
        return events, ratiofarm.split_part(events.id, self.split) == ratiofarm.split.PARTS.index("inference")

    def __call__(self, sample, weights=None, part=True):
        events, used = self.events(sample)
        mass = events.features[:, events.columns.index("mass")]
        w = events.weight if weights is None else events.weights[weights]
        if not part:
            return np.histogram(mass, self.edges, weights=w)[0]
        # All variations of a sample are scaled alike: an event is in the same part in each.
        nominal, for_inference = self.events(sample.split("_")[0])
        scale = nominal.weight.sum() / nominal.weight[for_inference].sum()
        return scale * np.histogram(mass[used], self.edges, weights=w[used])[0]


def modifiers_of(systematic, process, templates):
    name = f"alpha_{systematic['name']}"
    shape = systematic.get("shape")
    if isinstance(shape, dict) and process in shape:
        sides = shape[process]
        if "up_weight" in sides:
            up, down = (templates(process, sides[f"{side}_weight"]) for side in ("up", "down"))
        else:
            up, down = (templates(sides[side]) for side in ("up", "down"))
        data = {"hi_data": up.tolist(), "lo_data": down.tolist()}
        yield {"name": name, "type": "histosys", "data": data}
    if process in systematic.get("yield", {}):
        factors = systematic["yield"][process]
        yield {"name": name, "type": "normsys", "data": {"hi": factors["up"], "lo": factors["down"]}}


def model_of(campaign, templates):
    samples = []
    for process in (section["name"] for section in campaign["process"]):
        modifiers = [{"name": f"f_{process}", "type": "normfactor", "data": None}]
        for systematic in campaign["systematic"]:
            modifiers += modifiers_of(systematic, process, templates)
        samples.append({"name": process, "data": templates(process).tolist(), "modifiers": modifiers})
    spec = {"channels": [{"name": "mass", "samples": samples}]}
    return pyhf.Model(spec, poi_name=None)


class Fit:
    """-2 ln L of pyhf in sqrt(mu) and the nuisance parameters."""

    def __init__(self, campaign, model):
        self.model = model
        self.formulas = {f"f_{p['name']}": compile(p["coefficient"], p["name"], "eval")
                         for p in campaign["process"]}
        self.alphas = [name for name in model.config.par_order if name not in self.formulas]

    def parameters(self, root, alphas):
        values = dict(zip(self.alphas, alphas))
        known = {"sqrt": math.sqrt, "mu": root * root}
        return [eval(self.formulas[name], known) if name in self.formulas else values[name]
                for name in self.model.config.par_order]

    def asimov(self, mu):
        return np.array(self.model.expected_data(self.parameters(math.sqrt(mu), [0.0] * len(self.alphas))))

    def observe(self, contents):
        return np.concatenate([contents, self.model.config.auxdata])

    def __call__(self, data):
        """mu, its error from the Hessian, and the pulls and constraints of the others."""
        def minus_twice_log_likelihood(values):
            rates = self.parameters(values[0], values[1:])
            value = -2.0 * float(self.model.logpdf(rates, data)[0])
            return value if math.isfinite(value) else 1e6  # a bin would have less than nothing

        best = None
        for start in (0.7, 1.0, 1.4):  # mu = 0.5, 1, 2: the likelihood may have several minima
            minuit = iminuit.Minuit(minus_twice_log_likelihood, [start] + [0.0] * len(self.alphas))
            minuit.errordef, minuit.strategy = 1.0, 1
            minuit.limits[0] = (0.0, 3.0)
            minuit.migrad()
            if best is None or minuit.fval < best.fval:
                best = minuit
        best.hesse()
        root = best.values[0]
        return root**2, 2.0 * root * best.errors[0], {
            name: (best.values[k + 1], best.errors[k + 1]) for k, name in enumerate(self.alphas)}


def results_of(folder):
    """Label to (mu, error) of the fits in a run directory; the data only once they are unblinded."""
    fit = json.loads((folder / "fit.json").read_text())
    main_fit = "Asimov data, mu = 1" if fit["blinding"]["blind"] else "data"
    results = {main_fit: fit["parameters"][0]}
    for injection in fit["injections"]:
        results[injection["name"]] = injection["parameters"][0]
    return {label: (mu["value"], mu["error"]) for label, mu in results.items()}


def main():
    parser = argparse.ArgumentParser(description="A mass histogram of the same events, fitted by pyhf.")
    parser.add_argument("campaign", type=pathlib.Path)
    parser.add_argument("run", type=pathlib.Path, nargs="?", help="run directory of ratiofarm")
    parser.add_argument("--bins", type=int, default=30)
    options = parser.parse_args()
    campaign = tomllib.loads(options.campaign.read_text())
    others = results_of(options.run) if options.run else {}
    edges = np.geomspace(700.0, 2500.0, options.bins + 1)
    templates = Templates(options.campaign.parent / campaign["events"]["file"], campaign["split"], edges)
    fit = Fit(campaign, model_of(campaign, templates))
    truths = [("Asimov data, mu = 1", fit.asimov(1.0))]
    for injection in campaign["data"]["injections"]:
        label = f"mu = {injection['mu']:g} ({injection['sample']})"
        truths.append((label, fit.observe(templates(injection["sample"], part=False))))
    if "data" in others:
        sample = campaign["data"]["sample"]
        truths.append(("data", fit.observe(templates(sample, part=False))))
    print(f"mass in {options.bins} bins by pyhf, {len(fit.alphas)} nuisance parameters"
          + ("; by ratiofarm" if others else ""))
    for label, data in truths:
        mu, error, alphas = fit(data)
        beside = "   mu = {:.3f} +- {:.4f}".format(*others[label]) if label in others else ""
        print(f"  {label:24s} mu = {mu:.3f} +- {error:.4f}{beside}")
        if label.startswith("Asimov"):
            constraints = alphas
    print("  constraints by pyhf: " + "  ".join(
        f"{name[6:]} {error:.2f}" for name, (_, error) in constraints.items()))


if __name__ == "__main__":
    main()

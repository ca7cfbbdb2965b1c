#!/usr/bin/env python3
"""What python/ reads from a run directory is what the programs computed.

    read_run.py RUN [CAMPAIGN RATIOS]

The likelihood at the minima of fit.json; without CAMPAIGN and RATIOS also every ratio of up to 2000
events of each sample, by the nets.
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python" / "src"))
import ratiofarm  # noqa: E402


def expect_likelihood(run, campaign, ratios):
    likelihood = run.likelihood(campaign, ratios)
    for minimum in run.fit["minima"]:
        nll = likelihood.nll(dict(zip(likelihood.parameters, minimum["parameters"])))
        off = abs(nll - minimum["nll"])
        print(f"{run.path}: NLL {nll:.6f}, {off:.1e} from that of the fit")
        assert off < 1e-9 + 1e-12 * abs(nll), (nll, minimum["nll"])


def expect_nets(run):
    worst = 0.0
    for sample in run.ratios:
        ratios = run.ratios[sample]
        rows = ratios.columns["row"][:2000].astype(int)
        selected = run.path / "selected.h5"
        events = ratiofarm.read_events(selected if selected.exists() else run.campaign["events"]["file"], sample)
        for name, ensemble in run.ensembles.items():
            if not ensemble.process or name.endswith("/replicas"):
                continue
            if events.particles is not None and "particles" in ensemble.network:
                found = ensemble.log_ratio(events.at(rows), events.id[rows])
            else:
                columns = [events.columns.index(feature) for feature in ensemble.features]
                found = ensemble.log_ratio(events.features[rows][:, columns], events.id[rows])
            if name == ensemble.process:
                wanted = ratios.log_r[:len(rows), run.ratios.processes.index(name)] + run.ratios.log_z[name]
            else:
                line = next(k for k, (process, parameter) in enumerate(run.ratios.shapes)
                            if process == ensemble.process and parameter == "alpha_" + name.split("/")[-2])
                wanted = ratios.lines[f"log_g_{name.split('/')[-1]}"][line, :len(rows)]
            worst = max(worst, np.abs((found - wanted) / np.maximum(1.0, np.abs(wanted))).max())
    print(f"{run.path}: ln r and ln g by python/ within {worst:.1e} of the program's, in 32 bits")
    assert worst < 1e-5, worst


def main():
    run = ratiofarm.open_run(sys.argv[1])
    expect_likelihood(run, *(sys.argv[2:4] or (None, None)))
    if len(sys.argv) == 2:
        expect_nets(run)


if __name__ == "__main__":
    main()

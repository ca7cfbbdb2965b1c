#!/usr/bin/env bash
# examples/02_dimuon/measurement.toml with few generator events: everything that is uncertain is in the
# events, is learned and fitted, and pyhf fits the same templates.
source "$(dirname "$0")/../end_to_end/library.sh"
examples=$2
python=$3

"$python" "$examples/02_dimuon/generate.py" --full --events 5000 --seed 3 > generate.out
sed -e 's/^epochs = .*/epochs = 3/' -e 's/^members = .*/members = 1/' -e 's/^batch = .*/batch = 64/' \
    "$examples/02_dimuon/measurement.toml" > campaign.toml
cat >> campaign.toml <<'END'
[gates] # nets of so few events are bad
excess = 0
sc_rms = 0
closure = 0
slope = 0
overtraining = 0
END
ratiofarm check campaign.toml > check.out
run_on 2 measurement.run run > run.out 2> run.err
"$python" "$shared/read_run.py" measurement.run
"$python" - measurement.h5 measurement.run/fit.json <<'END'
import json, sys
import h5py, numpy as np

with h5py.File(sys.argv[1]) as file:
    def mass(sample): return file[sample]["features"][:, 0]
    def total(sample): return file[sample]["weight"][:].sum()
    nominal = set(file["SBI"]["id"][:].tolist())
    # Another scale of the momentum moves the mass by as much, and every event keeps its id.
    for sample, factor in [("SBI_barrel_up", 1.01), ("SBI_endcap_down", 0.99)]:
        shared, here, there = np.intersect1d(file[sample]["id"][:], file["SBI"]["id"][:], return_indices=True)
        assert len(shared) > 0.9 * len(nominal), sample
        ratio = mass(sample)[here] / mass("SBI")[there]
        low, high = sorted((factor, 1.0))
        assert ratio.min() > low - 1e-3 and ratio.max() < high + 1e-3, (sample, ratio.min(), ratio.max())
        assert np.mean(np.abs(ratio / factor - 1) < 1e-3) > 0.05, sample  # both muons were there
    assert np.std(mass("S_resolution_up")) > np.std(mass("S_resolution_down"))
    for name in ["isr", "factorisation", "pdf_nnpdf", "pdf_cteq", "efficiency"]:
        up, down = (file[f"B/weights/{name}_{side}"][:] / file["B/weight"][:] for side in ("up", "down"))
        assert 0.7 < up.mean() < 1.4 and 0.7 < down.mean() < 1.4 and np.std(up) > 0, name
        assert np.corrcoef(up, down)[0, 1] < 0, name
    # Independent events with other couplings against the combination of S, SBI and B.
    s, sbi, b, g = (total(name) for name in ("S", "SBI", "B", "G"))
    for name, mu in [("injected_0p5", 0.5), ("injected_1", 1.0), ("injected_2", 2.0)]:
        expected = mu * s + mu**0.5 * (sbi - s - b) + b + g
        print(f"{name}: {total(name):.0f} events expected, {expected:.0f} by the combination")
        assert abs(total(name) / expected - 1) < 0.08, name  # 1,250 generated events: 4 %
    assert np.all(file["data/weight"][:] == 1)
    assert abs(len(file["data/id"]) - sbi - g) < 5 * (sbi + g) ** 0.5

fit = json.load(open(sys.argv[2]))
assert fit["converged"]
mu, *alphas = fit["parameters"]
named = {p["name"] for p in alphas}
wanted = {f"alpha_{name}" for name in ["barrel", "endcap", "sagitta", "resolution", "efficiency", "isr", "factorisation",
          "pdf_nnpdf", "pdf_cteq", "luminosity", "quark_rate", "photon_rate"]}
assert wanted <= named, wanted - named
print(f"mu = {mu['value']:.3f} +- {mu['error']:.3f}")
assert 0.4 < mu["value"] < 1.8, mu  # nets of so few events are noise for the most part
END
"$python" "$examples/02_dimuon/compare_pyhf.py" campaign.toml measurement.run --bins 12 > pyhf.out
cat pyhf.out
# Asimov data of templates give back what they were made with.
expect_in 'Asimov data, mu = 1 *mu = 1.000 +- 0\.[01]' pyhf.out

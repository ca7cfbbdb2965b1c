#!/usr/bin/env python3
"""Z + jet events of Pythia 8 at several tunes, with a detector: generate.py [EVENTS] [--out FILE] [--seed K] [--processes N]

pp -> Z (-> mu+ mu-) + jet at 13 TeV; the jet is the hardest one by anti-kt with R = 0.4. The simulation is the tune
Monash 2013, nature A14 with less final-state radiation (Var2-), and a third one, 4C, another prior. Samples of events.h5:

    mc       Monash, truth and reconstruction        data          nature, what was measured
    other    4C, likewise                            true          the same events with their truth
    closure  Monash with other seeds, as data        closure_true  with their truth

Values of a level that an event does not pass are never read; here they are NaN.
"""
import argparse
import concurrent.futures

import numpy as np
import pythia8mc

import ratiofarm

#: Tune:pp and a number for the seed
SAMPLES = {"mc": (14, 0), "other": (5, 1), "nature": (26, 2), "closure": (14, 3)}
COMMON = """
    Print:quiet = on
    Beams:eCM = 13000.
    WeakBosonAndParton:qqbar2gmZg = on
    WeakBosonAndParton:qg2gmZq = on
    PhaseSpace:mHatMin = 0.
    PhaseSpace:pTHatMin = 25.
    23:mMin = 80.
    23:mMax = 100.
    WeakZ0:gmZmode = 2
    23:onMode = off
    23:onIfAny = 13
    PartonLevel:MPI = off
"""
RADIUS, ETA_MAX = 0.4, 2.0
PT_TRUTH, PT_RECO = 30.0, 27.0  # of the jet in GeV: the detector loses a tenth of it
COLUMNS = ["pt", "multiplicity", "mass", "width"]  # of the Z; particles, mass and width of the jet


def make_generator(tune, seed):
    pythia = pythia8mc.Pythia("", False)
    for line in [*COMMON.splitlines(), f"Tune:pp = {tune}", "Random:setSeed = on", f"Random:seed = {seed}"]:
        if line.strip() and not pythia.readString(line.strip()):
            raise SystemExit(f"Pythia does not know the setting '{line.strip()}'")
    if not pythia.init():
        raise SystemExit("Pythia did not start")
    return pythia


def muons_of(event):
    """Those of the Z, in its last copy: its decay products, or what radiation left of them."""
    z = next(i for i in range(event.size()) if event[i].id() == 23)
    while event[event[z].daughter1()].id() == 23:
        z = event[z].daughter1()
    muons = [event[z].daughter1(), event[z].daughter2()]
    return [event[i].iBotCopyId() for i in muons]


def constituents(event, jets):
    """[n, 5] of the hardest jet: px, py, pz, E, charge."""
    rows = []
    for i in jets.constituents(0):
        p = event[i]
        rows.append((p.px(), p.py(), p.pz(), p.e(), p.charge()))
    return np.array(rows)


def detect(particles, random):
    """Tracks are found with 90 % and 2 % resolution, the energy of neutral ones is smeared by 60 % / sqrt(E)."""
    pt, energy = np.hypot(particles[:, 0], particles[:, 1]), particles[:, 3]
    charged = particles[:, 4] != 0
    noise = random.normal(size=len(particles))
    scale = np.where(charged, 1 + 0.02 * noise, 1 + 0.6 * noise / np.sqrt(energy))
    seen = np.where(charged, (random.uniform(size=len(particles)) < 0.9) & (pt > 0.5), scale * energy > 1.0)
    return particles[seen, :4] * scale[seen, None]


def jet_of(p):
    """(pt, eta, multiplicity, mass, width) of the sum of momenta [n, 4]."""
    if len(p) == 0:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    x, y, z, e = p.sum(axis=0)
    pts = np.hypot(p[:, 0], p[:, 1])
    total = np.hypot(x, y)
    phi = np.angle((p[:, 0] + 1j * p[:, 1]) * (x - 1j * y))
    distance = np.hypot(np.arcsinh(p[:, 2] / np.maximum(pts, 1e-9)) - np.arcsinh(z / total), phi)
    return total, np.arcsinh(z / total), float(len(p)), np.sqrt(max(e * e - x * x - y * y - z * z, 0.0)), (pts * distance).sum() / pts.sum()


def generate(tune, events, seed):
    """Rows of truth and reconstruction and their flags, of events that pass one of them."""
    pythia, random = make_generator(tune, seed), np.random.default_rng(seed)
    jets = pythia8mc.SlowJet(-1, RADIUS, 15.0, 4.0, 2)
    truth, reco, passes = [], [], []
    for _ in range(events):
        if not pythia.next():
            continue
        event = pythia.event
        muons = muons_of(event)
        z = np.array([[event[i].px(), event[i].py()] for i in muons])
        for i in muons:
            event[i].statusNeg()  # no part of a jet
        jets.analyze(event)
        if jets.sizeJet() == 0:
            continue
        particles = constituents(event, jets)
        true_jet, jet = jet_of(particles[:, :4]), jet_of(detect(particles, random))
        at_truth = true_jet[0] > PT_TRUTH and abs(true_jet[1]) < ETA_MAX
        at_reco = jet[0] > PT_RECO and abs(jet[1]) < ETA_MAX
        if not (at_truth or at_reco):
            continue
        measured = z * (1 + 0.02 * random.normal(size=(2, 1)))
        truth.append((np.hypot(*z.sum(axis=0)), *true_jet[2:]))
        reco.append((np.hypot(*measured.sum(axis=0)), *jet[2:]))
        passes.append((at_reco, at_truth))
    return np.array(truth), np.array(reco), np.array(passes)


def table(truth, reco, passes, first):
    at_reco, at_truth = passes.T
    columns = {name: np.where(at_reco, reco[:, k], np.nan) for k, name in enumerate(COLUMNS)}
    columns |= {f"true_{name}": np.where(at_truth, truth[:, k], np.nan) for k, name in enumerate(COLUMNS)}
    return columns | {"pass_reco": at_reco, "pass_truth": at_truth, "weight": np.ones(len(truth)), "id": first + np.arange(len(truth))}


def main():
    parser = argparse.ArgumentParser(description="Z + jet at several tunes, for ratiofarm.")
    parser.add_argument("events", type=int, nargs="?", default=60000, help="generated of the simulation; half as many of nature")
    parser.add_argument("--out", default="events.h5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    blocks = 4  # the result does not depend on the number of processes
    jobs = {}
    with concurrent.futures.ProcessPoolExecutor(options.processes) as pool:
        for name, (tune, number) in SAMPLES.items():
            events = options.events if name in ("mc", "other") else options.events // 2
            jobs[name] = [pool.submit(generate, tune, events // blocks, 1000 * options.seed + 100 * number + block + 1) for block in range(blocks)]
        samples = {}
        for number, (name, parts) in enumerate(jobs.items()):
            rows = [np.concatenate(arrays) for arrays in zip(*(job.result() for job in parts))]
            samples[name] = table(*rows, first=number << 40)
    for name, whole, measured in [("nature", "true", "data"), ("closure", "closure_true", "closure")]:
        both = samples.pop(name)
        seen = both["pass_reco"]
        samples[whole] = both | {"id": both["id"] + (1 << 50)}
        samples[measured] = {column: both[column][seen] for column in [*COLUMNS, "weight", "id"]}
    # What the integrated luminosity would say: as many events as nature has.
    for name in ("mc", "other"):
        samples[name]["weight"] *= 0.5
    ratiofarm.write_events(options.out, samples, features=COLUMNS, id="id", truth=[f"true_{name}" for name in COLUMNS])
    for name, columns in samples.items():
        print(f"{name:>12}: {len(columns['id'])} events")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Dimuon events at the LHC with a heavy neutral gauge boson, as samples S, SBI and B.

    generate.py [--events N] [--out events.h5] [--seed K] [--processes P]

pp -> mu+ mu- at 13 TeV with Pythia 8. The amplitude is the sum of Z' and gamma*/Z exchange, and
Pythia can keep either part or all of it, which gives the samples of an interference analysis:

    S    the Z' alone        SBI  everything, |S + B|^2        B  gamma*/Z alone

If the Z' amplitude is multiplied by sqrt(mu), S counts mu times and the interference sqrt(mu)
times. Events are smeared as by a muon detector and selected; a few hundred are expected. The
result depends on --events and --seed, not on --processes.
"""
import argparse
import multiprocessing
import os
import time

import h5py
import numpy as np
import pythia8mc

LUMINOSITY = 20e3  # 1/pb; about 360 events expected at mu = 1
CHUNK = 10_000     # events of one Pythia run with its own seeds

SAMPLES = {"S": 3, "SBI": 0, "B": 4}  # Zprime:gmZmode

COLUMNS = ["mass", "cos_theta", "pt", "rapidity", "log_mass", "log_pt"]

# A Z' with left-handed couplings, as strong as those of the Z to quarks, 0.3 of it to muons. It
# also decays to something unseen: a total width of 10 %, wider than the mass resolution. Then the
# interference, negative below the resonance and positive above, is about as large as the Z'
# itself, and mu = 1 has the same rate as mu = 0: the measurement lives from the shape.
SETTINGS = """
    Print:quiet = on
    Beams:eCM = 13000.
    NewGaugeBoson:ffbar2gmZZprime = on
    PhaseSpace:mHatMin = 600.
    PhaseSpace:mHatMax = 3000.
    32:m0 = 1500.
    32:doForceWidth = on
    32:mWidth = 150.
    Zprime:vd = -1.
    Zprime:ad = -1.
    Zprime:vu = 1.
    Zprime:au = 1.
    Zprime:ve = -0.3
    Zprime:ae = -0.3
    32:onMode = off
    32:onIfAny = 13
    23:onMode = off
    23:onIfAny = 13
    PartonLevel:MPI = off
    HadronLevel:all = off
    TimeShower:QCDshower = off
"""  # muons still radiate photons; partons before the collision still radiate, hence the pt

MASS_WINDOW = (700.0, 2500.0)  # GeV, after smearing; wide of the cut of the generator
ETA_MAX = 2.5


def make_generator(mode, seed):
    pythia = pythia8mc.Pythia("", False)
    lines = [line.strip() for line in SETTINGS.splitlines() if line.strip()]
    lines += [f"Zprime:gmZmode = {mode}", "Random:setSeed = on", f"Random:seed = {seed}"]
    for line in lines:
        if not pythia.readString(line):
            raise SystemExit(f"Pythia does not know the setting '{line}'")
    if not pythia.init():
        raise SystemExit("Pythia did not start")
    return pythia


def muon_momenta(event):
    """(px, py, pz) of the final mu- and mu+."""
    found = {}
    for i in range(event.size() - 1, 0, -1):
        particle = event[i]
        if particle.isFinal() and abs(particle.id()) == 13:
            found[particle.id()] = (particle.px(), particle.py(), particle.pz())
            if len(found) == 2:
                break
    return found[13] + found[-13]


def generate_chunk(job):
    """Momenta [n, 2, 3] in GeV of one Pythia run, and its cross section in pb."""
    mode, seed, events = job
    pythia = make_generator(mode, seed)
    momenta = np.empty((events, 6))
    done = 0
    while done < events:
        if pythia.next():
            momenta[done] = muon_momenta(pythia.event)
            done += 1
    millibarn = 1e9  # in pb
    return momenta.reshape(events, 2, 3), pythia.infoPython().sigmaGen() * millibarn


def smear(momenta, rng):
    """A tracker measures the curvature: 2 % at low pt, 10 % more per TeV, directions exactly."""
    pt = np.hypot(momenta[..., 0], momenta[..., 1])
    resolution = np.hypot(0.02, 0.10 * pt / 1000.0)
    return momenta / (1.0 + resolution * rng.standard_normal(pt.shape))[..., None]


def features(momenta):
    """mass [GeV], cos theta* of the mu- in the Collins-Soper frame, pt [GeV], rapidity; and for
    the nets, which learn even distributions faster, log(mass / GeV) and log(1 + pt / GeV).

    The direction of the incoming quark is unknown: it is taken as that of the muon pair.
    """
    energy = np.sqrt(np.sum(momenta**2, axis=2))  # massless
    plus, minus = energy + momenta[..., 2], energy - momenta[..., 2]
    pair, pair_energy = momenta.sum(axis=1), energy.sum(axis=1)
    pt = np.hypot(pair[:, 0], pair[:, 1])
    mass = np.sqrt(pair_energy**2 - np.sum(pair**2, axis=1))
    rapidity = 0.5 * np.log((pair_energy + pair[:, 2]) / (pair_energy - pair[:, 2]))
    cosine = (plus[:, 0] * minus[:, 1] - minus[:, 0] * plus[:, 1]) / (mass * np.hypot(mass, pt))
    cosine *= np.sign(pair[:, 2])
    return np.column_stack([mass, cosine, pt, rapidity, np.log(mass), np.log1p(pt)])


def select(momenta, values):
    eta = np.arcsinh(momenta[..., 2] / np.hypot(momenta[..., 0], momenta[..., 1]))
    mass = values[:, 0]
    return (np.abs(eta).max(axis=1) < ETA_MAX) & (mass > MASS_WINDOW[0]) & (mass < MASS_WINDOW[1])


def run_chunk(job):
    """Features and numbers of the events that pass, and cross section times events."""
    sample, first, events, seed = job
    index = list(SAMPLES).index(sample)
    pythia_seed = 1 + (seed * 1_000_003 + index * 100_003 + first // CHUNK) % 900_000_000
    momenta, cross_section = generate_chunk((SAMPLES[sample], pythia_seed, events))
    momenta = smear(momenta, np.random.default_rng([seed, index, first // CHUNK]))
    values = features(momenta)
    passed = select(momenta, values)
    # Ids differ between samples: these events have nothing in common.
    ids = (np.uint64(index + 1) << np.uint64(48)) + np.arange(first, first + events, dtype=np.uint64)
    return sample, values[passed], ids[passed], cross_section * events


def write(path, parts, events):
    partial = path + ".partial"
    with h5py.File(partial, "w") as file:
        file.attrs["format"] = "ratiofarm-events"
        file.attrs["version"] = np.int64(1)
        for sample in SAMPLES:
            mine = [part for part in parts if part[0] == sample]
            values = np.concatenate([part[1] for part in mine])
            cross_section = sum(part[3] for part in mine) / events
            weight = cross_section * LUMINOSITY / events
            group = file.create_group(sample)
            group["features"] = values.astype(np.float32)
            group["features"].attrs.create("columns", COLUMNS, dtype=h5py.string_dtype())
            group["weight"] = np.full(len(values), weight)
            group["id"] = np.concatenate([part[2] for part in mine])
            print(f"{sample:4s}{1e3 * cross_section:8.2f} fb {len(values):8d} events pass, "
                  f"{weight * len(values):6.1f} expected")
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description="Dimuon events with a Z', for ratiofarm.")
    parser.add_argument("--events", type=int, default=500_000, help="to generate for each sample")
    parser.add_argument("--out", default="events.h5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if min(options.events, options.processes) < 1 or options.seed < 0:
        parser.error("--events and --processes must be at least 1, --seed at least 0")
    began = time.monotonic()
    jobs = [(sample, first, min(CHUNK, options.events - first), options.seed)
            for first in range(0, options.events, CHUNK) for sample in SAMPLES]
    with multiprocessing.Pool(options.processes) as pool:
        parts = pool.map(run_chunk, jobs, chunksize=1)
    write(options.out, parts, options.events)
    print(f"{options.out} written in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""H2 -> Z Z -> 4 leptons above q qbar -> Z Z of Pythia 8, as lists of leptons: four_leptons.py [EVENTS] [--out FILE]

A scalar of 300 GeV with the width of Pythia (8 GeV), pp at 13 TeV, 20/fb, leptons (e, mu) above 7 GeV with |eta| < 2.5,
220 GeV < m4l < 400 GeV. A detector smears momenta by 2 %. `scale` (momenta 1 % larger, smaller) and `resolution` (3 %,
1 %) are the same events, ids and noise once more. Features: what an analysis would compute by hand (FEATURES, ANGLES).
"""
import argparse
import concurrent.futures

import numpy as np
import pythia8mc

import ratiofarm

COMMON = """
    Print:quiet = on
    Beams:eCM = 13000.
    PhaseSpace:mHatMin = 200.
    PhaseSpace:mHatMax = 440.
    PartonLevel:MPI = off
    HadronLevel:all = off
    TimeShower:QEDshowerByGamma = off
    23:onMode = off
    23:onIfAny = 11 13
"""
PROCESSES = {
    "S": "HiggsSM:gg2H = on\n25:m0 = 300.\n25:mMin = 200.\n25:mMax = 440.\n25:onMode = off\n25:onIfMatch = 23 23",
    "B": "WeakDoubleBoson:ffbar2gmZgmZ = on\n23:mMin = 40.\n23:mMax = 140.",
}
SIGNAL, LUMINOSITY = 25.0, 20e3  # events that pass at mu = 1, a cross section of our choice; 1/pb, for B
PT_MIN, ETA_MAX, WINDOW, Z_MASS = 7.0, 2.5, (220.0, 400.0), 91.19
DETECTORS = {"": (1.0, 0.02), "_scale_up": (1.01, 0.02), "_scale_down": (0.99, 0.02),
             "_resolution_up": (1.0, 0.03), "_resolution_down": (1.0, 0.01)}  # scale and resolution of momenta
PARTICLES = ["E", "px", "py", "pz", "charge"]
FEATURES = ["m4l", "m12", "m34", "log_pt4l", "y4l"]
ANGLES = ["cos_star", "cos_1", "cos_2", "planes", "plane_1"]
MOMENTA = [f"{column}_{lepton}" for lepton in range(1, 5) for column in ("log_pt", "eta", "phi")]


def make_generator(process, seed):
    pythia = pythia8mc.Pythia("", False)
    lines = [*COMMON.splitlines(), *PROCESSES[process].splitlines(), "Random:setSeed = on", f"Random:seed = {seed}"]
    for line in filter(None, map(str.strip, lines)):
        if not pythia.readString(line):
            raise SystemExit(f"Pythia does not know the setting '{line}'")
    if not pythia.init():
        raise SystemExit("Pythia did not start")
    return pythia


def leptons_of(event):
    """(px, py, pz, pdg) of the four, after radiation."""
    found = []
    for i in range(event.size() - 1, 0, -1):
        p = event[i]
        if p.idAbs() in (11, 13) and p.isFinal():
            found.append((p.px(), p.py(), p.pz(), p.id()))
    return found


def generate(process, events, seed):
    """Leptons [n, 4, 4] and pb."""
    pythia, found = make_generator(process, seed), []
    for _ in range(events):
        if pythia.next() and len(four := leptons_of(pythia.event)) == 4:
            found.append(four)
    return np.array(found), pythia.infoPython().sigmaGen() * 1e9


def mass(p):
    return np.sqrt(np.maximum(p[..., 0] ** 2 - (p[..., 1:] ** 2).sum(-1), 0.0))


def paired(p, pdg):
    """[n, 4, 4] in the order l-, l+ of the Z nearest to its mass, then of the other one."""
    choices = [(0, 2, 1, 3), (0, 3, 1, 2)]  # of l- l- l+ l+
    order = np.argsort(np.sign(-pdg), axis=1, kind="stable")
    p, pdg = np.take_along_axis(p, order[..., None], 1), np.take_along_axis(pdg, order, 1)
    best, found = np.full(len(p), np.inf), p.copy()
    for a, b, c, d in (*choices, *((c, d, a, b) for a, b, c, d in choices)):
        fits = (pdg[:, a] == -pdg[:, b]) & (pdg[:, c] == -pdg[:, d])
        distance = np.where(fits, abs(mass(p[:, a] + p[:, b]) - Z_MASS), np.inf)
        better = distance < best
        best, found[better] = np.where(better, distance, best), p[better][:, [a, b, c, d]]
    return found


def boosted(p, frame):
    """Momenta [n, 4] in the rest frame of others [n, 4]."""
    beta = frame[:, 1:] / frame[:, :1]
    gamma = (frame[:, 0] / mass(frame))[:, None]
    along = (p[:, 1:] * beta).sum(1, keepdims=True)
    space = p[:, 1:] + beta * (gamma**2 / (gamma + 1) * along - gamma * p[:, :1])
    return np.concatenate([gamma * (p[:, :1] - along), space], axis=1)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def angles(p):
    """Those that describe a decay to two Z and four leptons: arXiv:1001.3396."""
    total, first, second = p.sum(1), p[:, 0] + p[:, 1], p[:, 2] + p[:, 3]
    rest = [boosted(p[:, k], total)[:, 1:] for k in range(4)]
    z = unit(rest[0] + rest[1])
    cosines = [-(unit(boosted(other, own)[:, 1:]) * unit(boosted(lepton, own)[:, 1:])).sum(1)
               for lepton, own, other in ((p[:, 0], first, second), (p[:, 2], second, first))]
    n1, n2 = unit(np.cross(rest[0], rest[1])), unit(np.cross(rest[2], rest[3]))
    beam = unit(np.cross(np.array([0.0, 0.0, 1.0]), z))

    def between(a, b):
        return np.arctan2((z * np.cross(a, b)).sum(1), (a * b).sum(1))

    return [z[:, 2], *cosines, between(n1, -n2), between(n1, beam)]


def table(leptons, noise, detector, first):
    """What a detector makes of the events, those that pass."""
    scale, resolution = DETECTORS[detector]
    pdg = leptons[..., 3]
    momenta = leptons[..., :3] * np.maximum(scale * (1 + resolution * noise), 0.1)[..., None]
    p = np.concatenate([np.linalg.norm(momenta, axis=-1, keepdims=True), momenta], axis=-1)
    pt = np.hypot(p[..., 1], p[..., 2])
    eta = np.arcsinh(p[..., 3] / pt)
    m4l = mass(p.sum(1))
    passed = (pt > PT_MIN).all(1) & (abs(eta) < ETA_MAX).all(1) & (m4l > WINDOW[0]) & (m4l < WINDOW[1])
    p, pdg = p[passed], pdg[passed]
    pairs, total = paired(p, pdg), p[:].sum(1)
    hand = [m4l[passed], mass(pairs[:, 0] + pairs[:, 1]), mass(pairs[:, 2] + pairs[:, 3]),
            np.log1p(np.hypot(total[:, 1], total[:, 2])), np.arctanh(total[:, 3] / total[:, 0]), *angles(pairs)]
    pt = np.hypot(pairs[..., 1], pairs[..., 2])
    each = np.stack([np.log(pt), np.arcsinh(pairs[..., 3] / pt), np.arctan2(pairs[..., 2], pairs[..., 1])], axis=-1)
    columns = dict(zip(FEATURES + ANGLES, hand)) | dict(zip(MOMENTA, each.reshape(-1, 12).T))
    lists = dict(zip(PARTICLES, map(list, (*np.moveaxis(p, -1, 0), np.sign(-pdg)))))
    return columns | lists | {"pdg": list(pdg.astype("i8")), "id": first + np.flatnonzero(passed).astype(np.uint64)}


def main():
    parser = argparse.ArgumentParser(description="Four leptons of a scalar and of Z pairs, for ratiofarm.")
    parser.add_argument("events", type=int, nargs="?", default=24000, help="generated of S, twice as many of B")
    parser.add_argument("--out", default="four_leptons.h5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    blocks, samples = 4, {}  # the result does not depend on the number of processes
    with concurrent.futures.ProcessPoolExecutor(options.processes) as pool:
        jobs = {process: [pool.submit(generate, process, (number + 1) * options.events // blocks, 1000 * options.seed + 100 * number + block)
                          for block in range(blocks)] for number, process in enumerate(PROCESSES)}
        for number, (process, parts) in enumerate(jobs.items()):
            found = [job.result() for job in parts]
            leptons = np.concatenate([part[0] for part in found])
            noise = np.random.default_rng([options.seed, number]).standard_normal(leptons.shape[:2])
            for detector in DETECTORS:
                samples[process + detector] = table(leptons, noise, detector, number << 40)
            cross_section = np.mean([part[1] for part in found])
            passed = len(samples[process]["id"])
            weight = SIGNAL / passed if process == "S" else cross_section * LUMINOSITY / len(leptons)
            for detector in DETECTORS:
                columns = samples[process + detector]
                columns["weight"] = np.full(len(columns["id"]), weight)
            print(f"{process}: {passed} of {len(leptons)} events pass, {weight * passed:.1f} expected")
    ratiofarm.write_events(options.out, samples, features=FEATURES + ANGLES + MOMENTA, id="id", particles=PARTICLES,
                           particle_type="pdg")


if __name__ == "__main__":
    main()

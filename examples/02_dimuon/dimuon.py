"""pp -> mu+ mu- at 13 TeV with a heavy neutral gauge boson, and a detector that sees the muons.

The amplitude is the sum of Z' and gamma*/Z exchange, and Pythia can keep either part or all of it:

    S    the Z' alone        SBI  everything, |S + B|^2        B  gamma*/Z alone

If the Z' amplitude is multiplied by sqrt(mu), S counts mu times and the interference sqrt(mu)
times. G, photon-induced pairs, does not interfere.
"""
import numpy as np
import pythia8mc

SAMPLES = {"S": 3, "SBI": 0, "B": 4}  # Zprime:gmZmode

COLUMNS = ["mass", "cos_theta", "pt", "rapidity", "log_mass", "log_pt"]

COMMON = """
    Print:quiet = on
    Beams:eCM = 13000.
    PhaseSpace:mHatMin = 600.
    PhaseSpace:mHatMax = 3000.
    PartonLevel:MPI = off
    HadronLevel:all = off
    TimeShower:QCDshower = off
"""  # muons still radiate photons; partons before the collision still radiate, hence the pt

# A Z' with left-handed couplings, as strong as those of the Z to quarks, 0.3 of it to muons. It
# also decays to something unseen: a total width of 10 %, wider than the mass resolution. Then the
# interference, negative below the resonance and positive above, is about as large as the Z'
# itself, and mu = 1 has the same rate as mu = 0: the measurement lives from the shape.
RESONANCE = """
    NewGaugeBoson:ffbar2gmZZprime = on
    32:m0 = 1500.
    32:doForceWidth = on
    32:mWidth = 150.
    32:onMode = off
    32:onIfAny = 13
    23:onMode = off
    23:onIfAny = 13
"""
QUARK_COUPLINGS = {"vd": -1.0, "ad": -1.0, "vu": 1.0, "au": 1.0}
MUON_COUPLINGS = {"ve": -0.3, "ae": -0.3}

# Photons as LUXqed has them; those of Pythia's default set are several times less certain.
PHOTONS = """
    PhotonCollision:gmgm2mumu = on
    PDF:pSet = 20
"""

MASS_WINDOW = (700.0, 2500.0)  # GeV, after smearing; wide of the cut of the generator
ETA_MAX = 2.5
BARREL = 1.05  # |eta|

# What the tracker does to a muon, and its variations.
NOMINAL = {
    "resolution": 0.10,  # of the momentum at 1 TeV, beside 2 % everywhere
    "barrel": 1.0,       # momentum scale, |eta| < BARREL
    "endcap": 1.0,       # beyond it
    "sagitta": 0.0,      # 1/TeV, times charge: a shift of the measured curvature
}


def settings(process, mu=1.0):
    """Lines for Pythia; mu != 1 scales the couplings at both ends of the Z' by mu^(1/4)."""
    if process == "G":
        return COMMON + PHOTONS
    couplings = "".join(f"\nZprime:{name} = {value * mu**0.25}"
                        for name, value in (QUARK_COUPLINGS | MUON_COUPLINGS).items())
    return COMMON + RESONANCE + couplings + f"\nZprime:gmZmode = {SAMPLES[process]}"


def make_generator(lines, seed):
    """Pythia with these settings, ready. \\param lines text, one setting a line"""
    pythia = pythia8mc.Pythia("", False)
    for line in [*lines.splitlines(), "Random:setSeed = on", f"Random:seed = {seed}"]:
        if line.strip() and not pythia.readString(line.strip()):
            raise SystemExit(f"Pythia does not know the setting '{line.strip()}'")
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


def cross_section(pythia):
    """In pb."""
    return pythia.infoPython().sigmaGen() * 1e9


def pseudorapidity(momenta):
    return np.arcsinh(momenta[..., 2] / np.hypot(momenta[..., 0], momenta[..., 1]))


def smear(momenta, noise, detector=NOMINAL):
    """A tracker measures the curvature: 2 % at low pt, 10 % more per TeV, directions exactly.

    \\param momenta [n, 2, 3] in GeV, mu- first \\param noise [n, 2], standard normal: variations of
    the detector see the same
    """
    pt = np.hypot(momenta[..., 0], momenta[..., 1])
    resolution = np.hypot(0.02, detector["resolution"] * pt / 1000.0)
    charge = np.array([-1.0, 1.0])
    curvature = 1.0 + resolution * noise + charge * detector["sagitta"] * pt / 1000.0
    central = np.abs(pseudorapidity(momenta)) < BARREL
    scale = np.where(central, detector["barrel"], detector["endcap"])
    return momenta * (scale / curvature)[..., None]


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
    eta, mass = pseudorapidity(momenta), values[:, 0]
    return (np.abs(eta).max(axis=1) < ETA_MAX) & (mass > MASS_WINDOW[0]) & (mass < MASS_WINDOW[1])

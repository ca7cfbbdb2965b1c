"""ROOT files for docs/tutorial.md: a resonance over a falling background, in three observables."""
import numpy as np
import uproot


def generated(rng, signal, count):
    """Mass and transverse momentum in GeV, and the angle between two objects."""
    if signal:
        mass, pt, angle = rng.normal(125, 8, count), rng.gamma(3, 30, count), rng.beta(2, 3, count)
    else:
        mass, pt, angle = 80 + rng.exponential(40, count), rng.gamma(2, 30, count), rng.beta(3, 2, count)
    return {"mass": mass, "pt": pt, "angle": np.pi * angle}


def write(name, tree, weight, first):
    """A tree `events` with event numbers from `first` on, and weights of a tilt of pt by 10 %."""
    count = len(tree["mass"])
    tilt = 0.1 * np.log(tree["pt"] / 60)
    tree |= {"run": np.full(count, 1), "event": np.arange(first, first + count), "weight": np.full(count, weight),
             "weight_up": weight * (1 + tilt), "weight_down": weight * (1 - tilt)}
    with uproot.recreate(name) as file:
        file.mktree("events", {branch: values.dtype for branch, values in tree.items()})
        file["events"].extend(tree)


simulation, nature = np.random.default_rng(7), np.random.default_rng(11)
write("signal.root", generated(simulation, True, 50000), 100 / 50000, 0)
write("background.root", generated(simulation, False, 80000), 1000 / 80000, 1000000)
seen = [generated(nature, True, nature.poisson(100)), generated(nature, False, nature.poisson(1000))]
write("data.root", {name: np.concatenate([part[name] for part in seen]) for name in seen[0]}, 1.0, 2000000)

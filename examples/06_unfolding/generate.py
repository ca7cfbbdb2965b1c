#!/usr/bin/env python3
"""Events whose unfolding is known: generate.py [EVENTS [EVENTS_OF_DATA]] writes events.h5 and truth.npz.

The simulation is N(0, 1), nature N(0.5, 0.8) (mean, variance). The detector adds N(0, 0.25) and sees an event with the
probability 0.9 exp(-t^2 / 8). A tenth of what it sees is smeared in from outside the region that is unfolded: fakes
that follow the signal.
"""
import sys

import numpy as np

import ratiofarm


def detector(t, random):
    """What is measured of truth t, whether it is seen, and whether it is inside."""
    x = t + 0.5 * random.normal(size=len(t))
    seen = random.uniform(size=len(t)) < 0.9 * np.exp(-t * t / 8)
    inside = random.uniform(size=len(t)) > 0.1 * seen
    return x, seen, inside


def main():
    simulated, observed = (int(n) for n in (sys.argv[1:] + ["60000", "30000"][len(sys.argv) - 1:])[:2])
    random = np.random.default_rng(6)
    t = random.normal(0.0, 1.0, simulated)
    x, seen, inside = detector(t, random)
    wider = np.exp(0.1 * (t * t - 1))  # another width of the simulation, as a systematic uncertainty
    # Values of a level that an event does not pass are never read.
    mc = {"x": np.where(seen, x, np.nan), "t": np.where(inside, t, np.nan), "pass_reco": seen, "pass_truth": inside,
          "weight": np.full(simulated, 0.8 * observed / simulated), "id": np.arange(simulated)}
    mc["wider"] = mc["weight"] * wider / wider.mean()
    nature = random.normal(0.5, 0.8**0.5, random.poisson(observed))
    measured, is_seen, is_inside = detector(nature, random)
    data = {"x": measured[is_seen], "weight": np.ones(is_seen.sum()), "id": np.arange(is_seen.sum()) + 10**9}
    true = {"x": np.where(is_seen, measured, np.nan), "t": np.where(is_inside, nature, np.nan), "pass_reco": is_seen,
            "pass_truth": is_inside, "weight": np.ones(len(nature)), "id": np.arange(len(nature)) + 2 * 10**9}
    ratiofarm.write_events("events.h5", {"mc": mc, "data": data, "true": true}, features=["x"], id="id", weights={"wider": "wider"}, truth=["t"])
    np.savez("truth.npz", t=nature[is_inside])
    print(f"events.h5: {simulated} simulated events, {is_seen.sum()} data events")


if __name__ == "__main__":
    main()

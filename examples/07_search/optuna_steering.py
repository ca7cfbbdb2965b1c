#!/usr/bin/env python3
"""Lets Optuna propose the points of a search, with ratiofarm (or iDDS) as the farm:

    [search]
    sampler = "external"
    command = "python3 optuna_steering.py %MAX_POINTS %NUM_POINTS %IN %OUT"

The study is made anew from the points so far each time, so nothing else is stored.
"""
import json
import sys

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial


def distribution(words):
    if words["type"] == "Choice":  # Optuna's choices are plain values: lists go as texts
        return CategoricalDistribution([json.dumps(choice) for choice in words["params"]["choices"]])
    low, high, log = words["params"]["lower"], words["params"]["upper"], words["type"] == "Log"
    return IntDistribution(int(low), int(high), log=log) if words.get("integer") else FloatDistribution(low, high, log=log)


most, wanted, (source, target) = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
question = json.load(open(source))
space = {key: distribution(words) for key, words in question["opt_space"].items()}
coded = {key for key, words in space.items() if isinstance(words, CategoricalDistribution)}
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(
    seed=len(question["points"]), constant_liar=True))
for point, loss in question["points"]:
    params = {key: json.dumps(value) if key in coded else value for key, value in point.items()}
    study.add_trial(create_trial(
        params=params, distributions={key: space[key] for key in point}, value=loss,
        state=TrialState.RUNNING if loss is None else TrialState.COMPLETE))
points = []
for _ in range(min(wanted, most - len(question["points"]))):
    params = study.ask(space).params
    points.append({key: json.loads(value) if key in coded else value for key, value in params.items()})
json.dump(points, open(target, "w"))

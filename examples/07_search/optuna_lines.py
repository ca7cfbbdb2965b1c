#!/usr/bin/env python3
"""Lets Optuna propose the points of a search and lives as long as it:

    [search]
    sampler = "external"
    command = "python3 optuna_lines.py"

A line of JSON comes for each question and gets one. It says all points so far, so a program that is started
anew, after a kill, learns from the first line what it must know.
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


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1, constant_liar=True))
open_points = set()  # numbers, also of Optuna's trials, whose loss is not known
for line in sys.stdin:
    question = json.loads(line)
    points = question["points"]
    space = {key: distribution(words) for key, words in question["opt_space"].items()}
    coded = {key for key, words in space.items() if isinstance(words, CategoricalDistribution)}
    for number, (point, loss) in enumerate(points):
        if number >= len(study.trials):  # given, or proposed before this program was started
            params = {key: json.dumps(value) if key in coded else value for key, value in point.items()}
            study.add_trial(create_trial(params=params, distributions={key: space[key] for key in point},
                                         state=TrialState.RUNNING))
            open_points.add(number)
        if loss is not None and number in open_points:
            study.tell(number, loss)
            open_points.remove(number)
    answer = []
    for _ in range(question["num_points"]):
        trial = study.ask(space)
        open_points.add(trial.number)
        answer.append({key: json.loads(value) if key in coded else value for key, value in trial.params.items()})
    print(json.dumps(answer), flush=True)

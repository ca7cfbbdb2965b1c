#!/usr/bin/env python3
"""A trainer of study.toml. In place of a training it follows a loss that falls towards Branin's function / 10, faster where x is small.

    python3 trainer.py FOLDER_OF_THE_STUDY
"""
import math
import sys

from ratiofarm.hpo import Study


class Model:
    def __init__(self, x, y):
        a = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
        self.limit = (a**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10) / 10
        self.slowness = 2 + 8 * (x + 5) / 15

    def train(self, until):
        self.loss = self.limit + math.exp(-until / self.slowness)


with Study(sys.argv[1]) as study:
    for trial in study:
        model = Model(**trial.point)
        while trial.goes_on:
            model.train(until=trial.until)
            trial.report(loss=model.loss)

"""The problem of fit_problem.hpp as numpy arrays."""

import ctypes

import numpy as np


class _Sizes(ctypes.Structure):
    _fields_ = [("events", ctypes.c_uint64), ("processes", ctypes.c_size_t),
                ("parameters", ctypes.c_size_t)]


def _pointer(array, kind):
    return array.ctypes.data_as(ctypes.POINTER(kind))


class Problem:
    """weight [N], log_r [N, S], up and down [N, S, P] (ln g), yields [S], shift [S, P],
    observed [P], point [1 + P] (sqrt(mu), then alpha)."""

    def __init__(self, library, events, processes=10, parameters=100, outside=False):
        self.n, self.s, self.p = events, processes, parameters
        calls = ctypes.CDLL(library)
        sizes = _Sizes(events, processes, parameters)
        double, single = ctypes.c_double, ctypes.c_float
        self.weight = np.empty(events)
        self.log_r = np.empty((events, processes))
        self.up = np.empty((events, processes, parameters), np.float32)
        self.down = np.empty_like(self.up)
        calls.fit_problem_events(ctypes.byref(sizes), _pointer(self.weight, double),
                                 _pointer(self.log_r, double), _pointer(self.up, single),
                                 _pointer(self.down, single))
        self.yields = np.empty(processes)
        self.shift = np.empty((processes, parameters))
        self.observed = np.empty(parameters)
        self.point = np.full(1 + parameters, float(outside))
        calls.fit_problem_constants(ctypes.byref(sizes), _pointer(self.yields, double),
                                    _pointer(self.shift, double), _pointer(self.observed, double),
                                    _pointer(self.point, double))

"""Times the peers in JAX on one number of events and compares them with our result; JSON on stdout.

usage: jax_peers.py SPECIFICATION (a JSON object; see fit_table.py)
"""

import json
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jax_likelihood import JaxLikelihood
from problem import Problem

DTYPES = {"fp32": np.float32, "fp64": np.float64}


def timed(call, budget, most):
    """[(seconds, processor seconds)] of calls until the budget is spent; the first one is measured
    as well, programs are compiled before."""
    seconds, begin = [], time.perf_counter()
    while len(seconds) < most and (not seconds or time.perf_counter() - begin < budget):
        start, processor = time.perf_counter(), time.process_time()
        result = jax.block_until_ready(call())
        seconds.append((time.perf_counter() - start, time.process_time() - processor))
    return seconds, result


class Program:
    """A jitted function of (u, ..., data), compiled ahead of time, on one or two devices; the
    results of the devices are added."""

    def __init__(self, function, devices, data, *arguments):
        self.devices, self.data = devices, data
        spread = jax.jit(function) if devices == 1 else jax.pmap(
            function, in_axes=(None,) * len(arguments) + (0,))
        start = time.perf_counter()
        self.program = spread.lower(*arguments, data).compile()
        self.compile_seconds = time.perf_counter() - start

    def temporary_bytes(self):
        return self.program.memory_analysis().temp_size_in_bytes * self.devices

    def __call__(self, *arguments):
        result = self.program(*arguments, self.data)
        if self.devices == 1:
            return result
        return jax.tree.map(lambda x: x.sum(axis=0), result)


class Peers:
    def __init__(self, specification):
        self.s = specification
        self.problem = Problem(specification["library"], specification["events"],
                               specification["processes"], specification["parameters"])
        self.u = jnp.asarray(self.problem.point)
        self.ours = {}
        for precision, path in specification["ours"].items():
            with open(path) as file:
                result = json.load(file)["result"]
            n = self.u.size
            self.ours[precision] = (result["nll"], np.array(result["gradient"]),
                                    np.array(result["hessian"]).reshape(n, n))
        self.cache = {}

    def data(self, devices, block):
        """The events on the devices, in blocks; one layout at a time."""
        key = (devices, block)
        if self.cache.get("key") != key:
            self.cache.clear()
            shape = (devices,) if devices > 1 else ()
            if block:
                shape += (self.problem.n // devices // block, block)
            else:
                shape += (self.problem.n,)
            p = self.problem
            put = [a.reshape(shape + a.shape[1:]) for a in (p.weight, p.log_r, p.up, p.down)]
            if devices > 1:
                mesh = jax.sharding.Mesh(np.array(jax.devices()[:devices]), ("d",))
                spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("d"))
                put = [jax.device_put(a, spread) for a in put]
            else:
                put = [jax.device_put(a, jax.devices()[0]) for a in put]
            self.cache = {"key": key, "data": tuple(put)}
        return self.cache["data"]

    def likelihood(self, precision, devices=1, product="sum of logs"):
        return JaxLikelihood(self.problem, DTYPES[precision], product, 1.0 / devices)

    def errors(self, precision, rows=None, hessian=None, gradient=None, value=None):
        """Largest differences from our result in the same precision, over the largest element."""
        nll, g, h = self.ours[precision]
        result = {}
        if hessian is not None:
            part = h if rows is None else h[rows]
            result["hessian"] = float(np.abs(np.asarray(hessian) - part).max() / np.abs(h).max())
        if gradient is not None:
            result["gradient"] = float(np.abs(np.asarray(gradient) - g).max() / np.abs(g).max())
        if value is not None:
            result["value"] = float(abs(value / nll - 1.0))
        return result

    def report(self, program, seconds, rows, errors, **more):
        """rows: how many rows of the Hessian one call gives; None: all of them."""
        scale = self.u.size / rows if rows else 1.0
        return {"seconds": [s * scale for s, _ in seconds],
                "processor": [p * scale for _, p in seconds], "scaled_from_rows": rows,
                "compile_seconds": program.compile_seconds,
                "temporary_bytes": program.temporary_bytes(), "errors": errors, **more}

    def rows_as_written(self, precision):
        """One HVP per row over the whole set."""
        likelihood = self.likelihood(precision, product="prod")
        direction = jnp.eye(self.u.size)[1]
        row = lambda u, v, data: jax.jvp(jax.grad(lambda x: likelihood.nll(x, data)), (u,), (v,))[1]
        program = Program(row, 1, self.data(1, None), self.u, direction)
        needed = program.temporary_bytes()
        if needed > self.s["memory_limit"]:
            return {"stops": f"asks for {needed / 1e9:.1f} GB", "temporary_bytes": needed}
        seconds, result = timed(lambda: program(self.u, direction), self.s["budget"], 3)
        return self.report(program, seconds, 1, self.errors(precision, [1], result[None]))

    def rows_in_blocks(self, precision):
        best = self.s["settings"]["rows_in_blocks " + precision]
        likelihood = self.likelihood(precision, best["devices"], best["product"])
        rows = list(range(1, 1 + best["rows"]))
        directions = jnp.eye(self.u.size)[jnp.array(rows)]
        program = Program(likelihood.hessian_rows, best["devices"],
                          self.data(best["devices"], best["block"]), self.u, directions)
        seconds, result = timed(lambda: program(self.u, directions), self.s["budget"], 5)
        return self.report(program, seconds, len(rows), self.errors(precision, rows, result),
                           settings=best)

    def closed_form(self, precision):
        best = self.s["settings"]["closed_form " + precision]
        likelihood = self.likelihood(precision, best["devices"])
        program = Program(likelihood.closed_form, best["devices"],
                          self.data(best["devices"], best["block"]), self.u)
        seconds, (value, gradient, hessian) = timed(lambda: program(self.u), self.s["budget"], 5)
        return self.report(program, seconds, None,
                           self.errors(precision, None, hessian, gradient, float(value)),
                           settings=best)

    def gradient(self, precision):
        best = self.s["settings"]["gradient " + precision]
        likelihood = self.likelihood(precision, best["devices"], best["product"])
        program = Program(likelihood.value_and_gradient, best["devices"],
                          self.data(best["devices"], best["block"]), self.u)
        seconds, (value, gradient) = timed(lambda: program(self.u), self.s["budget"], 5)
        return self.report(program, seconds, None,
                           self.errors(precision, gradient=gradient, value=float(value)),
                           settings=best)

    def jax_hessian(self, precision):
        likelihood = self.likelihood(precision)
        program = Program(jax.hessian(likelihood.nll), 1, self.data(1, None), self.u)
        needed = program.temporary_bytes()
        if needed > self.s["memory_limit"] or self.s["quick"]:
            return {"stops": f"asks for {needed / 1e9:.1f} GB", "temporary_bytes": needed}
        seconds, result = timed(lambda: program(self.u), self.s["budget"], 1)
        return self.report(program, seconds, None, self.errors(precision, None, result))

    def minuit(self, precision):
        """MIGRAD and HESSE with the jitted gradient, strategy 0."""
        from iminuit import Minuit
        best = self.s["settings"]["gradient " + precision]
        likelihood = self.likelihood(precision, best["devices"], best["product"])
        program = Program(likelihood.value_and_gradient, best["devices"],
                          self.data(best["devices"], best["block"]), self.u)
        calls = {"value": 0, "gradient": 0}
        last = {}

        def evaluated(u):
            """Value and gradient of a point are computed once."""
            if "u" not in last or not np.array_equal(last["u"], u):
                last["u"] = np.array(u)
                value, gradient = program(jnp.asarray(u))
                last["result"] = (float(value), np.asarray(gradient))
                calls["passes"] = calls.get("passes", 0) + 1
            return last["result"]

        def value(u):
            calls["value"] += 1
            return evaluated(u)[0]

        def gradient(u):
            calls["gradient"] += 1
            return evaluated(u)[1]

        start = np.concatenate([[1.0], np.zeros(self.problem.p)])
        fit = Minuit(value, start, grad=gradient)
        fit.errordef, fit.strategy = Minuit.LIKELIHOOD, 0
        fit.limits = [(0.0, np.sqrt(10.0))] + [(-5.0, 5.0)] * self.problem.p
        result = {}
        for name, action in (("migrad", fit.migrad), ("hesse", fit.hesse)):
            before = dict(calls)
            start_time, processor = time.perf_counter(), time.process_time()
            action()
            print(f"{name}: {calls}", file=sys.stderr)
            result[name] = {"seconds": time.perf_counter() - start_time,
                            "processor": time.process_time() - processor,
                            **{k: v - before.get(k, 0) for k, v in calls.items()}}
            if self.s["quick"]:
                break
        return {**result, "valid": bool(fit.valid), "nll": fit.fval, "values": list(fit.values),
                "errors": list(fit.errors)}

    def tuned(self, name, precision):
        """The best of some block sizes, devices and rows at a time, by one call each."""
        call = getattr(self, name)
        best = None
        for settings in self.s["candidates"][name]:
            self.s["settings"][f"{name} {precision}"] = settings
            spent = min(call(precision)["processor" if self.s["quick"] else "seconds"])
            print(f"{name} {precision} {settings}: {spent:.3f} s", file=sys.stderr)
            if best is None or spent < best[0]:
                best = (spent, settings)
        self.s["settings"][f"{name} {precision}"] = best[1]
        return best[1]


def main():
    specification = json.loads(sys.argv[1])
    specification.setdefault("settings", {})
    peers = Peers(specification)
    for name, precision in specification.get("tune", []):
        peers.tuned(name, precision)
    results = {}
    for name, precision in specification["peers"]:
        results[f"{name} {precision}"] = getattr(peers, name)(precision)
    print(json.dumps({"settings": specification["settings"], "results": results}))


if __name__ == "__main__":
    main()

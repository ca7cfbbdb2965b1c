"""The loop of a program of ./run bench train: orders as JSON, one a line, each with one answer. What is
opened under a key stays open until it is closed.

  {"do": "open", "key": X, "folder": F, "first": k, "count": n, "variant": V}   nets k .. k + n of a case
  {"do": "run", "key": X, "steps": s}   s steps of every net -> {"seconds", "processor"}
  {"do": "loss", "key": X}             mean over the nets of the mean validation loss -> {"loss"}
  {"do": "evaluate", "key": X, "first": a, "count": n}   all nets on training events a .. a + n
                                        -> {"seconds", "processor", "mean", "spread" of the first}
  {"do": "gemm", "precision": P, "width": w} -> {"rate"} FLOP per second of one product
  {"do": "close", "key": X}
"""

import json
import sys
import time

import numpy as np

from training_problem import Problem


def timed(call, synchronize=lambda: None):
    start, processor = time.perf_counter(), time.process_time()
    result = call()
    synchronize()
    return {"seconds": time.perf_counter() - start,
            "processor": time.process_time() - processor}, result


def serve(variants, gemm, synchronize=lambda: None):
    """variants: {name: class(Problem) with run(steps), loss(), evaluate() -> (mean, spread)};
    gemm(precision, width): a call of one product; synchronize() waits for the device."""
    opened = {}
    for line in sys.stdin:
        order, answer = json.loads(line), {}
        model = opened.get(order.get("key"))
        if order["do"] == "open":
            problem = Problem(order["folder"], order["first"], order["count"])
            opened[order["key"]] = variants[order["variant"]](problem)
        elif order["do"] == "run":
            answer, _ = timed(lambda: model.run(order["steps"]), synchronize)
        elif order["do"] == "loss":
            answer = {"loss": float(model.loss())}
        elif order["do"] == "evaluate":
            answer, (mean, spread) = timed(lambda: model.evaluate(order["first"], order["count"]))
            answer.update(mean=np.asarray(mean)[:64].tolist(),
                          spread=np.asarray(spread)[:64].tolist())
        elif order["do"] == "gemm":
            call = gemm(order["precision"], order["width"])
            timed(call, synchronize)
            least = min(timed(call, synchronize)[0]["seconds"] for _ in range(order.get("repeats", 5)))
            answer = {"rate": 2.0 * order["width"] ** 3 / least}
        else:
            model = opened.pop(order["key"], None)
            model = None
        print(json.dumps(answer), flush=True)

"""What people write by hand: a straightforward Python program that does what `ratiofarm run` does for a
campaign of the closed-form interference: PyTorch without a DataLoader, one process a core, h5py, iminuit
on a likelihood in JAX. Reads the same events; prints one line of JSON.

    campaign_peer.py EVENTS.h5 SETTINGS(JSON: members, epochs, batch, rate, hidden, train, validation, cores)
"""

import concurrent.futures
import json
import math
import multiprocessing
import sys
import time

import h5py
import numpy as np

PROCESSES = ("S", "SBI", "B")


def read(path):
    """Features and weights of each sample."""
    with h5py.File(path) as file:
        return {name: (file[name]["features"][:, :1], file[name]["weight"][:]) for name in PROCESSES}


def parts(events, settings):
    """Rows for training, validation and inference, by the order of the file."""
    cut = [0, int(events * settings["train"]), int(events * (settings["train"] + settings["validation"])), events]
    return [slice(a, b) for a, b in zip(cut[:-1], cut[1:])]


def table(samples, process, rows):
    """x, soft target and weight of the classifier p_process against the mixture of all: an event of the
    process is in both classes."""
    xs, ps, ws = [], [], []
    for name in PROCESSES:
        x, w = samples[name]
        x, share = x[rows], w[rows] / w[rows].sum()
        positive = share if name == process else np.zeros_like(share)
        reference = share / len(PROCESSES)
        xs.append(x), ps.append(positive), ws.append(positive + reference)
    total = np.concatenate(ws)
    scale = len(total) / total.sum()
    return (np.concatenate(xs).astype("f4"), (np.concatenate(ps) * scale).astype("f4"),
            (total * scale).astype("f4"))


def network(hidden, torch):
    widths, layers = [1, *hidden, 1], []
    for a, b in zip(widths[:-1], widths[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.SiLU()]
    return torch.nn.Sequential(*layers[:-1])


def train(path, process, member, settings):
    """One net. \\return ln r of all inference events of every sample"""
    import torch
    torch.set_num_threads(1)
    torch.manual_seed(1000 * PROCESSES.index(process) + member)
    samples = read(path)
    rows = parts(len(samples["S"][0]), settings)
    x, positive, total = (torch.from_numpy(a) for a in table(samples, process, rows[0]))
    vx, vpositive, vtotal = (torch.from_numpy(a) for a in table(samples, process, rows[1]))
    shift, scale = x.mean(), x.std()
    x, vx = (x - shift) / scale, (vx - shift) / scale
    net = network(settings["hidden"], torch)
    optimizer = torch.optim.NAdam(net.parameters(), lr=settings["rate"])
    batch = settings["batch"]
    steps = settings["epochs"] * math.ceil(len(x) / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def loss_of(x, positive, total):
        z = net(x).squeeze(1)
        return (total * torch.nn.functional.softplus(z) - positive * z).sum() / total.sum()

    best, kept = math.inf, None
    for _ in range(settings["epochs"]):
        order = torch.randperm(len(x))
        for rows_of_batch in order.split(batch):
            loss = loss_of(x[rows_of_batch], positive[rows_of_batch], total[rows_of_batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            validation = loss_of(vx, vpositive, vtotal).item()
        if validation < best:
            best, kept = validation, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(kept)
    with torch.inference_mode():
        return {name: net((torch.from_numpy(samples[name][0][rows[2]]) - shift) / scale).squeeze(1).numpy()
                for name in PROCESSES}


def mean_ratios(path, settings):
    """[sample][process]: ln of the ensemble's mean ratio."""
    sums = {name: {process: 0.0 for process in PROCESSES} for name in PROCESSES}
    with concurrent.futures.ProcessPoolExecutor(settings["cores"],
                                                mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(train, path, process, member, settings): process
                   for process in PROCESSES for member in range(settings["members"])}
        for future in concurrent.futures.as_completed(futures):
            for name, z in future.result().items():
                sums[name][futures[future]] = sums[name][futures[future]] + np.exp(z.astype("f8"))
    return {name: {p: s / settings["members"] for p, s in of.items()} for name, of in sums.items()}


def fit(ratios, samples, settings):
    """Extended likelihood of Asimov data at mu = 1: the weighted events of SBI."""
    import jax
    import jax.numpy as jnp
    from iminuit import Minuit
    jax.config.update("jax_enable_x64", True)
    rows = parts(len(samples["S"][0]), settings)[2]
    yields = {name: samples[name][1].sum() for name in PROCESSES}
    weight = {name: samples[name][1][rows] * yields[name] / samples[name][1][rows].sum() for name in PROCESSES}
    # E_ref[r] = 1 over the mixture of all samples.
    norm = {p: np.mean([np.average(ratios[name][p], weights=weight[name]) for name in PROCESSES]) for p in PROCESSES}
    r = jnp.stack([jnp.asarray(ratios["SBI"][p] / norm[p]) for p in PROCESSES])
    nu = jnp.asarray([yields[p] for p in PROCESSES])
    w = jnp.asarray(weight["SBI"])

    def nll(mu):
        root = jnp.sqrt(mu)
        f = jnp.stack([mu - root, root, 1 - root])
        return (f @ nu - w @ jnp.log((f * nu) @ r)).squeeze()

    value, slope = jax.jit(nll), jax.jit(jax.grad(nll))
    minuit = Minuit(lambda mu: float(value(mu)), mu=1.2, grad=lambda mu: [float(slope(mu))])
    minuit.errordef, minuit.limits["mu"] = Minuit.LIKELIHOOD, (1e-6, 10)
    minuit.migrad()
    minuit.hesse()
    return minuit.values["mu"], minuit.errors["mu"]


def main():
    path, settings = sys.argv[1], json.loads(sys.argv[2])
    begin = time.time()
    ratios = mean_ratios(path, settings)
    trained = time.time() - begin
    mu, error = fit(ratios, read(path), settings)
    print(json.dumps({"mu": mu, "error": error, "training": trained, "seconds": time.time() - begin}))


if __name__ == "__main__":
    main()

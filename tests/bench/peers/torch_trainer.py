"""PyTorch as a peer of ./run bench train and ./run gpu. usage: torch_trainer.py THREADS [cpu|cuda]"""

import sys
import types

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import particle_kinds
import peer_process

DEVICE = sys.argv[2] if len(sys.argv) > 2 else "cpu"
BLOCK = 2048 if DEVICE == "cpu" else 65536  # events evaluated at a time


def tensor(array):
    return torch.from_numpy(array).to(DEVICE)


class NetByNet:
    """The loop people write, net after net, with Adam's fused step. Compiled, a net is a function of
    its parameters, so that one program serves them all."""

    def __init__(self, problem, bf16=False, compiled=False):
        self.problem, self.bf16 = problem, bf16
        self.x, self.y = tensor(problem.x), tensor(problem.y)
        self.order = tensor(problem.order.astype("i8"))
        self.nets, self.steps = [], []
        for k in range(len(problem.rows)):
            net = module(problem, k)
            adam = torch.optim.Adam(net.parameters(), lr=problem.case.rate, fused=True)
            self.nets.append([net, adam, 0])
        self.compiled = torch.compile(sequence) if compiled else None

    def logits(self, net, x):
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=self.bf16):
            z = self.compiled(list(net.parameters()), x) if self.compiled else net(x)
            return z.squeeze(1).float()

    def run(self, steps):
        batch, batches = self.problem.case.batch, self.problem.batches()
        for k, state in enumerate(self.nets):
            net, adam, done = state
            for step in range(done, done + steps):
                rows = self.order[k].narrow(0, step % batches * batch, batch)
                loss = F.binary_cross_entropy_with_logits(
                    self.logits(net, self.x[rows]), self.y[rows])
                adam.zero_grad(set_to_none=True)
                loss.backward()
                adam.step()
            state[2] += steps

    @torch.no_grad()
    def loss(self):
        x, y = tensor(self.problem.vx), tensor(self.problem.vy)
        return np.mean([F.binary_cross_entropy_with_logits(
            self.logits(net, x), y).item() for net, _, _ in self.nets])

    @torch.inference_mode()
    def evaluate(self, first, count):
        """Mean and spread of the logits, block of events by block."""
        parts = []
        for x in self.x.narrow(0, first, count).split(BLOCK):
            logits = torch.stack([self.logits(net, x) for net, _, _ in self.nets])
            parts.append((logits.mean(0), logits.std(0) if len(self.nets) > 1 else logits[0] * 0))
        return [torch.cat(part).cpu().numpy() for part in zip(*parts)]


OPS = types.SimpleNamespace(
    silu=F.silu, sigmoid=torch.sigmoid, sign=torch.sign, abs=torch.abs, log1p=torch.log1p,
    log=torch.log, exp=torch.exp, expm1=torch.expm1, sqrt=torch.sqrt, sin=torch.sin, cos=torch.cos,
    atan2=torch.atan2, minimum=torch.minimum, at_least=torch.clamp_min,
    concat=lambda parts: torch.cat(parts, -1), stack=lambda parts: torch.stack(parts, -1),
    softmax=lambda x: torch.softmax(x, -1), swap=lambda x: x.swapaxes(-1, -2),
    eye=lambda n, like: torch.eye(n, dtype=like.dtype, device=like.device))


class ParticleNets(NetByNet):
    """As NetByNet, of nets that read particle lists."""

    def __init__(self, problem, compiled=False):
        self.problem = problem
        self.x, self.y = tensor(problem.x), tensor(problem.y)
        self.order = tensor(problem.order.astype("i8"))
        self.nets = []
        for k in range(len(problem.rows)):
            net = {name: tensor(value.copy()).requires_grad_()
                   for name, value in problem.particle_parameters(k).items()}
            adam = torch.optim.Adam(net.values(), lr=problem.case.rate, fused=True)
            self.nets.append([net, adam, 0])
        self.function = lambda net, x: particle_kinds.logits(problem.case, net, x, OPS)
        if compiled:
            self.function = torch.compile(self.function)

    def logits(self, net, x):
        return self.function(net, x)


def net_by_net(problem, compiled=False):
    kind = ParticleNets if problem.case.of_particles() else NetByNet
    return kind(problem, compiled=compiled)


def module(problem, net):
    modules = []
    for weight, bias in problem.layers(net):
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        modules += [linear, nn.SiLU()]
    return nn.Sequential(*modules[:-1]).to(DEVICE)


class Graphed:
    """One CUDA graph a net: batch, loss, gradient and Adam's step, as one launch."""

    def __init__(self, problem, bf16=False):
        self.plain = NetByNet(problem, bf16)
        batch = problem.case.batch
        self.rows = torch.zeros(batch, dtype=torch.int64, device=DEVICE)
        self.graphs = []
        for state in self.plain.nets:
            net = state[0]
            start = [p.detach().clone() for p in net.parameters()]
            state[1] = adam = torch.optim.Adam(net.parameters(), lr=problem.case.rate, fused=True, capturable=True)
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self.step(net, adam)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.step(net, adam)
            with torch.no_grad():  # as if nothing had been trained
                for p, value in zip(net.parameters(), start):
                    p.copy_(value)
                    for moment in adam.state[p].values():
                        moment.zero_()
            self.graphs.append(graph)

    def step(self, net, adam):
        loss = F.binary_cross_entropy_with_logits(self.plain.logits(net, self.plain.x[self.rows]),
                                                  self.plain.y[self.rows])
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    def run(self, steps):
        problem = self.plain.problem
        batch, batches = problem.case.batch, problem.batches()
        for k, (state, graph) in enumerate(zip(self.plain.nets, self.graphs)):
            for step in range(state[2], state[2] + steps):
                self.rows.copy_(self.plain.order[k].narrow(0, step % batches * batch, batch))
                graph.replay()
            state[2] += steps

    def loss(self):
        return self.plain.loss()


def sequence(parameters, x):
    for k in range(0, len(parameters) - 2, 2):
        x = F.silu(F.linear(x, parameters[k], parameters[k + 1]))
    return F.linear(x, *parameters[-2:])


class Ensemble:
    """torch.func: stacked parameters, vmap of the gradient, one fused Adam step for all nets."""

    def __init__(self, problem, compiled=False):
        self.problem, self.done = problem, 0
        self.x, self.y = tensor(problem.x), tensor(problem.y)
        self.order = tensor(problem.order.astype("i8"))
        nets = [module(problem, k) for k in range(len(problem.rows))]
        self.parameters, _ = torch.func.stack_module_state(nets)
        self.adam = torch.optim.Adam(self.parameters.values(), lr=problem.case.rate, fused=True)
        skeleton = nets[0]

        def logits(parameters, x):
            return torch.func.functional_call(skeleton, parameters, (x,)).squeeze(1)

        def loss(parameters, x, y):
            return F.binary_cross_entropy_with_logits(logits(parameters, x), y)

        self.gradient = torch.func.vmap(torch.func.grad(loss))
        self.losses = torch.func.vmap(loss, in_dims=(0, None, None))
        self.logits = torch.func.vmap(logits, in_dims=(0, None))
        if compiled:
            self.gradient, self.logits = torch.compile(self.gradient), torch.compile(self.logits)

    def run(self, steps):
        batch, batches = self.problem.case.batch, self.problem.batches()
        for step in range(self.done, self.done + steps):
            rows = self.order.narrow(1, step % batches * batch, batch)
            gradients = self.gradient(self.parameters, self.x[rows], self.y[rows])
            for name, gradient in gradients.items():
                self.parameters[name].grad = gradient
            self.adam.step()
        self.done += steps

    @torch.no_grad()
    def loss(self):
        x, y = tensor(self.problem.vx), tensor(self.problem.vy)
        return self.losses(self.parameters, x, y).mean().item()

    @torch.inference_mode()
    def evaluate(self, first, count):
        parts = []
        for x in self.x.narrow(0, first, count).split(BLOCK):
            logits = self.logits(self.parameters, x)
            parts.append((logits.mean(0), logits.std(0)))
        return [torch.cat(part).cpu().numpy() for part in zip(*parts)]


def gemm(precision, width):
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.rand(width, width).to(kind).to(DEVICE) for _ in range(2))
    out = torch.empty_like(a)

    def product():
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.mm(a, b, out=out)

    return product


class Tf32:
    """Products of fp32 in TF32 while inside."""

    def __enter__(self):
        torch.backends.cuda.matmul.allow_tf32 = True

    def __exit__(self, *_):
        torch.backends.cuda.matmul.allow_tf32 = False


class InTf32:
    """A way to train, always in TF32."""

    def __init__(self, make, problem):
        with Tf32():
            self.way = make(problem)

    def run(self, steps):
        with Tf32():
            self.way.run(steps)

    def loss(self):
        return self.way.loss()

    def evaluate(self, first, count):
        with Tf32():
            return self.way.evaluate(first, count)


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_flush_denormal(True)
    peer_process.serve({
        "graph fp32": Graphed,
        "graph tf32": lambda problem: InTf32(Graphed, problem),
        "graph bf16": lambda problem: Graphed(problem, bf16=True),
        "eager tf32": lambda problem: InTf32(NetByNet, problem),
        "compile tf32": lambda problem: InTf32(lambda p: NetByNet(p, compiled=True), problem),
        "vmap tf32": lambda problem: InTf32(Ensemble, problem),
        "eager fp32": net_by_net,
        "eager bf16": lambda problem: NetByNet(problem, bf16=True),
        "compile fp32": lambda problem: net_by_net(problem, compiled=True),
        "compile bf16": lambda problem: NetByNet(problem, bf16=True, compiled=True),
        "vmap fp32": Ensemble,
        "vmap compile fp32": lambda problem: Ensemble(problem, compiled=True)}, gemm,
        torch.cuda.synchronize if DEVICE == "cuda" else lambda: None)


if __name__ == "__main__":
    main()

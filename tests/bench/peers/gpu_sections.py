"""Training and evaluation on a GPU beside PyTorch, for ./run gpu; on a CPU the same, to try it."""

import sys
import time

import train_sections as sections
from train_sections import Family, Row
from training_problem import Case, write

ALONE = "one process"


def note(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def family(name, kind, precision, *variants):
    return Family(name, kind, [(f"{variant} {precision}".strip(), ALONE) for variant in variants], precision)


def precisions(cuda):
    return ("fp32", "tf32", "bf16") if cuda else ("fp32", "bf16")


def one_net(cuda, compiled):
    families = []
    for p in precisions(cuda):
        families += [family("**ours**", "ours", p, ""), family("PyTorch eager", "torch", p, "eager")]
        if compiled:
            families.append(family("torch.compile", "torch", p, "compile"))
        if cuda:
            families.append(family("PyTorch, one CUDA graph", "torch", p, "graph"))
    return families


def many_nets(cuda):
    families = [family("**ours**, packed", "ours", p, "pack") for p in precisions(cuda)]
    families.append(family("torch.func vmap", "torch", "fp32", "vmap"))
    if cuda:
        families += [family("torch.func vmap", "torch", "tf32", "vmap"),
                     family("PyTorch, one CUDA graph a net", "torch", "fp32", "graph")]
    return families


def rows(quick, cuda):
    wide = lambda batch: Case(f"7x1500, B = {batch}", [1500] * 7, batch, rate=1e-4, events=4 * batch,
                              validation=1024)
    small = lambda nets, width: Case(f"{nets} nets of 3x{width}, B = 1024", [width] * 3, 1024, nets,
                                     events=16384, validation=1024)
    if not cuda:
        return [Row(small(4, 64), many_nets(cuda), 2, 2), Row(Case("2x64, B = 1024", [64] * 2, 1024, events=8192),
                                                              one_net(cuda, False), 4, 2)]
    some = [Row(wide(4096), one_net(cuda, True), 20, 5), Row(small(32, 64), many_nets(cuda), 20, 5)]
    if quick:
        return some
    return [*some, Row(wide(1024), one_net(cuda, False), 20, 5), Row(wide(16384), one_net(cuda, False), 8, 3),
            Row(small(256, 64), many_nets(cuda)[:-1], 10, 3), Row(small(1024, 64), many_nets(cuda)[:-1], 5, 3)]


def rates_of(pool, cuda):
    return sections.gemm_rates(pool, {}, ["torch"], precisions(cuda), ALONE, 8192 if cuda else 1024)


def training(pool, quick, cuda, folder):
    rates, blocks = rates_of(pool, cuda), []
    for row in rows(quick, cuda):
        blocks.append(sections.training_table(*sections.training_section(pool, row, folder, note), rates))
    return "\n\n".join([rates_text(rates), *blocks])


def rates_text(rates):
    return "GEMM: " + ", ".join(f"{p} {rate / 1e12:.3g} TF/s" for p, rate in rates.items())


def evaluation(pool, quick, cuda, folder):
    nets, count = (8, 4096) if not cuda else (32, 65536)
    case = Case(f"evaluation of {nets} nets of 3x64, B = 1024", [64] * 3, 1024, nets, events=max(count, 8192),
                validation=1024)
    write(case, folder)
    families = [family("**ours**, from mapped events to the published file", "ours", "fp32", ""),
                family("PyTorch eager, net by net", "torch", "fp32", "eager"),
                family("torch.func vmap", "torch", "fp32", "vmap"),
                family("**ours**, from mapped events to the published file", "ours", "bf16", ""),
                family("PyTorch eager, net by net", "torch", "bf16", "eager")]
    return sections.evaluation_section(pool, case, count, 2 if quick else 5, rates_of(pool, cuda), note, families)

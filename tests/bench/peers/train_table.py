"""./run bench train: our trainer beside its peers, one run, one report in Markdown on stdout.

All programs have the same events, first weights, number of steps and Adam; each is measured the way
it is fastest, in turns with the others, and its validation loss after the same steps is shown.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import train_sections as sections
from contenders import Contender, Pool, load_text
from measure import machine, table


def arguments():
    parser = argparse.ArgumentParser(prog="./run bench train", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two small cases, about a minute")
    parser.add_argument("--one-core", action="store_true",
                        help="for a machine that others use: one thread each, by processor seconds")
    parser.add_argument("--parts", required=True, help="folder of the built programs")
    parser.add_argument("--trainer", required=True, help="ratiofarm-trainer")
    parser.add_argument("--only", default="", help="cases whose name has one of these, such as 3x64,4x256,lorentz")
    return parser.parse_args()


class Note:
    """Progress on stderr."""

    def __init__(self):
        self.begin = time.time()

    def __call__(self, text):
        print(f"[{time.time() - self.begin:5.0f} s, load {os.getloadavg()[0]:.1f}] {text}",
              file=sys.stderr, flush=True)


def report(given, pool, folder, note):
    settings = sections.Settings(given.quick, [p for p in given.only.split(",") if p],
                                 given.one_core)
    Contender.by_processor = given.one_core
    layout = sections.ONE if given.one_core else sections.BOTH
    rates = sections.gemm_rates(pool, {}, layout=layout)
    measured = []
    for row in settings.rows():
        measured.append(sections.training_section(pool, row, folder, note))
        sections.gemm_rates(pool, rates, layout=layout)
    families = sections.evaluation_families()
    families = sections.on_one_core(families) if given.one_core else families
    blocks = []
    for row, _ in measured:
        if row.case.nets > 1 and not row.case.of_particles():
            count = 16384 if row.case.hidden[0] > 128 else 65536
            blocks.append(sections.evaluation_section(pool, row.case, count, 2 if given.quick else 4,
                                                      rates, note, families))
    sections.gemm_rates(pool, rates, layout=layout)
    pool.close()
    if not settings.only:
        blocks.append(sections.start_section(Path(given.parts) / "trainer_start_bench",
                                             given.trainer, 3 if given.quick else 7))
    cores = "one core" if given.one_core else "all cores"
    rates_table = table(["precision", f"GEMM rate, 1500 wide, {cores}"],
                        [[p, f"{rate / 1e9:.1f} GF/s"] for p, rate in rates.items()])
    return [rates_table, *(sections.training_table(*pair, rates) for pair in measured), *blocks]


def main():
    given, note, load, begin = arguments(), Note(), load_text(), time.time()
    folder = tempfile.mkdtemp(prefix="ratiofarm-bench-")
    pool = Pool(Path(given.parts) / "train_peer_bench", sys.stderr)
    try:
        blocks = report(given, pool, folder, note)
    finally:
        pool.close()
        shutil.rmtree(folder)
    print(f"{machine()}. {time.strftime('%d %B %Y', time.gmtime(begin))}, "
          f"{(time.time() - begin) / 60:.1f} minutes; load average (1, 5, 15 minutes) {load} before, "
          f"{load_text()} after.\n")
    print("\n\n".join(blocks))


if __name__ == "__main__":
    main()

"""./run bench fit: our fit beside its peers, one run, one report in Markdown on stdout.

Every result is compared with ours before a time is printed; the run ends where they differ.
"""

import argparse
import os
import time

import numpy

import fit_sections as sections
from measure import Programs, machine


def gemm_rates(programs):
    """FLOP per processor second of the best product of matrices, 1500 wide, 2 threads: LibTorch
    (MKL) and numpy (OpenBLAS)."""
    best = programs.gemm()
    best = {"fp32": best["fp32"], "fp64": best["fp64"]}
    for name, dtype in (("fp32", numpy.float32), ("fp64", numpy.float64)):
        a, b = (numpy.random.default_rng(k).random((1500, 1500)).astype(dtype) for k in (1, 2))
        for _ in range(8):
            start = time.process_time()
            a @ b
            best[name] = max(best[name], 2 * 1500**3 / (time.process_time() - start))
    return best


def arguments():
    parser = argparse.ArgumentParser(prog="./run bench fit", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, about a minute")
    parser.add_argument("--parts", required=True, help="folder of the built programs")
    parser.add_argument("--folder", default=".", help="where the ratio file of the load test goes")
    parser.add_argument("--sizes", help="numbers of events, such as 2000,20000")
    parser.add_argument("--sections", default="fit,rank,load,norm,growth,toys,binned",
                        help="beside the Hessian; default %(default)s")
    return parser.parse_args()


def main():
    given = arguments()
    programs = Programs(given.parts)
    sizes = [int(n) for n in given.sizes.split(",")] if given.sizes else []
    settings = sections.Settings(given.quick, given.folder, given.sections.split(","), sizes)
    loads, begin = [os.getloadavg()], time.time()
    rates = [gemm_rates(programs)]
    results = {}
    report = [sections.hessian_section(programs, settings, results)]
    programs.note(report[-1])
    for name in settings.sections:
        report.append(getattr(sections, name + "_section")(programs, settings, results))
        programs.note(report[-1])
    rates.append(gemm_rates(programs))
    loads.append(os.getloadavg())
    best = {name: max(r[name] for r in rates) for name in rates[0]}
    report.insert(1, sections.roofline_section(best, settings, results))
    print(f"{machine()}. {time.strftime('%d %B %Y', time.gmtime(begin))}, "
          f"{(time.time() - begin) / 60:.0f} minutes; load average (1, 5, 15 minutes) "
          f"{', '.join(f'{x:.1f}' for x in loads[0])} before, "
          f"{', '.join(f'{x:.1f}' for x in loads[1])} after.\n")
    print("\n\n".join(part for part in report if part))


if __name__ == "__main__":
    main()

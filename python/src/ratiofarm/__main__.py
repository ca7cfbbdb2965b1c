"""python -m ratiofarm fisher CAMPAIGN.toml: what can be known of the parameters (ratiofarm.fisher)."""
import argparse
import sys
from pathlib import Path

from .files import Problem, read_toml
from .fisher import fisher


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ratiofarm")
    command = parser.add_subparsers(dest="command", required=True).add_parser("fisher", help=main_help)
    command.add_argument("campaign", nargs="?", default="campaign.toml")
    command.add_argument("--run", help="run directory whose ratios are measured, too (default: <campaign name>.run, if it has ratios)")
    command.add_argument("--at", action="append", default=[], metavar="NAME=VALUE", help="point; default: every parameter at its start")
    command.add_argument("--feature", help="of the histogram (default: the first)")
    command.add_argument("--bins", type=int, default=20, help="of the histogram (default: 20)")
    options = parser.parse_args()
    try:
        at = {}
        for text in options.at:
            name, _, value = text.partition("=")
            try:
                at[name] = float(value)
            except ValueError:
                raise Problem(f"--at {text}: must be like --at mu=1.5") from None
        run = Path(options.run or str(read_toml(options.campaign)["campaign"]["name"]) + ".run")
        if options.run and not (run / "ratios.h5").exists():
            raise Problem(f"'{run}' has no ratios.h5; 'ratiofarm infer' makes it")
        ratios = run / "ratios.h5" if (run / "ratios.h5").exists() else None
        found = fisher(options.campaign, ratios, at=at, feature=options.feature, bins=options.bins)
    except Problem as problem:
        print(f"ratiofarm: {problem}", file=sys.stderr)
        return 2
    print(f"{'parameter':<16} {'level':<10} {'sigma':>10} {'others fixed':>13} {'information':>12}")
    for k, name in enumerate(next(iter(found.values())).names):
        for information in found.values():
            print(f"{name:<16} {information.level:<10} {information.sigma(name):10.5g} {information.sigma(name, fixed=True):13.5g} "
                  f"{information.matrix[k, k]:12.5g}" + (f" +- {information.error[k]:.2g}" if information.level in ("truth", "ratios") else ""))
    return 0


main_help = "errors that the events allow: with what the simulation knows, the learned ratios, a histogram, the rate"

if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""How many iterations an unfolding takes, and then what is true: compare.py [RUN_DIRECTORY]

The iterations are chosen by what the data say: the first whose successor moves the bins of all observables by less
than half of their errors, of which the scatter of the nets is a part. Only then the truth is looked at.
"""
import json
import pathlib
import sys

SMALL = 0.5  # rms of what an iteration moves, in units of the error


def chosen(observables):
    """Counted from 1; None if each one still moves the bins."""
    changes = [max(of["iterations"][n]["change"] for of in observables) for n in range(len(observables[0]["iterations"]))]
    return next((n for n in range(1, len(changes)) if changes[n] < SMALL), None)


def main():
    record = json.loads(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "unfolding.run", "unfold.json").read_text())
    observables = record["observables"]
    print("without the truth: the change by each iteration in units of the errors, and chi2 / bins of the refolded with the data")
    for n in range(record["iterations"]):
        words = [f"{of['column']} {of['iterations'][n]['change']:.2f}, {of['iterations'][n]['refolding_chi2']['value']:.0f} / "
                 f"{of['iterations'][n]['refolding_chi2']['rank']}" for of in observables]
        print(f"  iteration {n + 1}: " + "; ".join(words) + f"; {record['progress'][n]['effective_events']:.0f} effective events")
    n = chosen(observables)
    print(f"iterations that are enough: {n or 'more than ' + str(record['iterations'] - 1)}\n")
    for of in observables:
        compared = of["compared"][0]
        errors = {source["source"]: [source["rows"][k][k] ** 0.5 for k in range(len(of["error"]))] for source in of["covariances"]}
        print(f"{of['column']}\n  {'from':>6} {'to':>6} {'generated':>10} {'unfolded':>10} {'true':>8} {'error':>6}  of " + ", ".join(errors))
        for k, (low, high) in enumerate(zip(of["edges"], of["edges"][1:])):
            print(f"  {low:>6} {high:>6} {of['prior'][k]:10.0f} {of['unfolded'][k]:10.0f} {compared['contents'][k]:8.0f} {of['error'][k]:6.0f}     "
                  + ", ".join(f"{error[k]:.0f}" for error in errors.values()))
        line = of["bottom_line"]
        print(f"  chi2 with what is true: {compared['chi2']['value']:.1f} ({compared['chi2']['rank']} bins); the simulation is excluded with chi2 "
              f"{line['reco']['value']:.1f} as measured and {line['truth']['value']:.1f} unfolded")


if __name__ == "__main__":
    main()

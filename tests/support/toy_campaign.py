#!/usr/bin/env python3
"""The campaign of the toy that tests and studies run: one text, and what differs as options.

    toy_campaign.py MODEL [SECTION.KEY=VALUE | SECTION.KEY= | SECTION=]... [--no-gates] [--more]

MODEL is "interference" (mu - sqrt(mu), sqrt(mu), 1 - sqrt(mu) of S, SBI and B), "signal" (mu of S
over B) or "bins" (no processes: regions follow). SECTION is
also process.S and so on. A VALUE is TOML. With nothing behind "=" a key or
a section is left out. --no-gates: nothing is said about the quality of nets that train for a
second. --more: further sections on standard input.
"""
import sys

PROCESSES = {
    "interference": {"S": "mu - sqrt(mu)", "SBI": "sqrt(mu)", "B": "1 - sqrt(mu)"},
    "signal": {"S": "mu", "B": "1"},
    "bins": {},
}
GATES = ("excess", "sc_rms", "closure", "slope", "overtraining", "saturated", "constant",
         "loss_outlier")


def sections_of(model):
    """Section to key to TOML, in the order of the text."""
    processes = PROCESSES[model]
    sections = {
        "campaign": {"name": '"toy"', "seed": "5"},
        "events": {"file": '"toy.h5"', "features": '["x"]'},
        "split": {"train": "0.45", "validation": "0.1", "inference": "0.45"},
        "parameters.mu": {"range": "[0.0, 10.0]"},
        "reference": {"mixture": "{ " + ", ".join(f"{name} = 1" for name in processes) + " }"},
        "network": {"hidden": "[8]"},
        "training": {"epochs": "3", "batch": "512", "learning_rate": "2e-3", "patience": "0"},
        "ensemble": {"members": "1"},
        "gates": {},
        "data": {"asimov": '{ mu = 1.0, source = "samples" }'},
        "inference": {"poi": '"mu"'},
        "simulate": {
            "model": '"interference"', "events": "20000", "seed": "3",
            "interference": "0.0" if model == "signal" else "-0.6",
            "S": "{ yield = 100.0, mean = [1.5], covariance = [[1.0]] }",
            "B": "{ yield = 900.0, mean = [0.0], covariance = [[2.25]] }"},
    }
    if not processes:
        sections = {name: sections[name] for name in ("campaign", "parameters.mu", "data")}
    return sections


def lines_of(keys):
    return "".join(f"{key} = {value}\n" for key, value in keys.items())


def campaign(model, changes=None, more="", gates=True):
    """The text. \\param changes "section.key" to TOML; None leaves out the key, or the section"""
    sections = sections_of(model)
    processes = {name: {"name": f'"{name}"', "coefficient": f'"{coefficient}"'}
                 for name, coefficient in PROCESSES[model].items()}
    if not gates:
        sections["gates"] = {gate: "0" for gate in GATES}
    for place, value in (changes or {}).items():
        if value is None and place in sections:
            del sections[place]
            continue
        section, _, key = place.rpartition(".")
        if section.startswith("process."):
            keys = processes[section.removeprefix("process.")]
        else:
            keys = sections.setdefault(section, {})
        if value is None:
            keys.pop(key, None)
        else:
            keys[key] = value
    text = ""
    for section, keys in sections.items():
        if keys:
            text += f"[{section}]\n" + lines_of(keys)
        if section == "parameters.mu":
            text += "".join("[[process]]\n" + lines_of(process) for process in processes.values())
    return text + more


def main(words):
    options = {word for word in words if word.startswith("--")}
    unknown = options - {"--no-gates", "--more"}
    model, *changes = [word for word in words if word not in options] or [""]
    if unknown or model not in PROCESSES or not all("=" in change for change in changes):
        sys.exit(__doc__)
    pairs = (change.split("=", 1) for change in changes)
    more = sys.stdin.read() if "--more" in options else ""
    sys.stdout.write(campaign(model, {place: value or None for place, value in pairs}, more,
                              gates="--no-gates" not in options))


if __name__ == "__main__":
    main(sys.argv[1:])

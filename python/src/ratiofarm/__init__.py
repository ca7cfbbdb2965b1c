"""ratiofarm from Python: write events, run campaigns, read and check every result.

    import ratiofarm

    ratiofarm.write_events("events.h5", {"S": signal, "B": background}, features=["mass", "pt"], id="event")
    run = ratiofarm.run("campaign.toml", ranks=4)
    run.parameters.frame()

Mistakes of a user are ratiofarm.Problem, one clear sentence each. Files are described in docs/formats.md.
"""
import importlib
from typing import Any

from . import plots
from .bundle import Bundle, open_bundle
from .events import Events, read_events, sample_names, write_events
from .files import Problem
from .fisher import Information, fisher
from .likelihood import Likelihood
from .nets import Ensemble
from .process import RunFailed, run
from .ratios import Ratios
from .runs import Run, open_run
from .split import fold_of, split_part
from .table import Table
from .thin import thin_bundle
from .unfolded import Unfolded, open_unfolded

__version__ = "0.1.0"
#: Loaded when they are asked for: they need extras, or few people need them.
_LATER = ("hepdata", "hpo", "onnx")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'ratiofarm' has no attribute '{name}'")


__all__ = ["Bundle", "Ensemble", "Events", "Information", "Likelihood", "Problem", "Ratios", "Run", "RunFailed", "Table", "Unfolded", "fisher",
           "fold_of", "open_bundle", "open_run", "open_unfolded", "plots", "read_events", "run", "sample_names", "split_part", "thin_bundle",
           "write_events"]

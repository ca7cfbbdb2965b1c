"""ratiofarm from Python: write events, run campaigns, read and check every result.

    import ratiofarm

    ratiofarm.write_events("events.h5", {"S": signal, "B": background}, features=["mass", "pt"], id="event")
    run = ratiofarm.run("campaign.toml", ranks=4)
    run.parameters.frame()

Mistakes of a user are ratiofarm.Problem, one clear sentence each. Files are described in docs/formats.md.
"""
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
__all__ = ["Bundle", "Ensemble", "Events", "Information", "Likelihood", "Problem", "Ratios", "Run", "RunFailed", "Table", "Unfolded", "fisher",
           "fold_of", "open_bundle", "open_run", "open_unfolded", "plots", "read_events", "run", "sample_names", "split_part", "thin_bundle",
           "write_events"]

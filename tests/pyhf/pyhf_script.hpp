#pragma once

#include <string>

namespace ratiofarm::test {

/// -logpdf differences of pyhf for the points of a folder, for a workspace as it was and as it is
/// after import and export.
inline const std::string pyhf_script = R"(
import json, pathlib, sys
import pyhf

checked = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.points.json')):
    points = json.loads(path.read_text())
    for source in (points['workspace'], points['exported']):
        workspace = pyhf.Workspace(json.loads(pathlib.Path(source).read_text()))
        model = workspace.model(modifier_settings=points['settings'])
        data = workspace.data(model)
        start = model.config.suggested_init()
        nlls = []
        for point in points['points']:
            at = [point['values'].get(name, value) for name, value in zip(model.config.par_names, start)]
            missing = set(point['values']) - set(model.config.par_names)
            assert not missing, missing
            nlls.append(-float(model.logpdf(at, data)[0]))
        for nll, point in zip(nlls, points['points']):
            theirs, ours = nll - nlls[0], point['nll'] - points['points'][0]['nll']
            assert abs(theirs - ours) < 1e-9 * max(1.0, abs(theirs)), (source, theirs, ours)
            checked += 1
assert checked > 100, checked
)";

/// The same for HS3 workspaces and pyhs3, which takes the logarithm of products of exponentials.
inline const std::string pyhs3_script = R"(
import json, os, pathlib, sys, warnings
os.environ.setdefault('PYTENSOR_FLAGS', 'cxx=')
warnings.simplefilter('ignore')
import numpy as np
import pytensor
from pyhs3 import Workspace

checked = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.points.json')):
    points = json.loads(path.read_text())
    workspace = Workspace(**json.loads(pathlib.Path(points['hs3']).read_text()))
    model = workspace.model(workspace.analyses[0], progress=False, mode='FAST_COMPILE')
    names = [n for n in sorted(model.free_params)]
    inputs = {v.name: v for v in pytensor.graph.traversal.explicit_graph_inputs([model.log_prob])}
    assert set(inputs) == set(names), (path, set(inputs) ^ set(names))
    log_prob = pytensor.function([inputs[n] for n in names], model.log_prob, mode='FAST_COMPILE')
    nlls = [-float(np.sum(log_prob(*[p['parameters'][n] for n in names]))) for p in points['points']]
    for nll, point in zip(nlls, points['points']):
        theirs, ours = nll - nlls[0], point['standard_nll'] - points['points'][0]['standard_nll']
        assert abs(theirs - ours) < 1e-9 * max(1.0, abs(theirs), abs(nlls[0])), (path, theirs, ours)
        checked += 1
assert checked > 80, checked
)";

}  // namespace ratiofarm::test

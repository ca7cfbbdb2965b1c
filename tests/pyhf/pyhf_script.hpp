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

}  // namespace ratiofarm::test

#include "workspace_options.hpp"

#include "ratiofarm/mpi/together.hpp"

#include "store/run_directory.hpp"

#include "farm_options.hpp"

namespace ratiofarm {

std::vector<Option> workspace_options() {
    return {
        {"out", "DIR", "run directory (default: <campaign name>.run)"},
        {"device", "WORD", "auto, cpu or cuda", "auto"},
        {"accept-change", "", "train nets again whose part of the campaign has changed"},
        {"fresh", "", "remove all results of the run directory first"},
    };
}

Option ratios_option() {
    return {"ratios", "FILE", "ratio file (default: ratios.h5 of the run directory)"};
}

Option unblind_option() {
    return {"unblind", "REASON",
            "look at the data of a blind campaign from now on; the reason is kept and shown"};
}

Places find_places(const Arguments& arguments) {
    Places places{{}, arguments.text("out")};
    if (!arguments.positional().empty()) {
        places.campaign = arguments.positional().front();
    } else if (!places.out.empty()) {
        places.campaign = RunDirectory(places.out).campaign();
    } else {
        places.campaign = "campaign.toml";
    }
    return places;
}

Workspace open_workspace(RunContext& context, const Arguments& arguments, Needs needs) {
    WorkspaceRequest request{.places = find_places(arguments), .needs = needs};
    mpi::together(context.world, [&] { request.farm = farm_settings(context, arguments); });
    request.device = arguments.text("device");
    request.accept_change = arguments.has("accept-change");
    request.fresh = arguments.has("fresh");
    request.ratios = arguments.text("ratios");
    if (arguments.has("unblind")) request.unblinding = arguments.text("unblind");
    return open_workspace(context, request);
}

}  // namespace ratiofarm

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/report/fit_json.hpp"

#include "comparison_fits.hpp"
#include "fit_input.hpp"
#include "stages.hpp"

namespace ratiofarm {
namespace {

/// Raised when the same ratios give another fit.json.
constexpr std::uint64_t fit_algorithm = 1;

/// Of everything the fit is made from.
Digest fit_digest(const Workspace& workspace,
                  const RatioFile& ratios,
                  const StatisticalModel& model) {
    const Campaign& campaign = workspace.campaign;
    Hasher hasher;
    hasher.number(fit_algorithm).text(campaign.name).digest(ratios.header().inputs);
    hasher.text(model.parameter_of_interest).text(data_description(campaign, model));
    for (const Parameter& p : model.parameters) {
        hasher.text(fmt::format("{} {} {} {} {}", p.name, p.start, p.low, p.high, p.fixed));
    }
    for (const ProcessModel& p : model.unbinned.front().processes) {
        hasher.text(fmt::format("{} {} {}", p.name, p.yield, p.coefficient.text()));
    }
    for (const double point : campaign.inference.scan) hasher.text(fmt::format("{}", point));
    return hasher.finish();
}

bool is_up_to_date(const std::filesystem::path& path, const Digest& wanted) {
    if (!std::filesystem::exists(path)) return false;
    try {
        return parse_fit_json(read_text(path)).inputs == wanted.hex();
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

StageEnd fit_stage(CommandContext& context, Workspace& workspace) {
    const mpi::Communicator& world = context.world;
    std::optional<RatioFile> ratios;
    StatisticalModel model;
    Digest digest;
    std::uint64_t stale = 0;
    mpi::together(world, [&] {
        ratios.emplace(workspace.ratios);
        model = model_for_ratios(workspace.campaign, *ratios);
        digest = fit_digest(workspace, *ratios, model);
        stale = world.is_root() && (ratios->header().inputs == Digest{} ||
                                    !is_up_to_date(workspace.directory.fit_json(), digest));
    });
    mpi::all_sum(world, std::span(&stale, 1));
    if (stale == 0) return {StageEnd::State::up_to_date, 0.0, {}};
    for (const std::string& warning : ratios->warnings()) context.log.warning(warning);

    const Likelihood likelihood(model, load_data(workspace.campaign, model, *ratios), world, {.threads = workspace.threads()});
    FitRecord record{workspace.campaign.name,
                     digest.hex(),
                     data_description(workspace.campaign, model),
                     fit(likelihood, FitOptions{}, context.log),
                     {}};
    const std::vector<double> points = workspace.campaign.inference.scan.empty()
                                           ? default_scan_points(model, record.fit)
                                           : workspace.campaign.inference.scan;
    record.fit.scan = scan(likelihood, record.fit, points);
    mpi::together(world, [&] {
        if (!world.is_root()) return;
        if (!workspace.samples.empty()) {
            record.comparisons = comparison_fits(workspace.campaign, model, *ratios,
                                                 workspace.samples, points, context.log);
        }
        publish(workspace.directory.fit_json(), fit_json(record));
    });
    return {StageEnd::State::done, 0.0, {}};
}

}  // namespace ratiofarm

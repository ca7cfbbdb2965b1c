#include "shape_fits.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/process_rates.hpp"

namespace ratiofarm {
namespace {

constexpr double noticeable = 0.98;  // of the width of a constraint
constexpr std::size_t most_names = 5;

bool is_known(const StatisticalModel& model, const std::string& parameter) {
    return std::any_of(model.parameters.begin(), model.parameters.end(),
                       [&](const Parameter& known) { return known.name == parameter; });
}

/// Expected events of each process at a point, whatever their sign in the mixture.
std::map<std::string, double> events_of(const Likelihood& likelihood,
                                        const UnbinnedRegion& region,
                                        const FitResult& fitted) {
    const RateModel rates(region, likelihood.model(), likelihood.coordinates());
    const auto values = rates.at(likelihood.coordinates().to_internal(best_values(fitted))).value;
    std::map<std::string, double> events;
    for (std::size_t j = 0; j < values.size(); ++j) {
        events[region.processes[j].name] = std::abs(values[j]);
    }
    return events;
}

void add_shapes(const RatioFile& ratios,
                std::size_t r,
                const std::map<std::string, double>& events,
                const StatisticalModel& model,
                ShapeRecord& record) {
    const RatioHeader& header = ratios.header();
    for (std::size_t i = 0; i < header.significances.size(); ++i) {
        const RatioShape& shape = header.shapes[i];
        if (!is_known(model, shape.parameter)) continue;
        const ShapeSignificance& significance = header.significances[i];
        record.shapes.push_back({shape.process, shape.parameter, significance,
                                 events.at(shape.process) * significance.noise_variance,
                                 is_left_out(header, i, model, r)});
    }
}

/// Information that noise pretends about a parameter. \param counts which shapes
template <class Counts>
double information_of(const ShapeRecord& record, const std::string& parameter, Counts counts) {
    double sum = 0.0;
    for (const ShapeRecord::Shape& shape : record.shapes) {
        if (shape.parameter == parameter && counts(shape)) sum += shape.information;
    }
    return sum;
}

/// Collective over comm. The fit of the same data with every shape.
FitResult fit_with_all_shapes(const mpi::Communicator& comm,
                              Campaign campaign,
                              const RatioFiles& ratios,
                              const LikelihoodOptions& options) {
    campaign.systematic_nets.null_shapes = InsignificantShapes::keep;
    StatisticalModel model;
    mpi::together(comm, [&] { model = model_for_ratios(campaign, ratios); });
    const Likelihood likelihood(model, load_data(comm, campaign, model, ratios), comm, options);
    return fit(likelihood, {.starts = 0, .interval = false}, Log());
}

/// The noise of shapes in the likelihood, where it matters or nothing holds it.
void warn_of_noises(const ShapeRecord& record,
                    const std::string& poi,
                    std::vector<std::string>& warnings) {
    constexpr double large = 0.3;  // of the error; 5 % of the sum in quadrature
    const auto unknown =
        std::count_if(record.shapes.begin(), record.shapes.end(), [](const auto& shape) {
            return !shape.left_out && !std::isfinite(shape.significance.noise_variance);
        });
    if (unknown > 0) {
        warnings.push_back(fmt::format(
            "no error of {} holds the noise of the nets of {} shape(s), which is not known: "
            "nets of halves of the training events tell it (systematics.halves)",
            poi, unknown));
    }
    if (!(record.noise_error.value_or(0.0) > large * record.error_without)) return;
    std::vector<ShapeRecord::Noise> largest = record.noises;
    std::stable_sort(largest.begin(), largest.end(),
                     [](const auto& a, const auto& b) { return a.shift > b.shift; });
    std::string names;
    for (std::size_t i = 0; i < std::min(most_names, largest.size()); ++i) {
        names += fmt::format("{}{} ({:.4g})", i == 0 ? "" : ", ", largest[i].parameter,
                             largest[i].shift);
    }
    warnings.push_back(fmt::format(
        "the error of {} holds {:.4g} for the noise of the nets of shapes, and is {:.4g} without "
        "it: {}{}; more training events or members (systematics.members) make it "
        "smaller",
        poi, *record.noise_error, record.error_without, names,
        largest.size() > most_names ? ", ..." : ""));
}

std::string what_holds_them(const ShapeRecord& record, const std::string& poi) {
    if (!record.left_out_error) {
        return fmt::format("no error of {} holds what they could do to it", poi);
    }
    return fmt::format(
        "the error of {} holds {:.4g} for what they could do to it, and is {:.4g} "
        "without that",
        poi, *record.left_out_error, record.error_without);
}

}  // namespace

bool uses_shape(const UnbinnedRegion& region, const RatioShape& shape) {
    return std::any_of(region.processes.begin(), region.processes.end(), [&](const auto& process) {
        return process.name == shape.process &&
               std::any_of(process.systematics.begin(), process.systematics.end(),
                           [&](const SystematicEffect& effect) {
                               return effect.shape && effect.parameter == shape.parameter;
                           });
    });
}

bool is_left_out(const RatioHeader& header,
                 std::size_t column,
                 const StatisticalModel& model,
                 std::size_t region) {
    const RatioShape& shape = header.shapes[column];
    return !header.significances[column].significant && is_known(model, shape.parameter) &&
           !uses_shape(model.unbinned[region], shape);
}

ShapeRecord shape_record(const Campaign& campaign,
                         const RatioFiles& ratios,
                         const Likelihood& likelihood,
                         const FitResult& fitted,
                         const LikelihoodOptions& options) {
    ShapeRecord record;
    const StatisticalModel& model = likelihood.model();
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const UnbinnedRegion& region = model.unbinned[r];
        add_shapes(*ratios[r], r, events_of(likelihood, region, fitted), model, record);
    }
    const auto left_out = [](const ShapeRecord::Shape& shape) { return shape.left_out; };
    if (std::none_of(record.shapes.begin(), record.shapes.end(), left_out)) return record;
    const FitResult all = fit_with_all_shapes(likelihood.communicator(), campaign, ratios, options);
    for (const Parameter& parameter : model.parameters) {
        const bool any = std::any_of(record.shapes.begin(), record.shapes.end(), [&](auto& shape) {
            return shape.left_out && shape.parameter == parameter.name;
        });
        if (!any) continue;
        record.untreated.push_back(
            {parameter.name, find_fitted(fitted, parameter.name)->error,
             find_fitted(all, parameter.name)->error,
             error_by_noise(parameter.constraint.width,
                            information_of(record, parameter.name, left_out))});
    }
    return record;
}

std::vector<std::string> shape_warnings(const ShapeRecord& record, const StatisticalModel& model) {
    std::vector<std::string> warnings;
    if (!record.untreated.empty()) {
        std::string names;
        for (std::size_t i = 0; i < std::min(most_names, record.untreated.size()); ++i) {
            const ShapeRecord::Untreated& entry = record.untreated[i];
            names += fmt::format("{}{} (error {:.4f}; {:.4f} with them)", i == 0 ? "" : ", ",
                                 entry.parameter, entry.error, entry.untreated);
        }
        warnings.push_back(fmt::format(
            "the shapes of {} parameter(s) are not significant, so only their yields vary: {}{}; "
            "{}",
            record.untreated.size(), names, record.untreated.size() > most_names ? ", ..." : "",
            what_holds_them(record, model.parameter_of_interest)));
    }
    warn_of_noises(record, model.parameter_of_interest, warnings);
    for (const Parameter& parameter : model.parameters) {
        if (parameter.constraint.kind == Constraint::Kind::none) continue;
        const double information = information_of(record, parameter.name, [](const auto& shape) {
            return !shape.left_out && std::isfinite(shape.information);
        });
        const double width = parameter.constraint.width;
        const double error = error_by_noise(width, information);
        if (error >= noticeable * width) continue;
        warnings.push_back(
            fmt::format("the noise of the nets of {} by itself would reduce its error to {:.4f} of "
                        "its constraint: train on more events, or average more members",
                        parameter.name, error / width));
    }
    return warnings;
}

}  // namespace ratiofarm

#include "shape_fits.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/mpi/exact_sum.hpp"
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

/// Sums over nominal events with z = ln g of one side: w, w z, w e^z, w z e^z.
constexpr std::size_t sums_of_side = 4;

/// Collective over comm. The gain of NetQuality::held_out_gain, of both sides, that a right shape
/// has on the events of its process: (E_g[z] - E[z]) / 4, with E_g weighted by g.
double gain_of_right_shape(const mpi::Communicator& comm,
                           const RatioFile& ratios,
                           const std::string& sample,
                           std::size_t column) {
    mpi::ExactSums mine(2 * sums_of_side);
    mpi::together(comm, [&] {
        const std::size_t width = ratios.header().processes.size();
        const std::array columns{column};
        for (const Range& shard : shards_of_rank(comm, ratios.set(sample).events)) {
            const std::uint64_t n = shard.size();
            std::vector<double> weight(n);
            std::vector<double> log_r(n * width);
            std::vector<float> log_g(2 * n);
            ratios.read_events(sample, shard, {weight, log_r, columns, log_g, n});
            std::vector<double> sums(2 * sums_of_side);
            for (std::uint64_t i = 0; i < 2 * n; ++i) {
                const double w = weight[i % n];
                const double z = log_g[i];
                const std::size_t first = i < n ? 0 : sums_of_side;
                const std::array terms{w, w * z, w * std::exp(z), w * z * std::exp(z)};
                for (std::size_t k = 0; k < terms.size(); ++k) sums[first + k] += terms[k];
            }
            mine.add(sums);
        }
    });
    const std::vector<double> sums = mpi::exact_sum(comm, std::move(mine));
    double gain = 0.0;
    for (const std::size_t side : {std::size_t{0}, sums_of_side}) {
        gain += 0.25 * (sums[side + 3] / sums[side + 2] - sums[side + 1] / sums[side]);
    }
    return gain;
}

/// Collective over comm. The sizes of the shapes of a region that are in the likelihood.
/// \param first of the region's shapes in the record
void add_sizes(const mpi::Communicator& comm,
               const Campaign& campaign,
               const RatioFile& ratios,
               std::size_t first,
               ShapeRecord& record) {
    const std::vector<RatioShape>& columns = ratios.header().shapes;
    for (std::size_t i = first; i < record.shapes.size(); ++i) {
        ShapeRecord::Shape& shape = record.shapes[i];
        const std::string sample = campaign.process(shape.process).events();
        const auto set = std::ranges::find(ratios.sets(), sample, &RatioSet::name);
        if (shape.left_out || !(shape.significance.gain > 0.0) || set == ratios.sets().end()) {
            continue;
        }
        const auto column = std::ranges::find_if(columns, [&](const RatioShape& candidate) {
            return candidate.process == shape.process && candidate.parameter == shape.parameter;
        });
        const auto number = static_cast<std::size_t>(column - columns.begin());
        shape.size = gain_of_right_shape(comm, ratios, sample, number) / shape.significance.gain;
    }
}

/// Nets that were stopped too early, or that learned noise. The size is compared like the slope of
/// a calibration curve, which is its inverse.
void warn_of_sizes(const ShapeRecord& record,
                   const std::string& poi,
                   std::vector<std::string>& warnings) {
    constexpr double far = 0.2;
    constexpr double by_chance = 3.0;
    std::string small;
    std::string large;
    for (const ShapeRecord::Shape& shape : record.shapes) {
        const double relative_error = shape.significance.gain_error / shape.significance.gain;
        const bool known = std::abs(shape.size - 1.0) > by_chance * relative_error;
        if (!known || !(std::abs(1.0 / shape.size - 1.0) > far)) continue;
        std::string& names = shape.size < 1.0 ? small : large;
        names += fmt::format("{}{} of {} ({:.2f})", names.empty() ? "" : ", ", shape.parameter,
                             shape.process, shape.size);
    }
    if (!small.empty()) {
        warnings.push_back(fmt::format(
            "the nets of shapes learned only a part of what their own events show: {}. They were "
            "stopped before they had learned the effect, and may have missed more of it than that: "
            "the error of {} is then too small, and those of the parameters are wrong. More epochs "
            "or events, other nets, or the variation as weights of the nominal events",
            small, poi));
    }
    if (!large.empty()) {
        warnings.push_back(fmt::format(
            "the nets of shapes learned more than held-out events show: {}. The rest is noise of "
            "their training events, which constrains these parameters too much: more training "
            "events or members (systematics.members), or fewer epochs",
            large));
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
        const std::size_t first = record.shapes.size();
        add_shapes(*ratios[r], r, events_of(likelihood, region, fitted), model, record);
        add_sizes(likelihood.communicator(), campaign, *ratios[r], first, record);
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
    warn_of_sizes(record, model.parameter_of_interest, warnings);
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

std::vector<std::string> noise_of_free_parameters(const ShapeRecord& record,
                                                  const StatisticalModel& model,
                                                  const FitResult& fitted) {
    constexpr double noticeable_share = 0.1;
    std::vector<std::string> warnings;
    for (const Parameter& parameter : model.parameters) {
        if (parameter.constraint.kind != Constraint::Kind::none) continue;
        const FittedParameter& free = *find_fitted(fitted, parameter.name);
        const double information = information_of(record, parameter.name, [](const auto& shape) {
            return !shape.left_out && std::isfinite(shape.information);
        });
        const double share = information * free.error * free.error;
        if (free.fixed || !(share > noticeable_share)) continue;
        warnings.push_back(fmt::format(
            "nothing but the data constrains {}, and the noise of its nets makes {:.0f} % of what "
            "they seem to know of it: its error of {:.4g} is too small, and so is what it adds to "
            "that of {}. Train on more events, or average more members (systematics.members)",
            parameter.name, 100.0 * std::min(share, 1.0), free.error, model.parameter_of_interest));
    }
    return warnings;
}

}  // namespace ratiofarm

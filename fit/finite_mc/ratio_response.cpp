#include "ratio_response.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/events/changed_events.hpp"
#include "fit/search/profile.hpp"

#include "estimate_row.hpp"

namespace ratiofarm {
namespace {

/// ln g of a shape must stay within a factor of 20, ln r need not: directions enter scaled down.
constexpr double step = 1e-3;
constexpr std::size_t directions_per_pass = 24;

/// A model with directions and constants of the ratios as parameters at 0.
class DirectedModel {
public:
    DirectedModel(const StatisticalModel& model, const LikelihoodData& data)
        : model_(model), data_(data), n_(model.parameters.size()) {
        data_.expansions.clear();
        for (std::size_t r = 0; r < model_.unbinned.size(); ++r) {
            UnbinnedRegion& region = model_.unbinned[r];
            if (region.shape_norm != ShapeNorm::none) region.shape_norm = ShapeNorm::reference;
            for (ProcessModel& process : region.processes) {
                process.systematics.push_back({.parameter = add_parameter(),
                                               .yield = Anchors{std::exp(step), std::exp(-step)},
                                               .yield_code = Interpolation::code1});
            }
        }
    }

    /// Adds the directions of a region from `first` on, as many as fit into one pass.
    /// \return how many
    std::size_t add(std::size_t region, const RatioDirections& directions, std::size_t first) {
        const std::size_t last = std::min(first + directions_per_pass, directions.process.size());
        std::vector<ShapeColumn> columns;
        for (std::size_t d = first; d < last; ++d) {
            ProcessModel& process = model_.unbinned[region].processes[directions.process[d]];
            columns.push_back({process.name, add_parameter()});
            process.systematics.push_back({.parameter = columns.back().parameter,
                                           .shape = true,
                                           .shape_code = Interpolation::code1});
        }
        if (columns.empty()) return 0;
        const auto part = [read = directions.read, first, last](Range range) {
            const std::vector<float> all = read(range);
            std::vector<float> values(
                all.begin() + static_cast<std::ptrdiff_t>(first * range.size()),
                all.begin() + static_cast<std::ptrdiff_t>(last * range.size()));
            for (float& value : values) value *= static_cast<float>(step);
            return values;
        };
        data_.unbinned[region] = with_shapes(std::move(data_.unbinned[region]), columns, part);
        return last - first;
    }

    /// Collective over comm. -row . d2NLL / (du d parameter), per unit, of all added parameters;
    /// those of yields without what they do to the expected number of events.
    std::vector<double> responses(const mpi::Communicator& comm, std::span<const double> u) const {
        const Likelihood likelihood(model_, data_, comm);
        std::vector<double> point(u.begin(), u.end());
        const std::size_t n = model_.parameters.size();
        point.resize(n, 0.0);
        const Evaluation at = likelihood.evaluate(point);
        SearchSpace space = search_space(likelihood);
        std::fill(space.held.begin() + static_cast<std::ptrdiff_t>(n_), space.held.end(), true);
        const auto free = curvature_at(space, point, at).free;
        const auto row = estimate_row(likelihood, point, at, free,
                                      parameter_index(model_, model_.parameter_of_interest));
        std::vector<double> responses;
        for (std::size_t b = n_; b < n; ++b) {
            double sum = 0.0;
            for (std::size_t a = 0; a < n_; ++a) sum -= row[a] * at.hessian[a * n + b];
            responses.push_back(sum / step);
        }
        std::size_t constant = 0;
        for (const UnbinnedRegion& region : model_.unbinned) {
            const auto rates = RateModel(region, model_, likelihood.coordinates()).at(point);
            for (std::size_t j = 0; j < region.processes.size(); ++j, ++constant) {
                for (std::size_t a = 0; a < n_; ++a) {
                    responses[constant] += row[a] * rates.gradient[j * n + a];
                }
            }
        }
        return responses;
    }

private:
    std::string add_parameter() {
        std::string name = "ratio direction " + std::to_string(model_.parameters.size());
        model_.parameters.push_back({.name = name, .start = 0.0, .low = -1.0, .high = 1.0});
        return name;
    }

    StatisticalModel model_;
    LikelihoodData data_;
    std::size_t n_;
};

}  // namespace

RatioResponse ratio_response(const StatisticalModel& model,
                             const LikelihoodData& data,
                             const mpi::Communicator& comm,
                             std::span<const double> u,
                             std::span<const RatioDirections> directions) {
    RATIOFARM_EXPECT(directions.size() == model.unbinned.size());
    RatioResponse response;
    response.direction.resize(directions.size());
    std::size_t left = 0;
    for (const RatioDirections& of_region : directions) left += of_region.process.size();
    do {
        DirectedModel directed(model, data);
        std::vector<std::size_t> added;
        for (std::size_t r = 0; r < directions.size(); ++r) {
            added.push_back(directed.add(r, directions[r], response.direction[r].size()));
        }
        const auto found = directed.responses(comm, u);
        auto next = found.begin();
        response.constant.clear();
        for (const UnbinnedRegion& region : model.unbinned) {
            const auto end = next + static_cast<std::ptrdiff_t>(region.processes.size());
            response.constant.emplace_back(next, end);
            next = end;
        }
        for (std::size_t r = 0; r < directions.size(); ++r) {
            const auto end = next + static_cast<std::ptrdiff_t>(added[r]);
            response.direction[r].insert(response.direction[r].end(), next, end);
            next = end;
            left -= added[r];
        }
    } while (left > 0);
    return response;
}

}  // namespace ratiofarm

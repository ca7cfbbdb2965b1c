#include "ratiofarm/fit/likelihood.hpp"

#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/internal_coefficient.hpp"

#include "binned_term.hpp"
#include "constraint_term.hpp"
#include "unbinned_term.hpp"

namespace ratiofarm {
namespace {

std::vector<bool> parameters_of_coefficients(const StatisticalModel& model,
                                             const InternalCoordinates& coordinates) {
    std::vector<bool> inside(model.parameters.size());
    const auto mark = [&](const Coefficient& coefficient) {
        const InternalCoefficient compiled(coefficient, model, coordinates);
        for (const std::size_t a : compiled.parameters()) inside[a] = true;
    };
    for (const auto& region : model.unbinned) {
        for (const auto& process : region.processes) mark(process.coefficient);
    }
    for (const auto& region : model.binned) {
        for (const auto& sample : region.samples) mark(sample.coefficient);
    }
    return inside;
}

void check_constraints(const StatisticalModel& model, const InternalCoordinates& coordinates) {
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        const Parameter& parameter = model.parameters[a];
        const Constraint& constraint = parameter.constraint;
        if (constraint.kind == Constraint::Kind::none) continue;
        if (!(constraint.width > 0.0)) {
            throw ConfigError("parameter '" + parameter.name +
                              "': the width of its constraint is " +
                              std::to_string(constraint.width) + " (must be > 0)");
        }
        if (coordinates.is_root(a)) {
            throw ConfigError(
                "parameter '" + parameter.name +
                "' has a constraint and is under a root (only one of the two is allowed)");
        }
        const bool poisson = constraint.kind == Constraint::Kind::poisson;
        if (poisson && (parameter.low < 0.0 || constraint.observed < 0.0)) {
            throw ConfigError("parameter '" + parameter.name +
                              "' has a Poisson constraint: its range and observed value must not "
                              "be negative");
        }
    }
}

/// \param expects "-2.5 events (must be >= 0"
std::string impossible_bin(const std::string& region, std::size_t bin, const std::string& expects) {
    return "region '" + region + "', bin " + std::to_string(bin) + " expects " + expects +
           ": merge the bin with its neighbour, leave it out, or mend the negative contents of its "
           "samples)";
}

}  // namespace

struct Likelihood::State {
    StatisticalModel model;
    InternalCoordinates coordinates;
    const mpi::Communicator* comm;
    std::vector<bool> in_coefficient;
    std::vector<double> observed;  // [n], global observables
    std::vector<UnbinnedTerm> unbinned;
    std::vector<BinnedTerm> binned;
    std::uint64_t passes = 0;
    std::uint64_t evaluations = 0;
};

Likelihood::Likelihood(StatisticalModel model,
                       const LikelihoodData& data,
                       const mpi::Communicator& comm,
                       LikelihoodOptions options) {
    RATIOFARM_EXPECT(data.unbinned.size() == model.unbinned.size());
    RATIOFARM_EXPECT(data.binned.size() == model.binned.size());
    RATIOFARM_EXPECT(data.expansions.empty() || data.expansions.size() == data.unbinned.size());
    InternalCoordinates coordinates(model);
    check_constraints(model, coordinates);
    std::vector<bool> inside = parameters_of_coefficients(model, coordinates);
    state_ = std::make_unique<State>(State{
        std::move(model), std::move(coordinates), &comm, std::move(inside), {}, {}, {}, 0, 0});
    State& state = *state_;
    for (const Parameter& parameter : state.model.parameters) {
        state.observed.push_back(parameter.constraint.observed);
    }
    for (std::size_t r = 0; r < data.unbinned.size(); ++r) {
        state.unbinned.emplace_back(r, state.model, data, comm, options);
    }
    for (std::size_t r = 0; r < data.binned.size(); ++r) {
        state.binned.emplace_back(state.model.binned[r], data.binned[r], state.model,
                                  state.coordinates);
    }
}

Likelihood::~Likelihood() = default;
Likelihood::Likelihood(Likelihood&&) noexcept = default;
Likelihood& Likelihood::operator=(Likelihood&&) noexcept = default;

const StatisticalModel& Likelihood::model() const { return state_->model; }
const mpi::Communicator& Likelihood::communicator() const { return *state_->comm; }
const InternalCoordinates& Likelihood::coordinates() const { return state_->coordinates; }
bool Likelihood::in_coefficient(std::size_t parameter) const {
    return state_->in_coefficient[parameter];
}
std::uint64_t Likelihood::passes() const { return state_->passes; }

std::vector<ShapeParity> Likelihood::shape_parities() const {
    std::vector<ShapeParity> all(n_parameters());
    for (const UnbinnedTerm& term : state_->unbinned) {
        const auto& parities = term.events().parities();
        for (std::size_t p = 0; p < parities.size(); ++p) {
            ShapeParity& parity = all[term.shape_parameters()[p]];
            parity.even += parities[p].even;
            parity.odd += parities[p].odd;
            parity.kinked = parity.kinked || parities[p].kinked;
        }
    }
    return all;
}

std::vector<std::string> Likelihood::impossible_bins(std::span<const double> u) const {
    std::vector<std::string> lines;
    for (std::size_t r = 0; r < state_->binned.size(); ++r) {
        const BinnedTerm& term = state_->binned[r];
        const std::vector<double> expected = term.expected(u);
        const std::vector<double> size = term.sizes(u);
        constexpr double cancelled = 1e-2;  // a wall at 0 stops a fit a little before it
        for (std::size_t b = 0; b < expected.size(); ++b) {
            const double observed = term.observed()[b];
            const bool next_to_nothing = size[b] > 0.0 && expected[b] < cancelled * size[b];
            if (expected[b] > 0.0 && !next_to_nothing) continue;
            if (expected[b] == 0.0 && observed == 0.0) continue;
            lines.push_back(impossible_bin(state_->model.binned[r].name, b,
                                           std::to_string(expected[b]) + " events where " +
                                               std::to_string(observed) +
                                               " were observed (must be > 0"));
        }
    }
    return lines;
}

std::uint64_t Likelihood::n_events() const {
    std::uint64_t sum = 0;
    for (const auto& term : state_->unbinned) sum += term.events().n_events();
    return sum;
}

std::uint64_t Likelihood::n_zero_weight() const {
    std::uint64_t sum = 0;
    for (const auto& term : state_->unbinned) sum += term.events().n_zero_weight();
    return sum;
}

std::uint64_t Likelihood::n_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& term : state_->unbinned) sum += term.events().n_bytes();
    return sum;
}

std::span<const double> Likelihood::observed() const { return state_->observed; }

void Likelihood::set_observed(std::span<const double> observed) {
    RATIOFARM_EXPECT(observed.size() == n_parameters());
    state_->observed.assign(observed.begin(), observed.end());
}

Evaluation Likelihood::evaluate(std::span<const double> u, LikelihoodPart part) const {
    const std::size_t n = n_parameters();
    RATIOFARM_EXPECT(u.size() == n);
    constexpr std::uint64_t often = 8;  // evaluations; a pass over many events takes milliseconds
    if (++state_->evaluations % often == 0) mpi::obey_stop(*state_->comm);
    Evaluation result{.gradient = std::vector<double>(n),
                      .hessian = std::vector<double>(n * n),
                      .fisher = std::vector<double>(n * n)};
    if (part != LikelihoodPart::rest) {
        for (const UnbinnedTerm& term : state_->unbinned) term.add(u, result);
        ++state_->passes;
    }
    if (part != LikelihoodPart::unbinned) {
        for (const BinnedTerm& term : state_->binned) term.add(u, result);
        add_constraints(state_->model, state_->observed, u, result);
    }
    return result;
}

ExpectedData Likelihood::expected_data(const LikelihoodData& data,
                                       std::span<const double> u) const {
    RATIOFARM_EXPECT(data.unbinned.size() == state_->unbinned.size());
    RATIOFARM_EXPECT(u.size() == n_parameters());
    ExpectedData result;
    for (std::size_t r = 0; r < data.unbinned.size(); ++r) {
        result.data.unbinned.push_back(state_->unbinned[r].expected_events(data.unbinned[r], u));
    }
    for (std::size_t r = 0; r < state_->binned.size(); ++r) {
        const std::vector<double> expected = state_->binned[r].expected(u);
        for (std::size_t b = 0; b < expected.size(); ++b) {
            if (expected[b] >= 0.0) continue;
            throw mpi::AgreedError(
                ExitCode::usage,
                "no Asimov data: " +
                    impossible_bin(state_->model.binned[r].name, b,
                                   std::to_string(expected[b]) + " events (must be >= 0"));
        }
        result.data.binned.push_back(expected);
    }
    result.observed = coordinates().to_external(u);
    return result;
}

std::vector<NormalisationExpansion> Likelihood::expansions(std::span<const double> u) const {
    std::vector<NormalisationExpansion> result;
    for (const UnbinnedTerm& term : state_->unbinned)
        result.push_back(term.expansion(u, coordinates()));
    return result;
}

std::vector<ShapeNormalisation> Likelihood::normalisations(std::span<const double> u) const {
    std::vector<ShapeNormalisation> result;
    for (const UnbinnedTerm& term : state_->unbinned) {
        for (auto& z : term.normalisations(u)) result.push_back(std::move(z));
    }
    return result;
}

std::vector<Likelihood::ClippedAnchors> Likelihood::clipped_anchors() const {
    std::vector<ClippedAnchors> result;
    for (std::size_t r = 0; r < state_->unbinned.size(); ++r) {
        const UnbinnedRegion& region = state_->model.unbinned[r];
        const auto& clipped = state_->unbinned[r].events().clipped_anchors();
        for (std::size_t j = 0; j < clipped.size(); ++j) {
            if (clipped[j].count == 0) continue;
            result.push_back(
                {region.name, region.processes[j].name, clipped[j].count, clipped[j].share});
        }
    }
    return result;
}

}  // namespace ratiofarm

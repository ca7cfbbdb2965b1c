#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/events/region_events.hpp"
#include "fit/events/region_layout.hpp"

namespace ratiofarm {

/// The terms of one unbinned region, nu - sum_i w_i ln D_i.
class UnbinnedTerm {
public:
    /// Collective over comm. As the constructor of Likelihood; region r of model and data.
    UnbinnedTerm(std::size_t r,
                 const StatisticalModel& model,
                 const LikelihoodData& data,
                 const mpi::Communicator& comm,
                 const LikelihoodOptions& options);

    /// Collective. Adds value and derivatives at internal coordinates u.
    void add(std::span<const double> u, Evaluation& to) const;

    /// Collective. Z_j of every process at u; empty without shapes, or if the expansion was given.
    std::vector<ShapeNormalisation> normalisations(std::span<const double> u) const;

    /// Collective. As Likelihood::expansions.
    NormalisationExpansion expansion(std::span<const double> u,
                                     const InternalCoordinates& coordinates) const;

    /// Collective. As Likelihood::expected_data. \param source must outlive the result
    EventSource expected_events(const EventSource& source, std::span<const double> u) const;

    const RegionEvents& events() const { return events_; }
    const std::vector<std::size_t>& shape_parameters() const { return named_.shape_parameters; }

private:
    bool is_normalised() const;
    std::vector<double> shape_values(std::span<const double> u) const;
    std::vector<LogNormalisation> reference_sums(std::span<const double> alpha) const;
    std::vector<LogNormalisation> log_normalisations(std::span<const double> alpha) const;
    void divide_by_z(std::span<const LogNormalisation> log_z, ProcessRates& rates) const;

    std::string name_;
    std::vector<std::string> process_names_;
    ShapeNorm shape_norm_;
    RateModel rates_;
    NamedLayout named_;
    RegionEvents events_;
    std::shared_ptr<const NormalisationExpansion> expansion_;  ///< of reference_quadratic
    bool expansion_was_given_ = false;
};

}  // namespace ratiofarm

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/fit/toys.hpp"

#include "farm/task.hpp"

#include "cancelled_weights.hpp"
#include "fit_input.hpp"
#include "toys_runner.hpp"

namespace ratiofarm {

/// The request of `ratiofarm toys`.
struct ToyRequest {
    std::vector<std::pair<std::string, double>> at = {};  ///< truth of some parameters
    std::vector<double> grid = {};                        ///< truths of the parameter of interest
    std::optional<double> test = {};                      ///< tested value; default: the truth
    std::uint64_t toys = 1000;                            ///< at each point
    std::uint64_t block = 100;                            ///< toys of one task
    std::vector<double> levels{0.6827, 0.95};
    std::vector<TestStatistic> statistics{TestStatistic::t};
    ShapeNorm shape_norm = ShapeNorm::reference_quadratic;
    bool profiled = false;      ///< the other parameters at their best for the data
    bool unit_weights = false;  ///< real events of the samples
    bool at_best_fit = false;   ///< truth: the best fit also of Asimov data
};

/// Toys of one truth.
struct ToyPoint {
    std::vector<double> theta;
    double test = 0.0;
    std::vector<double> observed;  ///< [statistics], of the data at `test`
};

/// The statistics of the data between two points of the grid: these are known anywhere, toys give
/// only the thresholds at its points.
struct ObservedBetween {
    std::size_t after = 0;  ///< point of the grid below
    double share = 0.0;     ///< of the way to the next one, in (0, 1)
    double poi = 0.0;
    std::vector<double> observed = {};  ///< [statistics]
};

/// "toys/mu = 1/100", "toys/gof mu = 1/100": the name of the task that begins with toy `first`.
std::string toys_name(const TaskIdentity& identity, std::uint64_t first);

/// Everything that toys of a campaign need, the same on every rank: a rank can do any of them.
/// Holds all events that toys are drawn from.
class ToyPlan {
public:
    /// Collective over world. Fits the data first.
    /// \throws AgreedError (usage) if a truth cannot be thrown
    ToyPlan(const mpi::Communicator& world, const FitSource& source, ToyRequest request);

    const ToyRequest& request() const { return request_; }
    const StatisticalModel& model() const { return model_; }
    const std::vector<ToyPoint>& points() const { return points_; }
    /// In order; none if one value is tested at all points.
    const std::vector<ObservedBetween>& between() const { return between_; }

    /// \param point position in points()
    ToySetup setup(std::size_t point) const;
    ToyExperiment experiment(const ToyTask& task) const {
        return {setup(task.point), {task.first, task.last}};
    }
    ToyRunner::RunToy run_toy(const ToyTask& task) const;

    /// The model that toys are thrown from, with exact normalisations.
    const StatisticalModel& exact_model() const { return exact_; }
    const RatioFiles& ratios() const { return ratios_; }
    const MadeFrom& made_from() const { return made_from_; }
    const std::vector<double>& asimov() const { return base_; }    ///< truth without a request
    const std::vector<double>& best() const { return best_; }      ///< theta, of the data
    const std::vector<double>& errors() const { return errors_; }  ///< of those; 0 where fixed
    const LikelihoodData& data() const { return data_; }
    /// The events that toys are drawn from, as reference; bins are empty.
    const LikelihoodData& reference() const { return reference_; }
    const EventSet& list(std::size_t region) const { return *lists_[region]; }
    /// The same events as the ratio files have them, negative weights included.
    const LikelihoodData& signed_reference() const { return signed_reference_; }
    const EventSet& signed_list(std::size_t region) const { return *signed_lists_[region]; }
    bool has_negative_weights() const { return signed_lists_ != lists_; }
    /// What was done to negative weights of the lists. \return [region][sets]
    const std::vector<std::vector<CancelledWeights>>& cancelled() const { return cancelled_; }
    std::vector<std::string> warnings() const;
    /// Digest of everything that the toys of any point are made from.
    Digest digest() const;

    /// One task for each block of toys of each point, in order.
    std::vector<Task> tasks() const;

private:
    void check_request() const;
    void space_grid();
    void read_reference(const mpi::Communicator& world, const Campaign& campaign);
    void cancel_weights();
    void expect_throwable() const;
    void read_samples(const mpi::Communicator& world, const Campaign& campaign);
    void fit_data(const mpi::Communicator& world, const FitSource& source);
    void compare_with_exact(const mpi::Communicator& world,
                            const FitSource& source,
                            const FitResult& expanded);
    void set_points(const Campaign& campaign, const FitResult& result, TestStatistics& statistics);
    void observe_between(TestStatistics& statistics);
    std::vector<ToySource> sample_sources(std::size_t region, std::size_t point) const;
    /// Expected number of each event of a list. Those of the point asked for last are kept: its
    /// tasks follow each other, and the mixture of a long list takes as long as many toys.
    std::vector<double> weights_at(std::size_t point, std::size_t region) const;
    struct KeptWeights {
        std::mutex mutex = {};
        std::optional<std::size_t> point = {};
        std::vector<std::vector<double>> weights = {};  // [regions]
    };

    ToyRequest request_;
    std::uint64_t seed_;
    RatioFiles ratios_;
    MadeFrom made_from_;
    StatisticalModel exact_;  ///< throws
    StatisticalModel model_;  ///< is fitted
    std::string binned_text_;
    std::vector<double> base_;                            ///< truth before --at and the grid
    std::vector<std::shared_ptr<const EventSet>> lists_;  ///< [region], the reference
    std::vector<std::shared_ptr<const EventSet>> signed_lists_;
    std::vector<std::vector<std::shared_ptr<const EventSet>>> samples_;  ///< [region][process]
    LikelihoodData reference_;
    LikelihoodData signed_reference_;
    std::vector<std::vector<CancelledWeights>> cancelled_;
    LikelihoodData data_;
    std::vector<double> best_;
    std::vector<double> errors_;
    double moved_ =
        0.0;  ///< poi at the best fit of the data by expansion, in errors from the exact
    std::vector<std::shared_ptr<const NormalisationExpansion>> expansions_;
    std::vector<ToyPoint> points_;
    std::vector<ObservedBetween> between_;
    std::vector<ExpectedData> expected_;  ///< [points]
    std::shared_ptr<KeptWeights> kept_ = std::make_shared<KeptWeights>();
};

}  // namespace ratiofarm

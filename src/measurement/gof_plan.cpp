#include "gof_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/fit/goodness_of_fit.hpp"
#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "toys_events.hpp"

namespace ratiofarm {
namespace {

/// Raised when the same toys give other deviances.
constexpr std::uint64_t gof_algorithm = 1;

ToyRequest toys_at_best_fit(const GofRequest& request) {
    ToyRequest toys;
    toys.toys = request.toys;
    toys.block = request.block;
    toys.statistics.clear();
    toys.shape_norm = request.shape_norm;
    toys.at_best_fit = true;
    return toys;
}

/// Global observables of the data.
std::vector<double> observables_of(const StatisticalModel& model) {
    std::vector<double> observed;
    for (const Parameter& parameter : model.parameters) {
        observed.push_back(parameter.constraint.observed);
    }
    return observed;
}

}  // namespace

GofPlan::GofPlan(const mpi::Communicator& world, const FitSource& source, const GofRequest& request)
    : request_(request),
      toys_(world, source, toys_at_best_fit(request)),
      campaign_(source.campaign.name) {
    mpi::together(world, [&] {
        data_ = data_description(source.campaign, toys_.exact_model());
        bins_ = observable_bins(toys_, source, request.bins);
        of_toys_.events = &toys_.reference();
        of_data_.events = &toys_.signed_reference();
        for (Expectation* expectation : {&of_toys_, &of_data_}) {
            expectation->likelihood = std::make_unique<const Likelihood>(
                toys_.exact_model(), *expectation->events, alone_);
            if (!toys_.has_negative_weights()) break;  // both are the same
        }
    });
}

std::vector<Task> GofPlan::tasks() const {
    std::vector<Task> tasks = toys_.tasks();
    for (Task& task : tasks) {
        Hasher hasher;
        hasher.text("gof").number(gof_algorithm).digest(task.digest);
        for (const ObservableBins& bins : bins_) {
            hasher.number(bins.region).text(bins.observable).number(bins.edges.size());
            hasher.bytes(std::as_bytes(std::span(bins.edges)));
        }
        task.digest = hasher.finish();
        task.identity.kind = TaskKind::gof;
        task.name = toys_name(task.identity, decode<ToyTask>(task.payload).first);
    }
    return tasks;
}

GofContents GofPlan::observed_data() const {
    GofContents contents;
    for (const ObservableBins& bins : bins_) {
        const auto events = whole_list(toys_.data().unbinned[bins.region]);
        contents.emplace_back(bins.size(), 0.0);
        for (std::uint64_t i = 0; i < events->size(); ++i) {
            contents.back()[bins.data[i]] += events->weight[i];
        }
    }
    contents.insert(contents.end(), toys_.data().binned.begin(), toys_.data().binned.end());
    return contents;
}

GofContents GofPlan::observed_toy(const Toy& toy) const {
    GofContents contents;
    for (const ObservableBins& bins : bins_) {
        const EventSet& events = toy.unbinned[bins.region];
        contents.emplace_back(bins.size(), 0.0);
        for (std::uint64_t i = 0; i < events.size(); ++i) {
            contents.back()[bins.list[toy.rows[bins.region][i]]] += events.weight[i];
        }
    }
    contents.insert(contents.end(), toy.binned.begin(), toy.binned.end());
    return contents;
}

GofContents GofPlan::expected(const Expectation& from, const std::vector<double>& theta) const {
    if (!from.likelihood) return expected(of_toys_, theta);
    const std::lock_guard lock(mutex_);
    const ExpectedData expected = from.likelihood->expected_data(
        *from.events, from.likelihood->coordinates().to_internal(theta));
    std::vector<std::vector<double>> weights;
    for (const EventSource& source : expected.data.unbinned) weights.push_back(weights_of(source));
    GofContents contents;
    for (const ObservableBins& bins : bins_) {
        contents.emplace_back(bins.size(), 0.0);
        const std::vector<double>& all = weights[bins.region];
        for (std::size_t i = 0; i < all.size(); ++i) contents.back()[bins.list[i]] += all[i];
    }
    contents.insert(contents.end(), expected.data.binned.begin(), expected.data.binned.end());
    return contents;
}

std::vector<double> GofPlan::deviances(const GofContents& observed,
                                       const GofContents& nu,
                                       const std::vector<double>& theta,
                                       const std::vector<double>& observables) const {
    std::vector<double> values;
    double all = constraint_deviance(toys_.exact_model(), theta, observables);
    for (std::size_t k = 0; k < nu.size(); ++k) {
        values.push_back(poisson_deviance(observed[k], nu[k]));
        // Features show the events of a region again; the whole counts them once.
        const bool first = k >= bins_.size() || k == 0 || bins_[k].region != bins_[k - 1].region;
        if (first) all += values.back();
    }
    values.push_back(all);
    return values;
}

ToyRunner::RunToy GofPlan::run_toy(const ToyTask& task) const {
    const auto experiment = std::make_shared<const ToyExperiment>(toys_.experiment(task));
    return [this, experiment](std::uint64_t number) {
        const Toy toy = experiment->thrown(number);
        ToyOutcome outcome = experiment->fitted(toy, number);
        if (outcome.converged) {
            outcome.statistics = deviances(observed_toy(toy), expected(of_toys_, outcome.value),
                                           outcome.value, toy.observed);
        }
        return outcome;
    };
}

/// Regions, observables and degrees of freedom; the last one is the whole.
std::vector<GofTest> GofPlan::named_tests() const {
    const StatisticalModel& model = toys_.exact_model();
    double free = 0.0;
    for (const Parameter& parameter : model.parameters) {
        const bool constrained = parameter.constraint.kind != Constraint::Kind::none;
        if (!parameter.fixed && !constrained) free += 1.0;
    }
    std::vector<GofTest> tests;
    GofTest all{"", "all"};
    for (std::size_t k = 0; k < bins_.size(); ++k) {
        const ObservableBins& bins = bins_[k];
        tests.push_back({model.unbinned[bins.region].name, bins.observable});
        tests.back().edges = bins.edges;
        tests.back().ndf = static_cast<double>(bins.size());
        if (k == 0 || bins.region != bins_[k - 1].region) all.ndf += tests.back().ndf;
    }
    for (const BinnedRegion& region : model.binned) {
        tests.push_back({region.name, "contents"});
        tests.back().ndf = static_cast<double>(region.n_bins());
        all.ndf += tests.back().ndf;
    }
    tests.push_back(all);
    for (GofTest& test : tests) test.ndf = std::max(test.ndf - free, 1.0);
    return tests;
}

GofRecord GofPlan::record(const std::vector<ToyOutcome>& outcomes) const {
    const StatisticalModel& model = toys_.exact_model();
    GofRecord record{campaign_, data_, model.parameter_of_interest,
                     toys_.best()[parameter_index(model, model.parameter_of_interest)]};
    record.made_from = toys_.made_from();
    const GofContents observed = observed_data();
    const GofContents nu = expected(of_data_, toys_.best());
    const std::vector<double> values = deviances(observed, nu, toys_.best(), observables_of(model));
    for (const ToyOutcome& toy : outcomes) ++(toy.converged ? record.toys : record.failed);
    if (record.toys == 0) {
        throw NumericalError("goodness of fit: no fit of a toy converged", ExitCode::tasks_failed);
    }
    record.tests = named_tests();
    for (std::size_t k = 0; k < record.tests.size(); ++k) {
        GofTest& test = record.tests[k];
        test.deviance = values[k];
        test.p_asymptotic = chi2_tail(std::max(values[k], 0.0), test.ndf);
        std::uint64_t beyond = 0;
        for (const ToyOutcome& toy : outcomes) {
            if (toy.converged && toy.statistics[k] >= values[k]) ++beyond;
        }
        const Fraction fraction = fraction_of(beyond, record.toys);
        test.p_value = fraction.value;
        test.p_error = fraction.error;
        if (k >= nu.size()) continue;
        test.observed = observed[k];
        test.expected = nu[k];
    }
    return record;
}

}  // namespace ratiofarm

#include "gof_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "ratiofarm/fit/goodness_of_fit.hpp"
#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "fit/search/dense.hpp"

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

/// Second derivative of a constraint term at a value of its parameter.
double constraint_information(const Constraint& constraint, double value) {
    const double variance = constraint.width * constraint.width;
    switch (constraint.kind) {
        case Constraint::Kind::none: return 0.0;
        case Constraint::Kind::gaussian: return 1.0 / variance;
        case Constraint::Kind::poisson: return 1.0 / (variance * std::max(value, variance));
    }
    return 0.0;
}

}  // namespace

GofPlan::GofPlan(const mpi::Communicator& world, const FitSource& source, const GofRequest& request)
    : request_(request),
      toys_(world, source, toys_at_best_fit(request)),
      campaign_(source.campaign.name),
      is_observed_(source.campaign.data.fits_observed()) {
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
    return expected_and_variance(from, theta).first;
}

/// The variance is that of the simulation, sum w^2; binned regions have none of it.
std::pair<GofContents, GofContents> GofPlan::expected_and_variance(
    const Expectation& from, const std::vector<double>& theta) const {
    if (!from.likelihood) return expected_and_variance(of_toys_, theta);
    const std::lock_guard lock(mutex_);
    const ExpectedData expected = from.likelihood->expected_data(
        *from.events, from.likelihood->coordinates().to_internal(theta));
    std::vector<std::vector<double>> weights;
    for (const EventSource& source : expected.data.unbinned) weights.push_back(weights_of(source));
    GofContents contents;
    GofContents squares;
    for (const ObservableBins& bins : bins_) {
        contents.emplace_back(bins.size(), 0.0);
        squares.emplace_back(bins.size(), 0.0);
        const std::vector<double>& all = weights[bins.region];
        for (std::size_t i = 0; i < all.size(); ++i) {
            contents.back()[bins.list[i]] += all[i];
            squares.back()[bins.list[i]] += all[i] * all[i];
        }
    }
    contents.insert(contents.end(), expected.data.binned.begin(), expected.data.binned.end());
    return {std::move(contents), std::move(squares)};
}

/// Where the simulation is not many times the data, its own fluctuations are in the deviance of
/// data, and not in that of toys, which are drawn from it.
std::vector<std::string> GofPlan::few_events(const GofContents& nu,
                                             const GofContents& variance) const {
    constexpr double some = 0.1;
    std::vector<std::string> warnings;
    for (std::size_t k = 0; k < variance.size(); ++k) {
        if (!is_counted(k)) continue;
        double events = 0.0;
        double squares = 0.0;
        double each = 0.0;
        for (std::size_t b = 0; b < nu[k].size(); ++b) {
            events += nu[k][b];
            squares += variance[k][b];
            if (nu[k][b] > 0.0) each += variance[k][b] / nu[k][b];
        }
        each /= static_cast<double>(nu[k].size());
        if (!(each > some)) continue;
        warnings.push_back(fmt::format(
            "region '{}': the simulated events of the fit are worth {:.4g} where {:.4g} are "
            "expected; fluctuations of the simulation make a deviance of about {:.3g} ndf for data "
            "and 1 ndf for toys: p-values are too small; simulate more events, or do not judge "
            "the fit by them",
            toys_.exact_model().unbinned[bins_[k].region].name, events * events / squares, events,
            1.0 + each));
    }
    return warnings;
}

std::vector<double> GofPlan::deviances(const GofContents& observed,
                                       const GofContents& nu,
                                       const std::vector<double>& theta,
                                       const std::vector<double>& observables) const {
    std::vector<double> values;
    double all = constraint_deviance(toys_.exact_model(), theta, observables);
    for (std::size_t k = 0; k < nu.size(); ++k) {
        values.push_back(poisson_deviance(observed[k], nu[k]));
        if (is_counted(k)) all += values.back();
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

bool GofPlan::is_counted(std::size_t test) const {
    return test >= bins_.size() || test == 0 || bins_[test].region != bins_[test - 1].region;
}

std::size_t GofPlan::counted_beside(std::size_t test) const {
    while (!is_counted(test)) --test;
    return test;
}

namespace {

/// tr(whole^-1 part), the first one pseudo-inverted at a unit diagonal: parameters have units.
double trace_of_product(dense::Matrix whole, dense::Matrix part) {
    const std::size_t p = whole.rows();
    std::vector<double> scale;
    for (std::size_t a = 0; a < p; ++a) {
        scale.push_back(whole(a, a) > 0.0 ? 1.0 / std::sqrt(whole(a, a)) : 0.0);
    }
    for (std::size_t a = 0; a < p; ++a) {
        for (std::size_t c = 0; c < p; ++c) {
            whole(a, c) *= scale[a] * scale[c];
            part(a, c) *= scale[a] * scale[c];
        }
    }
    const dense::Matrix covariance = dense::pseudo_inverse(whole);
    double trace = 0.0;
    for (std::size_t a = 0; a < p; ++a) trace += dense::dot(covariance.column(a), part.column(a));
    return std::round(1e6 * trace) / 1e6;  // beyond is rounding of the slopes
}

/// Information of each set of bins, [parameters, parameters].
std::vector<dense::Matrix> information_of_bins(const GofContents& nu,
                                               const std::vector<GofContents>& slopes) {
    const std::size_t p = slopes.size();
    std::vector<dense::Matrix> information(nu.size(), dense::Matrix(p, p));
    for (std::size_t a = 0; a < p; ++a) {
        for (std::size_t c = 0; c < p; ++c) {
            for (std::size_t k = 0; k < nu.size(); ++k) {
                for (std::size_t b = 0; b < nu[k].size(); ++b) {
                    if (!(nu[k][b] > 0.0)) continue;
                    information[k](a, c) += slopes[a][k][b] * slopes[c][k][b] / nu[k][b];
                }
            }
        }
    }
    return information;
}

}  // namespace

GofPlan::Slopes GofPlan::slopes_of(const GofContents& nu) const {
    const StatisticalModel& model = toys_.exact_model();
    Slopes found;
    for (std::size_t a = 0; a < model.parameters.size(); ++a) {
        const Parameter& parameter = model.parameters[a];
        if (parameter.fixed || !(toys_.errors()[a] > 0.0)) continue;
        std::vector<double> up = toys_.best();
        std::vector<double> down = up;
        up[a] = std::min(parameter.high, up[a] + 0.01 * toys_.errors()[a]);
        down[a] = std::max(parameter.low, down[a] - 0.01 * toys_.errors()[a]);
        found.slopes.push_back(expected(of_data_, up));
        const GofContents below = expected(of_data_, down);
        for (std::size_t k = 0; k < nu.size(); ++k) {
            for (std::size_t b = 0; b < nu[k].size(); ++b) {
                found.slopes.back()[k][b] =
                    (found.slopes.back()[k][b] - below[k][b]) / (up[a] - down[a]);
            }
        }
        found.constraints.push_back(constraint_information(parameter.constraint, toys_.best()[a]));
    }
    return found;
}

/// Of each set of bins, how many degrees of freedom a fit takes: tr(V I), I what these bins know
/// about the parameters and V the covariance from these bins, the counted ones of other regions and
/// the constraints. A parameter that does not act on a region takes none of it, one that several
/// regions share is shared out. Never more than there are parameters.
std::vector<double> GofPlan::absorbed_by_fit(const GofContents& nu) const {
    const auto [slopes, constraints] = slopes_of(nu);
    const std::vector<dense::Matrix> information = information_of_bins(nu, slopes);
    const std::size_t p = slopes.size();
    dense::Matrix all(p, p);
    for (std::size_t a = 0; a < p; ++a) {
        all(a, a) = constraints[a];
        for (std::size_t c = 0; c < p; ++c) {
            for (std::size_t k = 0; k < nu.size(); ++k) {
                if (is_counted(k)) all(a, c) += information[k](a, c);
            }
        }
    }
    std::vector<double> absorbed(nu.size(), 0.0);
    if (p == 0) return absorbed;
    for (std::size_t k = 0; k < nu.size(); ++k) {
        dense::Matrix whole = all;  // with these bins in place of the others of their region
        for (std::size_t a = 0; a < p && !is_counted(k); ++a) {
            for (std::size_t c = 0; c < p; ++c) {
                whole(a, c) += information[k](a, c) - information[counted_beside(k)](a, c);
            }
        }
        absorbed[k] = trace_of_product(whole, information[k]);
    }
    return absorbed;
}

/// Regions, observables and degrees of freedom; the last one is the whole.
std::vector<GofTest> GofPlan::named_tests(const GofContents& nu) const {
    const StatisticalModel& model = toys_.exact_model();
    const std::vector<double> absorbed = absorbed_by_fit(nu);
    std::vector<GofTest> tests;
    GofTest all{"", "all"};
    for (std::size_t k = 0; k < nu.size(); ++k) {
        if (k < bins_.size()) {
            tests.push_back({model.unbinned[bins_[k].region].name, bins_[k].observable});
            tests.back().edges = bins_[k].edges;
        } else {
            tests.push_back({model.binned[k - bins_.size()].name, "contents"});
        }
        tests.back().ndf = std::max(static_cast<double>(nu[k].size()) - absorbed[k], 1.0);
        if (is_counted(k)) all.ndf += static_cast<double>(nu[k].size());
    }
    // Each constraint counts once in the whole, and its parameter takes it away again.
    for (const Parameter& parameter : model.parameters) {
        const bool constrained = parameter.constraint.kind != Constraint::Kind::none;
        if (!parameter.fixed && !constrained) all.ndf -= 1.0;
    }
    all.ndf = std::max(all.ndf, 1.0);
    tests.push_back(all);
    return tests;
}

GofRecord GofPlan::record(const std::vector<ToyOutcome>& outcomes) const {
    const StatisticalModel& model = toys_.exact_model();
    GofRecord record{campaign_, data_, model.parameter_of_interest,
                     toys_.best()[parameter_index(model, model.parameter_of_interest)]};
    record.made_from = toys_.made_from();
    const GofContents observed = observed_data();
    const auto [nu, variance] = expected_and_variance(of_data_, toys_.best());
    if (is_observed_) record.warnings = few_events(nu, variance);
    const std::vector<double> values = deviances(observed, nu, toys_.best(), observables_of(model));
    for (const ToyOutcome& toy : outcomes) ++(toy.converged ? record.toys : record.failed);
    if (record.toys == 0) {
        throw NumericalError("goodness of fit: no fit of a toy converged", ExitCode::tasks_failed);
    }
    record.tests = named_tests(nu);
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

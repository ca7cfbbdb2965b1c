#include "toys_plan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "core/seeds.hpp"

#include "fit_input.hpp"
#include "left_out_shapes.hpp"
#include "region_source.hpp"
#include "toys_events.hpp"

namespace ratiofarm {
namespace {

/// Raised when the same inputs give other toys.
constexpr std::uint64_t toys_algorithm = 3;

void set_norm(StatisticalModel& model, ShapeNorm wanted) {
    for (UnbinnedRegion& region : model.unbinned) {
        if (region.shape_norm != ShapeNorm::none) region.shape_norm = wanted;
    }
}

bool has_norm(const StatisticalModel& model, ShapeNorm norm) {
    return std::any_of(model.unbinned.begin(), model.unbinned.end(),
                       [&](const UnbinnedRegion& region) { return region.shape_norm == norm; });
}

template <class T>
void add_numbers(Hasher& hasher, const std::vector<T>& values) {
    hasher.number(values.size()).bytes(std::as_bytes(std::span(values)));
}

void add_events(Hasher& hasher, const EventSet& events) {
    for (const ShapeColumn& shape : events.shapes) hasher.text(shape.process).text(shape.parameter);
    add_numbers(hasher, events.weight);
    add_numbers(hasher, events.reference);
    add_numbers(hasher, events.log_r);
    add_numbers(hasher, events.log_g);
}

void add_model(Hasher& hasher, const StatisticalModel& model) {
    hasher.text(model.parameter_of_interest);
    for (const Parameter& p : model.parameters) {
        hasher.text(fmt::format("{} {} {} {} {} {}", p.name, p.low, p.high, p.fixed,
                                static_cast<int>(p.constraint.kind), p.constraint.width));
    }
    for (const UnbinnedRegion& region : model.unbinned) {
        hasher.text(fmt::format("{} {}", region.name, static_cast<int>(region.shape_norm)));
        add_processes(hasher, region);
    }
}

}  // namespace

ToyPlan::ToyPlan(const mpi::Communicator& world, const FitSource& source, ToyRequest request)
    : request_(std::move(request)), seed_(source.campaign.seed) {
    const Campaign& campaign = source.campaign;
    mpi::together(world, [&] {
        ratios_ = open_ratio_files(campaign, source.ratios);
        made_from_ = ratiofarm::made_from(campaign, ratios_);
        exact_ = model_for_ratios(campaign, ratios_);
        model_ = exact_;
        set_norm(exact_, ShapeNorm::reference);
        set_norm(model_, request_.shape_norm);
        binned_text_ = binned_regions_toml(campaign.binned);
        base_ = asimov_point(campaign, exact_);
        check_request();
        space_grid();
    });
    read_reference(world, campaign);
    if (request_.unit_weights) read_samples(world, campaign);
    const Likelihood full(exact_, reference_, world, {.threads = source.threads});
    if (has_norm(model_, ShapeNorm::reference_quadratic)) {
        for (auto& expansion : full.expansions(full.coordinates().to_internal(base_))) {
            expansions_.push_back(
                std::make_shared<const NormalisationExpansion>(std::move(expansion)));
        }
    }
    fit_data(world, source);
    for (const ToyPoint& point : points_) {
        expected_.push_back(
            full.expected_data(reference_, full.coordinates().to_internal(point.theta)));
    }
    mpi::together(world, [&] {  // what cannot be thrown is said before the farm begins
        for (std::size_t p = 0; p < points_.size(); ++p) {
            for (std::size_t r = 0; r < samples_.size(); ++r) sample_sources(r, p);
        }
        if (!request_.unit_weights) expect_throwable();
    });
}

std::vector<std::string> ToyPlan::warnings() const {
    std::vector<std::string> warnings;
    if (const auto left_out = left_out_parameters(ratios_, exact_); !left_out.empty()) {
        warnings.push_back(fmt::format(
            "toys know nothing of the shapes of {} parameter(s) that were left out ({}{}): their "
            "errors, thresholds and pulls do not hold what these could do",
            left_out.size(), left_out.front(), left_out.size() > 1 ? ", ..." : ""));
    }
    constexpr double much = 0.2;
    if (std::abs(moved_) > much) {
        warnings.push_back(fmt::format(
            "toys expand ln Z of the shapes, which moves the best fit of the data by {:.2f} of its "
            "error from that of 'fit': --shape-norm reference is exact, and slower",
            moved_));
    }
    if (request_.unit_weights) return warnings;
    for (const auto& region : cancelled_) {
        for (const CancelledWeights& set : region) {
            if (set.cells == 0) continue;
            warnings.push_back(
                fmt::format("sample '{}': {} of {} reference events have negative weights; all are "
                            "worth {:.0f} events. They were cancelled in {} cells of like ratios: "
                            "where the share of negative weights changes within a cell, toys miss "
                            "that",
                            set.set, set.negative, set.events, set.effective, set.cells));
        }
    }
    return warnings;
}

/// What is left of negative expectations comes from a mixture that is negative: ratios are wrong.
void ToyPlan::expect_throwable() const {
    constexpr double most = 0.1;
    for (std::size_t p = 0; p < points_.size(); ++p) {
        for (std::size_t r = 0; r < lists_.size(); ++r) {
            const ToyListSummary list = summary_of(weights_of(expected_[p].data.unbinned[r]));
            if (-list.negative <= most * list.expected) continue;
            const std::size_t poi = parameter_index(exact_, exact_.parameter_of_interest);
            throw DataError(fmt::format(
                "region '{}' at {} = {:.4g}: the mixture is negative for {} reference events, for "
                "{:.3g} events where {:.4g} are expected (allowed: {:g} of them): the ratios "
                "cannot "
                "be right there; choose another truth, or give the nets more events",
                exact_.unbinned[r].name, exact_.parameter_of_interest, points_[p].theta[poi],
                list.n_negative, list.negative, list.expected, most));
        }
    }
}

void ToyPlan::check_request() const {
    const auto check = [&](const std::string& name, double value, const char* option) {
        const Parameter& parameter = exact_.parameters[parameter_index(exact_, name)];
        if (value >= parameter.low && value <= parameter.high) return;
        throw ConfigError(
            fmt::format("--{}: {} = {:g} is outside its range (allowed: {:g} to {:g})", option,
                        name, value, parameter.low, parameter.high));
    };
    const std::string& poi = exact_.parameter_of_interest;
    for (const auto& [name, value] : request_.at) check(name, value, "at");
    for (const double value : request_.grid) check(poi, value, "grid");
    if (request_.test) check(poi, *request_.test, "test");
}

/// In sqrt(mu) where a coefficient contains it: near 0 thresholds change over its scale.
void ToyPlan::space_grid() {
    const InternalCoordinates coordinates(exact_);
    const std::size_t poi = parameter_index(exact_, exact_.parameter_of_interest);
    if (request_.grid.empty() || !coordinates.is_root(poi)) return;
    const double from = coordinates.to_internal(poi, request_.grid.front());
    const double to = coordinates.to_internal(poi, request_.grid.back());
    for (std::size_t i = 1; i + 1 < request_.grid.size(); ++i) {
        const double share = static_cast<double>(i) / static_cast<double>(request_.grid.size() - 1);
        request_.grid[i] = coordinates.to_external(poi, from + share * (to - from));
    }
}

void ToyPlan::read_reference(const mpi::Communicator& world, const Campaign& campaign) {
    Campaign of_reference = campaign;
    of_reference.data = {.asimov = {}, .source = AsimovSource::reference, .sample = {}};
    for (std::size_t r = 0; r < ratios_.size(); ++r) {
        std::vector<FittedSet> sets;
        mpi::together(world, [&] {
            sets = fitted_sets(of_reference, exact_, exact_.unbinned[r], *ratios_[r]);
        });
        for (FittedSet& set : sets) set.reference = std::exchange(set.factor, 0.0);
        const EventSource source =
            region_source(world, {of_reference, exact_, exact_.unbinned[r], ratios_[r], sets});
        mpi::together(world, [&] { lists_.push_back(whole_list(source)); });
    }
    for (const BinnedRegion& region : exact_.binned) {
        reference_.binned.emplace_back(region.n_bins(), 0.0);
    }
    mpi::together(world, [&] { cancel_weights(); });
}

void ToyPlan::cancel_weights() {
    signed_lists_ = lists_;
    for (std::size_t r = 0; r < lists_.size(); ++r) {
        signed_reference_.unbinned.push_back(source_of(*signed_lists_[r]));
        cancelled_.emplace_back();
        if (std::ranges::any_of(lists_[r]->reference, [](double w) { return w < 0.0; })) {
            std::vector<double> yields;
            for (const ProcessModel& process : exact_.unbinned[r].processes) {
                yields.push_back(process.yield);
            }
            const auto events = std::make_shared<EventSet>(*lists_[r]);
            cancelled_[r] = cancel_negative_weights(*events, yields);
            lists_[r] = events;
        }
        reference_.unbinned.push_back(source_of(*lists_[r]));
    }
    signed_reference_.binned = reference_.binned;
}

void ToyPlan::read_samples(const mpi::Communicator& world, const Campaign& campaign) {
    Campaign of_samples = campaign;
    of_samples.data = {.asimov = {}, .source = AsimovSource::samples, .sample = {}};
    for (std::size_t r = 0; r < ratios_.size(); ++r) {
        samples_.emplace_back();
        for (std::size_t j = 0; j < exact_.unbinned[r].processes.size(); ++j) {
            const std::string& sample =
                campaign.process(exact_.unbinned[r].processes[j].name).events();
            const std::vector<FittedSet> sets{
                {sample, ratios_[r]->set(sample).events, 1.0, 0.0, j}};
            const EventSource source =
                region_source(world, {of_samples, exact_, exact_.unbinned[r], ratios_[r], sets});
            mpi::together(world, [&] {
                const std::uint64_t key = seed_for(seed_, "unweighting " + sample, Stream::toys);
                samples_[r].push_back(std::make_shared<const EventSet>(
                    unweighted_events(*whole_list(source), sample, key)));
            });
        }
    }
}

void ToyPlan::fit_data(const mpi::Communicator& world, const FitSource& source) {
    const Campaign& campaign = source.campaign;
    data_ = load_data(world, campaign, exact_, ratios_);
    data_.expansions = expansions_;
    const Likelihood likelihood(model_, data_, world, {.threads = source.threads});
    FitOptions options;
    options.interval = false;
    constexpr int most_rounds = 3;  // a test may come to a minimum that the search has missed
    for (int round = 0; round < most_rounds; ++round) {
        const FitResult result = fit(likelihood, options, Log());
        TestStatistics statistics(likelihood, result);
        set_points(campaign, result, statistics);
        const auto deeper = statistics.deeper();
        if (result.converged && !deeper) return compare_with_exact(world, source, result);
        if (!result.converged) break;
        options.places.push_back(*deeper);
    }
    throw mpi::AgreedError(ExitCode::tasks_failed,
                           "toys: the fit of the data did not converge ('ratiofarm fit' shows it)");
}

/// How far the expansion of ln Z moves the best fit of the data.
void ToyPlan::compare_with_exact(const mpi::Communicator& world,
                                 const FitSource& source,
                                 const FitResult& expanded) {
    if (expansions_.empty()) return;
    const LikelihoodData data = load_data(world, source.campaign, exact_, ratios_);
    const Likelihood likelihood(exact_, data, world, {.threads = source.threads});
    FitOptions options;
    options.interval = false;
    const FitResult exact = fit(likelihood, options, Log());
    const FittedParameter* here = find_fitted(expanded, expanded.poi);
    const FittedParameter* there = find_fitted(exact, exact.poi);
    if (!exact.converged || !(there->error > 0.0)) return;
    moved_ = (here->value - there->value) / there->error;
}

/// The truths of the toys, with the statistics of the data at each.
void ToyPlan::set_points(const Campaign& campaign,
                         const FitResult& result,
                         TestStatistics& statistics) {
    points_.clear();
    best_ = best_values(result);
    for (const FittedParameter& parameter : result.parameters) errors_.push_back(parameter.error);
    const bool from_best = fits_observed(campaign) || request_.at_best_fit;
    std::vector<double> base = from_best ? best_ : base_;
    for (const auto& [name, value] : request_.at) base[parameter_index(exact_, name)] = value;
    const std::size_t poi = parameter_index(exact_, exact_.parameter_of_interest);
    std::vector<double> truths = request_.grid;
    if (truths.empty()) truths.push_back(base[poi]);
    for (const double truth : truths) {
        ToyPoint point{base, request_.test.value_or(truth), {}};
        if (request_.profiled) point.theta = statistics.conditional(truth);
        for (const auto& [name, value] : request_.at) {
            point.theta[parameter_index(exact_, name)] = value;
        }
        point.theta[poi] = truth;
        points_.push_back(std::move(point));
    }
    for (ToyPoint& point : points_) {
        for (const TestStatistic statistic : request_.statistics) {
            point.observed.push_back(statistics.value(statistic, point.test));
        }
    }
    observe_between(statistics);
}

/// The fewer points the grid has, the more between two of them: t is a parabola, and a line between
/// two points of a coarse grid crosses a threshold anywhere.
void ToyPlan::observe_between(TestStatistics& statistics) {
    between_.clear();
    if (request_.test || points_.size() < 2) return;
    constexpr std::size_t enough = 100;
    const std::size_t parts = std::clamp<std::size_t>(enough / (points_.size() - 1), 4, 32);
    for (std::size_t p = 0; p + 1 < points_.size(); ++p) {
        for (std::size_t part = 1; part < parts; ++part) {
            const double share = static_cast<double>(part) / static_cast<double>(parts);
            ObservedBetween between{p, share,
                                    std::lerp(points_[p].test, points_[p + 1].test, share)};
            for (const TestStatistic statistic : request_.statistics) {
                between.observed.push_back(statistics.value(statistic, between.poi));
            }
            between_.push_back(std::move(between));
        }
    }
}

std::vector<ToySource> ToyPlan::sample_sources(std::size_t region, std::size_t point) const {
    const UnbinnedRegion& model = exact_.unbinned[region];
    const auto& theta = points_[point].theta;
    const std::vector<double> rates = rates_at(exact_, model, theta);
    std::vector<ToySource> sources;
    for (std::size_t j = 0; j < rates.size(); ++j) {
        if (rates[j] < 0.0) {
            throw ConfigError(
                fmt::format("toys of unit-weight events at {} = {}: process '{}' has the negative "
                            "rate {:.4g}, which real events cannot represent; choose a truth "
                            "without negative rates, or throw from the mixture",
                            exact_.parameter_of_interest,
                            theta[parameter_index(exact_, exact_.parameter_of_interest)],
                            model.processes[j].name, rates[j]));
        }
        for (const SystematicEffect& effect : model.processes[j].systematics) {
            const double alpha = theta[parameter_index(exact_, effect.parameter)];
            if (!effect.shape || alpha == 0.0 || rates[j] == 0.0) continue;
            throw ConfigError(
                fmt::format("toys of unit-weight events at {} = {}: the events of '{}' have the "
                            "shape at 0; use --at {}=0, or throw from the mixture",
                            effect.parameter, alpha, model.processes[j].name, effect.parameter));
        }
        sources.push_back({.events = samples_[region][j], .weights = {}, .expected = rates[j]});
    }
    return sources;
}

ToySetup ToyPlan::setup(std::size_t point) const {
    ToySetup setup{.model = model_,
                   .truth = points_[point].theta,
                   .test = points_[point].test,
                   .statistics = request_.statistics,
                   .seed = seed_,
                   .unbinned = {},
                   .binned = expected_[point].data.binned};
    for (std::size_t r = 0; r < lists_.size(); ++r) {
        ToyRegion region;
        if (request_.unit_weights) {
            region.sources = sample_sources(r, point);
        } else {
            region.sources.push_back({.events = lists_[r], .weights = weights_at(point, r)});
        }
        if (!expansions_.empty()) region.expansion = expansions_[r];
        if (model_.unbinned[r].shape_norm == ShapeNorm::reference && !lists_[r]->shapes.empty()) {
            region.reference = lists_[r];
        }
        setup.unbinned.push_back(std::move(region));
    }
    return setup;
}

std::vector<double> ToyPlan::weights_at(std::size_t point, std::size_t region) const {
    const std::lock_guard lock(kept_->mutex);
    if (kept_->point != point) {
        kept_->point.reset();
        kept_->weights.clear();
        for (const EventSource& source : expected_[point].data.unbinned) {
            kept_->weights.push_back(weights_of(source));
        }
        kept_->point = point;
    }
    return kept_->weights[region];
}

ToyRunner::RunToy ToyPlan::run_toy(const ToyTask& task) const {
    const auto experiment = std::make_shared<const ToyExperiment>(this->experiment(task));
    return [experiment](std::uint64_t toy) { return experiment->run(toy); };
}

Digest ToyPlan::digest() const {
    Hasher hasher;
    hasher.text("toys").number(toys_algorithm).number(seed_).number(request_.unit_weights ? 1 : 0);
    add_model(hasher, model_);
    hasher.text(binned_text_);
    add_numbers(hasher, base_);  // where the normalisations are expanded
    for (const auto& list : lists_) add_events(hasher, *list);
    for (const auto& region : samples_) {
        for (const auto& sample : region) add_events(hasher, *sample);
    }
    for (const TestStatistic statistic : request_.statistics) {
        hasher.text(word_of(statistic));
    }
    return hasher.finish();
}

std::string toys_name(const TaskIdentity& identity, std::uint64_t first) {
    return fmt::format("{}/{}", family_text(identity.kind, identity.family), first);
}

std::vector<Task> ToyPlan::tasks() const {
    const Digest inputs = digest();
    const std::size_t poi = parameter_index(exact_, exact_.parameter_of_interest);
    std::vector<Task> tasks;
    for (std::size_t p = 0; p < points_.size(); ++p) {
        for (std::uint64_t first = 0; first < request_.toys; first += request_.block) {
            const ToyTask range{p, first, std::min(first + request_.block, request_.toys)};
            Hasher hasher;
            hasher.digest(inputs).number(range.first).number(range.last);
            add_numbers(hasher, points_[p].theta);
            hasher.number(std::bit_cast<std::uint64_t>(points_[p].test));
            const TaskIdentity identity{
                .kind = TaskKind::toys,
                .family =
                    fmt::format("{} = {:g}", model_.parameter_of_interest, points_[p].theta[poi])};
            tasks.push_back({hasher.finish(), toys_name(identity, first),
                             static_cast<double>(range.last - range.first), encode(range),
                             identity});
        }
    }
    return tasks;
}

}  // namespace ratiofarm

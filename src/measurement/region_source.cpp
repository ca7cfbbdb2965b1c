#include "region_source.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/asimov.hpp"
#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"
#include "ratiofarm/physics/interpolation.hpp"

#include "fit/kernels/guards.hpp"

#include "reference_means.hpp"

namespace ratiofarm {
namespace {

/// What g(alpha) of one column does to the weights of a set.
struct Reweighting {
    std::size_t column = 0;  ///< of EventSet::log_g
    Interpolation code = Interpolation::code4;
    double alpha = 0.0;
};

enum class WeightKind : std::uint8_t {
    ones,     ///< observed events
    own,      ///< simulated events of an injection, as they are
    samples,  ///< Asimov data from samples
    mixture,  ///< Asimov data from the reference
};

/// Everything a region's events are made from; shared by all who read them.
struct RegionReader {
    std::shared_ptr<const RatioFile> ratios;
    StatisticalModel model;
    UnbinnedRegion region;
    std::vector<double> theta;  ///< of Asimov data
    WeightKind kind = WeightKind::ones;
    std::vector<FittedSet> sets;
    std::vector<std::uint64_t> sizes;
    std::vector<std::vector<Reweighting>> reweighting;  ///< [sets]
    std::vector<std::string> processes;
    std::vector<ShapeColumn> shapes;
    std::vector<std::size_t> columns;  ///< of the file, for `shapes`
    std::vector<double> log_means;     ///< [processes] that ln r is lowered by, or empty
    bool has_reference = false;
    std::uint64_t total = 0;

    EventSet read(Range range) const;
    void read_part(const SetRows& part, std::uint64_t position, EventSet& to) const;
    void weight_samples(std::size_t set, Range place, EventSet& to) const;
    void expect_ones(std::span<const double> weight, const SetRows& part) const;
};

const SystematicEffect* find_shape(const UnbinnedRegion& region, const RatioShape& shape) {
    for (const ProcessModel& process : region.processes) {
        if (process.name != shape.process) continue;
        for (const SystematicEffect& effect : process.systematics) {
            if (effect.shape && effect.parameter == shape.parameter) return &effect;
        }
    }
    return nullptr;
}

void choose_columns(RegionReader& reader) {
    const auto& shapes = reader.ratios->header().shapes;
    for (std::size_t column = 0; column < shapes.size(); ++column) {
        if (find_shape(reader.region, shapes[column]) == nullptr) continue;
        reader.columns.push_back(column);
        reader.shapes.push_back({shapes[column].process, shapes[column].parameter});
    }
}

/// Shapes that the events of a set must carry at the Asimov point.
std::vector<Reweighting> reweighting_of(const RegionReader& reader, const FittedSet& set) {
    std::vector<Reweighting> steps;
    if (set.factor == 0.0) return steps;
    for (std::size_t column = 0; column < reader.shapes.size(); ++column) {
        const ShapeColumn& shape = reader.shapes[column];
        if (shape.process != reader.processes[set.process]) continue;
        const auto& parameters = reader.model.parameters;
        const auto parameter =
            std::find_if(parameters.begin(), parameters.end(),
                         [&](const Parameter& p) { return p.name == shape.parameter; });
        const double alpha = reader.theta[static_cast<std::size_t>(parameter - parameters.begin())];
        if (alpha == 0.0) continue;
        const auto* effect = find_shape(reader.region, {shape.process, shape.parameter});
        steps.push_back({column, effect->shape_code, alpha});
    }
    return steps;
}

double factor_of(const Reweighting& step, const EventSet& events, std::uint64_t position) {
    const std::uint64_t n = events.size();
    const auto anchor = [&](std::uint64_t side) {
        const float log_g = events.log_g[(2 * step.column + side) * n + position];
        return std::exp(double{std::clamp(log_g, -largest_log_g, largest_log_g)});
    };
    return interpolate(step.code, {anchor(0), anchor(1)}, step.alpha).value;
}

void RegionReader::weight_samples(std::size_t set, Range place, EventSet& to) const {
    for (std::uint64_t event = place.first; event < place.last; ++event) {
        double factor = sets[set].factor;
        for (const Reweighting& step : reweighting[set]) factor *= factor_of(step, to, event);
        to.weight[event] *= factor;
    }
}

/// Observed events count once each.
void RegionReader::expect_ones(std::span<const double> weight, const SetRows& part) const {
    const auto other = std::ranges::find_if(weight, [](double w) { return w != 1.0; });
    if (other == weight.end()) return;
    const std::string& sample = sets[part.set].sample;
    throw DataError(fmt::format(
        "'{}': row {} of the observed events of sample '{}' has weight {:.6g} (all sum to {:.6g}), "
        "but observed events count once each. Set their weights to 1; weighted events can be "
        "fitted as injections = [{{ ..., sample = \"{}\" }}]",
        ratios->path().string(),
        part.rows.first + static_cast<std::uint64_t>(other - weight.begin()), sample, *other,
        ratios->set(sample).sum_of_weights, sample));
}

void RegionReader::read_part(const SetRows& part, std::uint64_t position, EventSet& to) const {
    const FittedSet& set = sets[part.set];
    const std::uint64_t n = part.rows.size();
    const std::uint64_t width = processes.size();
    const auto weight = std::span(to.weight).subspan(position, n);
    ratios->read_events(set.sample, part.rows,
                        {weight, std::span(to.log_r).subspan(position * width, n * width), columns,
                         std::span(to.log_g).subspan(to.log_g.empty() ? 0 : position), to.size()});
    for (std::uint64_t k = position * width; k < (position + n) * width && !log_means.empty();
         ++k) {
        to.log_r[k] -= log_means[k % width];
    }
    to.origins.push_back({set.sample, position, part.rows.first});
    if (has_reference) {
        std::transform(weight.begin(), weight.end(),
                       to.reference.begin() + static_cast<std::ptrdiff_t>(position),
                       [&](double w) { return w * set.reference; });
    }
    if (kind == WeightKind::samples) {
        weight_samples(part.set, {position, position + n}, to);
    } else if (kind == WeightKind::ones) {
        if (set.factor == 1.0) expect_ones(weight, part);
        std::fill(weight.begin(), weight.end(), set.factor);  // 1, or 0 for the reference
    } else {
        for (double& w : weight) w *= set.factor;  // of own weights: 1, or 0 for the reference
    }
}

EventSet RegionReader::read(Range range) const {
    EventSet events;
    events.processes = processes;
    events.shapes = shapes;
    events.offset = range.first;
    events.total = total;
    events.weight.resize(range.size());
    events.reference.resize(has_reference ? range.size() : 0);
    events.log_r.resize(range.size() * processes.size());
    events.log_g.resize(2 * shapes.size() * range.size());
    std::uint64_t position = 0;
    for (const SetRows& part : rows_of_range(sizes, range)) {
        read_part(part, position, events);
        position += part.rows.size();
    }
    // With weights of the reference the likelihood itself makes the mixture (load_data()).
    if (kind != WeightKind::mixture || has_reference) return events;
    return asimov_from_reference(model, region, theta, std::move(events), 1.0);
}

std::shared_ptr<RegionReader> make_reader(const RegionSets& input) {
    auto reader = std::make_shared<RegionReader>();
    reader->ratios = input.ratios;
    reader->model = input.model;
    reader->region = input.region;
    reader->theta = asimov_point(input.campaign, input.model);
    reader->sets = input.sets;
    if (!input.campaign.data.fitted_sample().empty()) {
        reader->kind = fits_weighted_sample(input.campaign) ? WeightKind::own : WeightKind::ones;
    } else {
        reader->kind = input.campaign.data.source == AsimovSource::reference ? WeightKind::mixture
                                                                             : WeightKind::samples;
    }
    for (const ProcessModel& process : input.region.processes) {
        reader->processes.push_back(process.name);
    }
    choose_columns(*reader);
    for (const FittedSet& set : input.sets) {
        reader->sizes.push_back(set.events);
        reader->total += set.events;
        reader->has_reference = reader->has_reference || set.reference != 0.0;
        reader->reweighting.push_back(reader->kind == WeightKind::samples
                                          ? reweighting_of(*reader, set)
                                          : std::vector<Reweighting>{});
    }
    return reader;
}

/// Sum of the weights of each set in a range of the list. \return [sets]
std::vector<double> sums_by_set(const RegionReader& reader, Range range) {
    constexpr std::uint64_t step = 4096;
    std::vector<double> sums(reader.sets.size(), 0.0);
    for (std::uint64_t first = range.first; first < range.last; first += step) {
        const Range piece{first, std::min(first + step, range.last)};
        const EventSet events = reader.read(piece);
        std::uint64_t position = 0;
        for (const SetRows& part : rows_of_range(reader.sizes, piece)) {
            for (std::uint64_t k = 0; k < part.rows.size(); ++k) {
                sums[part.set] += events.weight[position++];
            }
        }
    }
    return sums;
}

/// Collective over comm. Divides the factors of reweighted sets by what their shapes do to the sum
/// of weights, which stays the rate of the process.
void restore_sums(const mpi::Communicator& comm, RegionReader& reader) {
    const auto& steps = reader.reweighting;
    if (std::all_of(steps.begin(), steps.end(), [](const auto& s) { return s.empty(); })) return;
    mpi::ExactSums sums(reader.sets.size());
    mpi::together(comm, [&] {
        for (const Range& shard : shards_of_rank(comm, reader.total)) {
            sums.add(sums_by_set(reader, shard));
        }
    });
    const std::vector<double> found = mpi::exact_sum(comm, std::move(sums));
    for (std::size_t set = 0; set < reader.sets.size(); ++set) {
        if (steps[set].empty()) continue;
        const double wanted =
            reader.sets[set].factor * reader.ratios->set(reader.sets[set].sample).sum_of_weights;
        reader.sets[set].factor *= wanted / found[set];
    }
}

/// Collective over comm. Data made from the reference close only with ratios that average to 1 over
/// it: those that nothing has normalised yet are divided by their means. Means that are 1 but for
/// rounding of ln r change no bit. Events of samples keep the ratios of the file.
void normalise(const mpi::Communicator& comm, RegionReader& reader) {
    if (reader.kind != WeightKind::mixture) return;
    if (!lacks_normalisation(reader.region, *reader.ratios)) return;
    constexpr double rounding = 1e-6;
    for (const double mean : reference_means(comm, *reader.ratios).mean) {
        reader.log_means.push_back(std::abs(mean - 1.0) < rounding ? 0.0 : std::log(mean));
    }
}

}  // namespace

EventSource region_source(const mpi::Communicator& comm, const RegionSets& input) {
    const std::shared_ptr<RegionReader> reader = make_reader(input);
    normalise(comm, *reader);
    restore_sums(comm, *reader);
    return {reader->processes, reader->shapes, reader->total,
            [reader](Range range) { return reader->read(range); }};
}

namespace {

std::vector<std::uint64_t> sorted_ids(const RatioFile& file, const RatioSet& set) {
    std::vector<std::uint64_t> ids = file.read_columns(set.name, {0, set.events}).id;
    std::sort(ids.begin(), ids.end());
    return ids;
}

std::string region_text(const Campaign& campaign, const RatioFiles& ratios, std::size_t r) {
    return fmt::format("region '{}' ('{}')", campaign.unbinned[r].name, ratios[r]->path().string());
}

void compare(const Campaign& campaign, const RatioFiles& ratios, std::size_t a, std::size_t b) {
    for (const RatioSet& set : ratios[a]->sets()) {
        const auto& others = ratios[b]->sets();
        const auto other = std::ranges::find(others, set.name, &RatioSet::name);
        if (other == others.end()) continue;
        const auto mine = sorted_ids(*ratios[a], set);
        const auto theirs = sorted_ids(*ratios[b], *other);
        std::vector<std::uint64_t> shared;
        std::ranges::set_intersection(mine, theirs, std::back_inserter(shared));
        if (shared.empty()) continue;
        throw DataError(
            fmt::format("{} and {} share {} events of sample '{}' (the same ids), for example {}: "
                        "an event in two regions counts twice. Separate the regions by cuts or, if "
                        "the events differ, give each its own id",
                        region_text(campaign, ratios, a), region_text(campaign, ratios, b),
                        shared.size(), set.name, shared.front()));
    }
}

}  // namespace

void expect_no_shared_events(const Campaign& campaign, const RatioFiles& ratios) {
    for (std::size_t b = 1; b < ratios.size(); ++b) {
        for (std::size_t a = 0; a < b; ++a) compare(campaign, ratios, a, b);
    }
}

}  // namespace ratiofarm

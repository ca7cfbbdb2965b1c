#include "fit_problem.hpp"

#include <cmath>
#include <string>

#include "core/philox.hpp"

namespace ratiofarm::bench {
namespace {

enum class Stream : std::uint64_t { log_g = 1, log_r, amplitude, yield_shift, observed, point };

std::uint64_t key_of(Stream stream, std::uint64_t process, std::uint64_t parameter) {
    return mix64(static_cast<std::uint64_t>(stream) << 56 | process << 32 | parameter);
}

/// Uniform in [-1, 1).
double uniform(std::uint64_t key, std::uint64_t index) {
    return static_cast<double>(mix64(key ^ index) >> 11) * 0x1.0p-52 - 1.0;
}
double uniform(Stream stream, std::size_t process, std::size_t parameter) {
    return uniform(key_of(stream, process, parameter), 0);
}

constexpr double width_of_log_r = 0.5;
const double log_mean_r = std::log(std::sinh(width_of_log_r) / width_of_log_r);
constexpr double truth = 1.2;  // sqrt(mu) of the Asimov data

double coefficient(std::size_t process, double root_mu) {
    switch (process) {
        case 0: return root_mu * root_mu - root_mu;
        case 1: return root_mu;
        case 2: return 1.0 - root_mu;
        default: return 1.0;
    }
}

std::string process_name(std::size_t process) {
    return std::string("p").append(std::to_string(process));
}
std::string parameter_name(std::size_t parameter) {
    return std::string("alpha_").append(std::to_string(parameter));
}

}  // namespace

LogShape::LogShape(std::size_t process, std::size_t parameter)
    : key_(key_of(Stream::log_g, process, parameter)),
      amplitude_(0.02 + 0.013 * uniform(Stream::amplitude, process, parameter)) {}

LogAnchors LogShape::operator()(std::uint64_t event) const {
    const double x = amplitude_ * uniform(key_, event);
    const double even = -0.5 * x * x;
    const double odd = x + x * x * x / 3.0;
    return {static_cast<float>(even + odd), static_cast<float>(even - odd)};
}

double log_r(std::uint64_t event, std::size_t process) {
    return width_of_log_r * uniform(key_of(Stream::log_r, process, 0), event) - log_mean_r;
}

double yield(std::size_t process) {
    return process == 1 ? 200.0 : 50.0 + 15.0 * static_cast<double>(process);
}

double yield_shift(std::size_t process, std::size_t parameter) {
    return 0.005 * uniform(Stream::yield_shift, process, parameter);
}

double observed(std::size_t parameter) { return 0.5 * uniform(Stream::observed, 0, parameter); }

double weight(const FitProblem& problem, std::uint64_t event) {
    double mixture = 0.0;
    for (std::size_t j = 0; j < problem.processes; ++j) {
        mixture += coefficient(j, truth) * yield(j) * std::exp(log_r(event, j));
    }
    return mixture / static_cast<double>(problem.events);
}

std::vector<double> point(const FitProblem& problem, bool outside) {
    std::vector<double> u{1.1};
    for (std::size_t m = 0; m < problem.parameters; ++m) {
        const double alpha = 0.6 * uniform(Stream::point, 0, m);
        u.push_back(outside && m % 10 == 3 ? alpha + std::copysign(1.0, alpha) : alpha);
    }
    return u;
}

StatisticalModel model(const FitProblem& problem, ShapeNorm shape_norm) {
    StatisticalModel model;
    model.parameter_of_interest = "mu";
    model.parameters.push_back({.name = "mu"});
    for (std::size_t m = 0; m < problem.parameters; ++m) {
        model.parameters.push_back(
            {.name = parameter_name(m),
             .start = 0.0,
             .low = -5.0,
             .high = 5.0,
             .constraint = {.kind = Constraint::Kind::gaussian, .observed = observed(m)}});
    }
    const std::vector<std::string> names{"mu"};
    UnbinnedRegion region{.shape_norm = shape_norm};
    for (std::size_t j = 0; j < problem.processes; ++j) {
        const auto* const text = j == 0   ? "mu - sqrt(mu)"
                                 : j == 1 ? "sqrt(mu)"
                                 : j == 2 ? "1 - sqrt(mu)"
                                          : "1";
        ProcessModel process{process_name(j), yield(j), Coefficient::parse(text, names), {}};
        for (std::size_t m = 0; m < problem.parameters; ++m) {
            const double shift = yield_shift(j, m);
            process.systematics.push_back({.parameter = parameter_name(m),
                                           .yield = Anchors{1.0 + shift, 1.0 - shift},
                                           .shape = true});
        }
        region.processes.push_back(std::move(process));
    }
    model.unbinned.push_back(std::move(region));
    return model;
}

std::vector<ShapeColumn> shape_columns(const FitProblem& problem) {
    std::vector<ShapeColumn> columns;
    for (std::size_t j = 0; j < problem.processes; ++j) {
        for (std::size_t m = 0; m < problem.parameters; ++m) {
            columns.push_back({process_name(j), parameter_name(m)});
        }
    }
    return columns;
}

EventSet read_events(const FitProblem& problem, bool with_reference, Range range) {
    EventSet events;
    for (std::size_t j = 0; j < problem.processes; ++j) {
        events.processes.push_back(process_name(j));
    }
    events.shapes = shape_columns(problem);
    events.offset = range.first;
    events.total = problem.events;
    for (std::uint64_t i = range.first; i < range.last; ++i) {
        events.weight.push_back(weight(problem, i));
        for (std::size_t j = 0; j < problem.processes; ++j) {
            events.log_r.push_back(log_r(i, j));
        }
    }
    if (with_reference) events.reference.assign(range.size(), 1.0);
    const std::uint64_t n = range.size();
    events.log_g.resize(events.shapes.size() * 2 * n);
    for (std::size_t c = 0; c < events.shapes.size(); ++c) {
        const LogShape shape(c / problem.parameters, c % problem.parameters);
        float* const up = events.log_g.data() + 2 * c * n;
        for (std::uint64_t i = 0; i < n; ++i) {
            const LogAnchors g = shape(range.first + i);
            up[i] = g.up;
            up[n + i] = g.down;
        }
    }
    return events;
}

EventSource source(const FitProblem& problem, bool with_reference) {
    EventSource source;
    for (std::size_t j = 0; j < problem.processes; ++j) {
        source.processes.push_back(process_name(j));
    }
    source.shapes = shape_columns(problem);
    source.total = problem.events;
    source.read = [=](Range range) { return read_events(problem, with_reference, range); };
    return source;
}

}  // namespace ratiofarm::bench

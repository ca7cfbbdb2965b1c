#include "support.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

/// Calls with weight and r of each event of a sample.
template <class Each>
void for_each_ratio(const RatioFile& ratios,
                    const std::string& sample,
                    std::uint64_t process,
                    const Each& each) {
    constexpr std::uint64_t step = 1 << 18;
    const std::uint64_t events = ratios.set(sample).events;
    const std::size_t p = ratios.header().processes.size();
    for (std::uint64_t first = 0; first < events; first += step) {
        const RatioRows rows = ratios.read_rows(sample, {first, std::min(first + step, events)});
        for (std::size_t i = 0; i < rows.weight.size(); ++i) {
            each(rows.weight[i], std::exp(static_cast<double>(rows.log_r[i * p + process])));
        }
    }
}

}  // namespace

SupportVerdict verdict_of(const Support& support) {
    constexpr double least_share = 0.001;
    constexpr double good_share = 0.05;
    constexpr double most_above = 0.05;
    const auto& above = support.above;
    if (!(support.effective_share() >= least_share) || above[3] > most_above) {
        return SupportVerdict::none;
    }
    const bool thin = support.effective_share() < good_share || above[2] > most_above;
    return thin ? SupportVerdict::thin : SupportVerdict::good;
}

Support support_of(const RatioFile& ratios, const std::string& process, const std::string& sample) {
    if (ratios.header().reference.empty()) {
        throw DataError(
            fmt::format("'{}' describes no reference, so nothing tells where '{}' has "
                        "support",
                        ratios.path().string(), process));
    }
    const std::uint64_t column = ratios.header().column_of(process);
    Support support;
    double sum = 0.0;
    double of_process = 0.0;
    for_each_ratio(ratios, sample, column, [&](double w, double r) {
        sum += w;
        of_process += w * r;
        support.largest = std::max(support.largest, r);
        for (std::size_t k = 0; k < support_ratios.size(); ++k) {
            if (r > support_ratios[k]) support.above[k] += w;
        }
    });
    if (!(sum > 0.0)) {
        throw DataError(fmt::format("'{}': sample '{}' has no events of '{}'",
                                    ratios.path().string(), sample, process));
    }
    for (double& above : support.above) above /= sum;
    double of_reference = 0.0;
    double squares = 0.0;
    for (const ReferenceComponent& component : ratios.header().reference) {
        const double scale = component.fraction / ratios.set(component.sample).sum_of_weights;
        for_each_ratio(ratios, component.sample, column, [&](double w, double r) {
            of_reference += scale * w * r * r;
            squares += scale * w * scale * w;
        });
    }
    support.mean_square = std::max(of_process / sum, of_reference);
    support.reference_events = support.effective_share() / squares;
    return support;
}

std::string support_text(const Support& support) {
    std::string text = fmt::format(
        "E_ref[r^2] = {:.6g}, effective share of the reference {:.3g} % "
        "({:.3g} events), largest r {:.6g}, weight with",
        support.mean_square, 100.0 * support.effective_share(), support.reference_events,
        support.largest);
    for (std::size_t k = 0; k < support_ratios.size(); ++k) {
        text += fmt::format("{} r > {:g}: {:.3g} %", k == 0 ? "" : ",", support_ratios[k],
                            100.0 * support.above[k]);
    }
    return text;
}

std::string support_warning(const std::string& process, const Support& support) {
    const SupportVerdict verdict = verdict_of(support);
    if (verdict == SupportVerdict::good) return "";
    const std::string facts =
        fmt::format("process '{}' lies where the reference has {} events: {}", process,
                    verdict == SupportVerdict::thin ? "few" : "no", support_text(support));
    if (verdict == SupportVerdict::thin) {
        return facts + "; its ratio, and all that follows from it, is uncertain there";
    }
    return facts +
           ". Its ratio cannot be known (allowed: an effective share of at least 0.1 %, at most "
           "5 % of the weight with r > 1000): count such events in a binned region, or train with "
           "a "
           "reference that contains the process";
}

void expect_support(const std::string& process, const Support& support) {
    if (verdict_of(support) != SupportVerdict::none) return;
    throw DataError(support_warning(process, support));
}

}  // namespace ratiofarm

#include "bin_expectations.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "coefficient_values.hpp"

namespace ratiofarm {
namespace {

/// Events that one bin expects where the parameters of the coefficients stand, all factors at 1.
double expected(const BinnedRegion& region, std::size_t bin, const ParameterValues& values) {
    double sum = 0.0;
    for (const BinnedSample& sample : region.samples) {
        sum += value_of(sample.coefficient, values) * sample.contents[bin];
    }
    return sum;
}

/// Change of one bin at +1 or -1 of the shape effects of each parameter.
ParameterValues shape_changes(const BinnedRegion& region,
                              std::size_t bin,
                              const ParameterValues& values) {
    ParameterValues changes;
    for (const BinnedSample& sample : region.samples) {
        const double f = value_of(sample.coefficient, values);
        for (const BinnedShapeEffect& effect : sample.shapes) {
            changes[effect.parameter + " = 1"] += f * (effect.up[bin] - sample.contents[bin]);
            changes[effect.parameter + " = -1"] += f * (effect.down[bin] - sample.contents[bin]);
        }
    }
    return changes;
}

std::string negative_samples(const BinnedRegion& region, std::size_t bin) {
    std::string text;
    for (const BinnedSample& sample : region.samples) {
        if (sample.contents[bin] >= 0.0) continue;
        text +=
            fmt::format("{}'{}' {:g}", text.empty() ? "" : ", ", sample.name, sample.contents[bin]);
    }
    return text.empty() ? "" : " (negative contents: " + text + ")";
}

class ExpectationCheck {
public:
    explicit ExpectationCheck(const Campaign& campaign)
        : campaign_(campaign), start_(start_values(campaign)) {
        for (const Parameter& parameter : campaign.parameters) {
            if (parameter.name == campaign.inference.poi) poi_ = &parameter;
        }
    }

    BinExpectations check() {
        for (const BinnedRegionSection& section : campaign_.binned) {
            if (section.from_events) continue;
            for (std::size_t b = 0; b < section.region.n_bins(); ++b) check_bin(section, b);
        }
        return std::move(found_);
    }

private:
    void check_bin(const BinnedRegionSection& section, std::size_t bin) {
        const double observed = section.observed ? section.observed->at(bin) : 1.0;
        const auto is_bad = [&](double nu) { return observed > 0.0 ? nu <= 0.0 : nu < 0.0; };
        std::string where;
        double there = 0.0;
        bool always = true;
        const auto look = [&](const std::string& at, double nu) {
            always = always && is_bad(nu);
            if (!where.empty() || !is_bad(nu)) return;
            where = at;
            there = nu;
        };
        look("at the start values", expected(section.region, bin, start_));
        if (poi_ != nullptr) {
            for (const double value : {0.0, poi_->low, poi_->high}) {
                if (value < poi_->low) continue;
                ParameterValues values = start_;
                values[poi_->name] = value;
                look(fmt::format("at {} = {:g}", poi_->name, value),
                     expected(section.region, bin, values));
            }
        }
        const double nominal = expected(section.region, bin, start_);
        for (const auto& [at, change] : shape_changes(section.region, bin, start_)) {
            look("at " + at, nominal + change);
        }
        if (!where.empty()) tell(section, bin, fmt::format("{:g} events {}", there, where), always);
    }

    void tell(const BinnedRegionSection& section,
              std::size_t bin,
              const std::string& expects,
              bool always) {
        const std::string text = fmt::format(
            "region '{}', bin {} (of 0 to {}): expects {}{}; merge it with a neighbour, or give "
            "its "
            "negative contents a small positive value with an uncertainty",
            label_of(campaign_.labels.regions, section.region.name), bin,
            section.region.n_bins() - 1, expects, negative_samples(section.region, bin));
        (always ? found_.mistakes : found_.warnings).push_back(text);
    }

    const Campaign& campaign_;
    ParameterValues start_;
    const Parameter* poi_ = nullptr;
    BinExpectations found_;
};

}  // namespace

BinExpectations bin_expectations(const Campaign& campaign) {
    return ExpectationCheck(campaign).check();
}

}  // namespace ratiofarm

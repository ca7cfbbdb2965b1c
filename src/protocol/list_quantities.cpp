#include "list_quantities.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/particle_row.hpp"

namespace ratiofarm {
namespace {

bool has_one_multiplicity(std::span<const SampleInfo> samples) {
    std::uint64_t first = 0;
    for (const SampleInfo& sample : samples) {
        const MappedLists lists(sample.columns);
        if (&sample == &samples.front()) first = lists.multiplicity(0);
        for (std::uint64_t event = 0; event < sample.columns.events; ++event) {
            if (lists.multiplicity(event) != first) return false;
        }
    }
    return true;
}

}  // namespace

MappedLists::MappedLists(const SampleColumns& sample)
    : file_(sample.file), width_(sample.particles.names.size()) {
    expect_unchanged(sample);
    offsets_ = file_.values<std::uint64_t>(sample.particles.offsets_offset, sample.events + 1);
    values_ =
        file_.values<float>(sample.particles.values_offset, sample.particles.particles * width_);
}

float MappedLists::value(std::uint64_t event, ListQuantity quantity) const {
    if (quantity == ListQuantity::multiplicity) return static_cast<float>(multiplicity(event));
    double leading = 0.0;
    std::array<double, 4> sum{};
    for (std::uint64_t particle = offsets_[event]; particle < offsets_[event + 1]; ++particle) {
        const auto p = values_.subspan(particle * width_, momentum_columns.size());
        for (std::size_t k = 0; k < p.size(); ++k) sum[k] += static_cast<double>(p[k]);
        leading =
            std::max(leading, std::hypot(static_cast<double>(p[1]), static_cast<double>(p[2])));
    }
    if (quantity == ListQuantity::leading_pt) return static_cast<float>(leading);
    const auto [e, px, py, pz] = sum;
    return static_cast<float>(std::sqrt(std::max(0.0, e * e - px * px - py * py - pz * pz)));
}

std::uint64_t quantities_of(std::span<const std::string> columns) {
    return has_momenta(columns) ? list_quantities : columns.empty() ? 0 : 1;
}

std::string closure_name(std::span<const std::string> features, std::size_t index) {
    if (index < features.size()) return features[index];
    const std::size_t quantity = index - features.size();
    return quantity < list_quantities ? word_of(static_cast<ListQuantity>(quantity)) : "";
}

bool has_list_quantity(const SampleInfo& sample, ListQuantity quantity) {
    const ParticleColumns& lists = sample.columns.particles;
    if (lists.offsets_offset == 0) return false;
    return static_cast<std::uint64_t>(quantity) < quantities_of(lists.names);
}

std::vector<float> list_quantity_at_rows(const SampleInfo& sample,
                                         std::span<const std::uint64_t> rows,
                                         ListQuantity quantity) {
    RATIOFARM_EXPECT(has_list_quantity(sample, quantity));
    const MappedLists lists(sample.columns);
    std::vector<float> values;
    values.reserve(rows.size());
    for (const std::uint64_t row : rows) values.push_back(lists.value(row, quantity));
    return values;
}

std::vector<std::string> shown_columns(std::vector<std::string> features,
                                       std::span<const SampleInfo> samples) {
    if (samples.empty()) return features;
    for (const auto quantity :
         {ListQuantity::multiplicity, ListQuantity::leading_pt, ListQuantity::sum_mass}) {
        const bool there = std::ranges::all_of(samples, [&](const SampleInfo& sample) {
            return sample.columns.events > 0 && has_list_quantity(sample, quantity);
        });
        const std::string name = word_of(quantity);
        if (!there || std::ranges::find(features, name) != features.end()) continue;
        if (quantity == ListQuantity::multiplicity && has_one_multiplicity(samples)) continue;
        features.push_back(name);
    }
    return features;
}

}  // namespace ratiofarm

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm {

/// What reports show of particle lists, computed where it is asked for. A column of the file with
/// the same name goes first.
enum class ListQuantity : std::uint8_t {
    multiplicity,
    leading_pt,  ///< largest transverse momentum of a particle; 0 if there is none
    sum_mass,    ///< invariant mass of the sum of all momenta
};
template <>
inline constexpr auto enum_words<ListQuantity> = words("multiplicity", "leading_pt", "sum_mass");

/// Whether the lists of a sample, which were read, have what a quantity is made of.
bool has_list_quantity(const SampleInfo& sample, ListQuantity quantity);

/// \pre has_list_quantity(); rows are events of the sample
/// \throws SystemError if the events file has changed
std::vector<float> list_quantity_at_rows(const SampleInfo& sample,
                                         std::span<const std::uint64_t> rows,
                                         ListQuantity quantity);

/// The features of a campaign and, where its samples were read with particle lists, the quantities
/// of lists that all of them have; without a multiplicity that is the same in all events.
std::vector<std::string> shown_columns(std::vector<std::string> features,
                                       std::span<const SampleInfo> samples);

}  // namespace ratiofarm

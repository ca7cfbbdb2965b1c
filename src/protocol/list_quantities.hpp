#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/mapped_file.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

namespace ratiofarm {

/// What reports show of particle lists and the closure of nets that read them looks at, computed
/// where it is asked for. A column of the file with the same name goes first.
enum class ListQuantity : std::uint8_t {
    multiplicity,
    leading_pt,  ///< largest transverse momentum of a particle; 0 if there is none
    sum_mass,    ///< invariant mass of the sum of all momenta
};
template <>
inline constexpr auto enum_words<ListQuantity> = words("multiplicity", "leading_pt", "sum_mass");

inline constexpr std::uint64_t list_quantities = enum_words<ListQuantity>.size();

/// The particle lists of a sample where they lie.
class MappedLists {
public:
    /// \throws SystemError if the events file has changed
    explicit MappedLists(const SampleColumns& sample);

    std::uint64_t multiplicity(std::uint64_t event) const {
        return offsets_[event + 1] - offsets_[event];
    }

    /// \pre the quantity is one of the first quantities_of() these columns
    float value(std::uint64_t event, ListQuantity quantity) const;

private:
    MappedFile file_;
    std::uint64_t width_;
    std::span<const std::uint64_t> offsets_;  ///< [events + 1]
    std::span<const float> values_;           ///< [particles, width]
};

/// How many of the quantities, from the first one, particles with these columns have.
std::uint64_t quantities_of(std::span<const std::string> columns);

/// What number `index` of NetQuality::closure is about: a feature, or behind them a quantity of the
/// lists that the net reads; empty for a number beyond.
std::string closure_name(std::span<const std::string> features, std::size_t index);

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

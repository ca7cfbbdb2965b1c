#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// Where the uncertainty from the finite number of simulated events comes from.
enum class FiniteMcMethod : std::uint8_t {
    none,
    replicas,  ///< spread of the estimate over bootstrap replicas
    wifi,      ///< fitted weights of the members, sandwich covariance
};
template <>
inline constexpr auto enum_words<FiniteMcMethod> = words("none", "replicas", "wifi");

/// How it enters the result. Both numbers are reported either way.
enum class FiniteMcUse : std::uint8_t {
    report,     ///< beside the result
    nuisance,   ///< a nuisance parameter that moves all ratios along the direction that counts
    inflation,  ///< of the test statistic, t / (1 + variance / sigma^2)
};
template <>
inline constexpr auto enum_words<FiniteMcUse> = words("report", "nuisance", "inflation");

/// [finite_mc]
struct FiniteMcSection {
    FiniteMcMethod method = FiniteMcMethod::none;
    FiniteMcUse use = FiniteMcUse::report;
    bool operator==(const FiniteMcSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, FiniteMcSection>& value) {
    visit("method", value.method);
    visit("use", value.use);
}

/// The nuisance parameter of FiniteMcUse::nuisance.
inline constexpr std::string_view finite_mc_parameter = "alpha_mc";

/// TOML of the section; empty for the defaults.
std::string finite_mc_toml(const FiniteMcSection& section);

}  // namespace ratiofarm

#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// Finds the pyhf modifier of every effect of a campaign, and collects what has none.
class PyhfModifiers {
public:
    explicit PyhfModifiers(const Campaign& campaign);

    /// The modifiers of one sample.
    nlohmann::ordered_json of(const BinnedRegion& region, const BinnedSample& sample);

    /// "parameters" of a measurement: start, range and so on of all parameters met so far.
    nlohmann::ordered_json configuration();

    void refuse(const std::string& what) { refused_.push_back(what); }

    /// \throws ConfigError with everything that was refused
    void throw_if_refused() const;

private:
    /// Parameters of one modifier, one per bin or one in all; empty: fixed at 1.
    struct Modifier {
        std::string type;
        std::vector<std::string> parameters;
    };
    const Parameter& parameter(const std::string& name) const;
    std::string label(const std::string& parameter) const;
    void declare(const std::string& name, Modifier modifier);
    void add_scalars(const std::string& where,
                     const BinnedSample& sample,
                     nlohmann::ordered_json& to);
    void add_effects(const std::string& where,
                     const BinnedSample& sample,
                     nlohmann::ordered_json& to);
    void add_factors(const BinnedRegion& region,
                     const BinnedSample& sample,
                     const BinFactors& factors,
                     nlohmann::ordered_json& to);
    void declare_alpha(const std::string& where, const std::string& parameter);
    std::string factors_type(const BinFactors& factors) const;
    std::string label_of_factors(const BinFactors& factors) const;
    void find_shared_staterrors();
    std::string factors_name(const BinFactors& factors, const std::string& otherwise);
    std::vector<double> staterrors(const BinnedRegion& region, const BinFactors& factors) const;
    nlohmann::ordered_json configuration_of(const std::string& name, const Modifier& modifier);

    /// A staterror that several regions have, with the factors of each.
    struct Shared {
        std::vector<std::string> parameters;  ///< of all regions, in the order of their labels
        std::vector<BinFactors> factors;
    };

    const Campaign& campaign_;
    std::map<std::string, Shared> shared_;       ///< by name
    std::map<std::string, Modifier> modifiers_;  ///< by name
    std::vector<std::string> order_;             ///< of their names
    std::vector<std::string> refused_;
};

}  // namespace ratiofarm

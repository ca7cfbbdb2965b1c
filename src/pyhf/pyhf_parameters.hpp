#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ratiofarm/physics/statistical_model.hpp"

#include "pyhf_names.hpp"
#include "pyhf_schema.hpp"

namespace ratiofarm {

/// The parameters of a workspace that fits the schema, collected while its modifiers are read.
class PyhfParameters {
public:
    /// \param measurement  of the workspace, with "config"
    /// \param modifiers    names of all that will be declared: those that can stay do so
    explicit PyhfParameters(const nlohmann::json& measurement,
                            const std::vector<std::string>& modifiers = {});

    /// One parameter of a modifier before the measurement configures it.
    struct Default {
        double start = 1.0;
        double low = 0.0;
        double high = 10.0;
        Constraint constraint = {};
        bool active = true;  ///< false: stays at 1 and is left out
    };

    /// Our names of the parameters of a modifier, one per default; empty for one that is left out.
    /// A modifier that is declared again has the same ones.
    std::vector<std::string> declare(const std::string& modifier,
                                     PyhfKind kind,
                                     const std::vector<Default>& defaults);

    /// Our name of the parameter of interest: the given one, or that of the measurement if empty.
    /// \throws DataError naming those there are if it is none of them
    std::string parameter_of_interest(const std::string& given) const;

    std::vector<Parameter> parameters() const { return parameters_; }
    LabelsSection::Labels labels() const { return names_.labels(); }

private:
    struct Declared {
        PyhfKind kind;
        std::vector<std::string> names;  ///< empty for those that are left out
    };
    Parameter configured(const std::string& modifier,
                         PyhfKind kind,
                         const Default& defaults,
                         std::size_t index) const;

    std::string measurement_;
    std::string poi_;
    std::map<std::string, nlohmann::json> config_;  ///< by modifier
    std::map<std::string, Declared> declared_;
    std::vector<Parameter> parameters_;
    NameMaker names_{NameMaker::Rule::identifier};
};

}  // namespace ratiofarm

#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ratiofarm/physics/statistical_model.hpp"

#include "pyhf_names.hpp"

namespace ratiofarm {

/// Kind and size of the parameters of a modifier; two modifiers of one name must agree in it.
enum class PyhfKind : std::uint8_t { normfactor, alpha, lumi, shapesys, staterror, shapefactor };

/// The parameters of a workspace, collected while its modifiers are read.
class PyhfParameters {
public:
    /// \param measurement  of the workspace, with "config"
    explicit PyhfParameters(const nlohmann::json& measurement);

    /// One parameter of a modifier before the measurement configures it.
    struct Default {
        double start = 1.0;
        double low = 0.0;
        double high = 10.0;
        Constraint constraint = {};
        bool active = true;  ///< false: stays at 1 and is left out
    };

    /// Our names of the parameters of a modifier, one per default; empty for one that is left out.
    /// \throws DataError if a modifier of that name has other parameters, or the measurement
    /// configures them wrongly
    std::vector<std::string> declare(const std::string& modifier,
                                     PyhfKind kind,
                                     const std::vector<Default>& defaults);

    /// Our name of the parameter of interest.
    /// \throws DataError if no modifier has it
    std::string parameter_of_interest() const;

    std::vector<Parameter> parameters() const { return parameters_; }
    LabelsSection::Labels labels() const { return names_.labels(); }

private:
    struct Declared {
        PyhfKind kind;
        std::vector<std::string> names;
    };
    const std::vector<std::string>& declared_again(const std::string& modifier,
                                                   PyhfKind kind,
                                                   std::size_t size) const;
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

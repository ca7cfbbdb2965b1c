#include "pyhf_file.hpp"

#include <vector>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/json_text.hpp"

namespace ratiofarm {

using nlohmann::json;

namespace {

constexpr int deepest = 64;  // levels; a workspace has 9

/// What to do with a model of another program; empty if it is none that is known.
std::string other_format(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return "it is empty";
    if (text[first] == '<') {
        return "this is XML, maybe of HistFactory; 'pyhf xml2json' makes a workspace of it (pip "
               "install 'pyhf[xmlio]')";
    }
    const auto has_line = [&](const std::string& word) {
        return text.starts_with(word) || text.find("\n" + word) != std::string::npos;
    };
    if (has_line("imax") && (has_line("jmax") || has_line("kmax"))) {
        return "this is a datacard of Combine, which is not read; write its channels, samples and "
               "uncertainties as a pyhf workspace, for example with cabinetry";
    }
    return "";
}

void refuse_other_json(const json& value) {
    if (!value.is_object()) return;
    if (value.contains("distributions") || value.contains("likelihoods")) {
        throw DataError(
            "this is a model in HS3 (HEP statistics serialization standard), which is not "
            "read; write its channels as a pyhf workspace");
    }
}

/// Number of values in a value, with itself.
/// \throws DataError if it is nested too deeply, as operations of a patch can do
std::size_t count_values(const json& value) {
    std::size_t n = 0;
    std::vector<std::pair<const json*, int>> open{{&value, 0}};
    for (; !open.empty(); ++n) {
        const auto [next, depth] = open.back();
        open.pop_back();
        if (depth > 2 * deepest) {
            throw DataError(fmt::format("it is nested deeper than {} levels", deepest));
        }
        if (!next->is_structured()) continue;
        for (const json& item : *next) open.emplace_back(&item, depth + 1);
    }
    return n;
}

/// The library ends the program where something is to be added to a text or a number.
void expect_parent(const json& value, const json& operation) {
    const std::string path = operation.value("path", std::string());
    if (path.empty() || path.front() != '/') return;  // the library refuses it, or all is replaced
    const json::json_pointer parent = json::json_pointer(path).parent_pointer();
    if (!value.contains(parent) || value.at(parent).is_structured()) return;
    throw DataError(
        fmt::format("'{}' lies in a value that is neither an object nor an array", path));
}

/// The operations of a patch, or of the patch of this name in a patch set.
const json& operations_of(const json& patch, const std::string& name) {
    if (!patch.is_object()) return patch;
    std::string known;
    const auto patches = patch.find("patches");
    if (patches == patch.end() || !patches->is_array()) {
        throw DataError("neither a JSON patch, which is an array, nor a patch set with 'patches'");
    }
    for (const json& entry : *patches) {
        const json its_name =
            entry.is_object() && entry.contains("metadata") && entry.at("metadata").is_object()
                ? entry.at("metadata").value("name", json())
                : json();
        if (!its_name.is_string() || !entry.contains("patch")) {
            throw DataError("a patch of the patch set lacks 'patch' or a 'metadata' with a 'name'");
        }
        if (its_name == name) return entry.at("patch");
        known += (known.empty() ? "'" : ", '") + its_name.get<std::string>() + "'";
    }
    throw DataError(fmt::format(
        "the patch set has no patch '{}' (it has {}; choose with --patch-name)", name, known));
}

}  // namespace

json parse_pyhf(const std::string& text) {
    try {
        json value = parse_json<json>(text, deepest);
        refuse_other_json(value);
        return value;
    } catch (const json::exception& error) {
        const std::string other = other_format(text);
        throw DataError(other.empty() ? fmt::format("not valid JSON: {}", error.what()) : other);
    }
}

json patched(const json& workspace, const json& patch, const std::string& name) {
    const json& operations = operations_of(patch, name);
    if (!operations.is_array()) throw DataError("the operations of a patch must be an array");
    json result = workspace;
    constexpr std::size_t always_allowed = 100'000;
    constexpr std::size_t growth = 20;
    std::size_t most = 0;  // values that copies may make
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto refuse = [&](const char* why) {
            throw DataError(fmt::format("the patch does not apply: operation {}: {}", i, why));
        };
        try {
            expect_parent(result, operations.at(i));
            result.patch_inplace(json::array({operations.at(i)}));
        } catch (const json::exception& error) {
            refuse(error.what());
        } catch (const DataError& error) {
            refuse(error.what());
        }
        const json operation = operations.at(i).value("op", json());
        if (operation != "copy" && operation != "move") continue;
        if (most == 0) most = always_allowed + growth * count_values(workspace);
        if (count_values(result) > most && operation == "copy") {
            throw DataError(
                fmt::format("the patch copies the workspace to more than {} values", most));
        }
    }
    return result;
}

}  // namespace ratiofarm

#include "fit_options.hpp"

#include <utility>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

std::vector<Option> fit_request_options() {
    return {
        {"starts", "N", "probes for further minima along each parameter (default: 4)"},
        {"minos", "NAMES", "asymmetric errors of these parameters, separated by commas, or 'all'"},
        {"keep-null-shapes", "",
         "also use shapes that are not significant (default: as the campaign says)"},
        {"storage", "WORD", "systematic ratios in memory: fp32, or fp16, which needs half of it",
         "fp32"},
        {"precision", "WORD",
         "precision of systematic shapes within a block of events: fp64 or fp32", "fp64"},
        {"kernel", "WORD",
         "automatic, portable, avx2 or avx512 (all give the same bits), or textbook: a slow, plain "
         "loop for checks, which reads the events again in every pass",
         "automatic"}};
}

namespace {

/// The choice that a word names.
template <class Choice>
Choice choice_of(const Arguments& arguments,
                 const std::string& option,
                 const std::vector<std::pair<std::string, Choice>>& words) {
    const std::string word = arguments.text(option);
    std::string allowed;
    for (const auto& [name, choice] : words) {
        if (name == word) return choice;
        allowed += (allowed.empty() ? "" : ", ") + name;
    }
    throw ConfigError("--" + option + " = '" + word + "' (allowed: " + allowed + ")");
}

LikelihoodOptions likelihood_options(const Arguments& arguments) {
    LikelihoodOptions options;
    options.storage = choice_of<ShapeStorage>(
        arguments, "storage", {{"fp32", ShapeStorage::fp32}, {"fp16", ShapeStorage::fp16}});
    options.precision = choice_of<ShapePrecision>(
        arguments, "precision", {{"fp64", ShapePrecision::fp64}, {"fp32", ShapePrecision::fp32}});
    options.instructions = choice_of<InstructionSet>(arguments, "kernel",
                                                     {{"automatic", InstructionSet::automatic},
                                                      {"portable", InstructionSet::portable},
                                                      {"avx2", InstructionSet::avx2},
                                                      {"avx512", InstructionSet::avx512},
                                                      {"textbook", InstructionSet::textbook}});
    return options;
}

}  // namespace

std::vector<std::string> names_in_list(const Arguments& arguments, std::string_view option) {
    std::vector<std::string> names(1);
    for (const char c : arguments.text(option)) {
        if (c == ',') {
            names.emplace_back();
        } else if (c != ' ') {
            names.back() += c;
        }
    }
    for (const auto& name : names) {
        if (!name.empty()) continue;
        throw ConfigError("--" + std::string(option) + " = '" + arguments.text(option) +
                          "': must be names separated by commas");
    }
    return names;
}

FitRequest fit_request(const Arguments& arguments) {
    FitRequest request;
    request.likelihood = likelihood_options(arguments);
    request.keep_null_shapes = arguments.has("keep-null-shapes");
    if (arguments.has("starts")) {
        request.starts = static_cast<unsigned>(arguments.integer("starts", 0, 1000));
    }
    if (arguments.has("minos")) {
        request.all_intervals = arguments.text("minos") == "all";
        if (!request.all_intervals) request.intervals = names_in_list(arguments, "minos");
    }
    return request;
}

}  // namespace ratiofarm

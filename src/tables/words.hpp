#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/network.hpp"
#include "ratiofarm/core/suggest.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"
#include "ratiofarm/core/training_options.hpp"
#include "ratiofarm/physics/shape_norm.hpp"

/// The words that stand for enumerators in attributes: the same as in the campaign file.
namespace ratiofarm {

template <class Enum>
using Words = std::vector<std::pair<Enum, std::string_view>>;

inline Words<Activation> words(Activation) {
    return {{Activation::relu, "relu"}, {Activation::silu, "silu"}, {Activation::tanh, "tanh"}};
}
inline Words<Optimizer> words(Optimizer) {
    return {{Optimizer::adam, "adam"}, {Optimizer::nadam, "nadam"}, {Optimizer::adamw, "adamw"}};
}
inline Words<Schedule> words(Schedule) {
    return {{Schedule::constant, "constant"}, {Schedule::cosine, "cosine"}};
}
inline Words<Precision> words(Precision) {
    return {{Precision::fp32, "fp32"}, {Precision::bf16, "bf16"}};
}
inline Words<Combine> words(Combine) {
    return {{Combine::mean_log_ratio, "mean_log_ratio"}, {Combine::mean_ratio, "mean_ratio"}};
}
inline Words<ShapeNorm> words(ShapeNorm) {
    return {{ShapeNorm::none, "none"},
            {ShapeNorm::reference, "reference"},
            {ShapeNorm::reference_quadratic, "reference_quadratic"}};
}

template <class Enum>
std::string_view word_of(Enum value) {
    for (const auto& [known, word] : words(Enum{})) {
        if (known == value) return word;
    }
    throw DataError("an option has a value that this program does not know");
}

/// \throws DataError naming the attribute and what it may hold
template <class Enum>
Enum value_of(std::string_view word, std::string_view attribute) {
    std::vector<std::string> known;
    for (const auto& [value, spelled] : words(Enum{})) {
        if (spelled == word) return value;
        known.emplace_back(spelled);
    }
    throw DataError("attribute '" + std::string(attribute) + "' is '" + std::string(word) +
                    "', which is not known" + did_you_mean(word, known));
}

}  // namespace ratiofarm

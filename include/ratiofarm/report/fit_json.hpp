#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"

namespace ratiofarm {

/// Another fit of the same events by the same likelihood code, shown beside the main one: with
/// exact ratios, or with the ratios of a histogram.
struct ComparisonFit {
    std::string label;  ///< "exact ratios", "histogram of mass"
    FitResult fit;
};

/// What `fit.json` holds. No time, host or rank count: identical results are identical bytes.
struct FitRecord {
    std::string campaign;  ///< name
    std::string inputs;    ///< digest of the ratio file, hexadecimal
    std::string data;      ///< what was fitted: "Asimov data from the samples at mu = 1"
    FitResult fit;
    std::vector<ComparisonFit> comparisons;
};

/// First value of the file; a reader refuses another one.
inline constexpr std::string_view fit_json_schema = "ratiofarm.fit/1";

/// JSON text with the keys of docs/formats.md. Numbers have the fewest digits that read back to the
/// same bits; a number that is not finite is null.
std::string fit_json(const FitRecord& record);

/// \throws DataError naming the key that is missing or of the wrong type, or the unknown schema
FitRecord parse_fit_json(std::string_view text);

}  // namespace ratiofarm

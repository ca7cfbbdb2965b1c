#pragma once

#include <filesystem>

#include "fit_problem.hpp"

namespace ratiofarm::bench {

/// Writes the events of the problem as a ratio file, fp32.
void write_ratio_file(const FitProblem& problem, const std::filesystem::path& path);

/// Opens the ratio file; the likelihood reads from the result.
EventSource ratio_file_source(const FitProblem& problem, const std::filesystem::path& path);

/// Reads every byte of the file by plain read() into memory that is thrown away, each thread its
/// own part.
void read_raw(const std::filesystem::path& path, unsigned threads);

}  // namespace ratiofarm::bench

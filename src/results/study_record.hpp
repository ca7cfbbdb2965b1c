#pragma once

#include <optional>
#include <string>

#include "campaign/search/study.hpp"

#include "search_record.hpp"

namespace ratiofarm {

/// A study as a search that reports show: an objective that is to be large is called "-name" and
/// has the other sign; work counts in epochs. Nothing before any trial has ended a rung.
std::optional<SearchRecord> study_record(const Study& study);

/// study.json: all trials with what was reported, the best, the front, importance. \param record
/// of the study
std::string study_json(const Study& study, const std::optional<SearchRecord>& record);

}  // namespace ratiofarm

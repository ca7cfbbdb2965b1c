#pragma once

#include <filesystem>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/log.hpp"

#include "campaign/study_section.hpp"

#include "study_books.hpp"

/// `ratiofarm hpo`: a search whose trials other programs train.
namespace ratiofarm {

/// The folder of a study.
struct StudyFolder {
    std::filesystem::path root;

    std::filesystem::path journal() const { return root / "study.jsonl"; }
    std::filesystem::path requests() const { return root / "requests"; }
    std::filesystem::path answers() const { return root / "answers"; }
    std::filesystem::path socket() const { return root / "socket"; }
    std::filesystem::path lock() const { return root / "lock"; }
    std::filesystem::path done() const { return root / "DONE"; }
    std::filesystem::path json() const { return root / "study.json"; }
    std::filesystem::path csv() const { return root / "study.csv"; }
    std::filesystem::path report() const { return root / "report.html"; }
};

struct ServiceOptions {
    double poll_seconds = 1.0;  ///< between looks into the folder of requests
    bool socket = false;        ///< whether there is one, too
};

/// Answers requests until the study is over, somebody makes the file DONE, or the process is told
/// to stop. A request is a file requests/CLIENT.NAME.json; its answer, answers/CLIENT.NAME.json,
/// appears when what it says is durable in the journal. Leases run by this process' own clock: from
/// the last sign of life that it saw, or from its start.
/// \throws ConfigError if another process serves this folder; DataError of StudyBooks
ExitCode serve_study(const StudySection& section,
                     const StudyFolder& folder,
                     const ServiceOptions& options,
                     const Log& log);

/// Writes study.json, study.csv and report.html. \return the text for people
std::string publish_study(const Study& study, const StudyFolder& folder);

}  // namespace ratiofarm

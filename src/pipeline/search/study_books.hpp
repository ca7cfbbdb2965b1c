#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "campaign/search/study.hpp"
#include "store/line_file.hpp"

namespace ratiofarm {

/// A study and its journal, study.jsonl: every answer that changed the books and every trial that
/// was lost, in their order, a line with a CRC-32 each. Who opens the books repeats all of it and
/// compares each answer with what was said then.
class StudyBooks {
public:
    enum class Open {
        to_write,  ///< further lines are appended; what was torn is cut off
        to_look,   ///< also while another process writes
    };

    /// \throws DataError naming the line that is damaged, or that this study would not answer so
    StudyBooks(StudySection section, const std::filesystem::path& journal, Open open);

    /// \pre to_write. The answer may be given once flush() has returned.
    /// \param most_trials  that an `ask` gets
    Study::Answer answer(const std::string& client,
                         const std::string& request,
                         std::uint64_t most_trials);
    bool lose(const Study::Lease& lease);
    void flush();

    const Study& study() const { return study_; }
    std::uint64_t lines() const { return lines_; }

private:
    void repeat(std::string_view text, const std::filesystem::path& journal);

    Study study_;
    std::uint64_t lines_ = 0;
    std::optional<LineFile> file_;
};

}  // namespace ratiofarm

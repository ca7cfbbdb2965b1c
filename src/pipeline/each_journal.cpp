#include "each_journal.hpp"

#include "store/killed_attempts.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

void remove_damaged_lines(const fs::path& path, JournalState& journal, const Log& log) {
    if (journal.damaged_lines == 0) return;
    log.warning("damaged lines of a journal are removed; what they said is made again",
                {{"lines", journal.damaged_lines}, {"file", path.string()}});
    journal = compact_journal(path, journal);
}

}  // namespace

Journals read_each_journal(const RunDirectory& directory, const Shard& shard, const Log& log) {
    const auto have_ended = [](const JournalState& journal) {
        return journal.farms.size() <= journal.ends.size();
    };
    Journals found;
    found.all = read_journal(directory.journal());
    found.own = found.all;
    found.all_farms_ended = have_ended(found.all);
    for (const fs::path& path : directory.other_journals()) {
        JournalState other = read_journal(path);
        if (path == directory.journal(shard)) found.own = other;
        found.all_farms_ended = found.all_farms_ended && have_ended(other);
        if (shard.whole()) remove_damaged_lines(path, other, log);
        merge(found.all, other);
    }
    if (!shard.whole() && !fs::exists(directory.journal(shard))) found.own = {};
    return found;
}

void tidy_journal(const fs::path& path, JournalState& own, const Log& log) {
    end_killed_attempts(path, own);
    remove_damaged_lines(path, own, log);
    if (!worth_compacting(own)) return;
    own = compact_journal(path, own);
    log.info("journal compacted", {{"lines", own.lines}});
}

}  // namespace ratiofarm

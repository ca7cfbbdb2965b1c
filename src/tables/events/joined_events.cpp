#include "joined_events.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "core/suggest.hpp"
#include "tables/parallel_table.hpp"

#include "event_layout.hpp"

namespace ratiofarm {
namespace {

void copy_sample(const EventsPart& part, const std::string& sample, const h5::File& to) {
    const h5::File from = open_table(part.file, events_kind);
    const std::string name = part.as.empty() ? sample : part.as;
    const std::string where = "'" + part.file.string() + "'";
    if (!h5::is_group(from, "/" + sample)) {
        throw DataError(where + " has no sample '" + sample + "'" +
                        did_you_mean(sample, sample_names(part.file)));
    }
    if (h5::exists(to, "/" + name)) {
        throw DataError(where + ": there is a sample '" + name + "' already; choose another name");
    }
    h5::copy_object(from, "/" + sample, to, "/" + name);
}

}  // namespace

void join_events(const std::filesystem::path& to, const std::vector<EventsPart>& parts) {
    std::uint64_t bytes = 0;
    for (const EventsPart& part : parts) bytes += std::filesystem::file_size(part.file);
    write_together(mpi::Communicator(), to,
                   {.bytes = bytes,
                    .create =
                        [&](const h5::File& file) {
                            for (const EventsPart& part : parts) {
                                const auto samples =
                                    part.samples.empty() ? sample_names(part.file) : part.samples;
                                for (const auto& sample : samples) copy_sample(part, sample, file);
                            }
                        },
                    .write = [](const h5::File&) {},
                    .describe = [](const h5::File& file) { write_kind(file, events_kind); },
                    .verify = [](const h5::File&) {}});
}

}  // namespace ratiofarm

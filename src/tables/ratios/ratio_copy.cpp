#include "ratio_copy.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "h5/attributes.hpp"
#include "tables/parallel_table.hpp"

#include "net_ratio_writer.hpp"
#include "ratio_attributes.hpp"

namespace ratiofarm {
namespace {

constexpr std::array net_lines{NetRatios::replica_spread, NetRatios::replica, NetRatios::member};

/// Whether a dataset, or the one that its checksums are of, is of single nets.
bool is_of_nets(const std::string& dataset, const std::string& set) {
    return std::ranges::any_of(net_lines, [&](NetRatios lines) {
        return dataset.starts_with(net_ratios_path(set, lines));
    });
}

void copy_set(const h5::File& from, const h5::File& to, const std::string& set, bool members) {
    const std::string group = set_path(set);
    h5::create_group(to, group);
    for (const std::string& member : h5::member_names(from, group)) {
        const std::string path = group + "/" + member;
        if (members || !is_of_nets(path, set)) h5::copy_object(from, path, to, path);
    }
}

void describe(const h5::File& from,
              const RatioFile& source,
              const h5::File& to,
              const RatioCopy& copy) {
    RatioHeader header = source.header();
    if (!copy.members) {
        header.replicas.clear();
        header.members.clear();
    }
    const bool measured = source.summary().reference_events > 0;
    write_ratio_header(to, header, measured ? source.summary() : RatioSummary{}, copy.sets);
    constexpr const char* digest = "sample_digest";
    for (const std::string& set : copy.sets) {
        const std::string group = set_path(set);
        h5::write_attribute(to, group, "sum_of_weights", source.set(set).sum_of_weights);
        if (!h5::has_attribute(from, group, digest)) continue;
        h5::write_attribute(to, group, digest,
                            std::string_view(h5::read_text_attribute(from, group, digest)));
    }
    write_kind(to, kind_of(header));
}

}  // namespace

void copy_ratios(const RatioFile& from, const std::filesystem::path& to, const RatioCopy& copy) {
    for (const std::string& set : copy.sets) from.set(set);
    const h5::File source = open_table(from.path(), ratios_kind);
    write_together(
        mpi::Communicator(), to,
        {.bytes = std::filesystem::file_size(from.path()),
         .create =
             [&](const h5::File& file) {
                 for (const auto& set : copy.sets) copy_set(source, file, set, copy.members);
             },
         .write = [](const h5::File&) {},
         .describe = [&](const h5::File& file) { describe(source, from, file, copy); },
         .verify = [&](const h5::File&) { RatioFile(partial_path(to)).verify_events(); }});
}

}  // namespace ratiofarm

#include "net_ratio_writer.hpp"

#include <algorithm>
#include <numeric>

#include "ratiofarm/core/errors.hpp"

#include "tables/checked_column.hpp"

#include "ratio_attributes.hpp"
#include "ratio_events.hpp"

namespace ratiofarm {

namespace {

const char* name_of(NetRatios lines) {
    switch (lines) {
        case NetRatios::up_spread: return "spread_g_up";
        case NetRatios::down_spread: return "spread_g_down";
        case NetRatios::up_halves: return "half_g_up";
        case NetRatios::down_halves: return "half_g_down";
        case NetRatios::replica_spread: return "replica_spread";
        case NetRatios::replica: return "replica_log_r";
        case NetRatios::member: return "member_log_r";
    }
    return "";
}

std::string set_name(const RatioInput& input, std::uint64_t set) {
    return input.sets[set].sample.name;
}

/// Half of the difference between the means of both halves, whose nets are in turn.
/// \param members [nets, events]
std::vector<float> half_difference(std::span<const float> members, std::uint64_t events) {
    const std::uint64_t nets = members.size() / events;
    std::vector<float> values(events);
    for (std::uint64_t event = 0; event < events; ++event) {
        double sum = 0.0;
        for (std::uint64_t net = 0; net < nets; ++net) {
            const double value{members[net * events + event]};
            sum += net % 2 == 0 ? value : -value;
        }
        values[event] = static_cast<float>(sum / static_cast<double>(nets));
    }
    return values;
}

std::uint32_t checksum(std::span<const float> values) { return crc32(std::as_bytes(values)); }

}  // namespace

std::string net_ratios_path(std::string_view set, NetRatios lines) {
    return set_path(set) + "/" + name_of(lines);
}

NetRatioWriter::NetRatioWriter(const RatioInput& input,
                               const RatioProvider& provider,
                               std::span<const RatioSelection> selections)
    : input_(input), selections_(selections), ranges_(input, provider, selections) {
    add_shapes();
    add_nets(RatioKind::replicas, input.header.replicas);
    add_nets(RatioKind::process, input.header.members);
}

void NetRatioWriter::add_shapes() {
    const std::uint64_t shapes = input_.header.shapes.size();
    if (shapes == 0) return;
    for (const RatioKind kind : {RatioKind::up, RatioKind::down}) {
        const bool up = kind == RatioKind::up;
        const std::string log_g = up ? "log_g_up" : "log_g_down";
        const std::string spread = name_of(up ? NetRatios::up_spread : NetRatios::down_spread);
        const std::string halves = name_of(up ? NetRatios::up_halves : NetRatios::down_halves);
        const bool has_halves = input_.header.shape_nets > 0;
        datasets_.push_back({log_g, shapes});
        if (has_halves) datasets_.push_back({halves, shapes});
        if (input_.shape_spread) datasets_.push_back({spread, shapes});
        for (std::uint64_t shape = 0; shape < shapes; ++shape) {
            Source source{kind, shape, {{log_g, Part::log_ratio, shape}}};
            if (has_halves) source.targets.push_back({halves, Part::halves, shape});
            if (input_.shape_spread) source.targets.push_back({spread, Part::spread, shape});
            sources_.push_back(std::move(source));
        }
    }
}

void NetRatioWriter::add_nets(RatioKind kind, const std::vector<std::uint32_t>& lines) {
    if (lines.empty()) return;
    const bool replicas = kind == RatioKind::replicas;
    const std::string log_r = name_of(replicas ? NetRatios::replica : NetRatios::member);
    const std::string spread = name_of(NetRatios::replica_spread);
    if (replicas) datasets_.push_back({spread, lines.size()});
    std::uint64_t first = 0;
    for (std::uint64_t process = 0; process < lines.size(); ++process) {
        Source source{kind, process, {{log_r, Part::members, first, lines[process]}}};
        if (replicas) source.targets.push_back({spread, Part::spread, process});
        sources_.push_back(std::move(source));
        first += lines[process];
    }
    datasets_.push_back({log_r, first});
}

NetRatioTableLayout NetRatioWriter::layout(const Dataset& dataset, std::uint64_t set) const {
    return {set_path(set_name(input_, set)) + "/" + dataset.name, dataset.lines,
            selections_[set].events()};
}

std::uint64_t NetRatioWriter::bytes() const {
    std::uint64_t total = 0;
    for (std::uint64_t set = 0; set < selections_.size(); ++set) {
        for (const Dataset& dataset : datasets_) total += layout(dataset, set).bytes();
    }
    return total;
}

void NetRatioWriter::create(const h5::File& file) const {
    for (std::uint64_t set = 0; set < selections_.size(); ++set) {
        for (const Dataset& dataset : datasets_) create_net_ratio_table(file, layout(dataset, set));
    }
}

void NetRatioWriter::write(const h5::File& file, std::span<const BlockPlace> places) {
    for (const Source& source : sources_) write_source(file, source, places);
    loaded_.reset();
}

void NetRatioWriter::write_source(const h5::File& file,
                                  const Source& source,
                                  std::span<const BlockPlace> places) {
    for (const BlockPlace& place : places) {
        const Range rows = rows_of_block(place.block, selections_[place.set].events());
        const auto values = gather(source, place);
        for (std::size_t k = 0; k < source.targets.size(); ++k) {
            const Target& target = source.targets[k];
            const NetRatioTable table(file,
                                      set_path(set_name(input_, place.set)) + "/" + target.dataset);
            for (std::uint64_t line = 0; line < target.lines; ++line) {
                const auto list = std::span(values[k]).subspan(line * rows.size(), rows.size());
                table.write(target.first + line, rows, list);
                written_.push_back(checksum(list));
            }
        }
    }
}

const RatioBlock& NetRatioWriter::load(const RatioBlockKey& key) {
    if (!loaded_ || loaded_key_ != key) {
        loaded_ = ranges_.load(key);
        loaded_key_ = key;
    }
    return *loaded_;
}

std::vector<std::vector<float>> NetRatioWriter::gather(const Source& source,
                                                       const BlockPlace& place) {
    const RatioSelection& selection = selections_[place.set];
    const std::uint64_t rows = rows_of_block(place.block, selection.events()).size();
    std::vector<std::vector<float>> values;
    for (const Target& target : source.targets) values.emplace_back(target.lines * rows);
    std::uint64_t position = 0;
    for (const BlockPart& part : parts_of(selection, place.block)) {
        const RatioBlock& block = load(
            {.set = place.set, .kind = source.kind, .column = source.column, .range = part.range});
        const std::uint64_t events = block.log_ratio.size();
        const bool halves =
            std::any_of(source.targets.begin(), source.targets.end(),
                        [](const Target& target) { return target.part == Part::halves; });
        const std::vector<float> difference =
            halves ? half_difference(block.members, events) : std::vector<float>();
        for (std::size_t k = 0; k < source.targets.size(); ++k) {
            const Target& target = source.targets[k];
            const std::vector<float>& from = target.part == Part::log_ratio ? block.log_ratio
                                             : target.part == Part::spread  ? block.spread
                                             : target.part == Part::halves  ? difference
                                                                            : block.members;
            for (std::uint64_t line = 0; line < target.lines; ++line) {
                const auto first =
                    from.begin() + static_cast<std::ptrdiff_t>(line * events + part.inside.first);
                std::copy_n(
                    first, part.inside.size(),
                    values[k].begin() + static_cast<std::ptrdiff_t>(line * rows + position));
            }
        }
        position += part.inside.size();
    }
    return values;
}

void NetRatioWriter::verify(const h5::File& file, std::span<const BlockPlace> places) const {
    std::size_t next = 0;
    for (const Source& source : sources_) {
        for (const BlockPlace& place : places) {
            const Range rows = rows_of_block(place.block, selections_[place.set].events());
            for (const Target& target : source.targets) {
                const std::string path =
                    set_path(set_name(input_, place.set)) + "/" + target.dataset;
                const NetRatioTable table(file, path);
                for (std::uint64_t line = 0; line < target.lines; ++line) {
                    const auto values = table.read(target.first + line, rows);
                    if (checksum(values) == written_[next++]) continue;
                    throw DataError(path + " line " + std::to_string(target.first + line) +
                                    " reads back differently");
                }
            }
        }
    }
}

}  // namespace ratiofarm

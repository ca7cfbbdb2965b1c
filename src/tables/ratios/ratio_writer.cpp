#include "ratio_writer.hpp"

#include <array>
#include <cmath>
#include <optional>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"
#include "tables/parallel_table.hpp"

#include "net_ratio_writer.hpp"
#include "ratio_attributes.hpp"
#include "ratio_blocks.hpp"
#include "ratio_sums.hpp"

namespace ratiofarm {

namespace {

using NetLayouts = std::array<ColumnLayout, 5>;
using Checksums = std::array<std::uint32_t, 5>;

NetLayouts layouts_of(const std::string& set, std::uint64_t events, std::uint64_t processes) {
    const std::string group = set_path(set) + "/";
    return {{{group + "id", h5::ElementType::u64, events},
             {group + "row", h5::ElementType::u64, events},
             {group + "weight", h5::ElementType::f64, events},
             {group + "log_r", h5::ElementType::f32, events, processes, ColumnShape::matrix},
             {group + "spread", h5::ElementType::f32, events, processes, ColumnShape::matrix}}};
}

template <class T>
std::uint32_t checksum(const std::vector<T>& values) {
    return crc32(std::as_bytes(std::span(values)));
}

/// Contiguous part of a list that this rank works on.
std::span<const BlockPlace> part_of(const mpi::Communicator& comm,
                                    const std::vector<BlockPlace>& places) {
    const Range mine = block_partition(places.size(), static_cast<std::uint64_t>(comm.size()),
                                       static_cast<std::uint64_t>(comm.rank()));
    return std::span(places).subspan(mine.first, mine.size());
}

/// The five columns of one set, open.
class SetColumns {
public:
    SetColumns(const h5::File& file, const NetLayouts& layouts)
        : id_(file, layouts[0].path),
          row_(file, layouts[1].path),
          weight_(file, layouts[2].path),
          log_r_(file, layouts[3].path),
          spread_(file, layouts[4].path) {}

    Checksums write(std::uint64_t block, const RatioBlockRows& rows) const {
        id_.write_block<std::uint64_t>(block, rows.id);
        row_.write_block<std::uint64_t>(block, rows.row);
        weight_.write_block<double>(block, rows.weight);
        log_r_.write_block<float>(block, rows.log_r);
        spread_.write_block<float>(block, rows.spread);
        return {checksum(rows.id), checksum(rows.row), checksum(rows.weight), checksum(rows.log_r),
                checksum(rows.spread)};
    }

    Checksums read(std::uint64_t block) const {
        const Range rows = rows_of_block(block, id_.info().rows());
        return {checksum(id_.read<std::uint64_t>(rows)), checksum(row_.read<std::uint64_t>(rows)),
                checksum(weight_.read<double>(rows)), checksum(log_r_.read<float>(rows)),
                checksum(spread_.read<float>(rows))};
    }

private:
    CheckedColumn id_;
    CheckedColumn row_;
    CheckedColumn weight_;
    CheckedColumn log_r_;
    CheckedColumn spread_;
};

/// One ratio file in the making, on one rank.
class RatioWriter {
public:
    /// Collective over comm.
    RatioWriter(const mpi::Communicator& comm,
                const RatioInput& input,
                const RatioProvider& provider)
        : comm_(comm), input_(input), provider_(provider) {
        RATIOFARM_EXPECT(!input.header.processes.empty());
        mpi::together(comm, [&] {
            select();
            lines_.emplace(input_, provider_, selections_);
        });
    }

    /// Collective over comm. First pass, over the reference: what ln r is divided by.
    void normalise() {
        summary_.log_z.assign(mixture_.processes, 0.0);
        summary_.excess = summary_.excess_error = summary_.log_z;
        if (mixture_.components.empty()) return;
        std::vector<double> mine;
        mpi::together(comm_, [&] {
            RatioBlockLoader loader(input_, provider_, selections_);
            for (const BlockPlace& place : part_of(comm_, reference_blocks_)) {
                append(mine, block_sums(loader.load(place), mixture_));
            }
        });
        const auto sums = add_in_order(comm_, reference_blocks_, mine, mixture_);
        const Excess excess = excess_of(sums, mixture_);
        summary_.excess = excess.mean;
        summary_.excess_error = excess.error;
        summary_.identity_before = identity_of(sums, mixture_);
        mpi::together(comm_, [&] { set_log_z(); });
    }

    /// Collective over comm. Second pass, over all events.
    RatioSummary write(const std::filesystem::path& path) {
        write_together(comm_, path,
                       {.bytes = bytes(),
                        .create = [&](const h5::File& file) { create(file); },
                        .write = [&](const h5::File& file) { write_blocks(file); },
                        .agree = [&] { check_identity(); },
                        .describe = [&](const h5::File& file) { write_attributes(file); },
                        .verify = [&](const h5::File& file) { verify_blocks(file); }});
        return summary_;
    }

private:
    static void append(std::vector<double>& list, const std::vector<double>& more) {
        list.insert(list.end(), more.begin(), more.end());
    }

    void select() {
        mixture_ = reference_mixture(input_);
        for (const RatioSetInput& set : input_.sets)
            selections_.emplace_back(set, input_.range_size);
        for (std::uint64_t set = 0; set < selections_.size(); ++set) {
            const std::uint64_t events = selections_[set].events();
            layouts_.push_back(
                layouts_of(input_.sets[set].sample.name, events, mixture_.processes));
            summary_.events += events;
            if (mixture_.contains(set)) summary_.reference_events += events;
            for (std::uint64_t block = 0; block < block_count(events); ++block) {
                blocks_.push_back({set, block});
                if (mixture_.contains(set)) reference_blocks_.push_back({set, block});
            }
            if (mixture_.contains(set) && events == 0) {
                throw DataError("sample '" + input_.sets[set].sample.name +
                                "' is part of the reference but has no inference events");
            }
        }
    }

    void set_log_z() {
        for (std::uint64_t process = 0; process < mixture_.processes; ++process) {
            const double z = 1.0 + summary_.excess[process];
            if (!(z > 0.0) || !std::isfinite(z)) {
                throw NumericalError("process '" + input_.header.processes[process].name +
                                     "': its ratios average to " + std::to_string(z) +
                                     " over the reference, must be > 0 (expected 1): was the net "
                                     "trained at all, are most weights negative?");
            }
            if (input_.header.shape_norm != ShapeNorm::none) {
                summary_.log_z[process] = std::log(z);
            }
        }
    }

    std::uint64_t bytes() const {
        std::uint64_t total = 0;
        for (const NetLayouts& layouts : layouts_) {
            for (const ColumnLayout& layout : layouts) total += layout.bytes();
        }
        return total + lines_->bytes();
    }

    void create(const h5::File& file) const {
        for (const NetLayouts& layouts : layouts_) {
            h5::create_group(file, std::filesystem::path(layouts[0].path).parent_path().string());
            for (const ColumnLayout& layout : layouts) create_column(file, layout);
        }
        lines_->create(file);
    }

    void subtract_log_z(std::vector<float>& log_r) const {
        for (std::size_t index = 0; index < log_r.size(); ++index) {
            const double log_z = summary_.log_z[index % mixture_.processes];
            log_r[index] = static_cast<float>(double{log_r[index]} - log_z);
        }
    }

    void write_blocks(const h5::File& file) {
        RatioBlockLoader loader(input_, provider_, selections_);
        for (const BlockPlace& place : part_of(comm_, blocks_)) {
            RatioBlockRows rows = loader.load(place);
            subtract_log_z(rows.log_r);
            written_.push_back(SetColumns(file, layouts_[place.set]).write(place.block, rows));
            if (mixture_.contains(place.set)) append(identity_sums_, block_sums(rows, mixture_));
        }
        lines_->write(file, part_of(comm_, blocks_));
    }

    void check_identity() {
        if (mixture_.components.empty()) return;
        const auto sums = add_in_order(comm_, reference_blocks_, identity_sums_, mixture_);
        summary_.identity_after = identity_of(sums, mixture_);
    }

    void write_attributes(const h5::File& file) const {
        std::vector<std::string> names;
        for (std::size_t set = 0; set < selections_.size(); ++set) {
            names.push_back(input_.sets[set].sample.name);
            const std::string group = set_path(names.back());
            h5::write_attribute(file, group, "sum_of_weights", selections_[set].sum_of_weights());
            h5::write_attribute(file, group, "sample_digest",
                                std::string_view(input_.sets[set].sample.digest.hex()));
        }
        write_ratio_header(file, input_.header, summary_, names);
        write_kind(file, kind_of(input_.header));
    }

    void verify_blocks(const h5::File& file) const {
        std::size_t next = 0;
        for (const BlockPlace& place : part_of(comm_, blocks_)) {
            if (SetColumns(file, layouts_[place.set]).read(place.block) == written_[next++])
                continue;
            throw DataError("block " + std::to_string(place.block) + " of '" +
                            input_.sets[place.set].sample.name + "' reads back differently");
        }
        lines_->verify(file, part_of(comm_, blocks_));
    }

    const mpi::Communicator& comm_;
    const RatioInput& input_;
    const RatioProvider& provider_;
    ReferenceMixture mixture_;
    std::vector<RatioSelection> selections_;
    std::optional<NetRatioWriter> lines_;
    std::vector<NetLayouts> layouts_;
    std::vector<BlockPlace> blocks_;            ///< of all sets, in order
    std::vector<BlockPlace> reference_blocks_;  ///< those of the reference, in order
    std::vector<Checksums> written_;            ///< of this rank's blocks
    std::vector<double> identity_sums_;         ///< of this rank's reference blocks
    RatioSummary summary_;
};

}  // namespace

RatioSummary write_ratios(const mpi::Communicator& comm,
                          const std::filesystem::path& path,
                          const RatioInput& input,
                          const RatioProvider& provider) {
    RatioWriter writer(comm, input, provider);
    writer.normalise();
    return writer.write(path);
}

}  // namespace ratiofarm

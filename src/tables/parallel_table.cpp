#include "parallel_table.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/publish.hpp"
#include "h5/free_space.hpp"

#include "table_file.hpp"

namespace ratiofarm {

namespace {

/// Room for groups, attributes and alignment.
constexpr std::uint64_t metadata_bytes = 65536;

void make_parent_folder(const std::filesystem::path& path) {
    if (!path.has_parent_path()) return;
    std::filesystem::create_directories(path.parent_path());
}

/// The skeleton: metadata are complete before any rank writes data.
void create_skeleton(const std::filesystem::path& partial, const ParallelTable& table) {
    make_parent_folder(partial);
    h5::require_free_space(partial, table.bytes + metadata_bytes);
    h5::File file = h5::create_file(partial);
    table.create(file);
    create_metadata_checksum(file);
    h5::close(std::move(file));
    h5::reserve_blocks(partial);
}

/// Nobody else has seen the file yet: where it is not what was just written, the same command makes
/// it again. \throws SystemError in place of other errors
template <class Action>
auto with_own_file(Action&& action) {
    try {
        return action();
    } catch (const SystemError&) {
        throw;
    } catch (const Error& damage) {
        throw SystemError(std::string(damage.what()) +
                          "; the file was just written: run the same command again");
    }
}

void write_rows(const mpi::Communicator& comm,
                const std::filesystem::path& partial,
                const ParallelTable& table) {
    mpi::together(comm, [&] {
        const h5::File file = with_own_file([&] { return h5::open_for_values(partial); });
        table.write(file);
        h5::flush(file);
    });
}

void complete_metadata(const std::filesystem::path& partial, const ParallelTable& table) {
    h5::File file = with_own_file([&] { return h5::open_for_attributes(partial); });
    table.describe(file);
    h5::close(std::move(file));
    with_own_file([&] { write_metadata_checksum(partial); });
}

void run_steps(const mpi::Communicator& comm,
               const std::filesystem::path& path,
               const ParallelTable& table) {
    const std::filesystem::path partial = partial_path(path);
    mpi::together(comm, [&] {
        if (comm.is_root()) create_skeleton(partial, table);
    });
    write_rows(comm, partial, table);
    mpi::barrier(comm);
    if (table.agree) table.agree();
    mpi::together(comm, [&] {
        if (comm.is_root()) complete_metadata(partial, table);
    });
    mpi::together(comm, [&] { with_own_file([&] { table.verify(open_checked(partial)); }); });
    mpi::together(comm, [&] {
        if (comm.is_root()) publish_file(partial, path);
    });
}

}  // namespace

void write_together(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    const ParallelTable& table) {
    try {
        in_context("writing '" + path.string() + "'", [&] { run_steps(comm, path, table); });
    } catch (...) {
        std::error_code ignored;
        if (comm.is_root()) std::filesystem::remove(partial_path(path), ignored);
        throw;
    }
}

}  // namespace ratiofarm

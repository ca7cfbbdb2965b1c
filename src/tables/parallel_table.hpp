#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "ratiofarm/mpi/communicator.hpp"

#include "h5/file.hpp"

namespace ratiofarm {

/// How one table is made by all ranks. Only `agree` may communicate.
/// Only `create` and `describe` may change metadata.
struct ParallelTable {
    std::uint64_t bytes = 0;                        ///< expected size of the file
    std::function<void(const h5::File&)> create;    ///< rank 0: groups, empty datasets, attributes
    std::function<void(const h5::File&)> write;     ///< each rank: values of its own rows
    std::function<void()> agree = nullptr;          ///< collective, once all have written
    std::function<void(const h5::File&)> describe;  ///< rank 0: other attributes, the kind last
    std::function<void(const h5::File&)> verify;    ///< each rank: reads its own rows back
};

/// Collective over comm. Runs the steps on "<path>.partial" and renames it. If a step fails on any
/// rank, every rank throws and the partial file is removed.
/// \throws what the steps throw; SystemError (resumable) if the disk is full
void write_together(const mpi::Communicator& comm,
                    const std::filesystem::path& path,
                    const ParallelTable& table);

}  // namespace ratiofarm

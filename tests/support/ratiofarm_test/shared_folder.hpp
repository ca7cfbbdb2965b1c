#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

namespace ratiofarm::test {

/// One temporary folder for all ranks; removed when all are done with it.
class SharedFolder {
public:
    /// Collective over comm.
    explicit SharedFolder(const mpi::Communicator& comm) : comm_(comm) {
        std::vector<std::byte> bytes;
        if (comm.is_root()) {
            folder_.emplace();
            const std::string name = folder_->path().string();
            for (const char letter : name) bytes.push_back(static_cast<std::byte>(letter));
        }
        std::string name;
        for (const std::byte byte : mpi::broadcast(comm, bytes)) name += static_cast<char>(byte);
        path_ = name;
    }
    ~SharedFolder() { mpi::barrier(comm_); }
    SharedFolder(const SharedFolder&) = delete;
    SharedFolder& operator=(const SharedFolder&) = delete;
    SharedFolder(SharedFolder&&) = delete;
    SharedFolder& operator=(SharedFolder&&) = delete;

    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
    const mpi::Communicator& comm_;
    std::optional<TemporaryDirectory> folder_;
    std::filesystem::path path_;
};

}  // namespace ratiofarm::test

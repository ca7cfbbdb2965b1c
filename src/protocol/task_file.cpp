#include "task_file.hpp"

#include <array>
#include <fstream>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t magic = 0x0a0d4b5341544652;  // "RFTASK\r\n", read as a little-endian number
constexpr std::uint32_t oldest_version = 2;
/// Of states and results of trainings, which end with a list that older ones do not have: averages,
/// scores.
constexpr std::uint32_t training_version = 3;

std::uint32_t version_of(std::uint32_t kind) {
    const bool training = kind == static_cast<std::uint32_t>(TaskFileKind::training_state) ||
                          kind == static_cast<std::uint32_t>(TaskFileKind::training_result);
    return training ? training_version : oldest_version;
}

struct Header {
    std::uint64_t magic = 0;
    std::uint32_t version = 0;
    std::uint32_t kind = 0;
    Digest task;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Header>& value) {
    archive(value.magic, value.version, value.kind, value.task, value.size, value.crc);
}

constexpr std::size_t header_size = 8 + 4 + 4 + 16 + 8 + 4;

}  // namespace

std::vector<std::byte> task_file_bytes(TaskFileKind kind,
                                       const Digest& task,
                                       std::vector<std::byte> body) {
    const auto number = static_cast<std::uint32_t>(kind);
    auto file = encode(Header{magic, version_of(number), number, task, body.size(), crc32(body)});
    file.insert(file.end(), body.begin(), body.end());
    return file;
}

std::vector<std::byte> task_file_body(std::span<const std::byte> file,
                                      TaskFileKind kind,
                                      const Digest& task) {
    if (file.size() < header_size) throw DataError("too short for a task file: truncated");
    const auto header = decode<Header>(file.first(header_size));
    const auto body = file.subspan(header_size);
    if (header.magic != magic) throw DataError("not a task file (wrong first bytes)");
    const std::uint32_t newest = version_of(header.kind);
    if (header.version != newest && header.version != oldest_version) {
        throw DataError(
            fmt::format("task file version {}, this program reads {}", header.version, newest));
    }
    if (header.kind != static_cast<std::uint32_t>(kind)) {
        throw DataError(fmt::format("task file of kind {}, expected {}", header.kind,
                                    static_cast<std::uint32_t>(kind)));
    }
    if (header.task != task) {
        throw DataError(fmt::format("belongs to task {}, not {}", header.task.hex(), task.hex()));
    }
    if (header.size != body.size()) {
        throw DataError(fmt::format("holds {} of {} bytes: truncated", body.size(), header.size));
    }
    if (header.crc != crc32(body)) throw DataError("checksum differs: the file is damaged");
    std::vector<std::byte> content(body.begin(), body.end());
    // An older one has none of the last list, whose number is not written.
    if (header.version != newest) content.resize(content.size() + sizeof(std::uint64_t));
    return content;
}

std::optional<TaskFileKind> task_file_kind(const std::filesystem::path& path) {
    std::vector<std::byte> bytes(header_size);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(header_size));
    if (!file) return std::nullopt;
    const auto header = decode<Header>(bytes);
    if (header.magic != magic) return std::nullopt;
    return static_cast<TaskFileKind>(header.kind);
}

void remove_damaged(const std::filesystem::path& path, const DataError& damage) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    throw SystemError(std::string(damage.what()) +
                      "; it was removed, run the same command again to make it once more");
}

bool task_file_is_complete(const std::filesystem::path& path,
                           TaskFileKind kind,
                           const Digest& task) {
    try {
        task_file_body(read_file(path), kind, task);
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace ratiofarm

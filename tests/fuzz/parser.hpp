#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/publish.hpp"

#include "mutator.hpp"

namespace ratiofarm::test {

/// What a reader makes of damage.
enum class Damage {
    found,    ///< a checksum covers all: what is accepted says what a seed says
    skipped,  ///< a checksum covers each line: what is accepted are lines of a seed
    unknown,  ///< there is no checksum, or it was made right again: what is accepted is whole
};

/// A reader of bytes from outside and valid inputs of it.
struct Parser {
    std::string name;
    Bytes bytes = Bytes::text;
    Damage damage = Damage::unknown;
    std::vector<std::string> seeds = {};
    /// Reads as the program does, and gives back what it understood, in words.
    /// \throws what the reader throws; std::logic_error where what was read is not whole
    std::function<std::string(const std::string& input)> read = {};
    /// Makes the checksum of a damaged input right again; empty: there is none.
    std::function<std::string(std::string input)> mend = {};
};

inline std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

inline std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_bytes(const std::filesystem::path& path) {
    return as_text(read_file(path));
}

inline void expect_whole(bool whole, const char* what) {
    if (!whole) throw std::logic_error(what);
}

std::vector<Parser> text_parsers();
// Each with the folder for the files that its readers want.
std::vector<Parser> store_parsers(const std::string& folder);
std::vector<Parser> task_parsers(const std::string& folder);
std::vector<Parser> table_parsers(const std::string& folder);

}  // namespace ratiofarm::test

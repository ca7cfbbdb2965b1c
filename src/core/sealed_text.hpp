#pragma once

#include <filesystem>
#include <string>
#include <string_view>

/// Text products end with a checksum of themselves, so that one flipped bit anywhere in them is
/// found. It travels with the file and changes with it in one step: no list of checksums can be out
/// of date. The kind of a file is its extension: a comment in .toml, .sh and .html, the last member
/// of the object in .json.
namespace ratiofarm {

/// The text with its seal, the XXH3 digest of everything before it.
/// \param text ends with a newline, JSON with "}" and a newline
std::string sealed(const std::filesystem::path& path, std::string_view text);

/// \throws DataError naming the path if the text is not, bit for bit, what sealed() made of it
void expect_seal(const std::filesystem::path& path, std::string_view text);

/// Whether the text ends like one that sealed() made; it may be damaged, or changed by hand.
bool has_seal(const std::filesystem::path& path, std::string_view text);

/// publish() of the sealed text. \throws SystemError
void publish_sealed(const std::filesystem::path& path, std::string_view text);

/// publish_sealed(), unless the file holds that already. A file that cannot be read is replaced.
/// \throws SystemError
void publish_if_new(const std::filesystem::path& path, std::string_view text);

/// Whole content, the seal included. \throws DataError if it cannot be read or its seal is wrong
std::string read_sealed(const std::filesystem::path& path);

}  // namespace ratiofarm

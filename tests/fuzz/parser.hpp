#pragma once

#include <functional>
#include <string>
#include <vector>

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

std::vector<Parser> text_parsers();
/// \param folder for the files that readers want
std::vector<Parser> file_parsers(const std::string& folder);

}  // namespace ratiofarm::test

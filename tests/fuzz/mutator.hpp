#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ratiofarm::test {

/// What an input is made of, and so how it is damaged.
enum class Bytes { text, binary };

/// Damaged copies of valid inputs: flipped bits, other bytes and numbers, what is cut, moved,
/// doubled or put in, words of one place at another, deep nesting. Each is a pure function of its
/// number.
class Mutator {
public:
    Mutator(Bytes bytes, std::vector<std::string> seeds);

    std::string make(std::uint64_t number) const;

private:
    Bytes bytes_;
    std::vector<std::string> seeds_;
    std::vector<std::string> words_;  ///< of the seeds, and some that make trouble
};

}  // namespace ratiofarm::test

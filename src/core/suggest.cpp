#include "suggest.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace ratiofarm {
namespace {

/// Letters inserted, left out or replaced, or two neighbours exchanged.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before;
    std::vector<std::size_t> last;
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool equal = a[i - 1] == b[j - 1];
            row[j] = std::min({last[j - 1] + (equal ? 0 : 1), last[j] + 1, row[j - 1] + 1});
            const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row.back();
}

/// Every word of one letter is near another one: only the same letter, small or capital, is meant.
std::optional<std::string> same_letter(char letter, std::span<const std::string> allowed) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    for (const std::string& candidate : allowed) {
        if (candidate.size() == 1 && lower(candidate.front()) == lower(letter)) return candidate;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> nearest_word(std::string_view word,
                                        std::span<const std::string> allowed) {
    if (word.size() == 1) return same_letter(word.front(), allowed);
    const std::string* best = nullptr;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : allowed) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = &candidate;
            best_distance = distance;
        }
    }
    if (best == nullptr) return std::nullopt;
    return *best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> allowed) {
    const auto nearest = nearest_word(word, allowed);
    return nearest ? "; did you mean '" + *nearest + "'?" : std::string();
}

}  // namespace ratiofarm

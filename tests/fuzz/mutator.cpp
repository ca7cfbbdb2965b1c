#include "mutator.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <random>
#include <set>
#include <string_view>

namespace ratiofarm::test {
namespace {

class Random {
public:
    explicit Random(std::uint64_t seed) : bits_(seed) {}

    std::uint64_t bits() { return bits_(); }
    std::size_t below(std::size_t n) { return n == 0 ? 0 : bits_() % n; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class List>
    const auto& any_of(const List& list) {
        return list[below(std::size(list))];
    }

private:
    std::mt19937_64 bits_;
};

constexpr std::array numbers{"0",
                             "-1",
                             "1",
                             "2",
                             "-0.0",
                             "0.5",
                             "255",
                             "65536",
                             "4294967295",
                             "4294967296",
                             "9223372036854775807",
                             "9223372036854775808",
                             "18446744073709551615",
                             "18446744073709551616",
                             "1e-320",
                             "1e308",
                             "1e999",
                             "-1e999",
                             "nan",
                             "inf",
                             "-inf",
                             "null",
                             "1000000",
                             "99999999999999999999999999"};
constexpr std::array words{"true", "false", "null", "\"\"", "[]",   "{}",    "[[]]", "\"a\"",
                           "''",   "=",     "\n",   ",",    "\\u0", "[0]",   "//",   "#",
                           "\t",   "\r",    "..",   "/",    "%n",   "\xc3(", "\xff", "\""};
constexpr std::array nests{"[", "{\"a\":", "(", "-", "a.", "sqrt(", "[[", "{a=", "(mu+", "+"};

/// Some bytes of a text: [first, first + size).
struct Part {
    std::size_t first = 0;
    std::size_t size = 0;
};

Part any_part(Random& random, const std::string& bytes) {
    const std::size_t first = random.below(bytes.size());
    constexpr std::array<std::size_t, 5> longest{1, 4, 16, 128, 4096};
    return {first, std::min(1 + random.below(random.any_of(longest)), bytes.size() - first)};
}

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool in_number(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '+' ||
           c == 'e';
}

/// The bytes around a place that belong together.
template <class Belongs>
Part around(const std::string& text, std::size_t place, Belongs belongs) {
    std::size_t first = place;
    while (first > 0 && belongs(text[first - 1])) --first;
    std::size_t last = place;
    while (last < text.size() && belongs(text[last])) ++last;
    return {first, last - first};
}

/// A number or a word of the text, if one is not far from a random place.
template <class Belongs>
Part any_around(Random& random, const std::string& text, Belongs belongs) {
    std::size_t place = random.below(text.size());
    for (int step = 0; step < 100 && !belongs(text[place]); ++step) {
        place = (place + 1) % text.size();
    }
    return around(text, place, belongs);
}

Part any_line(Random& random, const std::string& text) {
    return around(text, random.below(text.size()), [](char c) { return c != '\n'; });
}

void put_bytes(Random& random, std::string& bytes) {
    constexpr std::array<char, 7> values{0, 1, 0x7f, -128, -1, ' ', '\n'};
    char& byte = bytes[random.below(bytes.size())];
    if (random.one_in(2)) {
        byte = static_cast<char>(byte ^ (1 << random.below(8)));
    } else {
        byte = random.one_in(2) ? random.any_of(values) : static_cast<char>(random.bits());
    }
}

/// Another little-endian number of 1 to 8 bytes.
void put_number(Random& random, std::string& bytes) {
    constexpr std::array<std::size_t, 4> widths{1, 2, 4, 8};
    const std::size_t width = random.any_of(widths);
    if (bytes.size() < width) return;
    std::size_t place = random.below(bytes.size() - width + 1);
    if (random.one_in(2)) place -= place % width;
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + place, width);
    const std::array<std::uint64_t, 10> others{0,
                                               1,
                                               ~std::uint64_t{0},
                                               ~std::uint64_t{0} >> (65 - 8 * width),
                                               std::uint64_t{1} << (8 * width - 1),
                                               value + 1,
                                               value - 1,
                                               bytes.size(),
                                               std::uint64_t{1} << random.below(64),
                                               random.bits()};
    value = random.any_of(others);
    std::memcpy(bytes.data() + place, &value, width);
}

void move_part(Random& random, std::string& bytes) {
    const Part part = any_part(random, bytes);
    const std::string copy = bytes.substr(part.first, part.size);
    switch (random.below(4)) {
        case 0: bytes.erase(part.first, part.size); break;
        case 1: bytes.insert(random.below(bytes.size()), copy); break;
        case 2: bytes.replace(random.below(bytes.size()), part.size, copy); break;
        default: bytes.insert(part.first, part.size, static_cast<char>(random.bits()));
    }
}

void cut(Random& random, std::string& bytes) { bytes.resize(random.below(bytes.size())); }

void change_line(Random& random, std::string& text) {
    const Part part = any_line(random, text);
    const std::string line = text.substr(part.first, part.size) + "\n";
    if (!random.one_in(3)) text.erase(part.first, std::min(part.size + 1, text.size()));
    if (!random.one_in(3) || text.empty()) {
        text.insert(text.empty() ? 0 : any_line(random, text).first, line);
    }
}

void nest(Random& random, std::string& text) {
    constexpr std::array<std::size_t, 5> depths{3, 40, 300, 3000, 60'000};
    const std::string_view open = random.any_of(nests);
    const std::size_t depth = random.any_of(depths);
    const Part part = any_around(random, text, in_word);
    std::string nested;
    for (std::size_t level = 0; level < depth; ++level) nested += open;
    nested += text.substr(part.first, part.size);
    const char last = open.find('[') != open.npos ? ']' : open.find('{') != open.npos ? '}' : ')';
    if (!random.one_in(3)) nested.append(depth * (open == "[[" ? 2 : 1), last);
    text.replace(part.first, part.size, nested);
}

}  // namespace

Mutator::Mutator(Bytes bytes, std::vector<std::string> seeds)
    : bytes_(bytes), seeds_(std::move(seeds)) {
    if (bytes == Bytes::binary) return;
    std::set<std::string> found(words.begin(), words.end());
    for (const std::string& seed : seeds_) {
        for (std::size_t place = 0; place < seed.size(); ++place) {
            const Part part = around(seed, place, in_word);
            if (part.size == 0) continue;
            found.insert(seed.substr(part.first, part.size));
            place = part.first + part.size;
        }
    }
    words_.assign(found.begin(), found.end());
}

std::string Mutator::make(std::uint64_t number) const {
    Random random(number);
    std::string bytes = random.any_of(seeds_);
    const auto change = [&] {
        const std::size_t kind = random.below(bytes_ == Bytes::text ? 24 : 16);
        if (kind < 6) return put_bytes(random, bytes);
        if (kind < 8) return move_part(random, bytes);
        if (kind == 8) return random.one_in(4) ? cut(random, bytes) : put_bytes(random, bytes);
        if (kind == 9) {  // continued by another seed
            const std::string& other = random.any_of(seeds_);
            bytes.resize(random.below(bytes.size()));
            bytes += other.substr(std::min(other.size(), bytes.size()));
            return;
        }
        if (bytes_ == Bytes::binary) return put_number(random, bytes);
        if (kind < 13) {
            const Part part = any_around(random, bytes, in_number);
            bytes.replace(part.first, part.size, random.any_of(numbers));
        } else if (kind < 19) {
            const Part part = any_around(random, bytes, in_word);
            bytes.replace(part.first, part.size, random.any_of(words_));
        } else if (kind < 22) {
            change_line(random, bytes);
        } else if (kind == 22) {
            nest(random, bytes);
        } else {
            bytes.insert(random.below(bytes.size()), random.any_of(words_));
        }
    };
    do {
        change();
    } while (!bytes.empty() && !random.one_in(3));
    return bytes;
}

}  // namespace ratiofarm::test

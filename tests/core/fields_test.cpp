// One description of a struct serves all who visit it.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm_test/catch.hpp"

namespace ratiofarm {
namespace {

enum class Kind : std::uint8_t { plain, round };

struct Inner {
    std::uint32_t number = 7;
    bool operator==(const Inner&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Inner>& value) {
    archive(value.number);
}

struct Outer {
    double size = 0.5;
    Kind kind = Kind::round;
    std::string name = "S";
    std::vector<Inner> list{{1}, {2}};
    bool operator==(const Outer&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Outer>& value) {
    visit("size", value.size, Key{.number = above_zero, .effect = Key::Effect::none});
    visit("kind", value.kind);
    visit("name", value.name);
    visit("list", value.list);
}

}  // namespace

template <>
inline constexpr auto enum_words<Kind> = words("plain", "round one");

TEST_CASE("the wire heeds neither names nor descriptions") {
    const Outer outer{.size = 0.25, .kind = Kind::plain, .name = "SBI", .list = {{3}}};
    WireWriter nameless;
    nameless(outer.size, outer.kind, outer.name, outer.list);

    CHECK(encode(outer) == nameless.take());
    CHECK(decode<Outer>(encode(outer)) == outer);
}

TEST_CASE("every field is visited by its name, in order, and can be changed") {
    Outer outer;
    std::vector<std::string> names;

    for_each_field(outer, [&](std::string_view name, auto& member, const Key& key) {
        names.emplace_back(name);
        if (key.effect == Key::Effect::none) member = {};
    });

    CHECK(names == std::vector<std::string>{"size", "kind", "name", "list"});
    CHECK(outer == Outer{.size = 0.0});
}

TEST_CASE("limits say what they allow") {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    CHECK(NumberLimits{}.text() == "a finite number");
    CHECK(above_zero.text() == "a number > 0");
    CHECK(NumberLimits{.low = 0.0, .high = 1e6}.text() == "a number from 0 to 1e+06");
    CHECK(NumberLimits{.low = 0.0, .high = 10.0, .low_allowed = false, .hint = "; so"}.text() ==
          "a number > 0 and <= 10; so");
    CHECK(WholeLimits{2, 100}.text() == "a whole number from 2 to 100");
    CHECK(above_zero.allow(1e300));
    CHECK_FALSE(above_zero.allow(0.0));
    CHECK_FALSE(NumberLimits{}.allow(infinite));
}

TEST_CASE("a word stands for its enumerator, both ways") {
    CHECK(word_of(Kind::round) == "round one");
    CHECK(enumerator_of<Kind>("round one") == Kind::round);
    CHECK_FALSE(enumerator_of<Kind>("round"));
    CHECK(words_of<Kind>() == std::vector<std::string>{"plain", "round one"});
}

}  // namespace ratiofarm

#include "results/json_text.hpp"

#include <algorithm>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;
using Json = nlohmann::ordered_json;

namespace {

/// Every kind of value, nested three deep, with empty ones and a key that needs escapes.
Json example() {
    return {{"number", 1.0 / 3.0},
            {"list", {{{"a", 1}, {"b", {1, 2}}}, {{"a", 2}, {"b", Json::array()}}}},
            {"empty", Json::object()},
            {"a \"key\"\n", "and a \"text\"\t"},
            {"nothing", nullptr},
            {"flag", true}};
}

std::size_t rows_of_process(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("text of any depth is read back as the same value, in the same order", "[results]") {
    for (const Json& value : {example(), Json(3), Json("text"), Json::array(), Json::object()}) {
        for (int depth = 0; depth < 6; ++depth) {
            INFO(value << ", depth " << depth);
            CHECK(Json::parse(json_text(value, depth)) == value);
        }
    }
}

TEST_CASE("what lies below the depth is on one line", "[results]") {
    const Json value{{"a", {1, 2}}, {"b", {{"c", {3, 4}}}}};

    CHECK(json_text(value, 0) == value.dump() + "\n");
    CHECK(json_text(value, 1) == "{\n  \"a\": [1,2],\n  \"b\": {\"c\":[3,4]}\n}\n");
    CHECK(json_text(value, 2) ==
          "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {\n    \"c\": [3,4]\n  }\n}\n");
}

TEST_CASE("each level of depth makes a line of every entry and closes it", "[results]") {
    const Json value{{"a", {1, 2, 3}}, {"b", 4}};

    CHECK(rows_of_process(json_text(value, 0)) == 1);
    CHECK(rows_of_process(json_text(value, 1)) == 2 + 2);
    CHECK(rows_of_process(json_text(value, 2)) == 2 + 2 + 3 + 1);
    CHECK(json_text(value, 9) == json_text(value, 2));
}

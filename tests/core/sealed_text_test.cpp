#include "core/sealed_text.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

struct Example {
    const char* name;
    const char* text;
    const char* end;  ///< what must still close the file
};

constexpr Example examples[] = {{"a.json", "{\n  \"mu\": 1.0\n}\n", "\"\n}\n"},
                                {"a.toml", "seed = 1\n", "\n"},
                                {"a.sh", "sbatch x\n", "\n"},
                                {"a.html", "<html></html>\n", " -->\n"}};

}  // namespace

TEST_CASE("a sealed text begins as it was and comes back from its file") {
    const test::TemporaryDirectory folder;
    for (const Example& example : examples) {
        const auto path = folder.path() / example.name;
        const std::string text = example.text;

        publish_sealed(path, text);

        const std::string found = read_sealed(path);
        CHECK(found.starts_with(text.substr(0, text.size() - 3)));
        CHECK(found.ends_with(example.end));
        CHECK(found == sealed(path, text));
    }
    CHECK(
        sealed("a.json", "{\n  \"mu\": 1.0\n}\n").starts_with("{\n  \"mu\": 1.0,\n  \"xxh3\": \""));
}

TEST_CASE("a sealed text is written again only where it is not there already") {
    const test::TemporaryDirectory folder;
    const auto path = folder.path() / "nets.json";
    publish_if_new(path, "{\n  \"nets\": 3\n}\n");
    const auto first = std::filesystem::last_write_time(path);
    publish_if_new(path, "{\n  \"nets\": 3\n}\n");
    CHECK(std::filesystem::last_write_time(path) == first);

    publish_if_new(path, "{\n  \"nets\": 4\n}\n");
    CHECK(read_sealed(path) == sealed(path, "{\n  \"nets\": 4\n}\n"));
}

TEST_CASE("every flipped bit and every cut of a sealed text is noticed") {
    for (const Example& example : examples) {
        const std::string good = sealed(example.name, example.text);
        for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
            std::string damaged = good;
            damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
            CHECK_THROWS_AS(expect_seal(example.name, damaged), DataError);
        }
        for (std::size_t size = 0; size < good.size(); ++size) {
            CHECK_THROWS_AS(expect_seal(example.name, good.substr(0, size)), DataError);
        }
        CHECK_NOTHROW(expect_seal(example.name, good));
    }
}

TEST_CASE("a text without a seal is refused by name") {
    const test::TemporaryDirectory folder;
    publish(folder.path() / "fit.json", std::string_view("{\n  \"mu\": 1.0\n}\n"));

    CHECK_THROWS_WITH(read_sealed(folder.path() / "fit.json"), Contains("fit.json"));
}

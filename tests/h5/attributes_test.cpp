#include "h5/attributes.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "h5/doubted_file.hpp"
#include "h5/file.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// A file with one attribute of each kind on the root.
void write_example(const std::filesystem::path& path, double number) {
    const h5::File file = h5::create_file(path);
    h5::write_attribute(file, "/", "word", std::string_view("μμ"));
    h5::write_attribute(file, "/", "words", std::vector<std::string>{"mass", "", "cos theta"});
    h5::write_attribute(file, "/", "count", std::uint64_t{1} << 63);
    h5::write_attribute(file, "/", "number", number);
    h5::write_attribute(file, "/", "numbers", std::vector<double>{1.5, -2.0});
}

}  // namespace

TEST_CASE("attributes are read as they were written", "[h5]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "a.h5", 0.1);

    const h5::File file = h5::open_file(folder / "a.h5");

    CHECK(h5::read_text_attribute(file, "/", "word") == "μμ");
    CHECK(h5::read_texts_attribute(file, "/", "words") ==
          std::vector<std::string>{"mass", "", "cos theta"});
    CHECK(h5::read_integer_attribute(file, "/", "count") == std::uint64_t{1} << 63);
    CHECK(h5::read_number_attribute(file, "/", "number") == 0.1);
    CHECK(h5::read_numbers_attribute(file, "/", "numbers") == std::vector<double>{1.5, -2.0});
    CHECK(h5::attribute_names(file, "/") ==
          std::vector<std::string>{"count", "number", "numbers", "word", "words"});
}

TEST_CASE("texts of a doubted file are those that another process read", "[h5]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "a.h5", 0.1);
    CHECK(h5::has_checked_metadata(folder / "a.h5"));
    CHECK(!h5::has_checked_metadata(folder / "none.h5"));

    h5::File file = h5::open_doubted(folder / "a.h5");

    CHECK(h5::read_text_attribute(file, "/", "word") == "μμ");
    CHECK(h5::read_texts_attribute(file, "/", "words") ==
          std::vector<std::string>{"mass", "", "cos theta"});
    CHECK(h5::read_number_attribute(file, "/", "number") == 0.1);
    file.texts = std::make_shared<const h5::AttributeTexts>();
    CHECK_THROWS_WITH(h5::read_text_attribute(file, "/", "word"), Contains("'word'"));
}

TEST_CASE("an attribute may be longer than an object header holds", "[h5]") {
    const test::TemporaryDirectory folder;
    const std::string layout(200000, 'x');
    {
        const h5::File file = h5::create_file(folder / "a.h5");
        h5::write_attribute(file, "/", "layout", std::string_view(layout));
    }

    CHECK(h5::read_text_attribute(h5::open_file(folder / "a.h5"), "/", "layout") == layout);
}

TEST_CASE("an empty list of words stays an empty list", "[h5]") {
    const test::TemporaryDirectory folder;
    {
        const h5::File file = h5::create_file(folder / "a.h5");
        h5::write_attribute(file, "/", "none", std::vector<std::string>{});
    }

    CHECK(h5::read_texts_attribute(h5::open_file(folder / "a.h5"), "/", "none").empty());
}

TEST_CASE("a missing or mistaken attribute is named", "[h5]") {
    const test::TemporaryDirectory folder;
    write_example(folder / "a.h5", 0.1);
    const h5::File file = h5::open_file(folder / "a.h5");

    CHECK_THROWS_WITH(h5::read_text_attribute(file, "/", "wrod"),
                      Contains("'wrod'") && Contains("missing"));
    CHECK_THROWS_WITH(h5::read_integer_attribute(file, "/", "word"),
                      Contains("'word'") && Contains("not an integer"));
    CHECK_THROWS_AS(h5::read_text_attribute(file, "/", "number"), DataError);
}

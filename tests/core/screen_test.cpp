#include "core/screen.hpp"

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("what fits a screen stays as it is", "[core][screen]") {
    const std::string text = "a line\n\n  indented   table\nlast";

    CHECK(folded(text, 40) == text);
    CHECK(folded("", 40).empty());
}

TEST_CASE("long lines are broken at blanks, and what follows stands below", "[core][screen]") {
    CHECK(folded("one two three four", 9) == "one two\n  three\n  four");
    CHECK(folded("  one two three\n", 9) == "  one two\n    three\n");
    CHECK(folded("name   one two three four", 20) ==
          "name   one two three\n  four");  // the name takes more than a third
    CHECK(folded("at  one two three", 12) == "at  one two\n    three");
}

TEST_CASE("a word that is longer than the screen stays whole", "[core][screen]") {
    CHECK(folded("results /a/very/long/path/of/a/file here", 12) ==
          "results\n  /a/very/long/path/of/a/file\n  here");
    CHECK(folded("/a/very/long/path", 5) == "/a/very/long/path");
}

TEST_CASE("rows of a table keep their columns below each other", "[core][screen]") {
    const std::string head = "parameter           value    error     pull";
    const std::string row = "a_very_long_name   1.0000   0.1000  -0.2000";

    CHECK(folded(head + "\n" + row, 32) ==
          "parameter\n"
          "         value    error     pull\n"
          "a_very_long_name\n"
          "        1.0000   0.1000  -0.2000");
}

TEST_CASE("letters count, not bytes", "[core][screen]") {
    CHECK(folded("\u00b1\u00b1\u00b1\u00b1 \u00b1\u00b1\u00b1", 8) ==
          "\u00b1\u00b1\u00b1\u00b1 \u00b1\u00b1\u00b1");
}

TEST_CASE("a line of the log is folded behind its time", "[core][screen]") {
    CHECK(folded_behind("progress done=1 running=2", 24, 12, 9) ==
          "progress\n         done=1\n         running=2");
}

TEST_CASE("nothing is folded where no terminal shows it", "[core][screen]") {
    const std::string text(300, 'x');

    CHECK(on_screen("word " + text) == "word " + text);
}

#include "core/units.hpp"

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("numbers carry the prefix that keeps them short", "[commands]") {
    CHECK(with_prefix(0, "B") == "0 B");
    CHECK(with_prefix(999, "B") == "999 B");
    CHECK(with_prefix(999.7, "B") == "1 kB");
    CHECK(with_prefix(1.0472e7, "B") == "10.5 MB");
    CHECK(with_prefix(3.2e15, "FLOP") == "3.2 PFLOP");
}

TEST_CASE("durations carry a unit that suits them", "[commands]") {
    CHECK(duration_text(0.2) == "under 1 s");
    CHECK(duration_text(100) == "100 s");
    CHECK(duration_text(600) == "10 min");
    CHECK(duration_text(5.5 * 3600) == "5.5 h");
    CHECK(duration_text(10 * 86400) == "10.0 d");
}

TEST_CASE("large counts are grouped by thousands", "[commands]") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(13533001) == "13,533,001");
}

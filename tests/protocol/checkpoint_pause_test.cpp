#include "protocol/checkpoint_pause.hpp"

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("checkpoints that are not asked for more often take 1 % of the time at most") {
    for (const double wanted : {60.0, 300.0, 3600.0}) {
        for (const double took : {0.0, 0.01, 0.5, 0.7, 6.0, 90.0}) {
            const double pause = checkpoint_pause(wanted, took);

            CHECK(took <= 0.01 * pause * (1.0 + 1e-12));
            CHECK(pause >= wanted);
            if (took <= 0.01 * wanted) CHECK(pause == wanted);
        }
    }
}

TEST_CASE("a short pause between checkpoints is kept, whatever they cost") {
    CHECK(checkpoint_pause(0.3, 0.2) == 0.3);
    CHECK(checkpoint_pause(30.0, 6.0) == 30.0);
}

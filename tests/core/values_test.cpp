#include <numeric>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/seeds.hpp"
#include "core/suggest.hpp"

using namespace ratiofarm;

TEST_CASE("a block partition covers everything once, in order") {
    for (const std::uint64_t n : {0, 1, 5, 16, 17}) {
        for (const std::uint64_t parts : {1, 2, 3, 16, 20}) {
            std::uint64_t next = 0;
            for (std::uint64_t i = 0; i < parts; ++i) {
                const Range range = block_partition(n, parts, i);
                CHECK(range.first == next);
                CHECK(range.size() - n / parts <= 1);
                next = range.last;
            }
            CHECK(next == n);
        }
    }
}

TEST_CASE("seeds depend on name and purpose alone") {
    CHECK(seed_for(1, "S/member 3", Stream::shuffle) == seed_for(1, "S/member 3", Stream::shuffle));
    CHECK(seed_for(1, "S/member 3", Stream::shuffle) != seed_for(1, "S/member 4", Stream::shuffle));
    CHECK(seed_for(1, "S/member 3", Stream::shuffle) !=
          seed_for(1, "S/member 3", Stream::initialisation));
    CHECK(seed_for(1, "S/member 3", Stream::shuffle) != seed_for(2, "S/member 3", Stream::shuffle));
}

TEST_CASE("a mistyped word finds its neighbour, a strange one does not") {
    const std::vector<std::string> words{"epochs", "batch", "learning_rate"};
    CHECK(did_you_mean("epoch", words) == "; did you mean 'epochs'?");
    CHECK(did_you_mean("lerning_rate", words) == "; did you mean 'learning_rate'?");
    CHECK(did_you_mean("zzz", words).empty());
}

TEST_CASE("context is put before the message of an error and its kind is kept") {
    try {
        in_context("training S/member 3", [] { throw DataError("no events"); });
        FAIL("nothing was thrown");
    } catch (const DataError& error) {
        CHECK(std::string(error.what()) == "training S/member 3: no events");
        CHECK(error.exit_code() == ExitCode::usage);
    }
}

TEST_CASE("the parameter row holds scaling, weights and biases without gaps") {
    const Network network{.inputs = 3, .hidden = {5, 4}};
    std::uint64_t next = 0;
    for (const ParameterBlock& block : parameter_layout(network)) {
        CHECK(block.offset == next);
        next += block.size();
    }
    CHECK(next == row_size(network));
    CHECK(trainable_size(network) == 3 * 5 + 5 + 5 * 4 + 4 + 4 + 1);
    CHECK(trainable_size({.inputs = 14, .hidden = std::vector<std::uint32_t>(7, 1500)}) ==
          13533001);
}

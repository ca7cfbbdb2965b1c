#include "ratiofarm/core/digest.hpp"

#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("a digest survives its hexadecimal text") {
    const Digest digest = Hasher().text("member 3").number(17).finish();

    CHECK(digest.hex().size() == 32);
    CHECK(Digest::from_hex(digest.hex()) == digest);
    CHECK_THROWS_AS(Digest::from_hex("12"), DataError);
    CHECK_THROWS_AS(Digest::from_hex(std::string(31, '0') + "g"), DataError);
}

TEST_CASE("texts that only together have the same letters have different digests") {
    CHECK(Hasher().text("ab").text("c").finish() != Hasher().text("a").text("bc").finish());
}

TEST_CASE("digests are those of XXH3 and checksums those of zlib") {
    // Published test vectors: XXH3_128bits of no bytes, CRC-32 of "123456789".
    CHECK(Hasher().finish().hex() == "99aa06d3014798d86001c324468d497f");
    const std::string digits = "123456789";
    CHECK(crc32(std::as_bytes(std::span(digits))) == 0xcbf43926u);
}

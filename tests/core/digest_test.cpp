#include "ratiofarm/core/digest.hpp"

#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/sha256.hpp"

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

TEST_CASE("SHA-256 gives the published test vectors") {
    // FIPS 180-4 examples: no bytes, one block, two blocks; NIST: a million times "a".
    const auto sum = [](const std::string& text) { return sha256(std::as_bytes(std::span(text))); };
    CHECK(sum("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sum("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sum(std::string(1000000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

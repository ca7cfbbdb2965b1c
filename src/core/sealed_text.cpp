#include "sealed_text.hpp"

#include <span>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"

#include "publish.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t digest_digits = 32;

/// The text around the digest at the end of a file, and the end of the unsealed text that it
/// replaces.
struct Frame {
    std::string_view replaced;
    std::string_view before;
    std::string_view after;

    std::size_t size() const { return before.size() + digest_digits + after.size(); }
};

Frame frame_of(const std::filesystem::path& path) {
    const std::string extension = path.extension();
    if (extension == ".json") return {"\n}\n", ",\n  \"xxh3\": \"", "\"\n}\n"};
    if (extension == ".html") return {"", "<!-- xxh3 ", " -->\n"};
    RATIOFARM_EXPECT(extension == ".toml" || extension == ".sh");
    return {"", "# xxh3 ", "\n"};
}

std::string seal_of(const Frame& frame, std::string_view content) {
    const Digest digest = Hasher().bytes(std::as_bytes(std::span(content))).finish();
    return fmt::format("{}{}{}", frame.before, digest.hex(), frame.after);
}

}  // namespace

std::string sealed(const std::filesystem::path& path, std::string_view text) {
    const Frame frame = frame_of(path);
    RATIOFARM_EXPECT(text.ends_with('\n') && text.ends_with(frame.replaced));
    text.remove_suffix(frame.replaced.size());
    return std::string(text) + seal_of(frame, text);
}

void expect_seal(const std::filesystem::path& path, std::string_view text) {
    const Frame frame = frame_of(path);
    if (text.size() >= frame.size()) {
        const std::string_view content = text.substr(0, text.size() - frame.size());
        if (text.substr(content.size()) == seal_of(frame, content)) return;
    }
    throw DataError(fmt::format(
        "'{}' does not match the checksum at its end: damaged, or changed by hand", path.string()));
}

bool has_seal(const std::filesystem::path& path, std::string_view text) {
    const Frame frame = frame_of(path);
    return text.size() >= frame.size() &&
           text.substr(text.size() - frame.size()).starts_with(frame.before);
}

void publish_sealed(const std::filesystem::path& path, std::string_view text) {
    publish(path, std::string_view(sealed(path, text)));
}

void publish_if_new(const std::filesystem::path& path, std::string_view text) {
    const std::string wanted = sealed(path, text);
    try {
        if (read_text(path) == wanted) return;
    } catch (const DataError&) {
        // None is there, or it went away since it was looked for.
    }
    publish(path, std::string_view(wanted));
}

std::string read_sealed(const std::filesystem::path& path) {
    std::string text = read_text(path);
    expect_seal(path, text);
    return text;
}

}  // namespace ratiofarm

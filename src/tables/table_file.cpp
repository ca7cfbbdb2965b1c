#include "table_file.hpp"

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/h5/attributes.hpp"

namespace ratiofarm {

namespace {

constexpr const char* checksum_name = "checksum";

/// Adds the attributes of an object and of all below it.
void add_attributes(Hasher& hasher, const h5::File& file, const std::string& path) {
    hasher.text(path).digest(h5::attributes_digest(file, path, checksum_name));
    if (!h5::is_group(file, path)) return;
    for (const std::string& name : h5::member_names(file, path)) {
        add_attributes(hasher, file, (path == "/" ? "" : path) + "/" + name);
    }
}

/// Digest of the attributes as they are once the file is sealed.
std::string attributes_checksum(const h5::File& file) {
    Hasher hasher;
    add_attributes(hasher, file, "/");
    return hasher.finish().hex();
}

void check_seal(const h5::File& file, const TableKind& kind) {
    const std::string wanted(kind.format);
    if (!h5::has_attribute(file, "/", "format")) {
        throw DataError("no root attribute 'format': the file is incomplete or no table of "
                        "ratiofarm (expected format = \"" + wanted + "\", version = " +
                        std::to_string(kind.version) + ")");
    }
    const std::string format = h5::read_text_attribute(file, "/", "format");
    if (format != wanted) {
        throw DataError("format is '" + format + "', expected '" + wanted + "'");
    }
    const std::uint64_t version = h5::read_integer_attribute(file, "/", "version");
    if (version != kind.version) {
        throw DataError("version " + std::to_string(version) + " of format '" + format +
                        "' is not known to this program (it reads version " +
                        std::to_string(kind.version) + ")");
    }
    if (has_checksum(file) &&
        h5::read_text_attribute(file, "/", checksum_name) != attributes_checksum(file)) {
        throw DataError("the attributes do not match their checksum: damaged, or edited by hand "
                        "(then delete the root attribute 'checksum')");
    }
}

}  // namespace

void seal(const h5::File& file, const TableKind& kind) {
    h5::write_attribute(file, "/", "version", kind.version);
    h5::write_attribute(file, "/", "format", kind.format);
    h5::write_attribute(file, "/", checksum_name, std::string_view(attributes_checksum(file)));
}

h5::File open_table(const std::filesystem::path& path, const TableKind& kind) {
    h5::File file = h5::open_file(path);
    in_context("'" + path.string() + "'", [&] { check_seal(file, kind); });
    return file;
}

bool has_checksum(const h5::File& file) { return h5::has_attribute(file, "/", checksum_name); }

std::filesystem::path partial_path(const std::filesystem::path& path) {
    std::filesystem::path partial = path;
    partial += ".partial";
    return partial;
}

}  // namespace ratiofarm

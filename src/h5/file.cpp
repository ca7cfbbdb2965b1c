#include "file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <set>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "checked.hpp"

namespace ratiofarm::h5 {

namespace {

/// Rows of features, weights and nets start on cache lines, so that they can be mapped.
constexpr hsize_t alignment = 64;

/// How files are opened. Locks are of no use to files that one program writes under another name
/// first, and fail on some parallel file systems; readers take them where they work.
enum class Locking { none, where_possible };

PropertyList file_access(Locking locking) {
    PropertyList access = checked::H5Pcreate(H5P_FILE_ACCESS);
    RATIOFARM_H5(H5Pset_libver_bounds, access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
    RATIOFARM_H5(H5Pset_alignment, access.get(), 1, alignment);
    RATIOFARM_H5(H5Pset_file_locking, access.get(), locking == Locking::where_possible, 1);
    // A file that is reopened under the same name must not stay open behind a forgotten handle.
    RATIOFARM_H5(H5Pset_fclose_degree, access.get(), H5F_CLOSE_STRONG);
    return access;
}

/// The number behind "stored_eof = " in HDF5's words for a truncated file.
std::optional<std::uint64_t> stored_size(const std::string& stack) {
    constexpr std::string_view key = "stored_eof = ";
    const std::size_t place = stack.find(key);
    if (place == std::string::npos) return std::nullopt;
    std::uint64_t size = 0;
    const char* first = stack.data() + place + key.size();
    const auto parsed = std::from_chars(first, stack.data() + stack.size(), size);
    return parsed.ec == std::errc() ? std::optional(size) : std::nullopt;
}

[[noreturn]] void throw_unreadable(const std::filesystem::path& path, const std::string& stack) {
    const std::string name = "'" + path.string() + "'";
    if (const auto size = stored_size(stack)) {
        throw DataError(
            name + " is truncated: it has " + std::to_string(std::filesystem::file_size(path)) +
            " bytes, its header says " + std::to_string(*size) + "; copy or make it again");
    }
    throw DataError(name + " cannot be opened: " + stack);
}

void require_hdf5(const std::filesystem::path& path) {
    const std::string name = "'" + path.string() + "'";
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) throw DataError(name + " does not exist");
    if (!std::filesystem::is_regular_file(path, ignored)) throw DataError(name + " is not a file");
    const checked::QuietErrors quiet;
    const htri_t answer = H5Fis_hdf5(path.c_str());
    if (answer == 0)
        throw DataError(name +
                        " is not an HDF5 file (or its start is damaged); 'ratiofarm import' "
                        "makes one of ROOT, Parquet, CSV and npz files");
    if (answer < 0) throw DataError(name + " cannot be read: " + checked::error_stack());
}

/// Of what a path leads to; H5O_TYPE_UNKNOWN if that cannot be read.
H5O_info_t basics_of(const File& file, const std::string& path) {
    H5O_info_t info{};
    info.type = H5O_TYPE_UNKNOWN;
    const checked::QuietErrors quiet;
    const herr_t found =
        H5Oget_info_by_name2(file.get(), path.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT);
    if (found < 0) info.type = H5O_TYPE_UNKNOWN;
    return info;
}

bool is_object(const File& file, const std::string& path, H5O_type_t type) {
    return exists(file, path) && basics_of(file, path).type == type;
}

/// Collects the datasets of a file. A group that several links lead to would be visited again and
/// again, for ever in a cycle.
class DatasetPaths {
public:
    explicit DatasetPaths(const File& file) : file_(file) { collect("", basics_of(file, "/"), 0); }
    std::vector<std::string> paths;

private:
    void collect(const std::string& path, const H5O_info_t& group, int depth) {
        constexpr int deepest = 32;
        const std::string name = path.empty() ? "/" : path;
        if (depth > deepest || !groups_.insert(group.addr).second) {
            throw DataError("the group '" + name + "' is nested deeper than " +
                            std::to_string(deepest) +
                            " levels, or two links lead to it; do its links form a cycle?");
        }
        for (const std::string& member : member_names(file_, name)) {
            const std::string at = path + "/" + member;
            const H5O_info_t info = basics_of(file_, at);
            if (info.type == H5O_TYPE_DATASET) paths.push_back(at);
            if (info.type == H5O_TYPE_GROUP) collect(at, info, depth + 1);
        }
    }

    const File& file_;
    std::set<haddr_t> groups_;
};

/// Appends the name of a link to a list; called by HDF5.
herr_t append_name(hid_t, const char* name, const H5L_info_t*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

File open_unlocked(const std::filesystem::path& path, unsigned mode) {
    const PropertyList access = file_access(Locking::none);
    return in_context("cannot open '" + path.string() + "' for writing",
                      [&] { return checked::H5Fopen(path.c_str(), mode, access.get()); });
}

}  // namespace

File create_file(const std::filesystem::path& path) {
    const PropertyList access = file_access(Locking::none);
    const PropertyList creation = checked::H5Pcreate(H5P_FILE_CREATE);
    RATIOFARM_H5(H5Pset_obj_track_times, creation.get(), false);
    return in_context("cannot create '" + path.string() + "'", [&] {
        ::unlink(path.c_str());  // a link is not followed
        return checked::H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
    });
}

File open_file(const std::filesystem::path& path) {
    require_hdf5(path);
    const PropertyList access = file_access(Locking::where_possible);
    const checked::QuietErrors quiet;
    const hid_t file = ::H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
    if (file < 0) throw_unreadable(path, checked::error_stack());
    return File(file);
}

File open_for_values(const std::filesystem::path& path) {
    File file = open_unlocked(path, H5F_ACC_RDONLY);
    file.values = std::make_shared<UniqueFd>(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!*file.values) checked::throw_unwritable(errno, "cannot open '" + path.string() + "'");
    return file;
}

File open_for_attributes(const std::filesystem::path& path) {
    return open_unlocked(path, H5F_ACC_RDWR);
}

void flush(const File& file) {
    if (!file.values) return checked::H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
    while (::fsync(file.values->get()) != 0) {
        if (errno != EINTR) checked::throw_unwritable(errno, "fsync");
    }
}

void close(File file) {
    flush(file);
    RATIOFARM_H5(H5Fclose, file.release());
}

void create_group(const File& file, const std::string& path) {
    // HDF5 would note the time in groups that it makes on the way.
    const auto slash = path.rfind('/');
    if (slash != std::string::npos && slash > 0 && !exists(file, path.substr(0, slash))) {
        create_group(file, path.substr(0, slash));
    }
    const PropertyList creation = checked::H5Pcreate(H5P_GROUP_CREATE);
    RATIOFARM_H5(H5Pset_obj_track_times, creation.get(), false);
    checked::H5Gcreate2(file.get(), path.c_str(), H5P_DEFAULT, creation.get());
}

void copy_object(const File& from, const std::string& path, const File& to, const std::string& as) {
    RATIOFARM_H5(H5Ocopy, from.get(), path.c_str(), to.get(), as.c_str(), H5P_DEFAULT, H5P_DEFAULT);
}

bool exists(const File& file, const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (part != "/" && RATIOFARM_H5(H5Lexists, file.get(), part.c_str(), H5P_DEFAULT) == 0) {
            return false;
        }
        if (end == std::string::npos) return true;
    }
}

bool is_group(const File& file, const std::string& path) {
    return is_object(file, path, H5O_TYPE_GROUP);
}

bool is_dataset(const File& file, const std::string& path) {
    return is_object(file, path, H5O_TYPE_DATASET);
}

std::vector<std::string> member_names(const File& file, const std::string& group) {
    const Group opened = checked::H5Gopen2(file.get(), group.c_str());
    std::vector<std::string> names;
    RATIOFARM_H5(H5Literate, opened.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, append_name,
                 &names);
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> dataset_paths(const File& file) {
    std::vector<std::string> paths = DatasetPaths(file).paths;
    std::sort(paths.begin(), paths.end());
    return paths;
}

bool files_are_open() { return H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_FILE) > 0; }

std::string library_version() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace ratiofarm::h5

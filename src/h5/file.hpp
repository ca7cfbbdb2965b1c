#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "handle.hpp"

/// Opening files. Every error carries HDF5's own error stack; HDF5 itself prints nothing.
///
/// How all ranks write one file: only rank 0 makes it, with create_file(), create_group() and
/// create_dataset(), and closes it. Then each rank opens it with open_for_values(), writes its own
/// rows and calls flush(). When all have, rank 0 adds attributes in open_for_attributes(). So no
/// rank changes metadata that others read, and no call waits for another rank: parallel HDF5 can
/// wait for ever in a collective close where the storage of one rank fails.
namespace ratiofarm::h5 {

/// Makes an empty file, replacing an old one. Not collective; for one rank.
/// The layout is that of HDF5 1.8, with checksummed metadata, and no times are stored.
/// \throws Hdf5Error; SystemError if the disk is full
File create_file(const std::filesystem::path& path);

/// Opens for reading. Not collective.
/// \throws DataError naming the path: missing, unreadable, not HDF5, or truncated (with both sizes)
File open_file(const std::filesystem::path& path);

/// Opens a file whose datasets are contiguous and allocated, to write values, past HDF5 and
/// straight to their place: several processes at once, each its own elements. \throws Hdf5Error,
/// SystemError
File open_for_values(const std::filesystem::path& path);

/// Opens a file to write its metadata. For one process.
/// \throws Hdf5Error
File open_for_attributes(const std::filesystem::path& path);

/// What was written reaches the file; values of open_for_values(), the disk.
/// \throws SystemError
void flush(const File& file);

/// Closes a file that was written: HDF5 still writes then.
/// \throws SystemError, and the file is not complete
void close(File file);

/// Makes "/a" or "/a/b"; missing parents are made too.
void create_group(const File& file, const std::string& path);

/// Copies a dataset or a group, with its attributes and all that is in it, to a path of another
/// file, whose parent exists. Layouts stay: contiguous rows are contiguous again.
void copy_object(const File& from, const std::string& path, const File& to, const std::string& as);

/// True if every part of the path exists.
bool exists(const File& file, const std::string& path);
bool is_group(const File& file, const std::string& path);
bool is_dataset(const File& file, const std::string& path);

/// Names of the members of a group, sorted.
std::vector<std::string> member_names(const File& file, const std::string& group);

/// Paths of all datasets below the root, sorted.
std::vector<std::string> dataset_paths(const File& file);

/// Whether the library holds a file that was never closed, or could not be.
bool files_are_open();

/// Version of the HDF5 library that runs, such as "1.10.8".
std::string library_version();

}  // namespace ratiofarm::h5

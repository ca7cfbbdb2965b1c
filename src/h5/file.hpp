#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/mpi/communicator.hpp"

#include "handle.hpp"

/// Opening files. Every error carries HDF5's own error stack; HDF5 itself prints nothing.
///
/// How all ranks write one file: only rank 0 makes it, with create_file(), create_group(),
/// create_dataset() and the attributes, and closes it. Then all ranks open it with
/// open_file_together(), each writes its own rows independently (no collective transfer, which
/// hangs on a full disk and is damaged by Open MPI before 4.1.7), and all call flush().
namespace ratiofarm::h5 {

/// Makes an empty file, replacing an old one. Not collective; for one rank.
/// The layout is that of HDF5 1.8, with checksummed metadata, and no times are stored.
/// \throws Hdf5Error; SystemError if the disk is full
File create_file(const std::filesystem::path& path);

/// Opens for reading. Not collective.
/// \throws DataError naming the path: missing, unreadable, not HDF5, or truncated (with both sizes)
File open_file(const std::filesystem::path& path);

/// Collective over comm. Opens an existing file for writing from all its ranks through MPI-IO; a
/// default-constructed communicator opens it without MPI. Its destruction is collective too.
/// \throws Hdf5Error
File open_file_together(const mpi::Communicator& comm, const std::filesystem::path& path);

/// Collective over the ranks that opened the file together. Data reach the disk of every node.
void flush(const File& file);

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

/// What a user should know about parallel writes with this MPI library: set when it is an Open MPI
/// before 4.1.7 that uses OMPIO, whose collective writes can store wrong data (open-mpi/ompi
/// #12718). This project's independent, contiguous writes do not take that path.
/// \param mpi_library as mpi::library_version() gives it
std::optional<std::string> parallel_write_note(std::string_view mpi_library);

}  // namespace ratiofarm::h5

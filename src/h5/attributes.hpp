#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handle.hpp"

/// Attributes of a group or dataset named by its path ("/" is the root). Writing is for one rank
/// and replaces nothing: an attribute is written once. Reading accepts numbers of any width, and
/// strings of fixed or variable length.
namespace ratiofarm::h5 {

void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     std::string_view value);
void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     const std::vector<std::string>& values);
void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     std::uint64_t value);
void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     double value);
void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     const std::vector<double>& values);

bool has_attribute(const File& file, const std::string& object, const std::string& name);

/// \throws DataError naming object and attribute if it is missing or of another kind
std::string read_text_attribute(const File& file,
                                const std::string& object,
                                const std::string& name);
std::vector<std::string> read_texts_attribute(const File& file,
                                              const std::string& object,
                                              const std::string& name);
std::uint64_t read_integer_attribute(const File& file,
                                     const std::string& object,
                                     const std::string& name);
double read_number_attribute(const File& file, const std::string& object, const std::string& name);
std::vector<double> read_numbers_attribute(const File& file,
                                           const std::string& object,
                                           const std::string& name);

/// Names of the attributes of an object, sorted.
std::vector<std::string> attribute_names(const File& file, const std::string& object);

}  // namespace ratiofarm::h5

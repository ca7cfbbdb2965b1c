#include "attributes.hpp"

#include <algorithm>
#include <cstring>

#include "checked.hpp"

namespace ratiofarm::h5 {

namespace {

std::string place(const std::string& object, const std::string& name) {
    return "attribute '" + name + "' of '" + object + "'";
}

struct Opened {
    Attribute attribute;
    Datatype type;
    H5T_class_t kind;
    std::size_t count;  ///< elements
};

Opened open(const File& file, const std::string& object, const std::string& name) {
    if (!has_attribute(file, object, name)) throw DataError(place(object, name) + " is missing");
    Opened opened;
    opened.attribute = checked::H5Aopen_by_name(file.get(), object.c_str(), name.c_str());
    opened.type = checked::H5Aget_type(opened.attribute.get());
    opened.kind = RATIOFARM_H5(H5Tget_class, opened.type.get());
    const Dataspace space = checked::H5Aget_space(opened.attribute.get());
    opened.count =
        static_cast<std::size_t>(RATIOFARM_H5(H5Sget_simple_extent_npoints, space.get()));
    constexpr std::size_t most_bytes = std::size_t{1} << 28;  // those of names and yields are few
    const std::size_t size = H5Tget_size(opened.type.get());
    if (size > 0 && opened.count > most_bytes / size) {
        throw DataError(place(object, name) + " says that it has " + std::to_string(opened.count) +
                        " elements of " + std::to_string(size) + " bytes: damaged");
    }
    return opened;
}

Datatype variable_text() {
    Datatype type = checked::H5Tcopy(H5T_C_S1);
    RATIOFARM_H5(H5Tset_size, type.get(), H5T_VARIABLE);
    RATIOFARM_H5(H5Tset_cset, type.get(), H5T_CSET_UTF8);
    return type;
}

void write(const File& file,
           const std::string& object,
           const std::string& name,
           hid_t type,
           const Dataspace& space,
           const void* values) {
    const hid_t owner = RATIOFARM_H5(H5Oopen, file.get(), object.c_str(), H5P_DEFAULT);
    try {
        const Attribute attribute = checked::H5Acreate2(owner, name.c_str(), type, space.get());
        // HDF5 refuses the null pointer of an empty list.
        if (values != nullptr) RATIOFARM_H5(H5Awrite, attribute.get(), type, values);
    } catch (...) {
        H5Oclose(owner);
        throw;
    }
    H5Oclose(owner);
}

Dataspace list_space(std::size_t count) {
    const hsize_t size = count;
    return checked::H5Screate_simple(1, &size);
}

std::vector<std::string> read_variable_texts(const Opened& opened) {
    const Dataspace space = checked::H5Aget_space(opened.attribute.get());
    std::vector<char*> raw(opened.count, nullptr);
    RATIOFARM_H5(H5Aread, opened.attribute.get(), opened.type.get(), raw.data());
    std::vector<std::string> texts;
    for (const char* text : raw) texts.emplace_back(text == nullptr ? "" : text);
    H5Dvlen_reclaim(opened.type.get(), space.get(), H5P_DEFAULT, raw.data());
    return texts;
}

std::vector<std::string> read_fixed_texts(const Opened& opened) {
    const std::size_t size = H5Tget_size(opened.type.get());
    std::vector<char> raw(size * opened.count);
    RATIOFARM_H5(H5Aread, opened.attribute.get(), opened.type.get(), raw.data());
    std::vector<std::string> texts;
    for (std::size_t index = 0; index < opened.count; ++index) {
        const char* first = raw.data() + index * size;
        texts.emplace_back(first, strnlen(first, size));
    }
    return texts;
}

template <class T>
std::vector<T> read_values(const Opened& opened, hid_t memory_type) {
    std::vector<T> values(opened.count);
    if (!values.empty()) {
        RATIOFARM_H5(H5Aread, opened.attribute.get(), memory_type, values.data());
    }
    return values;
}

[[noreturn]] void wrong_kind(const std::string& object,
                             const std::string& name,
                             const char* expected) {
    throw DataError(place(object, name) + " is not " + expected);
}

}  // namespace

void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     std::string_view value) {
    const std::string text(value);
    const char* const raw = text.c_str();
    write(file, object, name, variable_text().get(), checked::H5Screate(H5S_SCALAR), &raw);
}

void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     const std::vector<std::string>& values) {
    std::vector<const char*> raw;
    for (const std::string& value : values) raw.push_back(value.c_str());
    write(file, object, name, variable_text().get(), list_space(raw.size()), raw.data());
}

void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     std::uint64_t value) {
    write(file, object, name, H5T_STD_U64LE, checked::H5Screate(H5S_SCALAR), &value);
}

void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     double value) {
    write(file, object, name, H5T_IEEE_F64LE, checked::H5Screate(H5S_SCALAR), &value);
}

void write_attribute(const File& file,
                     const std::string& object,
                     const std::string& name,
                     const std::vector<double>& values) {
    write(file, object, name, H5T_IEEE_F64LE, list_space(values.size()), values.data());
}

bool has_attribute(const File& file, const std::string& object, const std::string& name) {
    return RATIOFARM_H5(H5Aexists_by_name, file.get(), object.c_str(), name.c_str(), H5P_DEFAULT) >
           0;
}

std::string read_text_attribute(const File& file,
                                const std::string& object,
                                const std::string& name) {
    const std::vector<std::string> texts = read_texts_attribute(file, object, name);
    if (texts.size() != 1) wrong_kind(object, name, "a text");
    return texts.front();
}

std::vector<std::string> read_texts_attribute(const File& file,
                                              const std::string& object,
                                              const std::string& name) {
    const Opened opened = open(file, object, name);
    if (opened.kind != H5T_STRING) wrong_kind(object, name, "a text");
    return in_context(place(object, name), [&]() -> std::vector<std::string> {
        if (opened.count == 0) return {};
        const bool fixed = RATIOFARM_H5(H5Tis_variable_str, opened.type.get()) <= 0;
        if (fixed) return read_fixed_texts(opened);
        if (!file.texts) return read_variable_texts(opened);
        const auto texts = file.texts->find({object, name});
        if (texts == file.texts->end() || texts->second.size() != opened.count) {
            throw DataError("the file is damaged: the text cannot be read");
        }
        return texts->second;
    });
}

std::uint64_t read_integer_attribute(const File& file,
                                     const std::string& object,
                                     const std::string& name) {
    const Opened opened = open(file, object, name);
    if (opened.kind != H5T_INTEGER || opened.count != 1) wrong_kind(object, name, "an integer");
    return read_values<std::uint64_t>(opened, H5T_NATIVE_UINT64).front();
}

double read_number_attribute(const File& file, const std::string& object, const std::string& name) {
    const std::vector<double> values = read_numbers_attribute(file, object, name);
    if (values.size() != 1) wrong_kind(object, name, "one number");
    return values.front();
}

std::vector<double> read_numbers_attribute(const File& file,
                                           const std::string& object,
                                           const std::string& name) {
    const Opened opened = open(file, object, name);
    if (opened.kind != H5T_FLOAT && opened.kind != H5T_INTEGER) {
        wrong_kind(object, name, "a list of numbers");
    }
    return read_values<double>(opened, H5T_NATIVE_DOUBLE);
}

std::vector<std::string> attribute_names(const File& file, const std::string& object) {
    std::vector<std::string> names;
    const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* list) -> herr_t {
        static_cast<std::vector<std::string>*>(list)->emplace_back(name);
        return 0;
    };
    RATIOFARM_H5(H5Aiterate_by_name, file.get(), object.c_str(), H5_INDEX_NAME, H5_ITER_INC,
                 nullptr, collect, &names, H5P_DEFAULT);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace ratiofarm::h5

#include "doubted_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include "ratiofarm/core/errors.hpp"

#include "core/isolated.hpp"

#include "attributes.hpp"
#include "checked.hpp"
#include "dataset.hpp"
#include "file.hpp"

namespace ratiofarm::h5 {

namespace {

/// Reads what can be read of a file. What throws is no crash: whoever needs it meets it again.
class Walk {
public:
    explicit Walk(const std::filesystem::path& path) {
        attempt([&] {
            file_ = open_file(path);
            look_at_group("/", 0);
        });
        // Memory that was overwritten is noticed when it is freed.
        file_.reset();
        H5garbage_collect();
    }
    /// Of each attribute that holds texts: object, name, number of texts, texts.
    std::vector<std::string> lines;

private:
    template <class Step>
    static void attempt(Step&& step) {
        try {
            step();
        } catch (const std::exception&) {
        }
    }

    /// Links may form a cycle; no table is nested deeper than half of this.
    static constexpr int deepest = 6;

    void look_at_group(const std::string& path, int depth) {
        look_at_attributes(path);
        if (depth == deepest) return;
        for (const std::string& name : member_names(file_, path)) {
            const std::string member = (path == "/" ? "" : path) + "/" + name;
            attempt([&] {
                if (is_group(file_, member)) look_at_group(member, depth + 1);
                if (is_dataset(file_, member)) look_at_dataset(member);
            });
        }
    }

    void look_at_dataset(const std::string& path) {
        look_at_attributes(path);
        const Dataset dataset = open_dataset(file_, path);
        if (describe(dataset).offset) return;
        hsize_t chunks = 0;  // counted by reading their index
        const Dataspace space = checked::H5Dget_space(dataset.get());
        RATIOFARM_H5(H5Dget_num_chunks, dataset.get(), space.get(), &chunks);
    }

    void look_at_attributes(const std::string& object) {
        for (const std::string& name : attribute_names(file_, object)) {
            attempt([&] { read_numbers_attribute(file_, object, name); });
            attempt([&] {
                const std::vector<std::string> texts = read_texts_attribute(file_, object, name);
                lines.insert(lines.end(), {object, name, std::to_string(texts.size())});
                lines.insert(lines.end(), texts.begin(), texts.end());
            });
        }
    }

    File file_;
};

/// Of the processor; a dataset has some hundred bytes of metadata, and takes some 30 us.
unsigned most_seconds(const std::filesystem::path& path) {
    constexpr std::uintmax_t bytes_per_second = 1'000'000;
    constexpr std::uintmax_t at_most = 60;
    std::error_code none;
    const std::uintmax_t size = std::filesystem::file_size(path, none);
    return static_cast<unsigned>(2 + std::min(at_most, none ? 0 : size / bytes_per_second));
}

AttributeTexts texts_of(const std::vector<std::string>& lines) {
    constexpr std::ptrdiff_t head = 3;
    AttributeTexts texts;
    for (auto line = lines.begin(); line != lines.end();) {
        const auto first = line + head;
        const auto last = first + std::stol(line[2]);
        texts[{line[0], line[1]}] = {first, last};
        line = last;
    }
    return texts;
}

}  // namespace

bool has_checked_metadata(const std::filesystem::path& path) {
    constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
    std::array<char, signature.size() + 1> start{};
    std::ifstream(path, std::ios::binary).read(start.data(), start.size());
    return std::string_view(start.data(), signature.size()) == signature && start.back() >= 2;
}

File open_doubted(const std::filesystem::path& path) {
    const auto [lines, end] =
        lines_of_isolated([&] { return Walk(path).lines; }, most_seconds(path));
    if (!end.empty()) {
        throw DataError("'" + path.string() + "' is damaged: looking at what it holds " + end +
                        " (it was done in another process); make it or copy it again");
    }
    File file = open_file(path);
    file.texts = std::make_shared<const AttributeTexts>(texts_of(lines));
    return file;
}

}  // namespace ratiofarm::h5

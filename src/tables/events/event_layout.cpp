#include "event_layout.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "ratiofarm/core/errors.hpp"

#include "core/suggest.hpp"
#include "h5/attributes.hpp"
#include "tables/checked_column.hpp"

namespace ratiofarm {

namespace {

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text.empty() ? "nothing" : text;
}

bool fits(const h5::DatasetInfo& info, h5::ElementType type) {
    return info.type == type && info.offset && *info.offset % h5::size_of(type) == 0;
}

bool is_integer(h5::TypeClass type) {
    return type == h5::TypeClass::unsigned_integer || type == h5::TypeClass::signed_integer;
}

/// Finds what a sample is made of and what is wrong with it.
class LayoutReader {
public:
    LayoutReader(const h5::File& file, const SampleToRead& sample, Problems& problems)
        : file_(file), wanted_(sample), problems_(problems) {
        layout_.sample = layout_.group = sample.name;
        const auto at = sample.name.find('@');
        if (at == std::string::npos || h5::is_group(file_, "/" + sample.name)) return;
        layout_.group = sample.name.substr(0, at);
        layout_.weights_as_weight = sample.name.substr(at + 1);
    }

    std::optional<EventLayout> read() {
        const std::size_t before = problems_.lines().size();
        if (!has_group()) return std::nullopt;
        const bool features = find("features", layout_.features);
        const bool weight = find_weight();
        const bool id = find("id", layout_.id);
        if (features) check_features();
        if (weight) check_list("weight", layout_.weight);
        if (id) check_list("id", layout_.id);
        for (const std::string& name : wanted_.weights) add_weights(name);
        if (wanted_.particles) add_particles();
        if (wanted_.levels) {
            add_levels();
        } else {
            expect_all_reconstructed();
        }
        if (problems_.lines().size() == before) check_lengths();
        if (problems_.lines().size() != before) return std::nullopt;
        return std::move(layout_);
    }

private:
    bool has_group() {
        if (h5::is_group(file_, "/" + layout_.group)) return true;
        std::vector<std::string> samples = h5::member_names(file_, "/");
        std::erase_if(samples, [&](const auto& name) { return !h5::is_group(file_, "/" + name); });
        problems_.add("sample '" + layout_.group + "'",
                      "is missing" + did_you_mean(layout_.group, samples) +
                          " (the file holds: " + listed(samples) + ")");
        return false;
    }

    bool find(const char* dataset, h5::DatasetInfo& info) {
        const std::string path = layout_.path(dataset);
        if (h5::is_dataset(file_, path)) {
            info = h5::describe(h5::open_dataset(file_, path));
            return true;
        }
        const std::vector<std::string> members = h5::member_names(file_, "/" + layout_.group);
        problems_.add(path, "is missing" + did_you_mean(dataset, members) +
                                " (the sample holds: " + listed(members) + ")");
        return false;
    }

    std::vector<std::string> further_weights() const {
        const std::string group = layout_.path("weights");
        if (!h5::is_group(file_, group)) return {};
        std::vector<std::string> names = h5::member_names(file_, group);
        std::erase_if(names, is_checksum_path);
        return names;
    }

    bool find_weights(const std::string& name, h5::DatasetInfo& info) {
        const std::string path = layout_.path(weights_dataset(name));
        if (h5::is_dataset(file_, path)) {
            info = h5::describe(h5::open_dataset(file_, path));
            return true;
        }
        const std::vector<std::string> members = further_weights();
        problems_.add(path, "is missing" + did_you_mean(name, members) +
                                " (further weights of the sample: " + listed(members) + ")");
        return false;
    }

    bool find_weight() {
        const std::string& name = layout_.weights_as_weight;
        return name.empty() ? find("weight", layout_.weight) : find_weights(name, layout_.weight);
    }

    void add_weights(const std::string& name) {
        h5::DatasetInfo info;
        if (!find_weights(name, info)) return;
        layout_.weights.push_back({name, info});
        check_list(weights_dataset(name), info);
    }

    void add_particles() {
        EventLayout::Particles particles;
        const bool values = find(particles_dataset, particles.values);
        const bool offsets = find(offsets_dataset, particles.offsets);
        if (!values || !offsets) return;
        check_matrix(particles_dataset, particles.values, particles.columns);
        const auto check_whole = [&](const char* dataset, const h5::DatasetInfo& info,
                                     const char* shape) {
            if (is_integer(info.type_class) && info.shape.size() == 1) return;
            problems_.add(layout_.path(dataset), "is " + info.description() + ", must be " + shape);
        };
        check_whole(offsets_dataset, particles.offsets, "u64 [events + 1]");
        if (h5::is_dataset(file_, layout_.path(types_dataset))) {
            particles.types = h5::describe(h5::open_dataset(file_, layout_.path(types_dataset)));
            check_whole(types_dataset, *particles.types, "i64 [particles]");
        }
        layout_.particles = std::move(particles);
    }

    bool has_no_levels() {
        const std::array all{truth_dataset, pass_reco_dataset, pass_truth_dataset};
        const bool any = std::ranges::any_of(
            all, [&](const char* name) { return h5::is_dataset(file_, layout_.path(name)); });
        if (any) return false;
        problems_.add(layout_.path(truth_dataset),
                      "is missing, and so are pass_reco and pass_truth (the sample holds: " +
                          listed(h5::member_names(file_, "/" + layout_.group)) + ")");
        return true;
    }

    void add_levels() {
        if (has_no_levels()) return;
        EventLayout::Levels levels;
        const bool truth = find(truth_dataset, levels.truth);
        const bool reco = find(pass_reco_dataset, levels.pass_reco);
        const bool fiducial = find(pass_truth_dataset, levels.pass_truth);
        if (truth) check_matrix(truth_dataset, levels.truth, levels.columns);
        const auto check_flags = [&](const char* dataset, const h5::DatasetInfo& info) {
            if (is_integer(info.type_class) && info.shape.size() == 1) return;
            problems_.add(layout_.path(dataset),
                          "is " + info.description() + ", must be u8 [events], 0 or 1");
        };
        if (reco) check_flags(pass_reco_dataset, levels.pass_reco);
        if (fiducial) check_flags(pass_truth_dataset, levels.pass_truth);
        for (const std::string& name : wanted_.truth) {
            if (!truth || std::ranges::find(levels.columns, name) != levels.columns.end()) continue;
            problems_.add(layout_.path(truth_dataset),
                          "has no column '" + name + "'" + did_you_mean(name, levels.columns));
        }
        layout_.levels = std::move(levels);
    }

    /// A sample without levels is read whole, as reconstructed events: the features of others mean
    /// nothing.
    void expect_all_reconstructed() {
        const std::string path = layout_.path(pass_reco_dataset);
        if (!h5::is_dataset(file_, path)) return;
        const CheckedColumn column(file_, path);
        if (!is_integer(column.info().type_class) || column.info().shape.size() != 1) return;
        const std::uint64_t events = column.info().rows();
        std::uint64_t first = 0, others = 0;
        for (std::uint64_t block = 0; block < block_count(events); ++block) {
            const Range rows = rows_of_block(block, events);
            const auto flags = column.read<std::int64_t>(rows);
            for (std::uint64_t i = 0; i < flags.size(); ++i) {
                if (flags[i] == 0 && others++ == 0) first = rows.first + i;
            }
        }
        if (others == 0) return;
        problems_.add(path + " row " + std::to_string(first),
                      "is 0, as in " + std::to_string(others) +
                          " rows: these events were not reconstructed, and this sample is read as "
                          "reconstructed events; leave them out");
    }

    void check_features() { check_matrix("features", layout_.features, layout_.columns); }

    void check_matrix(const char* dataset,
                      const h5::DatasetInfo& info,
                      std::vector<std::string>& columns) {
        const std::string path = layout_.path(dataset);
        if (info.shape.size() != 2 || info.type_class != h5::TypeClass::floating) {
            const std::string rows =
                dataset != std::string_view(particles_dataset) ? "events" : dataset;
            problems_.add(path,
                          "is " + info.description() + ", must be f32 [" + rows + ", columns]");
            return;
        }
        try {
            columns = h5::read_texts_attribute(file_, path, "columns");
        } catch (const Error&) {
            problems_.add(path, "needs the attribute 'columns', a list of " +
                                    std::to_string(info.width()) + " names");
            return;
        }
        if (columns.size() != info.width()) {
            problems_.add(path, "has " + std::to_string(info.width()) +
                                    " columns, its attribute 'columns' names " +
                                    std::to_string(columns.size()));
        }
        const std::set<std::string> distinct(columns.begin(), columns.end());
        if (distinct.size() != columns.size()) {
            problems_.add(path, "its attribute 'columns' names a column twice");
        }
    }

    void check_list(std::string_view dataset, const h5::DatasetInfo& info) {
        const bool is_id = dataset == "id";
        const bool good_type =
            is_id ? is_integer(info.type_class) : info.type_class == h5::TypeClass::floating;
        if (good_type && info.shape.size() == 1) return;
        problems_.add(layout_.path(dataset), "is " + info.description() + ", must be " +
                                                 (is_id ? "u64" : "f64") + " [events]");
    }

    void check_lengths() {
        const std::uint64_t rows = layout_.features.rows();
        const auto check = [&](const std::string& dataset, const h5::DatasetInfo& info) {
            if (info.rows() == rows) return;
            problems_.add(layout_.path(dataset), "has " + std::to_string(info.rows()) +
                                                     " rows, but features has " +
                                                     std::to_string(rows));
        };
        check("weight", layout_.weight);
        check("id", layout_.id);
        for (const auto& weights : layout_.weights) {
            check(weights_dataset(weights.name), weights.info);
        }
        if (layout_.levels) {
            check(truth_dataset, layout_.levels->truth);
            check(pass_reco_dataset, layout_.levels->pass_reco);
            check(pass_truth_dataset, layout_.levels->pass_truth);
        }
        check_particle_lengths(rows);
        if (rows == 0) problems_.add("sample '" + layout_.sample + "'", "has no events");
    }

    void check_particle_lengths(std::uint64_t events) {
        if (!layout_.particles) return;
        const EventLayout::Particles& particles = *layout_.particles;
        const std::uint64_t offsets = particles.offsets.rows();
        if (offsets != events + 1) {
            problems_.add(layout_.path(offsets_dataset), "has " + std::to_string(offsets) +
                                                             " rows, must have one more than the " +
                                                             std::to_string(events) + " events");
        }
        if (particles.types && particles.types->rows() != particles.values.rows()) {
            problems_.add(layout_.path(types_dataset), "has " +
                                                           std::to_string(particles.types->rows()) +
                                                           " rows, but particles has " +
                                                           std::to_string(particles.values.rows()));
        }
        if (particles.values.rows() == 0) {
            problems_.add(layout_.path(particles_dataset), "has no particle in any event");
        }
    }

    const h5::File& file_;
    const SampleToRead& wanted_;
    Problems& problems_;
    EventLayout layout_;
};

}  // namespace

void Problems::throw_if_any() const {
    if (lines_.empty()) return;
    std::string text;
    for (const std::string& line : lines_) text += (text.empty() ? "" : "\n") + line;
    throw DataError(text);
}

std::string EventLayout::path(std::string_view dataset) const {
    const bool other = dataset == "weight" && !weights_as_weight.empty();
    return "/" + group + "/" + (other ? weights_dataset(weights_as_weight) : std::string(dataset));
}

EventLayout EventLayout::written() const {
    EventLayout copy = *this;
    copy.group = sample;
    copy.weights_as_weight.clear();
    return copy;
}

bool EventLayout::is_native() const {
    if (particles && (!fits(particles->values, h5::ElementType::f32) ||
                      !fits(particles->offsets, h5::ElementType::u64) ||
                      (particles->types && !fits(*particles->types, h5::ElementType::i64)))) {
        return false;
    }
    if (levels && (!fits(levels->truth, h5::ElementType::f32) ||
                   !fits(levels->pass_reco, h5::ElementType::u8) ||
                   !fits(levels->pass_truth, h5::ElementType::u8))) {
        return false;
    }
    return fits(features, h5::ElementType::f32) && fits(weight, h5::ElementType::f64) &&
           fits(id, h5::ElementType::u64) && std::ranges::all_of(weights, [](const auto& each) {
               return fits(each.info, h5::ElementType::f64);
           });
}

std::vector<ColumnLayout> level_columns(const std::string& sample,
                                        std::uint64_t columns,
                                        std::uint64_t events) {
    const std::string group = "/" + sample + "/";
    return {{group + truth_dataset, h5::ElementType::f32, events, columns, ColumnShape::matrix},
            {group + pass_reco_dataset, h5::ElementType::u8, events},
            {group + pass_truth_dataset, h5::ElementType::u8, events}};
}

std::vector<ColumnLayout> particle_columns(const std::string& sample, const ParticleSizes& sizes) {
    const std::string group = "/" + sample + "/";
    std::vector<ColumnLayout> columns{
        {group + particles_dataset, h5::ElementType::f32, sizes.particles, sizes.columns,
         ColumnShape::matrix},
        {group + offsets_dataset, h5::ElementType::u64, sizes.events + 1}};
    if (sizes.has_types) {
        columns.push_back({group + types_dataset, h5::ElementType::i64, sizes.particles});
    }
    return columns;
}

std::optional<EventLayout> read_event_layout(const h5::File& file,
                                             const SampleToRead& sample,
                                             Problems& problems) {
    return LayoutReader(file, sample, problems).read();
}

}  // namespace ratiofarm

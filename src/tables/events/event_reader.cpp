#include <algorithm>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "core/suggest.hpp"
#include "h5/attributes.hpp"

#include "event_layout.hpp"
#include "event_scan.hpp"

namespace ratiofarm {

namespace {

/// Places of the wanted columns; all columns if none is named.
std::vector<std::uint32_t> columns_in_use(const EventLayout& layout,
                                          std::span<const std::string> features,
                                          Problems& problems) {
    std::vector<std::uint32_t> places;
    if (features.empty()) {
        for (std::uint32_t place = 0; place < layout.columns.size(); ++place) {
            places.push_back(place);
        }
    }
    for (const std::string& feature : features) {
        const auto found = std::find(layout.columns.begin(), layout.columns.end(), feature);
        if (found == layout.columns.end()) {
            const auto& lists = layout.particles;
            const bool of_lists =
                lists && std::ranges::find(lists->columns, feature) != lists->columns.end();
            problems.add(layout.path("features"),
                         "has no column '" + feature + "'" +
                             (of_lists ? ": it is one of the particle lists, for network.particles"
                                       : did_you_mean(feature, layout.columns)));
        } else {
            places.push_back(static_cast<std::uint32_t>(found - layout.columns.begin()));
        }
    }
    return places;
}

SampleColumns sample_columns(const std::filesystem::path& file, const EventLayout& layout) {
    const bool native = layout.is_native();
    const auto offset = [&](const h5::DatasetInfo& info) { return native ? *info.offset : 0; };
    ParticleColumns particles;
    if (layout.particles) {
        const EventLayout::Particles& lists = *layout.particles;
        particles = {.names = lists.columns,
                     .particles = lists.values.rows(),
                     .values_offset = offset(lists.values),
                     .offsets_offset = offset(lists.offsets),
                     .types_offset = lists.types ? offset(*lists.types) : 0};
    }
    LevelColumns levels;
    if (layout.levels) {
        levels = {.names = layout.levels->columns,
                  .truth_offset = offset(layout.levels->truth),
                  .pass_reco_offset = offset(layout.levels->pass_reco),
                  .pass_truth_offset = offset(layout.levels->pass_truth)};
    }
    return {.file = std::filesystem::absolute(file).string(),
            .sample = layout.sample,
            .events = layout.events(),
            .columns = layout.columns.size(),
            .features_offset = offset(layout.features),
            .weight_offset = offset(layout.weight),
            .id_offset = offset(layout.id),
            .stamp = stamp_of(file),
            .particles = std::move(particles),
            .levels = std::move(levels)};
}

std::vector<SampleWeights> further_weights(const EventLayout& layout, const EventScan& scan) {
    std::vector<SampleWeights> weights;
    for (std::size_t i = 0; i < layout.weights.size(); ++i) {
        const auto& [name, info] = layout.weights[i];
        weights.push_back({.name = name,
                           .offset = layout.is_native() ? *info.offset : 0,
                           .digest = scan.weights[i].digest,
                           .sum = scan.weights[i].sum});
    }
    return weights;
}

/// One sample, or nothing if something is wrong with it.
std::optional<SampleInfo> read_sample(const std::filesystem::path& path,
                                      const h5::File& file,
                                      const SampleToRead& sample,
                                      std::span<const std::string> features,
                                      const Split& split,
                                      Problems& problems) {
    const std::size_t before = problems.lines().size();
    const std::optional<EventLayout> layout = read_event_layout(file, sample, problems);
    if (!layout) return std::nullopt;
    const std::vector<std::uint32_t> columns = columns_in_use(*layout, features, problems);
    const EventScan scan = scan_events(file, *layout, columns, split, problems, sample.truth);
    if (problems.lines().size() != before) return std::nullopt;
    return SampleInfo{.name = sample.name,
                      .columns = sample_columns(path, *layout),
                      .column_names = layout->columns,
                      .digest = scan.digest,
                      .sum_of_weights = scan.sum_of_weights,
                      .inference_events = scan.inference_events,
                      .training_events = scan.training_events,
                      .weights = further_weights(*layout, scan),
                      .facts = scan.facts};
}

}  // namespace

std::vector<SampleInfo> read_sample_info(const std::filesystem::path& file,
                                         std::span<const SampleToRead> samples,
                                         std::span<const std::string> features,
                                         const Split& split) {
    const h5::File opened = open_table(file, events_kind);
    Problems problems(file.string());
    std::vector<SampleInfo> infos;
    for (const SampleToRead& sample : samples) {
        try {
            auto info = read_sample(file, opened, sample, features, split, problems);
            if (info) infos.push_back(std::move(*info));
        } catch (const Error& damaged) {
            problems.add("sample '" + sample.name + "'", damaged.what());
        }
    }
    problems.throw_if_any();
    return infos;
}

std::vector<SampleInfo> read_sample_info(const std::filesystem::path& file,
                                         std::span<const std::string> samples,
                                         std::span<const std::string> features,
                                         const Split& split) {
    std::vector<SampleToRead> wanted;
    for (const std::string& sample : samples) wanted.push_back({sample, {}});
    return read_sample_info(file, wanted, features, split);
}

std::vector<std::string> sample_names(const std::filesystem::path& file) {
    const h5::File opened = open_table(file, events_kind);
    return in_context("'" + file.string() + "'", [&] {
        std::vector<std::string> names;
        for (const std::string& name : h5::member_names(opened, "/")) {
            if (h5::is_group(opened, "/" + name)) names.push_back(name);
        }
        return names;
    });
}

std::vector<SampleToRead> all_samples(const std::filesystem::path& file) {
    const h5::File opened = open_table(file, events_kind);
    std::vector<SampleToRead> samples;
    for (const std::string& name : sample_names(file)) {
        SampleToRead& sample = samples.emplace_back(SampleToRead{name, {}});
        sample.particles = h5::is_dataset(opened, "/" + name + "/" + particles_dataset);
        sample.levels = h5::is_dataset(opened, "/" + name + "/" + truth_dataset);
        const std::string group = "/" + name + "/weights";
        if (!h5::is_group(opened, group)) continue;
        for (const std::string& member : h5::member_names(opened, group)) {
            if (!is_checksum_path(member)) sample.weights.push_back(member);
        }
    }
    return samples;
}

std::optional<LogDensity> read_log_density(const std::filesystem::path& file,
                                           const std::string& sample) {
    const h5::File opened = open_table(file, events_kind);
    const std::string path = "/" + sample + "/log_density";
    if (!h5::exists(opened, path)) return std::nullopt;
    return in_context(file.string() + ": " + path, [&]() -> std::optional<LogDensity> {
        const CheckedColumn column(opened, path);
        LogDensity density;
        density.processes = h5::read_texts_attribute(opened, path, "processes");
        if (column.info().shape.size() != 2 || column.info().width() != density.processes.size()) {
            throw DataError("is " + column.info().description() + ", must be f64 [events, " +
                            std::to_string(density.processes.size()) + "] as 'processes' says");
        }
        density.values = column.read<double>({0, column.info().rows()});
        return density;
    });
}

MappedSample::MappedSample(const SampleInfo& info)
    : file_(info.columns.file), columns_(info.columns.columns) {
    if (info.columns.features_offset == 0) {
        throw DataError(info.columns.file + ": sample '" + info.name +
                        "' is not stored contiguously in native types and cannot be mapped");
    }
    expect_unchanged(info.columns);
    features_ = file_.values<float>(info.columns.features_offset, info.columns.events * columns_);
    weight_ = file_.values<double>(info.columns.weight_offset, info.columns.events);
    id_ = file_.values<std::uint64_t>(info.columns.id_offset, info.columns.events);
    const LevelColumns& levels = info.columns.levels;
    if (levels.names.empty()) return;
    truth_ = file_.values<float>(levels.truth_offset, info.columns.events * levels.names.size());
    pass_reco_ = file_.values<std::uint8_t>(levels.pass_reco_offset, info.columns.events);
    pass_truth_ = file_.values<std::uint8_t>(levels.pass_truth_offset, info.columns.events);
}

}  // namespace ratiofarm

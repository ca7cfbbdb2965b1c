#include "safetensors_export.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/net_quality.hpp"

#include "core/publish.hpp"

#include "ensemble_layout.hpp"

namespace ratiofarm {
namespace {

using nlohmann::ordered_json;
static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

bool has_calibration(const EnsembleHeader& header) {
    return header.training.calibration != CalibrationMethod::none;
}

/// Name and shape of the tensors of one net, in the order of their values.
std::vector<std::pair<std::string, std::vector<std::uint64_t>>> tensors_of_net(
    const EnsembleHeader& header) {
    std::vector<std::pair<std::string, std::vector<std::uint64_t>>> tensors;
    for (const ParameterBlock& block : parameter_layout(header.network)) {
        tensors.emplace_back(block.name, block.shape);
    }
    if (has_calibration(header)) {
        tensors.emplace_back("calibration", std::vector<std::uint64_t>{2, calibration_knots});
    }
    return tensors;
}

/// All values are text, as the format wants them; lists are JSON.
ordered_json metadata_of(const EnsembleFile& file) {
    const EnsembleHeader& header = file.header;
    ordered_json metadata;
    metadata["format"] = "ratiofarm-nets";
    const Network& network = header.network;
    const bool old_readers_heed = !network.layer_norm && !network.log_features && network.gram == 0;
    metadata["version"] = old_readers_heed ? "1" : "2";
    metadata["ensemble"] = header.name;
    metadata["process"] = header.process;
    metadata["features"] = ordered_json(header.features).dump();
    metadata["kind"] = word_of(header.network.kind);
    metadata["hidden"] = ordered_json(header.network.hidden).dump();
    metadata["activation"] = word_of(header.network.activation);
    if (header.network.layer_norm) metadata["layer_norm"] = "true";
    if (header.network.gram > 0) metadata["gram"] = std::to_string(header.network.gram);
    if (header.network.log_features) metadata["log_features"] = "true";
    if (reads_particles(header.network.kind)) {
        metadata["particles"] = ordered_json(header.network.particles).dump();
        for_each_field(
            header.network, [&](std::string_view name, const auto& value, const Key& key) {
                if (!key.written) return;
                using Value = std::decay_t<decltype(value)>;
                if constexpr (std::is_same_v<Value, bool> || std::is_same_v<Value, std::uint32_t>) {
                    metadata[std::string(name)] = ordered_json(value).dump();
                }
            });
    }
    metadata["combine"] = word_of(header.combine);
    metadata["nets"] = std::to_string(header.nets());
    metadata["names"] = ordered_json(header.names).dump();
    if (header.folds > 0) {
        metadata["folds"] = std::to_string(header.folds);
        metadata["net_fold"] = ordered_json(file.fold).dump();
    }
    metadata["digest"] = header.digest.hex();
    return metadata;
}

/// The head of the file: its own size, then names, shapes and places as JSON, padded so that the
/// values are aligned.
std::string head_of(const EnsembleFile& file) {
    ordered_json head;
    head["__metadata__"] = metadata_of(file);
    std::uint64_t offset = 0;
    for (std::uint64_t net = 0; net < file.header.nets(); ++net) {
        for (const auto& [name, shape] : tensors_of_net(file.header)) {
            std::uint64_t size = sizeof(float);
            for (const std::uint64_t extent : shape) size *= extent;
            head[fmt::format("net{}.{}", net, name)] = {
                {"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, offset + size}}};
            offset += size;
        }
    }
    std::string text = head.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
}

/// The rows of a calibration tensor: knots, then calibrated logits, NaN after the last.
std::vector<float> calibration_values(const CalibrationMap& map) {
    std::vector<float> values(2 * std::size_t{calibration_knots},
                              std::numeric_limits<float>::quiet_NaN());
    std::ranges::copy(map.logit, values.begin());
    std::ranges::copy(map.calibrated, values.begin() + calibration_knots);
    return values;
}

/// A file that takes its name when it is complete.
class PartialFile {
public:
    explicit PartialFile(std::filesystem::path path)
        : path_(std::move(path)), partial_(path_.string() + ".partial"), stream_(partial_) {
        expect_written();
    }
    ~PartialFile() {
        std::error_code ignored;
        if (!published_) std::filesystem::remove(partial_, ignored);
    }
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    void append(std::span<const std::byte> bytes) {
        stream_.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
        expect_written();
    }

    void publish() {
        stream_.close();
        expect_written();
        publish_file(partial_, path_);
        published_ = true;
    }

private:
    void expect_written() const {
        if (stream_) return;
        throw SystemError("cannot write '" + partial_.string() + "'", errno);
    }

    std::filesystem::path path_;
    std::filesystem::path partial_;
    std::ofstream stream_;
    bool published_ = false;
};

}  // namespace

void export_safetensors(const EnsembleFile& ensemble, const std::filesystem::path& path) {
    PartialFile file(path);
    const std::string head = head_of(ensemble);
    const std::uint64_t size = head.size();
    file.append(std::as_bytes(std::span(&size, 1)));
    file.append(std::as_bytes(std::span(head)));
    for (std::uint64_t net = 0; net < ensemble.header.nets(); ++net) {
        const TrainedNet result = read_net(ensemble, net).result;
        file.append(std::as_bytes(std::span(result.row)));
        if (!has_calibration(ensemble.header)) continue;
        const std::vector<float> calibration = calibration_values(result.calibration);
        file.append(std::as_bytes(std::span(calibration)));
    }
    file.publish();
}

}  // namespace ratiofarm

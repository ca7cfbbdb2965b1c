#include "trainer_gaussians.hpp"

#include <numeric>
#include <span>

#include "core/philox.hpp"
#include "core/publish.hpp"

namespace ratiofarm::test {

using namespace trainer;

SimulatedSample normal_sample(const std::string& name,
                              std::uint64_t n,
                              double mean,
                              std::uint64_t columns,
                              std::uint64_t first_id) {
    SimulatedSample sample{
        .name = name, .columns = columns, .features = {}, .weight = {}, .id = {}};
    PhiloxSequence random(std::hash<std::string>()(name), first_id);
    for (std::uint64_t value = 0; value < n * columns; ++value) {
        sample.features.push_back(static_cast<float>(mean + random.normal()));
    }
    sample.weight.assign(n, 1.0);
    sample.id.resize(n);
    std::iota(sample.id.begin(), sample.id.end(), first_id);
    return sample;
}

SampleColumns write_sample(const TemporaryDirectory& folder, const SimulatedSample& sample) {
    std::vector<std::byte> bytes(64);  // something stands before the first column
    const auto append = [&](const auto& values) {
        const std::uint64_t offset = bytes.size();
        const auto block = std::as_bytes(std::span(values));
        bytes.insert(bytes.end(), block.begin(), block.end());
        return offset;
    };
    SampleColumns columns;
    columns.file = (folder / (sample.name + ".events")).string();
    columns.sample = sample.name;
    columns.events = sample.id.size();
    columns.columns = sample.columns;
    columns.weight_offset = append(sample.weight);
    columns.id_offset = append(sample.id);
    columns.features_offset = append(sample.features);
    publish(columns.file, bytes);
    return columns;
}

std::uint64_t append_weights(const std::string& file,
                             const std::function<double(std::size_t)>& weight,
                             std::size_t rows) {
    auto bytes = read_file(file);
    const std::uint64_t offset = (bytes.size() + 7) / 8 * 8;
    bytes.resize(offset);
    for (std::size_t row = 0; row < rows; ++row) {
        const double value = weight(row);
        const auto block = std::as_bytes(std::span(&value, 1));
        bytes.insert(bytes.end(), block.begin(), block.end());
    }
    publish(file, bytes);
    return offset;
}

TrainRequest gaussian_request(const TemporaryDirectory& folder,
                              std::uint64_t events_each,
                              std::uint64_t columns) {
    TrainRequest request;
    request.task = {.high = 7, .low = 11};
    request.name = "toy/member 0";
    const auto right = normal_sample("right", events_each, 0.5, columns, 0);
    const auto left = normal_sample("left", events_each, -0.5, columns, 1'000'000);
    request.numerator = {{.sample = write_sample(folder, right), .fraction = 1.0}};
    request.denominator = {{.sample = write_sample(folder, left), .fraction = 1.0}};
    for (std::uint32_t column = 0; column < columns; ++column) request.features.push_back(column);
    request.network = {.inputs = static_cast<std::uint32_t>(columns),
                       .hidden = {16, 16},
                       .activation = Activation::silu};
    request.training.epochs = 4;
    request.training.batch = 128;
    request.training.learning_rate = 3e-3;
    request.nets.push_back(
        {.name = request.name, .initialisation_seed = 3, .shuffle_seed = 5, .warm_start = {}});
    request.result_path = (folder / "result").string();
    request.state_path = (folder / "state").string();
    return request;
}

}  // namespace ratiofarm::test

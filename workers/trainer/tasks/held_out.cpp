#include "held_out.hpp"

#include <algorithm>

#include "ratiofarm/protocol/split.hpp"

#include "protocol/particle_row.hpp"
#include "workers/trainer/events/mapped_sample.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::size_t block_rows = 65536;

std::vector<std::uint64_t> held_out_rows(const MappedSample& sample, const TrainRequest& request) {
    std::vector<std::uint64_t> rows;
    for (std::uint64_t row = 0; row < sample.events(); ++row) {
        const SplitPart part = part_for_nets(sample.id(row), request.split, request.fold);
        if (part == SplitPart::inference) rows.push_back(row);
    }
    return rows;
}

/// Only what the nets see; there are no weights.
TrainingRows table_of(const MappedSample& sample,
                      std::span<const std::uint64_t> rows,
                      std::size_t size) {
    TrainingRows table{.rows = rows.size(),
                       .inputs = size,
                       .features = {},
                       .weights = std::vector<float>(2 * rows.size(), 0.0F)};
    table.features.resize(rows.size() * size);
    std::span<float> next(table.features);
    for (const std::uint64_t row : rows) {
        sample.fill(row, next.first(size));
        next = next.subspan(size);
    }
    return table;
}

}  // namespace

HeldOut::HeldOut(const TrainRequest& request,
                 const std::vector<TableReader>& readers,
                 DeviceKind device)
    : request_(request), readers_(readers), device_(device) {
    for (TableReader& reader : readers_) reader.draw = 0;
}

bool HeldOut::add_component(const ClassComponent& component,
                            TrainedClass in,
                            PackTrainer& trainer,
                            Components& components,
                            const std::function<bool()>& go_on) const {
    const MappedSample sample(component.sample, request_.features, request_.network);
    const std::vector<std::uint64_t> rows = held_out_rows(sample, request_);
    HeldOutComponent events{.in = in, .fraction = component.fraction};
    for (const std::uint64_t row : rows) {
        events.weight.push_back(sample.weight(row));
        events.id.push_back(sample.id(row));
    }
    for (auto& of_net : components) of_net.push_back(events);
    for (std::size_t first = 0; first < rows.size(); first += block_rows) {
        const auto block =
            std::span(rows).subspan(first, std::min(block_rows, rows.size() - first));
        const TrainingRows table = table_of(sample, block, event_size(request_.network));
        const auto most = std::min(PackTrainer::capacity(request_), std::ssize(block));
        PackBatches batches(table, readers_, most, device_);
        for (std::uint64_t index = 0; index < batches.count(); ++index) {
            const std::vector<float> logits = trainer.logits(batches.batch(index));
            const std::size_t events_of_net = logits.size() / components.size();
            for (std::size_t net = 0; net < components.size(); ++net) {
                const auto from = logits.begin() + static_cast<std::ptrdiff_t>(net * events_of_net);
                auto& to = components[net].back().logit;
                to.insert(to.end(), from, from + static_cast<std::ptrdiff_t>(events_of_net));
            }
            if (!go_on()) return false;
        }
    }
    return true;
}

bool HeldOut::measure(PackTrainer& trainer,
                      std::span<TrainedNet> nets,
                      const std::function<bool()>& go_on) const {
    Components components(nets.size());
    for (const TrainedClass in : {TrainedClass::numerator, TrainedClass::denominator}) {
        const auto& parts =
            in == TrainedClass::numerator ? request_.numerator : request_.denominator;
        for (const ClassComponent& part : parts) {
            if (!add_component(part, in, trainer, components, go_on)) return false;
        }
    }
    for (std::size_t net = 0; net < nets.size(); ++net) {
        if (!nets[net].failure.empty()) continue;
        for (HeldOutComponent& component : components[net]) {
            for (double& logit : component.logit) {
                logit = calibrated(nets[net].calibration, static_cast<float>(logit));
            }
        }
        const HeldOutGain gain = held_out_gain(components[net]);
        nets[net].quality.held_out_gain = gain.gain;
        nets[net].quality.held_out_error = gain.error;
        nets[net].quality.held_out_events = gain.events;
    }
    return true;
}

}  // namespace ratiofarm::trainer

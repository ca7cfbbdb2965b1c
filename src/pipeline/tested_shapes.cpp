#include "tested_shapes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "campaign/significant_shapes.hpp"

#include "ensembles.hpp"

namespace ratiofarm {
namespace {

double yield_of(const PlannedCampaign& planned, const std::string& name) {
    const ProcessSection& process = planned.campaign.process(name);
    if (process.yield) return *process.yield;
    const auto sample =
        std::find_if(planned.samples.begin(), planned.samples.end(),
                     [&](const SampleInfo& info) { return info.name == process.events(); });
    RATIOFARM_EXPECT(sample != planned.samples.end());
    return sample->sum_of_weights;
}

struct Significances {
    std::vector<ShapeSignificance> list;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Significances>& value) {
    archive(value.list);
}

}  // namespace

std::vector<TestedShape> tested_shapes(const PlannedCampaign& planned,
                                       std::span<const EnsembleChoice> choices) {
    const auto shapes = trained_shapes(planned.campaign);
    const auto significances = test_shapes(planned.campaign, choices);
    std::vector<TestedShape> tested;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        tested.push_back({shapes[i].process, shapes[i].parameter,
                          yield_of(planned, shapes[i].process), significances[i]});
    }
    return tested;
}

std::vector<ShapeSignificance> shape_significances(const mpi::Communicator& comm,
                                                   const PlannedCampaign& planned,
                                                   const RunPlace& place) {
    if (trained_shapes(planned.campaign).empty()) return {};
    Significances significances;
    mpi::together(comm, [&] {
        if (!comm.is_root()) return;
        Ensembles ensembles(planned, place);
        const auto choices = ensembles.choices();
        for (const Digest& task : ensembles.take_damaged()) {
            throw DataError(fmt::format(
                "'{}' is damaged; run 'ratiofarm train' first, which trains its nets once more",
                place.directory.result(task).string()));
        }
        expect_complete(choices);  // those of halves, too, which no ensemble file has
        significances.list = test_shapes(planned.campaign, choices);
    });
    return decode<Significances>(mpi::broadcast(comm, encode(significances))).list;
}

void log_insignificant_shapes(std::span<const TestedShape> shapes, const Log& log) {
    for (const TestedShape& shape : shapes) {
        if (shape.significance.significant) continue;
        log.warning("shape not significant",
                    {{"process", shape.process},
                     {"parameter", shape.parameter},
                     {"gain", shape.significance.gain},
                     {"error", shape.significance.gain_error},
                     {"error_by_noise",
                      error_by_noise(1.0, shape.yield * shape.significance.noise_variance)}});
    }
}

}  // namespace ratiofarm

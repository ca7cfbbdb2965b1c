#include "shape_judgements.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "campaign/null_shapes.hpp"

#include "ensembles.hpp"

namespace ratiofarm {
namespace {

double yield_of(const PlannedCampaign& planned, const std::string& name) {
    const ProcessSection& process = planned.campaign.process(name);
    if (process.yield) return *process.yield;
    const auto sample =
        std::find_if(planned.samples.begin(), planned.samples.end(),
                     [&](const SampleInfo& info) { return info.name == process.sample; });
    RATIOFARM_EXPECT(sample != planned.samples.end());
    return sample->sum_of_weights;
}

struct Judgements {
    std::vector<ShapeJudgement> list;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, Judgements>& value) {
    archive(value.list);
}

}  // namespace

std::vector<JudgedShape> judged_shapes(const PlannedCampaign& planned,
                                       std::span<const EnsembleChoice> choices) {
    const auto shapes = trained_shapes(planned.campaign);
    const auto judgements = judge_shapes(planned.campaign, choices);
    std::vector<JudgedShape> judged;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        judged.push_back({shapes[i].process, shapes[i].parameter,
                          yield_of(planned, shapes[i].process), judgements[i]});
    }
    return judged;
}

std::vector<ShapeJudgement> shape_judgements(const mpi::Communicator& comm,
                                             const PlannedCampaign& planned,
                                             const RunPlace& place) {
    if (trained_shapes(planned.campaign).empty()) return {};
    Judgements judgements;
    mpi::together(comm, [&] {
        if (!comm.is_root()) return;
        judgements.list = judge_shapes(planned.campaign, Ensembles(planned, place).choices());
    });
    return decode<Judgements>(mpi::broadcast(comm, encode(judgements))).list;
}

void log_null_shapes(std::span<const JudgedShape> shapes, const Log& log) {
    for (const JudgedShape& shape : shapes) {
        if (!shape.judgement.none) continue;
        log.warning("shape not significant",
                    {{"process", shape.process},
                     {"parameter", shape.parameter},
                     {"gain", shape.judgement.gain},
                     {"error", shape.judgement.gain_error},
                     {"error_by_noise",
                      error_by_noise(1.0, shape.yield * shape.judgement.noise_variance)}});
    }
}

}  // namespace ratiofarm

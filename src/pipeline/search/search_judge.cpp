#include "search_judge.hpp"

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "protocol/task_file.hpp"

namespace ratiofarm {
namespace {

const SampleInfo& sample_named(const std::vector<SampleInfo>& samples, const std::string& name) {
    const auto found = std::ranges::find_if(
        samples, [&](const SampleInfo& sample) { return sample.name == name; });
    RATIOFARM_EXPECT(found != samples.end());
    return *found;
}

std::vector<double> validation_weights(const SampleInfo& info, const Split& split) {
    const MappedSample events(info);
    std::vector<double> weights;
    for (std::uint64_t row = 0; row < events.events(); ++row) {
        if (split_part(events.id()[row], split) != SplitPart::validation) continue;
        weights.push_back(events.weight()[row]);
    }
    return weights;
}

/// Bytes to the weights of the first net of a result that did not fail: they stand behind the
/// number of nets, an empty failure and their own number.
std::uint64_t row_offset() {
    TrainingResult result;
    result.nets.emplace_back();
    result.nets.front().row = {1.5F, 2.5F};
    const auto file = encode_task_file(Digest{}, result);
    const auto weights = std::as_bytes(std::span(result.nets.front().row));
    const auto found = std::ranges::search(file, weights);
    RATIOFARM_EXPECT(!found.empty());
    return static_cast<std::uint64_t>(found.begin() - file.begin());
}

}  // namespace

LikelihoodJudge::LikelihoodJudge(const PlannedCampaign& planned, RunDirectory directory)
    : directory_(std::move(directory)), rates_(process_rates(planned.campaign, planned.samples)) {
    for (const ProcessSection& process : planned.campaign.processes) {
        const SampleInfo& info = sample_named(planned.samples, process.events());
        samples_.push_back({&info, validation_weights(info, planned.campaign.split)});
    }
}

Digest LikelihoodJudge::digest(const TrainTask& training, const Sample& sample) const {
    return Hasher()
        .text("search evaluation")
        .digest(training.digest)
        .digest(sample.info->digest)
        .finish();
}

std::vector<Task> LikelihoodJudge::tasks(std::span<const TrainTask> trainings) const {
    std::vector<Task> tasks;
    for (const TrainTask& training : trainings) {
        for (const Sample& sample : samples_) {
            InferRequest request;
            request.task = digest(training, sample);
            const auto path = directory_.result(request.task);
            if (task_file_is_complete(path, TaskFileKind::ratio_block, request.task)) continue;
            request.name = training.name + " on " + sample.info->name + " rows 0.." +
                           std::to_string(sample.info->columns.events);
            request.sample = sample.info->columns;
            request.count = sample.info->columns.events;
            request.features = training.common->features;
            request.split = training.common->split;
            request.part = EventPart::validation;
            request.network = training.common->network;
            request.ensemble_file = directory_.result(training.digest).string();
            request.ensemble_stamp = stamp_of(request.ensemble_file);
            request.weights_offset = row_offset();
            request.row_stride = row_size(request.network);
            request.members = 1;
            request.precision = training.common->training.precision;
            request.threads = training.common->training.threads;
            request.result_path = path.string();
            const double flop =
                forward_flop(request.network) * static_cast<double>(sample.weight.size());
            const Digest task = request.task;
            const std::string name = request.name;
            tasks.push_back({task,
                             name,
                             flop,
                             frame(TrainerRequest(std::move(request))),
                             {.kind = TaskKind::trial_inference,
                              .family = training.identity.family + " on " + sample.info->name}});
        }
    }
    return tasks;
}

std::optional<double> LikelihoodJudge::value(SearchObjective objective,
                                             std::span<const TrainTask> trainings,
                                             std::span<const TrainedNet* const> nets) const {
    const std::size_t members = trainings.size() / samples_.size();
    std::vector<JudgedEvents> events;
    for (const Sample& sample : samples_) {
        JudgedEvents judged{sample.weight, {}};
        for (std::size_t first = 0; first < trainings.size(); first += members) {
            std::vector<std::vector<float>> of_members;
            for (const TrainTask& training : trainings.subspan(first, members)) {
                const Digest task = digest(training, sample);
                const auto path = directory_.result(task);
                if (!task_file_is_complete(path, TaskFileKind::ratio_block, task)) {
                    return std::nullopt;
                }
                of_members.push_back(take_result<RatioBlock>(path, task).log_ratio);
                RATIOFARM_EXPECT(of_members.back().size() == sample.weight.size());
            }
            judged.log_ratio.push_back(log_mean_ratio(std::move(of_members)));
        }
        events.push_back(std::move(judged));
    }
    std::vector<double> norm;
    for (std::size_t first = 0; first < nets.size(); first += members) {
        double sum = 0.0;
        for (const TrainedNet* net : nets.subspan(first, members)) sum += net->quality.excess;
        norm.push_back(1.0 + sum / static_cast<double>(members));
    }
    const auto judged = objective == SearchObjective::sigma ? expected_sigma : coverage_defect;
    return judged(rates_, events, norm);
}

void LikelihoodJudge::remove_results(std::span<const TrainTask> trainings) const {
    for (const TrainTask& training : trainings) {
        for (const Sample& sample : samples_) {
            std::error_code ignored;
            std::filesystem::remove(directory_.result(digest(training, sample)), ignored);
        }
    }
}

}  // namespace ratiofarm

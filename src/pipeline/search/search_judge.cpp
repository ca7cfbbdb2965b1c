#include "search_judge.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <span>
#include <utility>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/find_sample.hpp"
#include "protocol/task_file.hpp"

#include "ratio_quality.hpp"

namespace ratiofarm {
namespace {

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

bool are_same_events(const SampleColumns& a, const SampleColumns& b) {
    return a.file == b.file && a.features_offset == b.features_offset && a.id_offset == b.id_offset;
}

}  // namespace

EnsembleJudge::EnsembleJudge(const PlannedCampaign& planned, RunDirectory directory)
    : campaign_(planned.campaign), directory_(std::move(directory)) {
    if (campaign_.search->judges_likelihood()) rates_ = process_rates(campaign_, planned.samples);
    const bool folds = campaign_.split.folds > 0;
    for (const ProcessSection& process : campaign_.processes) {
        Sample sample{&find_sample(planned.samples, process.events()), {}, {}, {}};
        const MappedSample events(*sample.info);
        for (std::uint64_t row = 0; row < events.events(); ++row) {
            const auto part = part_for_nets(events.id()[row], campaign_.split, 0);
            const bool used = part == SplitPart::validation;
            if (used || folds) sample.is_used.push_back(used);
            if (!used) continue;
            sample.rows.push_back(row);
            sample.weight.push_back(events.weight()[row]);
        }
        samples_.push_back(std::move(sample));
    }
    for (const std::string& name : searched_processes(campaign_)) {
        const auto found = std::ranges::find(campaign_.processes, name, &ProcessSection::name);
        searched_.push_back(static_cast<std::size_t>(found - campaign_.processes.begin()));
    }
}

/// The numerator first.
std::vector<EnsembleJudge::Share> EnsembleJudge::shares_of(std::size_t searched) const {
    std::vector<Share> shares{{searched_[searched], 1.0, 0.0}};
    for (const auto& [name, fraction] : campaign_.reference.mixture) {
        const auto found = std::ranges::find(campaign_.processes, name, &ProcessSection::name);
        const auto process = static_cast<std::size_t>(found - campaign_.processes.begin());
        if (process == searched_[searched]) {
            shares.front().denominator = fraction;
        } else {
            shares.push_back({process, 0.0, fraction});
        }
    }
    return shares;
}

/// Processes on whose events the nets of a searched one are evaluated.
std::vector<std::size_t> EnsembleJudge::needed(std::size_t searched) const {
    std::set<std::size_t> processes;
    for (std::size_t i = 0; i < rates_.size(); ++i) processes.insert(i);
    for (const Share& share : shares_of(searched)) processes.insert(share.process);
    return {processes.begin(), processes.end()};
}

Digest EnsembleJudge::digest(const TrainTask& training, const Sample& sample) const {
    return Hasher()
        .text("search evaluation")
        .digest(training.digest)
        .digest(sample.info->digest)
        .finish();
}

Task EnsembleJudge::task(const TrainTask& training, const Sample& sample) const {
    InferRequest request;
    request.task = digest(training, sample);
    request.name = training.name + " on " + sample.info->name + " rows 0.." +
                   std::to_string(sample.info->columns.events);
    request.sample = sample.info->columns;
    request.count = sample.info->columns.events;
    request.features = training.common->features;
    request.split = training.common->split;
    // With folds an event is for validation to some nets only: all are evaluated.
    request.part = request.split.folds > 0 ? EventPart::all : EventPart::validation;
    request.network = training.common->network;
    request.ensemble_file = directory_.result(training.digest).string();
    request.ensemble_stamp = stamp_of(request.ensemble_file);
    request.weights_offset = row_offset();
    request.row_stride = row_size(request.network);
    request.members = 1;
    request.precision = training.common->training.precision;
    request.threads = training.common->training.threads;
    request.result_path = directory_.result(request.task).string();
    const double flop =
        forward_flop(request.network) *
        static_cast<double>(sample.is_used.empty() ? sample.rows.size() : sample.is_used.size());
    const Digest task = request.task;
    const std::string name = request.name;
    return {task,
            name,
            flop,
            frame(TrainerRequest(std::move(request))),
            {.kind = TaskKind::trial_inference,
             .family = training.identity.family + " on " + sample.info->name}};
}

std::vector<Task> EnsembleJudge::tasks(std::span<const TrainTask> trainings) const {
    std::vector<Task> tasks;
    const std::size_t members = trainings.size() / searched_.size();
    for (std::size_t i = 0; i < trainings.size(); ++i) {
        for (const std::size_t process : needed(i / members)) {
            const Digest evaluation = digest(trainings[i], samples_[process]);
            const auto path = directory_.result(evaluation);
            if (task_file_is_complete(path, TaskFileKind::ratio_block, evaluation)) continue;
            tasks.push_back(task(trainings[i], samples_[process]));
        }
    }
    return tasks;
}

/// ln of the mean ratio of the members. Nothing while an evaluation is missing.
std::optional<std::vector<float>> EnsembleJudge::mean_on(const Sample& sample,
                                                         const Members& members) const {
    std::vector<std::vector<float>> of_members;
    for (std::size_t i = 0; i < members.trainings.size(); ++i) {
        const Digest task = digest(members.trainings[i], sample);
        const auto path = directory_.result(task);
        if (!task_file_is_complete(path, TaskFileKind::ratio_block, task)) return std::nullopt;
        std::vector<float> logits = take_result<RatioBlock>(path, task).log_ratio;
        RATIOFARM_EXPECT(logits.size() ==
                         (sample.is_used.empty() ? sample.rows.size() : sample.is_used.size()));
        if (logits.size() != sample.rows.size()) {
            std::size_t used = 0;
            for (std::size_t event = 0; event < logits.size(); ++event) {
                if (sample.is_used[event]) logits[used++] = logits[event];
            }
            logits.resize(used);
        }
        for (float& logit : logits) logit = calibrated(members.nets[i]->calibration, logit);
        of_members.push_back(std::move(logits));
    }
    return log_mean_ratio(std::move(of_members));
}

std::optional<double> EnsembleJudge::likelihood(SearchObjective objective,
                                                std::span<const Members> ratios) const {
    std::vector<JudgedEvents> events;
    for (const Sample& sample : samples_) {
        JudgedEvents judged{sample.weight, {}};
        for (const Members& members : ratios) {
            auto mean = mean_on(sample, members);
            if (!mean) return std::nullopt;
            judged.log_ratio.push_back(std::move(*mean));
        }
        events.push_back(std::move(judged));
    }
    std::vector<double> norm;
    for (const Members& members : ratios) {
        double sum = 0.0;
        for (const TrainedNet* net : members.nets) sum += net->quality.excess;
        norm.push_back(1.0 + sum / static_cast<double>(members.nets.size()));
    }
    const auto judged = objective == SearchObjective::sigma ? expected_sigma : coverage_defect;
    return judged(rates_, events, norm);
}

/// Of one process. Nothing while an evaluation is missing.
std::optional<double> EnsembleJudge::quality(SearchObjective objective,
                                             std::size_t searched,
                                             const Members& members) const {
    std::vector<const Sample*> read;
    std::vector<ScoredRatioEvents> events;
    for (const Share& share : shares_of(searched)) {
        const Sample& sample = samples_[share.process];
        std::size_t at = 0;  // events that have several weights are read once
        while (at < read.size() &&
               !are_same_events(read[at]->info->columns, sample.info->columns)) {
            ++at;
        }
        if (at == read.size()) {
            auto mean = mean_on(sample, members);
            if (!mean) return std::nullopt;
            read.push_back(&sample);
            const auto& trained = *members.trainings.front().common;
            events.push_back(ratio_events(*sample.info, sample.rows, trained.features,
                                          trained.network, std::move(*mean)));
        }
        events[at].add(sample.weight, share.numerator, share.denominator);
    }
    return quality_objective(objective, quality_of_ratio(events));
}

std::optional<double> EnsembleJudge::value(SearchObjective objective,
                                           std::span<const TrainTask> trainings,
                                           std::span<const TrainedNet* const> nets) const {
    const std::size_t members = trainings.size() / searched_.size();
    std::vector<Members> ratios;
    for (std::size_t first = 0; first < trainings.size(); first += members) {
        ratios.push_back({trainings.subspan(first, members), nets.subspan(first, members)});
    }
    if (is_of_likelihood(objective)) return likelihood(objective, ratios);
    double sum = 0.0;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
        const auto one = quality(objective, i, ratios[i]);
        if (!one) return std::nullopt;
        sum += *one;
    }
    return sum / static_cast<double>(ratios.size());
}

void EnsembleJudge::remove_results(std::span<const TrainTask> trainings) const {
    for (const TrainTask& training : trainings) {
        for (const Sample& sample : samples_) {
            std::error_code ignored;
            std::filesystem::remove(directory_.result(digest(training, sample)), ignored);
        }
    }
}

}  // namespace ratiofarm

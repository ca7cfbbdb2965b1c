#include "event_selection.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/selection/selection_regions.hpp"
#include "campaign/task_graph.hpp"
#include "protocol/task_file.hpp"

namespace ratiofarm {
namespace {

constexpr const char* score_name = "score";

std::size_t place_of(const std::vector<std::string>& names, const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    RATIOFARM_EXPECT(found != names.end());
    return static_cast<std::size_t>(found - names.begin());
}

/// Puts every event of every sample into its region.
class Selector {
public:
    Selector(const PlannedCampaign& planned, const RunDirectory& directory, const Digest& inputs)
        : graph_(planned.graph),
          directory_(directory),
          inputs_(inputs),
          campaign_(planned.written),
          cuts_(planned.written),
          sums_(empty_sums(planned.written, cuts_)),
          data_(planned.written.data.fitted_sample()),
          support_(support_samples(planned.written)) {
        if (campaign_.preselection) preselection_.emplace(campaign_);
    }

    /// Data come last: by then the support is known.
    EventSelection run() {
        const auto samples = samples_to_read(campaign_);
        for (const SampleToRead& sample : samples) kept_.push_back({sample, {}});
        for (const bool data : {false, true}) {
            for (KeptEvents& sample : kept_) {
                if ((sample.sample.name == data_) == data) scan(sample);
            }
        }
        expect_inside(campaign_, range_, outside_);
        return {{campaign_.name, inputs_, selection_rules(campaign_), std::move(sums_),
                 std::move(scores_)},
                std::move(kept_)};
    }

private:
    /// The sample under way.
    struct Scan {
        KeptEvents& kept;
        bool data = false;
        bool support = false;
        Split split = {};
        std::vector<SampleSums*> sums = {};  ///< of the weights, then the further ones
        std::vector<std::size_t> observable_columns = {};  ///< [observables]; those of columns
        std::vector<std::size_t> feature_columns = {};     ///< [features of the fit]
        std::optional<EventScores> scores = {};
        ScoreHistogram* histogram = nullptr;
        std::vector<double> values = {};   ///< [observables]
        std::vector<float> features = {};  ///< of an event
    };

    SampleSums* sums_of(const std::string& sample, const std::string& weights) {
        const auto found = std::find_if(sums_.begin(), sums_.end(), [&](const SampleSums& sums) {
            return sums.sample == sample && sums.weights == weights;
        });
        RATIOFARM_EXPECT(found != sums_.end());
        return &*found;
    }

    Scan begin(KeptEvents& sample, const std::vector<std::string>& columns) {
        const std::string& name = sample.sample.name;
        Scan scan{.kept = sample};
        scan.data = name == data_;
        scan.support = std::find(support_.begin(), support_.end(), name) != support_.end();
        scan.split = inference_split(campaign_, name);
        scan.sums.push_back(sums_of(name, {}));
        for (const std::string& weights : sample.sample.weights) {
            scan.sums.push_back(sums_of(name, weights));
        }
        for (const SelectionObservable& observable : cuts_.observables()) {
            const bool column = observable.source == SelectionObservable::Source::column;
            scan.observable_columns.push_back(column ? place_of(columns, observable.name) : 0);
        }
        for (const std::string& feature : campaign_.events.features) {
            scan.feature_columns.push_back(place_of(columns, feature));
        }
        scan.values.resize(cuts_.observables().size());
        if (!preselection_) return scan;
        scan.scores.emplace(graph_, directory_, name);
        if (!scan.data) {
            scores_.push_back({name, std::vector<double>(score_bins)});
            scan.histogram = &scores_.back();
        }
        return scan;
    }

    void scan(KeptEvents& sample) {
        const SampleBlocks blocks(campaign_.events_path(), sample.sample);
        Scan scan = begin(sample, blocks.columns());
        sample.kept.resize(blocks.events());
        for (std::uint64_t number = 0; number < blocks.blocks(); ++number) {
            const EventBlock block = blocks.read(number);
            for (std::uint64_t row = 0; row < block.rows.size(); ++row) {
                add(scan, block, row, blocks.columns().size());
            }
        }
    }

    void add(Scan& scan, const EventBlock& block, std::uint64_t row, std::size_t width) {
        const std::span<const float> event(block.features.data() + row * width, width);
        std::span<const double> log_s;
        if (scan.scores) log_s = scan.scores->of(block.rows.first + row);
        if (scan.histogram != nullptr) {
            scan.histogram->weights[score_bin(preselection_->score(log_s))] += block.weight[row];
        }
        auto place = cuts_.place(values_of(scan, event, log_s));
        bool trained = place && is_trained(*place);
        if (trained && !is_inside(scan, event, block.id[row])) {
            scan.sums.front()->outside += 1;
            trained = false;
            place.reset();
        }
        scan.kept.kept[block.rows.first + row] = trained;
        const bool inference = split_part(block.id[row], scan.split) == SplitPart::inference;
        scan.sums.front()->add(place, scan.data ? 1.0 : block.weight[row], inference);
        for (std::size_t i = 0; i < block.weights.size(); ++i) {
            scan.sums[i + 1]->add(place, block.weights[i][row], inference);
        }
    }

    std::span<const double> values_of(Scan& scan,
                                      std::span<const float> event,
                                      std::span<const double> log_s) const {
        const auto& observables = cuts_.observables();
        for (std::size_t i = 0; i < observables.size(); ++i) {
            const bool column = observables[i].source == SelectionObservable::Source::column;
            scan.values[i] = column ? static_cast<double>(event[scan.observable_columns[i]])
                                    : preselection_->value(observables[i], log_s);
        }
        return scan.values;
    }

    bool is_trained(const RegionCuts::Place& place) const {
        return cuts_.regions()[place.region].kind == SelectionRegion::Kind::trained;
    }

    /// Simulated events widen the support, data are held against it.
    bool is_inside(Scan& scan, std::span<const float> event, std::uint64_t id) {
        if (!scan.support && !scan.data) return true;
        scan.features.clear();
        for (const std::size_t column : scan.feature_columns) {
            scan.features.push_back(event[column]);
        }
        if (!scan.data) {
            range_.add(scan.features);
            return true;
        }
        const auto beyond = range_.outside(scan.features);
        if (beyond) {
            outside_.push_back({id, *beyond, static_cast<double>(scan.features[*beyond])});
        }
        return !beyond;
    }

    const TaskGraph& graph_;
    const RunDirectory& directory_;
    Digest inputs_;
    const Campaign& campaign_;
    RegionCuts cuts_;
    std::vector<SampleSums> sums_;
    std::string data_;
    std::vector<std::string> support_;
    std::optional<PreselectionScores> preselection_;
    FeatureRange range_;
    std::vector<OutsideEvent> outside_;
    std::vector<KeptEvents> kept_;
    std::vector<ScoreHistogram> scores_;
};

bool has_score(const std::vector<SampleInfo>& samples) {
    return std::any_of(samples.begin(), samples.end(), [](const SampleInfo& sample) {
        return std::ranges::find(sample.column_names, score_name) != sample.column_names.end();
    });
}

}  // namespace

EventSelection select_events(const PlannedCampaign& planned,
                             const RunDirectory& directory,
                             const Digest& inputs) {
    return Selector(planned, directory, inputs).run();
}

AddedColumns score_column(const PlannedCampaign& planned, const RunDirectory& directory) {
    if (!planned.written.preselection || has_score(planned.source.samples)) return {};
    struct Reader {
        PreselectionScores preselection;
        std::string sample = {};
        std::optional<EventScores> scores = {};
    };
    const auto reader = std::make_shared<Reader>(Reader{PreselectionScores(planned.written)});
    return {{score_name}, [reader, &planned, &directory](const std::string& sample, Range rows) {
                if (reader->sample != sample || !reader->scores) {
                    reader->scores.emplace(planned.graph, directory, sample);
                    reader->sample = sample;
                }
                std::vector<float> values;
                for (std::uint64_t row = rows.first; row < rows.last; ++row) {
                    const double score = reader->preselection.score(reader->scores->of(row));
                    values.push_back(static_cast<float>(score));
                }
                return values;
            }};
}

EventScores::EventScores(const TaskGraph& graph, RunDirectory directory, std::string sample)
    : graph_(graph), directory_(std::move(directory)), sample_(std::move(sample)) {}

std::span<const double> EventScores::of(std::uint64_t row) {
    if (row < rows_.first || row >= rows_.last) load(row);
    for (std::size_t k = 0; k < classes_.size(); ++k) {
        classes_[k] = block_[k * rows_.size() + (row - rows_.first)];
    }
    return classes_;
}

void EventScores::load(std::uint64_t row) {
    const auto task = std::find_if(
        graph_.inferences.begin(), graph_.inferences.end(), [&](const InferTask& each) {
            return each.sample == sample_ && row >= each.first && row < each.first + each.count;
        });
    if (task == graph_.inferences.end()) {
        throw DataError("the preselection does not evaluate sample '" + sample_ + "'");
    }
    auto scores = take_result<ScoreBlock>(directory_.result(task->digest), task->digest);
    if (scores.classes == 0 || scores.log_probability.size() != scores.classes * task->count) {
        throw DataError("'" + directory_.result(task->digest).string() +
                        "' does not hold the scores of '" + task->name + "'");
    }
    rows_ = {task->first, task->first + task->count};
    block_ = std::move(scores.log_probability);
    classes_.resize(scores.classes);
}

}  // namespace ratiofarm

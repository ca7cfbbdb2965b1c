#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "ratiofarm/tables/ensemble_file.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "core/sealed_text.hpp"
#include "report/collect_report_inputs.hpp"
#include "results/fit_json.hpp"
#include "tables/ratios/ratio_writer.hpp"

#include "gaussian_mixture.hpp"
#include "sample_record.hpp"

namespace ratiofarm::test {

/// A finished run on the Gaussian mixture, written to files: samples L and R, half of the reference
/// each, features x and its square, exact densities, and ratios that are exact but for a common
/// factor.
class MixtureRun {
public:
    static constexpr double factor = 1.03;  ///< the ratios as evaluated are too high by this

    MixtureRun(const std::filesystem::path& folder, std::size_t events)
        : directory_(folder / "toy.run") {
        campaign_.name = "toy";
        campaign_.folder = folder;
        campaign_.events = {"events.h5", {"x", "x_squared"}};
        campaign_.split = {.train = 0.25, .validation = 0.25, .inference = 0.5};
        campaign_.processes = {{"left", "L", "", {}, {}}, {"right", "R", "", {}, {}}};
        write_simulated_events(events);
        samples_ = read_sample_info(campaign_.events_path(), std::vector<std::string>{"L", "R"},
                                    campaign_.events.features, campaign_.split);
        write_mixture_ensemble();
        write_exact_ratios();
        publish_sealed(directory_.fit_json(), fit_json(sample_record()));
    }

    ReportSources sources() const {
        return {campaign_, directory_, directory_.ratios(), samples_, {{"train", 12.0}}};
    }

    /// Ratios of a `left` that has no density above this x.
    void write_ratios_without_left_above(double x) {
        end_of_left_ = x;
        write_exact_ratios();
    }

private:
    static double log_density(double x, std::size_t sample, double shift) {
        const double distance = x - (sample == 0 ? -shift : shift);
        return -0.5 * distance * distance - 0.918938533204673;
    }

    void write_simulated_events(std::size_t events) const {
        std::vector<EventSample> samples;
        const auto drawn = toy_.draw(23, events, true);
        for (std::size_t k = 0; k < drawn.size(); ++k) {
            EventSample sample{.name = k == 0 ? "L" : "R",
                               .columns = {"x", "x_squared"},
                               .features = {},
                               .weight = drawn[k].weight,
                               .id = {},
                               .log_density = LogDensity{{"L", "R"}, {}}};
            for (const float x : drawn[k].feature) {
                sample.features.insert(sample.features.end(), {x, x * x});
                sample.id.push_back(k * events + sample.id.size());
                for (std::size_t j = 0; j < 2; ++j) {
                    sample.log_density->values.push_back(log_density(x, j, toy_.shift));
                }
            }
            samples.push_back(std::move(sample));
        }
        write_events(campaign_.events_path(), samples);
    }

    void write_mixture_ensemble() const {
        EnsembleHeader header;
        header.name = header.process = std::string("left");
        header.network = {.inputs = 2, .hidden = {3}, .activation = Activation::tanh};
        header.features = campaign_.events.features;
        header.names = {"left/member 0", "left/member 1"};
        std::filesystem::create_directories(directory_.ensembles());
        write_ensemble(mpi::Communicator(), directory_.ensemble("left"), header,
                       [&](std::uint64_t net) {
                           EnsembleNet value;
                           value.task = {net, 1};
                           value.seed = net;
                           value.result.row.resize(header.row_size());
                           value.result.epochs = 2;
                           value.result.best_epoch = 2;
                           value.result.best_validation_loss = 0.5;
                           value.result.training_loss = {0.7, 0.6};
                           value.result.validation_loss = {0.7, 0.5};
                           value.result.training_events = 4321;
                           return value;
                       });
    }

    void write_exact_ratios() const {
        RatioInput input;
        input.header.processes = {{"left", 10.0, {}}, {"right", 20.0, {}}};
        input.header.reference = {{"left", "L", 0.5}, {"right", "R", 0.5}};
        input.header.split = campaign_.split;
        input.range_size = samples_[0].columns.events;  // one range per sample
        input.sets = {{samples_[0], campaign_.split, 10.0}, {samples_[1], campaign_.split, 20.0}};
        write_ratios(
            mpi::Communicator(), directory_.ratios(), input, [&](const RatioBlockKey& key) {
                RatioBlock block;
                const MappedSample sample(samples_[key.set]);
                for (std::uint64_t row = 0; row < sample.events(); ++row) {
                    if (split_part(sample.id()[row], campaign_.split) != SplitPart::inference) {
                        continue;
                    }
                    const double x = sample.features()[2 * row];
                    const double mirrored = key.column == 0 ? x : -x;
                    const double log_ratio = toy_.log_ratio(mirrored) + std::log(factor);
                    const bool is_zero = key.column == 0 && x > end_of_left_;
                    block.log_ratio.push_back(is_zero ? -std::numeric_limits<float>::infinity()
                                                      : static_cast<float>(log_ratio));
                    block.spread.push_back(0.25F);
                }
                return block;
            });
    }

    GaussianMixture toy_{.shift = 0.7, .fraction = 0.5};
    double end_of_left_ = std::numeric_limits<double>::infinity();
    Campaign campaign_;
    RunDirectory directory_;
    std::vector<SampleInfo> samples_;
};

}  // namespace ratiofarm::test

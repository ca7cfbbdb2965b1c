// Oracle: one event at a time in double precision, straight from the definition.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "ratiofarm/protocol/net_quality.hpp"

#include "workers/trainer/tasks/ensemble_passes.hpp"
#include "workers/trainer/tasks/member_combination.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "inference_setup.hpp"

namespace ratiofarm::trainer {
namespace {

using test::inference_rows;
using test::InferenceSetup;
using test::make_setup;
using test::naive_logit;
using test::normal_sample;
using test::row_padding;
using test::run;
using test::ScriptedControl;
using test::SimulatedSample;
using test::TemporaryDirectory;

TEST_CASE("an ensemble is evaluated as its definition says", "[trainer]") {
    const TemporaryDirectory folder;
    const auto members = GENERATE(1U, 3U);
    InferenceSetup setup = make_setup(folder, members, 700);
    setup.request.combine = GENERATE(Combine::mean_log_ratio, Combine::mean_ratio);

    const RatioBlock block = run(setup.request);

    const auto rows = inference_rows(setup);
    REQUIRE(block.log_ratio.size() == rows.size());
    for (std::size_t event = 0; event < rows.size(); ++event) {
        const float* x = &setup.sample.features[3 * rows[event]];
        double sum = 0.0;
        double ratios = 0.0;
        std::vector<double> logits;
        for (const auto& row : setup.rows) {
            logits.push_back(naive_logit(setup.request.network, row, {x[2], x[0]}));
            sum += logits.back();
            ratios += std::exp(logits.back());
        }
        const double n = members;
        double squares = 0.0;
        for (const double logit : logits) squares += std::pow(logit - sum / n, 2);
        const double expected =
            setup.request.combine == Combine::mean_ratio ? std::log(ratios / n) : sum / n;
        const double spread = members > 1 ? std::sqrt(squares / (n - 1)) : 0.0;
        REQUIRE(static_cast<double>(block.log_ratio[event]) == Approx(expected).margin(2e-6));
        REQUIRE(static_cast<double>(block.spread[event]) == Approx(spread).margin(2e-6));
    }
}

TEST_CASE("an event's bits do not depend on how the rows are cut into ranges", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 2, 9000);
    setup.request.threads = GENERATE(1U, 2U);
    const RatioBlock whole = run(setup.request);

    RatioBlock joined;
    const std::vector<std::uint64_t> cuts{0, 1, 18, 18, 3001, 8999, 9000};
    for (std::size_t part = 0; part + 1 < cuts.size(); ++part) {
        setup.request.first = cuts[part];
        setup.request.count = cuts[part + 1] - cuts[part];
        const RatioBlock block = run(setup.request);
        joined.log_ratio.insert(joined.log_ratio.end(), block.log_ratio.begin(),
                                block.log_ratio.end());
        joined.spread.insert(joined.spread.end(), block.spread.begin(), block.spread.end());
    }

    CHECK(joined.log_ratio == whole.log_ratio);
    CHECK(joined.spread == whole.spread);
}

TEST_CASE("an event's bits do not depend on the members beside a net", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 5, 3000);
    setup.request.keep_members = true;
    setup.request.precision = GENERATE(Precision::fp32, Precision::bf16);
    const RatioBlock all = run(setup.request);
    const std::uint64_t events = all.log_ratio.size();
    REQUIRE(all.members.size() == 5 * events);

    const auto member = GENERATE(0U, 3U);
    setup.request.weights_offset += member * setup.request.row_stride * sizeof(float);
    setup.request.members = 1;
    const RatioBlock alone = run(setup.request);

    const auto begin = all.members.begin() + static_cast<std::ptrdiff_t>(member * events);
    CHECK(std::equal(begin, begin + static_cast<std::ptrdiff_t>(events), alone.members.begin()));
    CHECK(alone.log_ratio == alone.members);
}

TEST_CASE("the columns of the members are what is combined", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 3, 700);
    setup.request.combine = GENERATE(Combine::mean_log_ratio, Combine::mean_ratio);
    const RatioBlock without = run(setup.request);
    setup.request.keep_members = true;

    const RatioBlock block = run(setup.request);

    CHECK(without.members.empty());
    CHECK(block.log_ratio == without.log_ratio);
    const std::uint64_t events = block.log_ratio.size();
    for (std::uint64_t event = 0; event < events; ++event) {
        double sum = 0.0;
        double ratios = 0.0;
        for (std::uint64_t member = 0; member < 3; ++member) {
            const auto logit = static_cast<double>(block.members[member * events + event]);
            sum += logit;
            ratios += std::exp(logit);
        }
        const bool of_ratios = setup.request.combine == Combine::mean_ratio;
        const double expected = of_ratios ? std::log(ratios / 3.0) : sum / 3.0;
        REQUIRE(static_cast<double>(block.log_ratio[event]) == Approx(expected).margin(1e-6));
    }
}

TEST_CASE("an event of a fold is seen by the nets of its fold alone", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 5, 5000);
    setup.request.keep_members = true;
    const RatioBlock by_all = [&] {
        InferRequest request = setup.request;
        request.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
        return run(request);
    }();
    setup.request.split = {.train = 0.8, .validation = 0.2, .inference = 0.0, .folds = 3};
    setup.request.net_fold = {0, 1, 2, 1, 0};

    const RatioBlock block = run(setup.request);

    REQUIRE(block.log_ratio.size() == 5000);
    for (std::uint64_t event = 0; event < 5000; ++event) {
        const std::uint32_t fold = fold_of(setup.sample.id[event], 3);
        std::vector<double> logits;
        for (std::uint64_t member = 0; member < 5; ++member) {
            const float mine = block.members[member * 5000 + event];
            REQUIRE(std::isnan(mine) == (setup.request.net_fold[member] != fold));
            if (std::isnan(mine)) continue;
            REQUIRE(mine == by_all.members[member * 5000 + event]);
            logits.push_back(static_cast<double>(mine));
        }
        const double mean =
            std::accumulate(logits.begin(), logits.end(), 0.0) / static_cast<double>(logits.size());
        REQUIRE(static_cast<double>(block.log_ratio[event]) == Approx(mean).margin(1e-6));
        const double spread =
            logits.size() == 2 ? std::abs(logits[0] - logits[1]) / std::sqrt(2.0) : 0.0;
        REQUIRE(static_cast<double>(block.spread[event]) == Approx(spread).margin(1e-6));
    }
}

TEST_CASE("each net goes through its own calibration before it is combined", "[trainer]") {
    const TemporaryDirectory folder;
    InferenceSetup setup = make_setup(folder, 2, 700);
    setup.request.keep_members = true;
    const RatioBlock before = run(setup.request);
    // The first net gets a bent map, the second none.
    const CalibrationMap bent{.logit = {-0.5F, 0.0F, 0.25F}, .calibrated = {-1.0F, 0.1F, 0.1F}};
    std::array<float, 4 * calibration_knots> maps;
    maps.fill(std::numeric_limits<float>::quiet_NaN());
    std::ranges::copy(bent.logit, maps.begin());
    std::ranges::copy(bent.calibrated, maps.begin() + calibration_knots);
    auto file = read_file(setup.request.ensemble_file);
    setup.request.calibration_offset = file.size();
    const auto bytes = std::as_bytes(std::span(maps));
    file.insert(file.end(), bytes.begin(), bytes.end());
    publish(setup.request.ensemble_file, file);

    const RatioBlock block = run(setup.request);

    const std::uint64_t events = block.log_ratio.size();
    std::uint64_t moved = 0;
    for (std::uint64_t event = 0; event < events; ++event) {
        REQUIRE(block.members[event] == calibrated(bent, before.members[event]));
        REQUIRE(block.members[events + event] == before.members[events + event]);
        const double mean = 0.5 * (static_cast<double>(block.members[event]) +
                                   static_cast<double>(block.members[events + event]));
        REQUIRE(static_cast<double>(block.log_ratio[event]) == Approx(mean).margin(1e-6));
        if (block.log_ratio[event] != before.log_ratio[event]) ++moved;
    }
    CHECK(moved > events / 2);
}

TEST_CASE("a pack of nets on a device gives what each net gives alone", "[trainer]") {
    const Network network{.inputs = 3, .hidden = {20, 20}, .activation = Activation::gelu};
    const std::vector<float> shift{0.5F, -1.0F, 0.0F};
    const std::vector<float> scale{2.0F, 0.25F, 1.0F};
    const SimulatedSample sample = normal_sample("S", 100, 0.3, 3);
    EnsemblePasses passes(network, Precision::fp32, DeviceKind::cpu,
                          {.events = 64, .nets = 4, .passes = 2});
    std::vector<std::vector<float>> rows;
    std::vector<std::span<const float>> spans;
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        rows.push_back(initial_row(network, seed, shift, scale));
    }
    spans.assign(rows.begin(), rows.end());

    passes.set_nets(spans);
    passes.set_events(sample.features);

    for (std::int64_t pass = 0; pass < 2; ++pass) {
        const auto logits = passes.logits(pass);
        REQUIRE(logits.size() == 4 * 64);
        for (std::size_t event = 0; event < (pass == 0 ? 64U : 36U); ++event) {
            const auto x = sample.features.begin() + pass * 64 * 3;
            const std::vector<float> features(x + static_cast<std::ptrdiff_t>(3 * event),
                                              x + static_cast<std::ptrdiff_t>(3 * event + 3));
            for (std::size_t net = 0; net < 3; ++net) {
                REQUIRE(static_cast<double>(logits[net * 64 + event]) ==
                        Approx(naive_logit(network, rows[net], features)).margin(2e-6));
            }
        }
    }
}

TEST_CASE("bf16 moves a log ratio by less than its nets differ", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest training = test::gaussian_request(folder);
    training.training.epochs = 8;
    training.nets.push_back(training.nets.front());
    training.nets.back().initialisation_seed = 17;
    ScriptedControl control;
    REQUIRE(train(training, DeviceKind::cpu, control, Log()).end == TaskEnd::done);
    const auto nets = read_task_file<TrainingResult>(training.result_path, training.task).nets;
    std::vector<float> rows;
    for (const TrainedNet& net : nets) rows.insert(rows.end(), net.row.begin(), net.row.end());
    InferRequest request;
    request.name = "toy";
    request.sample = training.denominator.front().sample;
    request.count = request.sample.events;
    request.features = training.features;
    request.network = training.network;
    request.ensemble_file = (folder / "ensemble").string();
    publish(request.ensemble_file, std::as_bytes(std::span(rows)));
    request.row_stride = row_size(training.network);
    request.members = 2;
    request.result_path = (folder / "block").string();

    const RatioBlock fp32 = run(request);
    request.precision = Precision::bf16;
    const RatioBlock bf16 = run(request);

    double squares = 0.0, spreads = 0.0, excess = 0.0;
    const auto events = static_cast<double>(fp32.log_ratio.size());
    for (std::size_t event = 0; event < fp32.log_ratio.size(); ++event) {
        const auto exact = static_cast<double>(fp32.log_ratio[event]);
        const auto rounded = static_cast<double>(bf16.log_ratio[event]);
        squares += (rounded - exact) * (rounded - exact) / events;
        spreads += std::pow(static_cast<double>(fp32.spread[event]), 2) / events;
        excess += (std::exp(rounded) - std::exp(exact)) / events;
    }
    INFO("rms shift " << std::sqrt(squares) << ", spread " << std::sqrt(spreads)
                      << ", shift of E[r] " << excess);
    CHECK(squares > 0.0);  // it is not fp32
    CHECK(std::sqrt(squares) < 0.01);
    CHECK(squares < spreads);
    CHECK(std::abs(excess) < 1e-3);
}

TEST_CASE("the mean ratio does not overflow", "[trainer]") {
    MemberCombination combination(Combine::mean_ratio, 2);
    const std::vector<float> first{900.0F, 800.0F};
    const std::vector<float> second{900.0F, -800.0F};
    combination.add(0, 0, first);
    combination.add(1, 0, second);

    const auto log_ratio = combination.log_ratio(2);

    CHECK(log_ratio[0] == 900.0F);
    CHECK(static_cast<double>(log_ratio[1]) == Approx(800.0 - std::log(2.0)));
    CHECK(combination.spread(2)[0] == 0.0F);
}

}  // namespace
}  // namespace ratiofarm::trainer

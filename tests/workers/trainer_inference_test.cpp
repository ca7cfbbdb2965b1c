// Oracle: one event at a time in double precision, straight from the definition.

#include <cmath>
#include <numeric>

#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/core/split.hpp"
#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm_test/catch.hpp"

#include "inference.hpp"
#include "initial_row.hpp"
#include "member_combination.hpp"
#include "trainer_toy.hpp"

namespace ratiofarm {
namespace {

using test::contains;
using test::message_of;
using test::normal_sample;
using test::ScriptedControl;
using test::TemporaryDirectory;
using test::ToySample;

constexpr std::uint64_t row_padding = 5;  ///< elements between rows of the ensemble file

struct Setup {
    ToySample sample;
    std::vector<std::vector<float>> rows;
    InferRequest request;
};

Setup make_setup(const TemporaryDirectory& folder, std::uint32_t members, std::uint64_t events) {
    Setup setup;
    setup.sample = normal_sample("S", events, 0.3, 3);
    InferRequest& request = setup.request;
    request.name = "S on S";
    request.task = {.high = 1, .low = 2};
    request.sample = test::write_sample(folder, setup.sample);
    request.count = events;
    request.features = {2, 0};
    request.network = {.inputs = 2, .hidden = {24, 17}, .activation = Activation::silu};
    request.members = members;
    request.result_path = (folder / "block").string();

    request.row_stride = row_size(request.network) + row_padding;
    std::vector<float> file(3, -1.0F);
    for (std::uint32_t member = 0; member < members; ++member) {
        const std::vector<float> shift{0.1F * static_cast<float>(member), 0.2F};
        const std::vector<float> scale{1.5F, 0.5F};
        setup.rows.push_back(initial_row(request.network, member, shift, scale));
        file.insert(file.end(), setup.rows.back().begin(), setup.rows.back().end());
        file.insert(file.end(), row_padding, -7.0F);
    }
    request.ensemble_file = (folder / "ensemble").string();
    request.weights_offset = 3 * sizeof(float);
    publish(request.ensemble_file, std::as_bytes(std::span(file)));
    return setup;
}

double naive_logit(const Network& network,
                   const std::vector<float>& row,
                   const std::vector<float>& x) {
    std::vector<double> values;
    for (std::size_t k = 0; k < x.size(); ++k) {
        values.push_back((static_cast<double>(x[k]) - static_cast<double>(row[k])) *
                         static_cast<double>(row[x.size() + k]));
    }
    const auto layout = parameter_layout(network);
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        std::vector<double> next;
        for (std::size_t unit = 0; unit < layout[block].shape[0]; ++unit) {
            double sum = static_cast<double>(row[layout[block + 1].offset + unit]);
            for (std::size_t k = 0; k < values.size(); ++k) {
                sum += values[k] *
                       static_cast<double>(row[layout[block].offset + unit * values.size() + k]);
            }
            next.push_back(block + 2 < layout.size() ? sum / (1 + std::exp(-sum)) : sum);
        }
        values = next;
    }
    return values[0];
}

RatioBlock run(const InferRequest& request) {
    ScriptedControl control;
    const TrainerOutcome outcome = infer(request, DeviceKind::cpu, control);
    REQUIRE(outcome.end == TaskEnd::done);
    return read_task_file<RatioBlock>(request.result_path, request.task);
}

std::vector<std::uint64_t> inference_rows(const Setup& setup) {
    std::vector<std::uint64_t> rows;
    for (std::uint64_t row = 0; row < setup.sample.id.size(); ++row) {
        if (split_part(setup.sample.id[row], setup.request.split) == SplitPart::inference) {
            rows.push_back(row);
        }
    }
    return rows;
}

TEST_CASE("an ensemble is evaluated as its definition says", "[trainer]") {
    const TemporaryDirectory folder;
    const auto members = GENERATE(1U, 3U);
    Setup setup = make_setup(folder, members, 700);
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
    Setup setup = make_setup(folder, 2, 9000);
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

TEST_CASE("the mean ratio does not overflow", "[trainer]") {
    MemberCombination combination(Combine::mean_ratio, 2);
    const std::vector<float> first{900.0F, 800.0F};
    const std::vector<float> second{900.0F, -800.0F};
    combination.add(0, first);
    combination.next_member();
    combination.add(0, second);
    combination.next_member();

    const RatioBlock block = combination.finish();

    CHECK(block.log_ratio[0] == 900.0F);
    CHECK(static_cast<double>(block.log_ratio[1]) == Approx(800.0 - std::log(2.0)));
    CHECK(block.spread[0] == 0.0F);
}

TEST_CASE("members and events that cannot be used are refused by name", "[trainer]") {
    const TemporaryDirectory folder;
    Setup setup = make_setup(folder, 2, 300);
    ScriptedControl control;
    const auto message = [&] {
        return message_of([&] { infer(setup.request, DeviceKind::cpu, control); });
    };

    SECTION("an unwritten row") {
        setup.request.weights_offset = 0;
        publish(setup.request.ensemble_file,
                std::string(2 * setup.request.row_stride * sizeof(float), '\0'));
        CHECK(contains(message(), "member 0: this row was never written"));
    }
    SECTION("a file that ends before the last member") {
        setup.request.members = 3;
        CHECK(contains(message(), "member 2"));
    }
    SECTION("rows beyond the sample") {
        setup.request.count = 301;
        CHECK(contains(message(), "'S'"));
    }
    SECTION("a missing events file") {
        setup.request.sample.file = (folder / "nowhere.h5").string();
        CHECK(contains(message(), "nowhere.h5"));
    }
}

TEST_CASE("a stopped inference publishes nothing", "[trainer]") {
    const TemporaryDirectory folder;
    const Setup setup = make_setup(folder, 2, 300);
    ScriptedControl control([](std::uint64_t) { return Command::stop; });

    CHECK(infer(setup.request, DeviceKind::cpu, control).end == TaskEnd::stopped);
    CHECK_FALSE(std::filesystem::exists(setup.request.result_path));
}

}  // namespace
}  // namespace ratiofarm

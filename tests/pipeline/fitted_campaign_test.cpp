// A fit, and what a command goes on with: the same events, read once.
#include "pipeline/fitted_campaign.hpp"

#include <cmath>
#include <fstream>
#include <string>

#include "ratiofarm/tables/ratio_set_writer.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "workers/launcher.hpp"

using namespace ratiofarm;

namespace {

const std::string campaign_text = R"toml(
[campaign]
name = "fit"
[parameters.mu]
range = [0, 10]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[[systematic]]
name = "scale"
shape = ["S"]
[data]
asimov = { mu = 1.5, source = "reference" }
)toml";

constexpr std::uint64_t events_of_a_sample = 20000;

float wave(std::uint64_t row, double height) {
    return static_cast<float>(height * std::sin(0.01 * static_cast<double>(row)));
}

/// \param steep multiplies what the systematic does
void write_example(const std::filesystem::path& path, double steep) {
    RatioSetsInput input;
    input.header.processes = {{"S", 50.0, {}}, {"B", 200.0, {}}};
    input.header.shape_norm = ShapeNorm::reference;
    input.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    input.header.shapes = {{"S", "alpha_scale"}};
    input.header.reference = {{"S", "S", 0.5}, {"B", "B", 0.5}};
    input.header.inputs = Hasher().text("example").finish();
    input.sets = {{"S", events_of_a_sample}, {"B", events_of_a_sample}};
    input.rows = [steep](std::size_t set, Range rows) {
        RatioSetRows values;
        for (std::uint64_t row = rows.first; row < rows.last; ++row) {
            values.id.push_back(row);
            values.weight.push_back(1.0);
            values.log_r.push_back(set == 0 ? 0.4F : -0.6F);
            values.log_r.push_back(wave(row, -0.2));
            values.log_g_up.push_back(wave(row, steep * 0.2));
            values.log_g_down.push_back(wave(row, steep * -0.3));
        }
        return values;
    };
    write_ratio_sets(path, input);
}

/// Bytes that this process has asked files for.
double bytes_read() {
    std::ifstream file("/proc/self/io");
    std::string key;
    double value = 0.0;
    file >> key >> value;
    REQUIRE(key == "rchar:");
    return value;
}

/// A run of one rank whose ratios are there.
struct Example {
    test::TemporaryDirectory folder;
    mpi::Communicator alone;
    Log silent;
    LauncherHandle launcher;
    RunContext context{alone, silent, silent, launcher};
    PlannedCampaign planned;
    RunPlace place;

    explicit Example(const std::string& text = campaign_text, double steep = 1.0) {
        write_example(folder / "ratios.h5", steep);
        planned.written = planned.campaign = parse_campaign(text, folder.path());
        place.directory = RunDirectory(folder.path());
        place.ratios = folder / "ratios.h5";
        place.placement.cores = {0};
    }

    FittedCampaign fitted() { return fitted_campaign(context, planned, place, std::nullopt); }
};

}  // namespace

TEST_CASE("who needs a fit that is not done reads the events once", "[pipeline]") {
    Example example;
    const double begin = bytes_read();

    example.fitted();
    const double fitting = bytes_read() - begin;
    example.fitted();
    const double reading = bytes_read() - begin - fitting;

    CHECK(reading > 2.0 * 8.0 * static_cast<double>(events_of_a_sample));
    CHECK(fitting < 1.7 * reading);  // and a block of ids of each process
}

TEST_CASE("a fit goes on with what the next command would read", "[pipeline]") {
    Example example;

    const FittedCampaign made = example.fitted();
    const FittedCampaign read = example.fitted();

    CHECK(fit_json(made.record) == fit_json(read.record));
    const auto u = made.likelihood.coordinates().to_internal(best_values(made.record.fit));
    const Evaluation here = made.likelihood.evaluate(u);
    const Evaluation there = read.likelihood.evaluate(u);
    CHECK(here.nll == there.nll);
    CHECK(here.hessian == there.hessian);
}

TEST_CASE("another minimum keeps what is doubtful in the ratios, not what was said of the first",
          "[pipeline]") {
    Example example;
    FittedCampaign fitted = example.fitted();
    fitted.record.doubts = {"the ratios are doubtful"};
    fitted.record.fit.warnings = {"the minimum is at a bound", "the ratios are doubtful"};

    take_over(example.context, example.place.directory, best_values(fitted.record.fit), fitted);

    const auto& warnings = fitted.record.fit.warnings;
    CHECK(std::ranges::count(warnings, "the ratios are doubtful") == 1);
    CHECK(std::ranges::count(warnings, "the minimum is at a bound") == 0);
    CHECK(fitted.record.doubts == std::vector<std::string>{"the ratios are doubtful"});
}

TEST_CASE("a minimum where the expansion of ln Z fails is none", "[pipeline]") {
    const auto fitted_at = [](double alpha, const std::string& norm) {
        std::string text = campaign_text;
        const std::string usual = "mu = 1.5,";
        text.replace(text.find(usual), usual.size(),
                     "mu = 1.5, alpha_scale = " + std::to_string(alpha) + ",");
        text += "[inference]\nshape_norm = \"" + norm + "\"\n";
        return Example(text, 5.0).fitted().record.fit;
    };
    CHECK(fitted_at(4.0, "reference").converged);
    CHECK(fitted_at(0.2, "reference_quadratic").converged);

    const FitResult far = fitted_at(4.0, "reference_quadratic");

    CHECK_FALSE(far.converged);
    REQUIRE(!far.warnings.empty());
    CHECK_THAT(far.warnings.front(), Catch::Matchers::Contains("reference_quadratic"));
}

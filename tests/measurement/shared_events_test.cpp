#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_set_writer.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "measurement/region_source.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// A ratio file whose data events have the ids first, first + 3, first + 6, ...
void write_ratios(const std::filesystem::path& path, std::uint64_t first) {
    RatioSetsInput input;
    input.header.processes = {{"B", 90.0, {}}};
    input.header.shape_norm = ShapeNorm::none;
    input.header.split = {.train = 0.0, .validation = 0.0, .inference = 1.0};
    input.sets = {{"data", 40}};
    input.rows = [first](std::size_t, Range rows) {
        RatioSetRows values;
        for (std::uint64_t row = rows.first; row < rows.last; ++row) {
            values.id.push_back(first + 3 * row);
            values.weight.push_back(1.0);
            values.log_r.push_back(0.0F);
        }
        return values;
    };
    write_ratio_sets(path, input);
}

Campaign two_regions(const std::filesystem::path& folder) {
    return parse_campaign(R"toml(
[campaign]
name = "fit"
[parameters.mu]
range = [0, 10]
[[process]]
name = "B"
coefficient = "mu"
[[region]]
name = "low"
ratios = "low.h5"
[[region]]
name = "high"
ratios = "high.h5"
[data]
sample = "data"
)toml",
                          folder);
}

}  // namespace

TEST_CASE("an event in two unbinned regions is refused by its id", "[commands]") {
    const test::TemporaryDirectory folder;
    const Campaign campaign = two_regions(folder.path());
    write_ratios(folder.path() / "low.h5", 7);

    write_ratios(folder.path() / "high.h5", 8);
    CHECK_NOTHROW(expect_no_shared_events(campaign, open_ratio_files(campaign, "")));

    write_ratios(folder.path() / "high.h5", 7 + 3 * 38);  // the last two of low are its first two
    const RatioFiles ratios = open_ratio_files(campaign, "");
    CHECK_THROWS_WITH(expect_no_shared_events(campaign, ratios),
                      Contains("region 'low'") && Contains("region 'high'") &&
                          Contains("share 2 events of sample 'data' (the same ids), for example "
                                   "121"));
    const mpi::Communicator alone;
    CHECK_THROWS_WITH(load_data(alone, campaign, model_for_ratios(campaign, ratios), ratios),
                      Contains("share 2 events"));
}

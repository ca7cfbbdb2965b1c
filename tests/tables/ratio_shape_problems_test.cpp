// Ratio files that others wrote: what is accepted, and the one clear error for what is not.
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ratio_file.hpp"
#include "ratiofarm/tables/verify.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "run_python.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// A ratio file of one set with 100 events and two shapes, changed by a few lines of Python.
const std::string script = R"(
import sys, h5py, numpy as np
n = 100
f = h5py.File(sys.argv[1], "w")
f.attrs["format"] = "ratiofarm-ratios"
f.attrs["version"] = 2
f.attrs["processes"] = ["S", "B"]
f.attrs["yields"] = [100.0, 1000.0]
f.attrs["shape_processes"] = ["S", "B"]
f.attrs["shape_parameters"] = ["alpha_scale", "alpha_scale"]
e = f.create_group("events/S")
e["weight"] = np.ones(n)
e["log_r"] = np.zeros((n, 2), "f4")
up = np.arange(2 * n, dtype="f4").reshape(2, n) / 1024
e["log_g_up"] = up
e["log_g_down"] = -up
def replace(name, **how):
    del e[name]
    e.create_dataset(name, **how)
)";

class Written {
public:
    explicit Written(const std::string& change)
        : path(folder / "ratios.h5"),
          is_there(test::run_python(script + change + "\nf.close()\n", path.string())) {}

    /// Message of the error that opening and verifying gives; empty if there is none.
    std::string problem() const {
        try {
            RatioFile(path).verify_events();
        } catch (const Error& error) {
            return error.what();
        }
        return {};
    }

    test::TemporaryDirectory folder;
    std::filesystem::path path;
    bool is_there;
};

std::vector<float> second_column(const std::filesystem::path& path) {
    const std::size_t columns[] = {1};
    std::vector<double> weight(10);
    std::vector<double> log_r(20);
    std::vector<float> log_g(20);
    RatioFile(path).read_events("S", {50, 60}, {weight, log_r, columns, log_g, 10});
    return {log_g.begin(), log_g.begin() + 10};
}

std::vector<float> expected_second_column() {
    std::vector<float> values;
    for (int row = 50; row < 60; ++row) values.push_back(static_cast<float>(100 + row) / 1024.0F);
    return values;
}

}  // namespace

TEST_CASE("shapes of h5py are read in every storage", "[tables]") {
    for (const std::string change : {
             "",
             "replace('log_g_up', data=up.astype('f2'))",
             "replace('log_g_up', data=up.astype('f8'))",
             "replace('log_g_up', data=up.astype('>f4'))",
             "replace('log_g_up', data=up, chunks=(1, 30), compression='gzip')",
             "replace('log_g_up', data=up.astype('f2'), chunks=(2, 30))",
         }) {
        INFO(change);
        const Written file(change);
        if (!file.is_there) return;

        CHECK(file.problem().empty());
        CHECK(second_column(file.path) == expected_second_column());
        CHECK_THAT(RatioFile(file.path).warnings().back(), Contains("no checksums"));
    }
}

TEST_CASE("each defect of a file with shapes is one clear error", "[tables]") {
    const std::vector<std::pair<std::string, std::string>> defects{
        {"del e['log_g_down']", "/events/S/log_g_down is missing: every sample needs log_g_up and"},
        {"del e['log_g_up'], e['log_g_down']", "/events/S/log_g_up is missing"},
        {"f.attrs['shape_parameters'] = ['alpha_scale']", "have 2 and 1 entries"},
        {"del f.attrs['shape_processes'], f.attrs['shape_parameters']", "has no names"},
        {"del f.attrs['shape_processes']", "only one is there"},
        {"f.attrs['shape_processes'] = ['S', 'X']", "no process 'X' among the ratios"},
        {"f.attrs['shape_processes'] = ['S', 'S']", "name 'S' with 'alpha_scale' twice"},
        {"replace('log_g_up', data=up[:, :99])", "must hold 2 columns x 100 events"},
        {"replace('log_g_up', data=up[:1])", "must hold 2 columns x 100 events"},
        {"replace('log_g_up', data=up.astype('i4'))", "of floating point"},
        {"e['log_g_up'][1, 7] = np.nan", "log_g_up row 7, 'alpha_scale' of process 'B' is nan"},
        {"e['log_g_down'][0, 9] = -np.inf", "log_g_down row 9, 'alpha_scale' of process 'S'"},
        {"e['weight'][5] = np.nan", "/events/S/weight row 5 is nan"},
        {"e['log_r'][5, 1] = np.nan", "/events/S/log_r row 5, process 'B' is nan"},
        {"f.attrs['version'] = 4",
         "version 4 of format 'ratiofarm-ratios' is not known to this "
         "program (it reads versions 1 to 3)"},
        {"e['log_g_up_xxh3'] = np.zeros((1, 1), 'u8')", "must hold 2 x 1 checksums"},
        {"e['log_g_up_xxh3'] = np.zeros((2, 1), 'u8')", "damaged, the checksum does not match"},
        {"f.attrs['yield_processes'] = ['S']", "only one is there"},
        {"f.attrs['yield_processes'] = ['S']; f.attrs['yield_parameters'] = ['alpha_scale']; "
         "f.attrs['yield_up'] = [1.1]; f.attrs['yield_down'] = [-0.9]",
         "must be > 0"},
    };
    for (const auto& [change, message] : defects) {
        INFO(change);
        const Written file(change);
        if (!file.is_there) return;

        const std::string problem = file.problem();

        CHECK_THAT(problem, Contains(message));
        CHECK_THAT(problem, Contains(file.path.string()));
        CHECK(problem.find('\n') == std::string::npos);
    }
}

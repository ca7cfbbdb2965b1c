// Empty bins, expectations below their floor, and models that do not fit together.
#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;
using namespace ratiofarm::test;

namespace {

std::string message_of(StatisticalModel model, std::vector<double> observed) {
    try {
        Binned(std::move(model), std::move(observed));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("an empty bin without expectation adds nothing", "[fit]") {
    const Binned binned(counting_model(10.0, 0.0, 0.0), {0.0});

    const Evaluation at = binned.at({0.0, 0.0});

    CHECK(at.nll == 0.0);
    CHECK(at.bins_below_floor == 0);
    CHECK(at.gradient[0] == 10.0);
}

TEST_CASE("below its floor an expectation is continued smoothly and counted", "[fit]") {
    // nu = 1e-6 mu
    const auto nll = [](double observed, double mu) {
        return Binned(counting_model(1e-6, 0.0, 0.0), {observed}).at({mu, 0.0});
    };
    SECTION("with counts it is a barrier") {
        const Evaluation above = nll(3.0, 1.0 + 1e-9);
        const Evaluation below = nll(3.0, 1.0 - 1e-9);
        CHECK(below.bins_below_floor == 1);
        CHECK(above.bins_below_floor == 0);
        CHECK(above.gradient[0] == Approx(below.gradient[0]).epsilon(1e-7));
        CHECK(above.hessian[0] == Approx(below.hessian[0]).epsilon(1e-7));
        CHECK(nll(3.0, -2.0).nll > nll(3.0, -1.0).nll);
        CHECK(nll(3.0, -2.0).hessian[0] > 0.0);
    }
    SECTION("without counts it is a wall below zero") {
        CHECK(nll(0.0, -1e-3).bins_below_floor == 1);
        CHECK(nll(0.0, -10.0).nll > 0.0);
        CHECK(nll(0.0, -10.0).hessian[0] > 0.0);
        CHECK(nll(0.0, -1e-9).gradient[0] == Approx(nll(0.0, 1e-9).gradient[0]).epsilon(1e-7));
    }
    SECTION("derivatives are those of the continuation") {
        check_finite_differences(Binned(counting_model(1e-6, 0.0, 0.0), {3.0}), {0.4, 0.0});
        check_finite_differences(Binned(counting_model(1e-6, 0.0, 0.0), {0.0}), {-0.4, 0.0});
    }
}

TEST_CASE("what does not fit together is named", "[fit]") {
    const auto with = [](auto change) {
        StatisticalModel model = rich_model();
        change(model.binned[0].samples[1]);
        return message_of(std::move(model), {60.0, 48.0, 41.0});
    };
    CHECK(message_of(rich_model(), {60.0, 48.0}) ==
          "region 'SR': 2 observed counts for 3 bins (must be one each)");
    CHECK(message_of(rich_model(), {60.0, -1.0, 41.0}).find("bin 1: observed count -1") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.contents.pop_back(); }).find("'background'") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.contents[2] = NAN; }).find("bin 2") != std::string::npos);
    CHECK(with([](BinnedSample& s) { s.yields[0].anchors.down = 0.0; }).find("'jes'") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.yields[0].parameter = "jess"; }).find("jes") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.shapes[0].code = Interpolation::code4; }).find("code4p") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.shapes[0].up.pop_back(); }).find("2 numbers for 3 bins") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.factors[0].parameters.pop_back(); }).find("factors") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.yields[0].parameter = "mu"; }).find("root") !=
          std::string::npos);
}

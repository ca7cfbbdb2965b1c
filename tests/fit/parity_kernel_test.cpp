#include "fit/kernels/parity_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm_test/catch.hpp"

#include "fit/kernels/guards.hpp"

using namespace ratiofarm;

namespace {

struct Column {
    std::vector<float> up;
    std::vector<float> down;
    std::vector<std::uint32_t> mask;
};

/// Every seventh event does not count, every fifth is beyond what is clipped.
Column column_of(std::size_t n) {
    Column column;
    for (std::size_t i = 0; i < n; ++i) {
        const double x = std::sin(1.0 + 0.7 * static_cast<double>(i));
        const double scale = i % 5 == 0 ? 9.0 : 0.3;
        column.up.push_back(static_cast<float>(scale * x));
        column.down.push_back(static_cast<float>(-0.8 * scale * x + 0.01));
        column.mask.push_back(i % 7 == 0 ? 0U : ~0U);
    }
    return column;
}

ParitySums one_by_one(const Column& column) {
    const auto clip = [](float x) { return std::clamp<double>(x, -largest_log_g, largest_log_g); };
    ParitySums sums;
    for (std::size_t i = 0; i < column.up.size(); ++i) {
        if (column.mask[i] == 0) continue;
        const double even = 0.5 * (clip(column.up[i]) + clip(column.down[i]));
        const double odd = 0.5 * (clip(column.up[i]) - clip(column.down[i]));
        sums.even += static_cast<std::uint64_t>(even * even / ParitySums::unit);
        sums.odd += static_cast<std::uint64_t>(odd * odd / ParitySums::unit);
    }
    return sums;
}

}  // namespace

TEST_CASE("sums of even and odd effects are whole numbers of any instruction set", "[kernels]") {
    const std::size_t n = GENERATE(0, 1, 7, 64, 129, 3000);
    const Column column = column_of(n);

    const ParitySums expected = one_by_one(column);
    for (const InstructionSet set :
         {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
        const ParitySums sums =
            choose_parity_kernel(set)(column.up.data(), column.down.data(), column.mask.data(), n);
        CHECK(sums.even == expected.even);
        CHECK(sums.odd == expected.odd);
    }
}

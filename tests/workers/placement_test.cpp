#include "workers/placement.hpp"

#include <numeric>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

NodeResources node(int cores, std::vector<std::string> gpus) {
    NodeResources resources{std::vector<int>(static_cast<std::size_t>(cores)), std::move(gpus)};
    std::iota(resources.cores.begin(), resources.cores.end(), 0);
    return resources;
}

}  // namespace

TEST_CASE("ranks of a node share its cores without overlap and take its GPUs in turn") {
    const auto resources = node(16, {"0", "1", "2", "3"});
    std::vector<int> used;
    for (int rank = 0; rank < 4; ++rank) {
        const Placement placement = place_trainer(resources, {rank, 4}, DeviceClass::cuda);
        CHECK(placement.gpu == std::to_string(rank));
        used.insert(used.end(), placement.cores.begin(), placement.cores.end());
    }
    CHECK(used == resources.cores);
    CHECK(place_trainer(resources, {1, 4}, DeviceClass::cpu).gpu.empty());
}

TEST_CASE("more ranks than cores or GPUs share them") {
    const auto resources = node(2, {"GPU-a"});
    CHECK(place_trainer(resources, {3, 4}, DeviceClass::cuda).cores == resources.cores);
    CHECK(place_trainer(resources, {3, 4}, DeviceClass::cuda).gpu == "GPU-a");
}

#include "nets_in_turn.hpp"

#include <ATen/core/Tensor.h>

namespace ratiofarm {

void for_nets_in_turn(const at::Tensor& of_pack,
                      const std::function<void(const NetsTogether& part)>& work) {
    const std::int64_t nets = of_pack.size(0);
    if (nets == 1 || !of_pack.is_cpu()) {
        work([](const at::Tensor& all) { return all; });
        return;
    }
    for (std::int64_t net = 0; net < nets; ++net) {
        work([net](const at::Tensor& all) { return all.narrow(0, net, 1); });
    }
}

}  // namespace ratiofarm

#pragma once

#include <ATen/core/Tensor.h>

namespace ratiofarm {

/// work(part) for the nets of a pack; part(tensor) are those of [nets, ...] that are worked on
/// together. On a CPU that is one net at a time: LibTorch computes what its whole vectors leave
/// over by other functions, whose last bit can differ, so that in a loop over all nets the bits of
/// one would depend on how many there are. Alone a net is the whole tensor.
template <class Work>
void for_nets_in_turn(const at::Tensor& of_pack, const Work& work) {
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

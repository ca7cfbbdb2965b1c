#pragma once

#include <functional>

namespace at {
class Tensor;
}

namespace ratiofarm {

/// Those of [nets, ...] that are worked on together.
using NetsTogether = std::function<at::Tensor(const at::Tensor& all)>;

/// work(part) for the nets of a pack. On a CPU that is one net at a time: LibTorch computes what
/// its whole vectors leave over by other functions, whose last bit can differ, so that in a loop
/// over all nets the bits of one would depend on how many there are. Alone a net is the whole
/// tensor.
void for_nets_in_turn(const at::Tensor& of_pack,
                      const std::function<void(const NetsTogether& part)>& work);

}  // namespace ratiofarm

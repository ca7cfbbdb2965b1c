#include "dropout_mask.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "ratiofarm/core/contracts.hpp"

#include "core/philox.hpp"

namespace ratiofarm::trainer {

std::uint64_t dropout_key(std::uint64_t shuffle_seed, std::uint64_t step) {
    constexpr std::uint64_t other_than_shuffling = 0x64726f706f757421;
    return mix64(mix64(shuffle_seed ^ other_than_shuffling) ^ step);
}

at::Tensor dropout_mask(double share,
                        std::span<const std::uint64_t> keys,
                        std::size_t layer,
                        const at::Tensor& like) {
    RATIOFARM_EXPECT(like.dim() == 3 && like.size(0) == std::ssize(keys));
    const auto width = static_cast<std::uint64_t>(like.size(2));
    const std::uint64_t calls = (width + 3) / 4;
    // A word below this is left out.
    const auto least = static_cast<std::uint64_t>(std::llround(share * 0x1.0p32));
    const auto factor = static_cast<float>(1.0 / (1.0 - share));
    const at::Tensor mask = at::empty(like.sizes(), at::TensorOptions(at::kFloat));
    auto* next = mask.mutable_data_ptr<float>();
    for (const std::uint64_t key : keys) {
        for (std::uint64_t event = 0; event < static_cast<std::uint64_t>(like.size(1)); ++event) {
            for (std::uint64_t call = 0; call < calls; ++call) {
                const auto random = philox(key, layer, event * calls + call);
                const std::uint64_t units = std::min<std::uint64_t>(4, width - 4 * call);
                for (std::uint64_t unit = 0; unit < units; ++unit) {
                    *next++ = random.at(unit) < least ? 0.0F : factor;
                }
            }
        }
    }
    return mask.to(like.options());
}

}  // namespace ratiofarm::trainer

#include "net_pack.hpp"

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>

#include "ratiofarm/core/contracts.hpp"
#include "protocol/network_kinds.hpp"

#include "autograd_pack.hpp"
#include "cpu_pack.hpp"
#include "written_pack.hpp"

namespace ratiofarm {

std::unique_ptr<NetPack> make_net_pack(const Network& network,
                                       const PackOptions& options,
                                       const c10::TensorOptions& device) {
    RATIOFARM_EXPECT(options.nets > 0 && options.capacity > 0);
    RATIOFARM_EXPECT(network.inputs > 0 && !network.hidden.empty());
    // A switch of the whole process, which does one task at a time. CPUs know no TF32.
    at::globalContext().setAllowTF32CuBLAS(options.precision == Precision::tf32);
    if (engine_of(network, options.engine) == Engine::autograd) {
        return make_autograd_pack(network, options, device);
    }
    const bool floats_on_cpu = device.device().is_cpu() && device.dtype() == at::kFloat;
    if (floats_on_cpu && has_cpu_pack(network, options)) return make_cpu_pack(network, options);
    return make_written_pack(network, options, device);
}

}  // namespace ratiofarm

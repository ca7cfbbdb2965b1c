#include "net_pack.hpp"

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"
#include "protocol/particle_row.hpp"

#include "net_pack_engines.hpp"

namespace ratiofarm::trainer {

void NetPack::set_dropout(std::span<const std::uint64_t> keys) { RATIOFARM_EXPECT(keys.empty()); }

std::unique_ptr<NetPack> make_net_pack(const Network& network,
                                       const PackOptions& options,
                                       const c10::TensorOptions& device) {
    RATIOFARM_EXPECT(options.nets > 0 && options.capacity > 0);
    RATIOFARM_EXPECT(event_size(network) > 0 && !network.hidden.empty());
    // A switch of the whole process, which does one task at a time. CPUs know no TF32.
    at::globalContext().setAllowTF32CuBLAS(options.precision == Precision::tf32);
    const bool written = engine_of(network, options.engine, options.dropout) == Engine::written;
    const bool on_cpu = device.device().is_cpu();
    const bool plain_cpu = on_cpu && device.dtype() == at::kFloat;
    const bool particles = reads_particles(network.kind);
    if (written && plain_cpu && !particles && has_cpu_pack(network, options)) {
        return make_cpu_pack(network, options);
    }
    MakePack* engine = written && !particles ? make_written_pack : make_autograd_pack;
    if (written && plain_cpu && particles && has_particle_pack(network, options)) {
        engine = make_particle_pack;
    }
    if (on_cpu && options.nets > 1) return make_pack_in_turn(network, options, device, *engine);
    return engine(network, options, device);
}

}  // namespace ratiofarm::trainer

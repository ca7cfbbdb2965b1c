#include "measurement_digest.hpp"

namespace ratiofarm {

Digest measurement_digest(const Campaign& campaign) {
    constexpr std::uint64_t version = 1;
    Campaign measured = with_absolute_paths(campaign);
    measured.data.asimov.clear();
    measured.data.injections.clear();
    measured.data.source = {};
    measured.inference.scan.clear();
    measured.training.threads = {};
    measured.training.checkpoint_seconds = {};
    measured.labels = {};
    measured.simulate.reset();
    return Hasher().text("measurement").number(version).text(campaign_toml(measured)).finish();
}

}  // namespace ratiofarm

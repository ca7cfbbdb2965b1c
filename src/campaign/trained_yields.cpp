#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "find_sample.hpp"
#include "make_model.hpp"

namespace ratiofarm {
namespace {

double positive_sum(double sum, const std::string& what) {
    if (sum > 0.0 && std::isfinite(sum)) return sum;
    throw DataError("the weights of " + what + " sum to " + std::to_string(sum) +
                    " (must be > 0; declare the factors with systematic.yield, or check the "
                    "weights)");
}

double varied_sum(const SystematicSection::Shape& shape,
                  const std::string& side,
                  const SampleInfo& nominal,
                  const std::vector<SampleInfo>& samples) {
    if (shape.source == SystematicSection::Source::weights) {
        return positive_sum(find_weights(nominal, side).sum,
                            "'" + nominal.name + "/weights/" + side + "'");
    }
    return positive_sum(find_sample(samples, side).sum_of_weights, "sample '" + side + "'");
}

}  // namespace

std::vector<UnbinnedRegionInput::Yield> trained_yields(const Campaign& campaign,
                                                       const std::vector<SampleInfo>& samples) {
    std::vector<UnbinnedRegionInput::Yield> yields;
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes || systematic.yields) continue;
        for (const auto& shape : *systematic.shapes) {
            if (shape.source == SystematicSection::Source::ratio_file) continue;
            const SampleInfo& nominal =
                find_sample(samples, campaign.process(shape.process).sample);
            const double sum =
                positive_sum(nominal.sum_of_weights, "sample '" + nominal.name + "'");
            yields.push_back({shape.process,
                              systematic.parameter,
                              {.up = varied_sum(shape, shape.up, nominal, samples) / sum,
                               .down = varied_sum(shape, shape.down, nominal, samples) / sum}});
        }
    }
    return yields;
}

}  // namespace ratiofarm

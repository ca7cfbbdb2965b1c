#include "member_rows.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/net_quality.hpp"

namespace ratiofarm::trainer {

MemberRows::MemberRows(const InferRequest& request)
    : request_(request), file_(request.ensemble_file), row_size_(row_size(request.network)) {
    expect_unchanged(request.ensemble_file, request.ensemble_stamp);
    RATIOFARM_EXPECT(request.net_fold.empty() || request.net_fold.size() == request.members);
    for (std::uint32_t member = 0; member < request.members; ++member) {
        in_context(name(member), [&] {
            check_row(member);
            check_calibration(member);
        });
    }
}

std::string MemberRows::name(std::uint32_t member) const {
    return "'" + request_.ensemble_file + "', member " + std::to_string(member);
}

std::span<const float> MemberRows::row(std::uint32_t member) const {
    const std::uint64_t offset =
        request_.weights_offset + member * request_.row_stride * sizeof(float);
    return file_.values<float>(offset, row_size_);
}

void MemberRows::check_row(std::uint32_t member) const {
    const auto values = row(member);
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::ranges::all_of(values, finite)) throw DataError("a weight is not finite");
    // A scale of 0 cannot come from a training: it is the fill value of an unwritten row.
    const auto scale =
        values.subspan(scaled_inputs(request_.network), scaled_inputs(request_.network));
    if (std::ranges::find(scale, 0.0F) != scale.end()) {
        throw DataError("this row was never written (feature_scale is 0)");
    }
}

std::span<const float> MemberRows::knots(std::uint32_t member) const {
    constexpr std::size_t size = 2 * std::size_t{calibration_knots};
    return file_.values<float>(request_.calibration_offset + member * size * sizeof(float), size);
}

void MemberRows::check_calibration(std::uint32_t member) const {
    if (request_.calibration_offset == 0) return;
    const auto logit = knots(member).first(calibration_knots);
    const auto end = std::ranges::find_if(logit, [](float x) { return std::isnan(x); });
    // A map that was never written is all zeros; one without knots is NaN from the first on.
    const auto not_above = [](float knot, float next) { return !(knot < next); };
    if (std::adjacent_find(logit.begin(), end, not_above) != end) {
        throw DataError("the knots of its calibration do not increase");
    }
}

void MemberRows::calibrate(std::uint32_t member, std::span<float> logits) const {
    if (request_.calibration_offset == 0) return;
    const auto map = knots(member);
    for (float& logit : logits) {
        logit = calibrated(map.first(calibration_knots), map.last(calibration_knots), logit);
    }
}

std::vector<std::uint32_t> MemberRows::of_fold(std::uint32_t fold) const {
    std::vector<std::uint32_t> members;
    for (std::uint32_t member = 0; member < request_.members; ++member) {
        if (request_.net_fold.empty() || request_.net_fold[member] == fold) {
            members.push_back(member);
        }
    }
    return members;
}

}  // namespace ratiofarm::trainer

#include "net_columns.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "protocol/list_quantities.hpp"

namespace ratiofarm {

namespace {

template <class T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return {bytes.begin(), bytes.end()};
}

template <class T>
std::vector<T> values_of(std::span<const std::byte> bytes) {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
}

template <class T>
std::vector<T> padded(std::vector<T> values, std::uint64_t size) {
    if (values.size() < size) values.resize(size, std::numeric_limits<T>::quiet_NaN());
    return values;
}

/// Type of the member of EnsembleNet that a function returns.
template <class Field>
using MemberType = std::remove_reference_t<std::invoke_result_t<Field, EnsembleNet&>>;

template <class Field>
NetColumn number(const std::string& name, Field field) {
    using T = MemberType<Field>;
    return {.path = "/nets/" + name,
            .type = h5::element_type<T>(),
            .extent = {},
            .pack =
                [field](const EnsembleNet& net) {
                    return bytes_of<T>(std::span<const T>(&field(net), 1));
                },
            .unpack = [field](std::span<const std::byte> bytes,
                              EnsembleNet& net) { field(net) = values_of<T>(bytes).front(); },
            .length = nullptr,
            .trim = nullptr};
}

template <class Field>
NetColumn list(const std::string& name, std::uint64_t width, Field field) {
    using T = typename MemberType<Field>::value_type;
    return {.path = "/nets/" + name,
            .type = h5::element_type<T>(),
            .extent = {width},
            .pack = [field, width](
                        const EnsembleNet& net) { return bytes_of<T>(padded(field(net), width)); },
            .unpack = [field](std::span<const std::byte> bytes,
                              EnsembleNet& net) { field(net) = values_of<T>(bytes); },
            .length =
                [field](const EnsembleNet& net) {
                    return static_cast<std::uint32_t>(field(net).size());
                },
            .trim = [field](std::uint32_t length, EnsembleNet& net) { field(net).resize(length); }};
}

NetColumn task_digest() {
    return {.path = "/nets/digest",
            .type = h5::ElementType::u64,
            .extent = {2},
            .pack =
                [](const EnsembleNet& net) {
                    const std::uint64_t halves[] = {net.task.high, net.task.low};
                    return bytes_of<std::uint64_t>(halves);
                },
            .unpack =
                [](std::span<const std::byte> bytes, EnsembleNet& net) {
                    const auto halves = values_of<std::uint64_t>(bytes);
                    net.task = {halves[0], halves[1]};
                },
            .length = nullptr,
            .trim = nullptr};
}

/// Both lists of the map in one dataset, so that a trainer maps them together.
NetColumn calibration_map() {
    const auto knots = [](const EnsembleNet& net) -> const CalibrationMap& {
        return net.result.calibration;
    };
    return {.path = "/nets/calibration",
            .type = h5::ElementType::f32,
            .extent = {2, calibration_knots},
            .pack =
                [knots](const EnsembleNet& net) {
                    std::vector<float> row = padded(knots(net).logit, calibration_knots);
                    const auto calibrated = padded(knots(net).calibrated, calibration_knots);
                    row.insert(row.end(), calibrated.begin(), calibrated.end());
                    return bytes_of<float>(row);
                },
            .unpack =
                [](std::span<const std::byte> bytes, EnsembleNet& net) {
                    const auto half = bytes.size() / 2;
                    net.result.calibration = {values_of<float>(bytes.first(half)),
                                              values_of<float>(bytes.subspan(half))};
                },
            .length =
                [knots](const EnsembleNet& net) {
                    return static_cast<std::uint32_t>(
                        std::max(knots(net).logit.size(), knots(net).calibrated.size()));
                },
            .trim =
                [](std::uint32_t length, EnsembleNet& net) {
                    net.result.calibration.logit.resize(length);
                    net.result.calibration.calibrated.resize(length);
                }};
}

/// A member of the net, of its result or of its quality, constant or not.
#define RATIOFARM_FIELD(member) \
    [](auto& net) -> auto& { return net.member; }

void add_quality(const EnsembleHeader& header, std::vector<NetColumn>& columns) {
    const auto add_number = [&](const std::string& name, auto field) {
        columns.push_back(number("quality/" + name, field));
    };
    const auto add_list = [&](const std::string& name, std::uint64_t width, auto field) {
        columns.push_back(list("quality/" + name, width, field));
    };
    add_number("excess", RATIOFARM_FIELD(result.quality.excess));
    add_number("excess_error", RATIOFARM_FIELD(result.quality.excess_error));
    add_number("sc_rms", RATIOFARM_FIELD(result.quality.sc_rms));
    add_number("sc_norm", RATIOFARM_FIELD(result.quality.sc_norm));
    add_number("sc_noise", RATIOFARM_FIELD(result.quality.sc_noise));
    add_number("calibration_slope", RATIOFARM_FIELD(result.quality.calibration_slope));
    add_number("slope_error", RATIOFARM_FIELD(result.quality.slope_error));
    add_number("overtraining", RATIOFARM_FIELD(result.quality.overtraining));
    add_number("overtraining_noise", RATIOFARM_FIELD(result.quality.overtraining_noise));
    add_number("logit_spread", RATIOFARM_FIELD(result.quality.logit_spread));
    add_number("not_finite", RATIOFARM_FIELD(result.quality.not_finite));
    add_number("saturated", RATIOFARM_FIELD(result.quality.saturated));
    add_number("held_out_gain", RATIOFARM_FIELD(result.quality.held_out_gain));
    add_number("held_out_error", RATIOFARM_FIELD(result.quality.held_out_error));
    add_number("held_out_events", RATIOFARM_FIELD(result.quality.held_out_events));
    constexpr std::uint64_t bins = most_calibration_bins;
    add_list("calibration_predicted", bins, RATIOFARM_FIELD(result.quality.calibration_predicted));
    add_list("calibration_observed", bins, RATIOFARM_FIELD(result.quality.calibration_observed));
    add_list("calibration_error", bins, RATIOFARM_FIELD(result.quality.calibration_error));
    const std::uint64_t closures =
        header.network.inputs + (header.list_closure ? list_quantities : 0);
    add_list("closure", closures, RATIOFARM_FIELD(result.quality.closure));
    add_list("closure_noise", closures, RATIOFARM_FIELD(result.quality.closure_noise));
    add_list("reference_logits", most_reference_logits,
             RATIOFARM_FIELD(result.quality.reference_logits));
    if (header.network.outputs == 1) {
        if (!header.scores) return;
        add_number("score_low", RATIOFARM_FIELD(result.scores.low));
        add_number("score_high", RATIOFARM_FIELD(result.scores.high));
        add_list("score_shares", 4 * score_histogram_bins, RATIOFARM_FIELD(result.scores.shares));
        add_list("score_errors", 4 * score_histogram_bins, RATIOFARM_FIELD(result.scores.errors));
        return;
    }
    const std::uint64_t classes = header.network.outputs;
    add_number("constant_loss", RATIOFARM_FIELD(result.quality.constant_loss));
    add_list("class_excess", classes, RATIOFARM_FIELD(result.quality.class_excess));
    add_list("class_excess_error", classes, RATIOFARM_FIELD(result.quality.class_excess_error));
    add_list("class_slope", classes, RATIOFARM_FIELD(result.quality.class_slope));
    add_list("class_slope_error", classes, RATIOFARM_FIELD(result.quality.class_slope_error));
}

}  // namespace

std::uint64_t NetColumn::elements() const {
    std::uint64_t product = 1;
    for (const std::uint64_t size : extent) product *= size;
    return product;
}

std::vector<NetColumn> net_columns(const EnsembleHeader& header) {
    const std::uint64_t epochs = std::max<std::uint64_t>(1, header.training.epochs);
    std::vector<NetColumn> columns{
        task_digest(),
        number("index", RATIOFARM_FIELD(index)),
        number("attempts", RATIOFARM_FIELD(attempts)),
        number("fold", RATIOFARM_FIELD(fold)),
        number("seed", RATIOFARM_FIELD(seed)),
        number("replica", RATIOFARM_FIELD(replica)),
        number("epochs", RATIOFARM_FIELD(result.epochs)),
        number("best_epoch", RATIOFARM_FIELD(result.best_epoch)),
        number("best_validation_loss", RATIOFARM_FIELD(result.best_validation_loss)),
        number("training_events", RATIOFARM_FIELD(result.training_events)),
        number("validation_events", RATIOFARM_FIELD(result.validation_events)),
        number("negative_weights", RATIOFARM_FIELD(result.negative_weights)),
        list("training_loss", epochs, RATIOFARM_FIELD(result.training_loss)),
        list("validation_loss", epochs, RATIOFARM_FIELD(result.validation_loss))};
    add_quality(header, columns);
    columns.push_back(calibration_map());
    return columns;
}

#undef RATIOFARM_FIELD

}  // namespace ratiofarm

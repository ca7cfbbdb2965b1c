#include "shapes_json.hpp"

#include <cmath>
#include <limits>

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double number(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

}  // namespace

Json shapes_json(const ShapeRecord& record) {
    Json shapes = Json::array();
    for (const ShapeRecord::Shape& shape : record.shapes) {
        shapes.push_back({{"process", shape.process},
                          {"parameter", shape.parameter},
                          {"gain", number(shape.judgement.gain)},
                          {"gain_error", number(shape.judgement.gain_error)},
                          {"none", shape.judgement.none},
                          {"noise_variance", number(shape.judgement.noise_variance)},
                          {"information", number(shape.information)},
                          {"left_out", shape.left_out}});
    }
    Json untreated = Json::array();
    for (const ShapeRecord::Untreated& entry : record.untreated) {
        untreated.push_back({{"parameter", entry.parameter},
                             {"error", number(entry.error)},
                             {"untreated", number(entry.untreated)},
                             {"error_by_noise", number(entry.error_by_noise)}});
    }
    return {{"judged", std::move(shapes)}, {"untreated", std::move(untreated)}};
}

ShapeRecord read_shapes_json(const Json& json) {
    ShapeRecord record;
    for (const Json& shape : json.at("judged")) {
        record.shapes.push_back({shape.at("process").get<std::string>(),
                                 shape.at("parameter").get<std::string>(),
                                 {.gain = number(shape.at("gain")),
                                  .gain_error = number(shape.at("gain_error")),
                                  .noise_variance = number(shape.at("noise_variance")),
                                  .none = shape.at("none").get<bool>()},
                                 number(shape.at("information")),
                                 shape.at("left_out").get<bool>()});
    }
    for (const Json& entry : json.at("untreated")) {
        record.untreated.push_back({entry.at("parameter").get<std::string>(),
                                    number(entry.at("error")), number(entry.at("untreated")),
                                    number(entry.at("error_by_noise"))});
    }
    return record;
}

}  // namespace ratiofarm

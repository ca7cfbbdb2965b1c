#include "ratio_judgements.hpp"

#include <string>

#include "ratiofarm/core/errors.hpp"

#include "h5/attributes.hpp"

namespace ratiofarm {
namespace {

/// One number of each judgement.
template <class Number>
std::vector<double> column(const std::vector<ShapeJudgement>& judgements, Number number) {
    std::vector<double> values;
    for (const ShapeJudgement& judgement : judgements) {
        values.push_back(static_cast<double>(judgement.*number));
    }
    return values;
}

}  // namespace

void write_judgements(const h5::File& file, const std::vector<ShapeJudgement>& judgements) {
    if (judgements.empty()) return;
    h5::write_attribute(file, "/", "shape_none", column(judgements, &ShapeJudgement::none));
    h5::write_attribute(file, "/", "shape_gain", column(judgements, &ShapeJudgement::gain));
    h5::write_attribute(file, "/", "shape_gain_error",
                        column(judgements, &ShapeJudgement::gain_error));
    h5::write_attribute(file, "/", "shape_noise_variance",
                        column(judgements, &ShapeJudgement::noise_variance));
}

std::vector<ShapeJudgement> read_judgements(const h5::File& file, std::size_t shapes) {
    if (!h5::has_attribute(file, "/", "shape_none")) return {};
    std::vector<ShapeJudgement> judgements(shapes);
    const auto read = [&](const std::string& name, const auto& set) {
        const auto values = h5::read_numbers_attribute(file, "/", name);
        if (values.size() != shapes) {
            throw DataError("attribute '" + name + "' has " + std::to_string(values.size()) +
                            " entries, must have " + std::to_string(shapes) +
                            ", as 'shape_processes' has");
        }
        for (std::size_t shape = 0; shape < shapes; ++shape) set(judgements[shape], values[shape]);
    };
    read("shape_none", [](ShapeJudgement& to, double value) { to.none = value != 0.0; });
    read("shape_gain", [](ShapeJudgement& to, double value) { to.gain = value; });
    read("shape_gain_error", [](ShapeJudgement& to, double value) { to.gain_error = value; });
    read("shape_noise_variance",
         [](ShapeJudgement& to, double value) { to.noise_variance = value; });
    return judgements;
}

}  // namespace ratiofarm

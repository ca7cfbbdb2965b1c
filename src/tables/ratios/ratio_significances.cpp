#include "ratio_significances.hpp"

#include <functional>
#include <string>

#include "ratiofarm/core/errors.hpp"

#include "h5/attributes.hpp"

namespace ratiofarm {
namespace {

/// One number of each significance.
template <class Number>
std::vector<double> column(const std::vector<ShapeSignificance>& significances, Number number) {
    std::vector<double> values;
    for (const ShapeSignificance& significance : significances) {
        values.push_back(static_cast<double>(std::invoke(number, significance)));
    }
    return values;
}

}  // namespace

void write_significances(const h5::File& file,
                         const std::vector<ShapeSignificance>& significances) {
    if (significances.empty()) return;
    h5::write_attribute(
        file, "/", "shape_none",
        column(significances, [](const ShapeSignificance& of) { return !of.significant; }));
    h5::write_attribute(file, "/", "shape_gain", column(significances, &ShapeSignificance::gain));
    h5::write_attribute(file, "/", "shape_gain_error",
                        column(significances, &ShapeSignificance::gain_error));
    h5::write_attribute(file, "/", "shape_noise_variance",
                        column(significances, &ShapeSignificance::noise_variance));
}

std::vector<ShapeSignificance> read_significances(const h5::File& file, std::size_t shapes) {
    if (!h5::has_attribute(file, "/", "shape_none")) return {};
    std::vector<ShapeSignificance> significances(shapes);
    const auto read = [&](const std::string& name, const auto& set) {
        const auto values = h5::read_numbers_attribute(file, "/", name);
        if (values.size() != shapes) {
            throw DataError("attribute '" + name + "' has " + std::to_string(values.size()) +
                            " entries, must have " + std::to_string(shapes) +
                            ", as 'shape_processes' has");
        }
        for (std::size_t shape = 0; shape < shapes; ++shape)
            set(significances[shape], values[shape]);
    };
    read("shape_none", [](ShapeSignificance& to, double value) { to.significant = value == 0.0; });
    read("shape_gain", [](ShapeSignificance& to, double value) { to.gain = value; });
    read("shape_gain_error", [](ShapeSignificance& to, double value) { to.gain_error = value; });
    read("shape_noise_variance",
         [](ShapeSignificance& to, double value) { to.noise_variance = value; });
    return significances;
}

}  // namespace ratiofarm

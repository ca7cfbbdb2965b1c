#include "weighed_events.hpp"

#include <cmath>
#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/protocol/split.hpp"

#include "protocol/particle_row.hpp"

namespace ratiofarm::trainer {
namespace {

double at(const std::vector<double>& weights, std::uint64_t row) {
    return weights.empty() ? 0.0 : weights[row];
}

struct PlacedRow {
    const WeighedSample* from;
    std::uint64_t row;
};

bool is_used(const WeighedSample& from, std::uint64_t row) {
    if (!from.listed.empty()) return from.listed[row] == 1;
    return at(from.numerator, row) != 0.0 || at(from.denominator, row) != 0.0;
}

std::vector<PlacedRow> rows_of_part(std::span<const WeighedSample> samples, SplitPart part) {
    std::vector<PlacedRow> rows;
    for (const WeighedSample& from : samples) {
        for (std::uint64_t row = 0; row < from.sample.events(); ++row) {
            if (is_used(from, row) && split_part(from.sample.id(row), from.split) == part) {
                rows.push_back({&from, row});
            }
        }
    }
    return rows;
}

/// \throws DataError if a class weighs nothing
void expect_positive(double sum, const char* what, const char* part) {
    if (sum > 0.0) return;
    throw DataError(std::string("the weights of the ") + part + " events of the " + what +
                    " sum to " + std::to_string(sum) + " (must be > 0)");
}

/// \param scaling  [rows] of the training events, to be filled
TrainingRows table_of(const std::vector<PlacedRow>& rows,
                      const TrainRequest& request,
                      const char* part,
                      std::vector<double>* scaling) {
    const std::size_t inputs = event_size(request.network);
    TrainingRows table{.rows = rows.size(), .inputs = inputs, .features = {}, .weights = {}};
    table.features.resize(rows.size() * inputs);
    double numerator = 0.0, denominator = 0.0, numerator_size = 0.0, denominator_size = 0.0;
    for (const PlacedRow& place : rows) {
        numerator += at(place.from->numerator, place.row);
        denominator += at(place.from->denominator, place.row);
        numerator_size += std::abs(at(place.from->numerator, place.row));
        denominator_size += std::abs(at(place.from->denominator, place.row));
    }
    expect_positive(numerator, "numerator", part);
    expect_positive(denominator, "denominator", part);
    const double half = 0.5 * static_cast<double>(rows.size());  // the mean of the totals is 1
    std::span<float> next(table.features);
    for (const PlacedRow& place : rows) {
        const double a = at(place.from->numerator, place.row);
        const double b = at(place.from->denominator, place.row);
        place.from->sample.fill(place.row, next.first(inputs));
        next = next.subspan(inputs);
        table.weights.push_back(static_cast<float>(half * a / numerator));
        table.weights.push_back(static_cast<float>(half * (a / numerator + b / denominator)));
        if (scaling == nullptr) continue;
        scaling->push_back(std::abs(a) / numerator_size + std::abs(b) / denominator_size);
    }
    return table;
}

}  // namespace

TrainingEvents weighed_events(std::span<const WeighedSample> samples, const TrainRequest& request) {
    TrainingEvents events;
    std::vector<double> scaling;
    events.training =
        table_of(rows_of_part(samples, SplitPart::train), request, "training", &scaling);
    events.validation =
        table_of(rows_of_part(samples, SplitPart::validation), request, "validation", nullptr);
    events.draw_of_net.assign(request.nets.size(), 0);
    for (const TrainingRows* part : {&events.training, &events.validation}) {
        for (std::size_t row = 0; row < part->rows; ++row) {
            const float positive = part->weights[2 * row];
            if (positive < 0.0F || part->weights[2 * row + 1] < positive) {
                events.negative_weights += 1;
            }
        }
    }
    if (events.negative_weights > 0 &&
        request.training.negative_weights == NegativeWeights::refuse) {
        throw DataError(std::to_string(events.negative_weights) +
                        " training and validation events have a negative weight, which "
                        "training.negative_weights = \"refuse\" forbids (\"allow\" keeps them)");
    }
    events.scaling =
        event_scaling({events.training.features, scaling, request.features, request.network},
                      request.training.scaling);
    return events;
}

}  // namespace ratiofarm::trainer

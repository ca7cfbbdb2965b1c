// The Hessian by rows, which shares no second derivative with the closed form, against it.

#include "fit/results/hessian_rows.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm_test/catch.hpp"

#include "systematic_model.hpp"

using namespace ratiofarm;

namespace {

/// Without the constraints, which the rows do not contain.
StatisticalModel free_model(ShapeNorm norm) {
    StatisticalModel model = test::systematic_model(norm);
    for (Parameter& parameter : model.parameters) parameter.constraint = {};
    return model;
}

void check_equal(const std::vector<double>& rows, const std::vector<double>& closed_form) {
    REQUIRE(rows.size() == closed_form.size());
    double scale = 0.0;
    for (const double h : closed_form) scale = std::max(scale, std::abs(h));
    for (std::size_t ab = 0; ab < rows.size(); ++ab) {
        CHECK(rows[ab] == Approx(closed_form[ab]).margin(1e-10 * scale));
    }
}

}  // namespace

TEST_CASE("rows and closed form are one Hessian", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    const LikelihoodData data = test::data_of(test::systematic_grid(700));
    for (const ShapeNorm norm : {ShapeNorm::none, ShapeNorm::reference}) {
        const StatisticalModel model = free_model(norm);
        const Likelihood likelihood(model, data, comm);
        for (const std::vector<double>& u :
             {std::vector{1.0, 0.0, 0.0}, {1.4, 0.6, -0.8}, {0.5, -1.7, 1.3}}) {
            check_equal(unbinned_hessian_by_rows(model, data, comm, u),
                        likelihood.evaluate(u, LikelihoodPart::unbinned).hessian);
        }
    }
}

TEST_CASE("events below their floor have the same Hessian both ways", "[fit][mpi]") {
    const auto comm = mpi::Communicator::world();
    const StatisticalModel model = test::two_parameter_model();
    const LikelihoodData data = test::data_of(test::random_events(model, 900));
    const Likelihood likelihood(model, data, comm);
    const std::vector<double> u{2.9, 0.1};

    const Evaluation at = likelihood.evaluate(u);

    CHECK(at.below_floor > 0);
    check_equal(unbinned_hessian_by_rows(model, data, comm, u), at.hessian);
}

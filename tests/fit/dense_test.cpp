#include "fit/search/dense.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;
using dense::Matrix;
using dense::Vector;

namespace {

/// B^T B of a random matrix B with `rank` rows: symmetric, its rank is the smaller of both.
Matrix random_square(std::size_t n, std::size_t rank) {
    PhiloxSequence random(7);
    Matrix root(rank, n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t k = 0; k < rank; ++k) root(k, a) = random.normal();
    }
    Matrix square(n, n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            for (std::size_t k = 0; k < rank; ++k) square(a, b) += root(k, a) * root(k, b);
        }
    }
    return square;
}

Vector times(const Matrix& matrix, const Vector& vector) {
    Vector result(matrix.rows());
    for (std::size_t a = 0; a < matrix.rows(); ++a) {
        for (std::size_t b = 0; b < matrix.columns(); ++b) result[a] += matrix(a, b) * vector[b];
    }
    return result;
}

Vector counting(std::size_t n) {
    Vector list;
    for (std::size_t k = 1; k <= n; ++k) list.push_back(static_cast<double>(k));
    return list;
}

void check_equal(const Vector& found, const Vector& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
        CHECK(found[k] == Approx(expected[k]).margin(1e-8));
    }
}

}  // namespace

TEST_CASE("products are sums of products", "[fit]") {
    const Matrix square = random_square(5, 5);
    const Vector list = counting(5);

    check_equal(dense::product(square, list), times(square, list));
    check_equal(dense::transposed_product(square, list), times(square, list));
    CHECK(dense::dot(list, list) == 55.0);
    CHECK(dense::norm(list) == Approx(std::sqrt(55.0)));
    CHECK(dense::largest_size(Vector{1.0, -3.0, 2.0}) == 3.0);
}

TEST_CASE("solving undoes a product", "[fit]") {
    const Matrix square = random_square(6, 9);
    const Vector list = counting(6);

    REQUIRE(dense::Cholesky(square).positive());
    check_equal(dense::Cholesky(square).solve(times(square, list)), list);
    check_equal(dense::solve_symmetric(square, times(square, list)), list);
}

TEST_CASE("a matrix that is not positive has no Cholesky factor", "[fit]") {
    Matrix saddle(2, 2);
    saddle(0, 0) = 1.0;
    saddle(1, 1) = -1.0;

    CHECK(!dense::Cholesky(saddle).positive());
    check_equal(dense::solve_symmetric(saddle, Vector{2.0, 3.0}), {2.0, -3.0});
}

TEST_CASE("a matrix is made of its eigenvalues and eigenvectors", "[fit]") {
    const Matrix square = random_square(4, 4);

    const dense::Spectrum spectrum = dense::spectrum_of(square);

    for (std::size_t k = 0; k < 4; ++k) {
        if (k > 0) CHECK(spectrum.eigenvalues[k] >= spectrum.eigenvalues[k - 1]);
        const auto column = spectrum.eigenvectors.column(k);
        Vector scaled;
        for (const double x : column) scaled.push_back(spectrum.eigenvalues[k] * x);
        check_equal(times(square, {column.begin(), column.end()}), scaled);
    }
    const Matrix again = dense::matrix_of(spectrum.eigenvectors, spectrum.eigenvalues);
    for (std::size_t k = 0; k < 4; ++k) {
        check_equal({again.column(k).begin(), again.column(k).end()},
                    {square.column(k).begin(), square.column(k).end()});
    }
}

TEST_CASE("the pseudo-inverse inverts where there is something to invert", "[fit]") {
    for (const std::size_t rank : {3U, 5U}) {  // of 5
        const Matrix square = random_square(5, rank);
        const Vector image = times(square, counting(5));

        const Matrix inverse = dense::pseudo_inverse(square);

        check_equal(times(square, times(inverse, image)), image);
    }
}

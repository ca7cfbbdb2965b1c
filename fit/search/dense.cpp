#include "dense.hpp"

#include <Eigen/Dense>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::dense {
namespace {

using ConstVector = Eigen::Map<const Eigen::VectorXd>;
using ConstMatrix = Eigen::Map<const Eigen::MatrixXd>;
using SymmetricEigenSolver = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;

Eigen::Index at(std::size_t k) { return static_cast<Eigen::Index>(k); }

ConstVector view(std::span<const double> vector) { return {vector.data(), at(vector.size())}; }
ConstMatrix view(const Matrix& matrix) {
    return {matrix.data(), at(matrix.rows()), at(matrix.columns())};
}

template <class Expression>
Vector as_vector(const Expression& expression) {
    Vector result(static_cast<std::size_t>(expression.size()));
    Eigen::Map<Eigen::VectorXd>(result.data(), expression.size()) = expression;
    return result;
}

template <class Expression>
Matrix as_matrix(const Expression& expression) {
    Matrix result(static_cast<std::size_t>(expression.rows()),
                  static_cast<std::size_t>(expression.cols()));
    Eigen::Map<Eigen::MatrixXd>(result.data(), expression.rows(), expression.cols()) = expression;
    return result;
}

}  // namespace

double dot(std::span<const double> a, std::span<const double> b) {
    RATIOFARM_EXPECT(a.size() == b.size());
    return view(a).dot(view(b));
}

double norm(std::span<const double> a) { return view(a).norm(); }

double largest_size(std::span<const double> a) { return view(a).cwiseAbs().maxCoeff(); }

Vector negative(Vector a) {
    for (double& value : a) value = -value;
    return a;
}

Vector product(const Matrix& matrix, std::span<const double> vector) {
    RATIOFARM_EXPECT(matrix.columns() == vector.size());
    return as_vector(view(matrix) * view(vector));
}

Vector transposed_product(const Matrix& matrix, std::span<const double> vector) {
    RATIOFARM_EXPECT(matrix.rows() == vector.size());
    return as_vector(view(matrix).transpose() * view(vector));
}

struct Cholesky::Factor {
    Eigen::LLT<Eigen::MatrixXd> llt;
};

Cholesky::Cholesky(const Matrix& matrix)
    : factor_(std::make_unique<Factor>(Factor{Eigen::LLT<Eigen::MatrixXd>(view(matrix))})) {}
Cholesky::~Cholesky() = default;
Cholesky::Cholesky(Cholesky&&) noexcept = default;
Cholesky& Cholesky::operator=(Cholesky&&) noexcept = default;

bool Cholesky::positive() const { return factor_->llt.info() == Eigen::Success; }

Vector Cholesky::solve(std::span<const double> vector) const {
    return as_vector(factor_->llt.solve(view(vector)));
}

Vector solve_symmetric(const Matrix& matrix, std::span<const double> vector) {
    return as_vector(view(matrix).ldlt().solve(view(vector)));
}

Spectrum spectrum_of(const Matrix& matrix) {
    const SymmetricEigenSolver solver(view(matrix));
    return {as_vector(solver.eigenvalues()), as_matrix(solver.eigenvectors())};
}

Matrix matrix_of(const Matrix& eigenvectors, std::span<const double> eigenvalues) {
    const Eigen::MatrixXd weighted = view(eigenvectors) * view(eigenvalues).asDiagonal();
    return as_matrix(weighted * view(eigenvectors).transpose());
}

Matrix pseudo_inverse(const Matrix& matrix) {
    const auto n = at(matrix.rows());
    const Eigen::LLT<Eigen::MatrixXd> factor(view(matrix));
    if (factor.info() == Eigen::Success && factor.rcond() > 1e-10) {
        return as_matrix(factor.solve(Eigen::MatrixXd::Identity(n, n)));
    }
    const SymmetricEigenSolver solver(view(matrix));
    const double largest = solver.eigenvalues().cwiseAbs().maxCoeff();
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(n, n);
    for (Eigen::Index k = 0; k < n; ++k) {
        const Eigen::VectorXd direction = solver.eigenvectors().col(k);
        const double eigenvalue = solver.eigenvalues()[k];
        if (eigenvalue > 1e-12 * largest) sum += direction * direction.transpose() / eigenvalue;
    }
    return as_matrix(sum);
}

}  // namespace ratiofarm::dense

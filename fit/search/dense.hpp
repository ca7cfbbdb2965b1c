#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

/// The linear algebra of the fit. Only dense.cpp sees the library behind it, which takes seconds to
/// compile. Vectors are plain lists of numbers.
namespace ratiofarm::dense {

using Vector = std::vector<double>;

/// Stored by columns.
class Matrix {
public:
    Matrix() = default;
    Matrix(std::size_t rows, std::size_t columns)
        : rows_(rows), columns_(columns), values_(rows * columns) {}

    std::size_t rows() const { return rows_; }
    std::size_t columns() const { return columns_; }
    double& operator()(std::size_t row, std::size_t column) {
        return values_[row + column * rows_];
    }
    double operator()(std::size_t row, std::size_t column) const {
        return values_[row + column * rows_];
    }
    double* data() { return values_.data(); }
    const double* data() const { return values_.data(); }
    std::span<const double> column(std::size_t index) const {
        return std::span(values_).subspan(index * rows_, rows_);
    }

private:
    std::size_t rows_ = 0;
    std::size_t columns_ = 0;
    Vector values_;
};

double dot(std::span<const double> a, std::span<const double> b);
double norm(std::span<const double> a);
double largest_size(std::span<const double> a);  ///< of an element; not of an empty list
Vector negative(Vector a);

Vector product(const Matrix& matrix, std::span<const double> vector);
Vector transposed_product(const Matrix& matrix, std::span<const double> vector);

/// The Cholesky factor of a symmetric matrix.
class Cholesky {
public:
    explicit Cholesky(const Matrix& matrix);
    ~Cholesky();
    Cholesky(Cholesky&&) noexcept;
    Cholesky& operator=(Cholesky&&) noexcept;

    bool positive() const;                               ///< false: there is none, ask for no more
    Vector solve(std::span<const double> vector) const;  ///< matrix^-1 vector

private:
    struct Factor;
    std::unique_ptr<Factor> factor_;
};

/// matrix^-1 vector for a symmetric matrix that may be indefinite, by L D L^T with pivots.
Vector solve_symmetric(const Matrix& matrix, std::span<const double> vector);

/// The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as columns.
struct Spectrum {
    Vector eigenvalues;
    Matrix eigenvectors;
};
Spectrum spectrum_of(const Matrix& matrix);

/// The matrix with these eigenvectors and other eigenvalues.
Matrix matrix_of(const Matrix& eigenvectors, std::span<const double> eigenvalues);

/// The inverse of a symmetric, positive semidefinite matrix over the directions in which it is not
/// zero but for rounding.
Matrix pseudo_inverse(const Matrix& matrix);

}  // namespace ratiofarm::dense

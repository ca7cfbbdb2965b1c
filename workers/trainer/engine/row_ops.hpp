#pragma once

#include "row_program.hpp"

namespace ratiofarm::trainer {

/// f(x) where no layer could take the activation in.
class ActivateRows : public RowOp {
public:
    ActivateRows(std::vector<std::size_t> inputs, std::size_t output, Activation activation)
        : RowOp(std::move(inputs), output), activation_(activation) {}
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;

private:
    Activation activation_;
    RowMemory zeros_;
};

class AddRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
};

/// Numbers of several values side by side. Squares become pairs beside pairs.
class ConcatRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
};

class PsiRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
};

/// x sigmoid(y)
class GateRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;

private:
    RowMemory open_{1};  ///< sigmoid(y)
    RowMemory dots_{1};
};

enum class Pool : std::uint8_t { mean, sum, mean_of_partners, sum_of_partners };

/// Sums over the particles of an event or over the partners of a particle.
class PoolRows : public RowOp {
public:
    PoolRows(std::vector<std::size_t> inputs, std::size_t output, Pool pool)
        : RowOp(std::move(inputs), output), pool_(pool) {}
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;

private:
    RowGroups groups(const RowProgram& program) const;

    Pool pool_;
};

/// The diagonal of products.
class OwnRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
};

/// g_ii + g_jj - 2 g_ij
class DistanceRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
};

/// Products after p_i += c mean_j w_ij (p_i - p_j): A G A^T.
class MoveRows : public RowOp {
public:
    using RowOp::RowOp;
    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;

private:
    /// Matrices of one event, [n, whole_vectors(n)] each.
    struct Matrices;
    Matrices matrices_of(const RowProgram& program, std::size_t n, const float* g, const float* w);

    RowMemory memory_{1};
};

}  // namespace ratiofarm::trainer

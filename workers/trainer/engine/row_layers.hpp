#pragma once

#include "row_program.hpp"

namespace ratiofarm::trainer {

/// Columns of a weight [outputs, inputs] in the orders that products want, and their gradient.
class PackedWeight {
public:
    /// \param place   of the first element in the trainable part of a row
    /// \param stride  from output to output
    PackedWeight(std::size_t place, std::size_t outputs, std::size_t inputs, std::size_t stride);

    void take(const float* parameters);
    void clear();
    void give(float* gradient) const;

    /// x W^T
    RowProduct of(std::size_t rows, Block<const float> x) const;
    /// flow += or = delta W; the gradient += delta^T x
    void flow(const RowKernel& kernel,
              std::size_t rows,
              Block<float> delta,
              Block<float> to,
              bool add) const;
    void learn(const RowKernel& kernel, std::size_t rows, Block<float> delta, Block<float> x);

private:
    std::size_t place_, outputs_, inputs_, stride_;
    RowMemory down_;      ///< [inputs, outputs]
    RowMemory across_;    ///< [outputs, inputs]
    RowMemory gradient_;  ///< [outputs, inputs]
};

/// A bias, with zeros behind it.
class PackedBias {
public:
    PackedBias(std::size_t place, std::size_t outputs);

    void take(const float* parameters);
    void clear();
    void give(float* gradient) const;
    const float* values() const { return values_.from(0).data; }
    float* gradient() const { return gradient_.from(0).data; }

private:
    std::size_t place_, outputs_;
    RowMemory values_;
    RowMemory gradient_;
};

/// W x + b, or f(W x + b).
class LinearRows : public RowOp {
public:
    LinearRows(std::vector<std::size_t> inputs,
               std::size_t output,
               std::size_t weight,
               std::size_t bias,
               const RowValue& from,
               const RowValue& to);

    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
    void take_weights(const float* parameters) override;
    void clear_gradient() override;
    void give_gradient(float* gradient) const override;
    bool activate(Activation activation) override;

private:
    PackedWeight weight_;
    PackedBias bias_;
    std::optional<Activation> activation_;
};

/// W x + b with one output, whose result is thin.
class ThinLinear : public RowOp {
public:
    ThinLinear(std::vector<std::size_t> inputs,
               std::size_t output,
               std::size_t weight,
               std::size_t bias,
               std::size_t width);

    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
    void take_weights(const float* parameters) override;
    void clear_gradient() override;
    void give_gradient(float* gradient) const override;

private:
    PackedBias weight_;
    std::size_t bias_;  ///< place
    float bias_value_ = 0.0F;
    float bias_gradient_ = 0.0F;
};

/// f(W (h_i, h_j, x_ij) + b)
class PairLayerRows : public RowOp {
public:
    PairLayerRows(std::vector<std::size_t> inputs,
                  std::size_t output,
                  std::size_t weight,
                  std::size_t bias,
                  const RowValue& h,
                  const RowValue& x,
                  std::size_t outputs);

    void forward(RowProgram& program) override;
    void backward(RowProgram& program) override;
    void take_weights(const float* parameters) override;
    void clear_gradient() override;
    void give_gradient(float* gradient) const override;
    bool activate(Activation activation) override;

private:
    template <class Work>
    void for_events(const RowProgram& program, const Work& work);
    PairLayer layer_of(std::size_t particles, Block<float> to, Block<float> from, const float* x);

    PackedWeight to_weight_;
    PackedWeight from_weight_;
    PackedBias bias_;
    std::size_t outputs_, quantities_;
    std::size_t place_, stride_;  ///< of the weight of x
    RowMemory x_weight_;          ///< [quantities, outputs]
    RowMemory x_gradient_;
    RowMemory to_;  ///< [rows of particles, outputs]
    RowMemory from_;
    Activation activation_ = Activation::silu;
};

}  // namespace ratiofarm::trainer

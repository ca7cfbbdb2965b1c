#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

#include "particle_chunk.hpp"
#include "row_kernel.hpp"

namespace ratiofarm::trainer {

/// What a value has one row of.
enum class RowsOf : std::uint8_t {
    events,
    particles,
    pairs,    ///< i != j
    squares,  ///< all pairs
};

/// Rows of floats that begin at multiples of 64 bytes where the stride is whole vectors. Zero where
/// nothing was written.
class RowMemory {
public:
    explicit RowMemory(std::size_t stride = 0) : stride_(stride) {}

    /// Makes room; what was written is lost if there was too little.
    void ensure(std::size_t rows);
    Block<float> from(std::size_t row) const { return {data_.get() + row * stride_, stride_}; }
    std::size_t stride() const { return stride_; }

private:
    struct Free {
        void operator()(float* data) const { std::free(data); }
    };
    std::unique_ptr<float[], Free> data_;
    std::size_t stride_;
    std::size_t rows_ = 0;
};

/// A value of the program. Thin values lie without gaps; the others have rows of whole vectors,
/// which are zero behind their width.
struct RowValue {
    RowsOf rows = RowsOf::events;
    std::size_t width = 0;
    bool thin = false;
    bool trained = false;  ///< depends on weights: the gradient flows to it
    bool wanted = false;   ///< something below has written its gradient, while passes are planned
    std::size_t flow = 0;  ///< which memory its gradient is in
    RowMemory value{};
    RowMemory slope{};  ///< of an activation, while training

    std::size_t stride() const { return thin ? width : whole_vectors(width); }
};

class RowProgram;

/// One operation of a program: forward, and from the gradient by its result to those by what it
/// reads and by its weights.
class RowOp {
public:
    RowOp(std::vector<std::size_t> inputs, std::size_t output)
        : inputs_(std::move(inputs)), output_(output), add_(inputs_.size()) {}
    RowOp(const RowOp&) = delete;
    RowOp& operator=(const RowOp&) = delete;
    virtual ~RowOp() = default;

    virtual void forward(RowProgram& program) = 0;
    virtual void backward(RowProgram& program) = 0;

    /// \param parameters  [trainable_size]
    virtual void take_weights(const float* /*parameters*/) {}
    virtual void clear_gradient() {}
    virtual void give_gradient(float* /*gradient*/) const {}
    /// Whether an activation of the result was taken into the operation.
    virtual bool activate(Activation) { return false; }

    const std::vector<std::size_t>& inputs() const { return inputs_; }
    std::size_t output() const { return output_; }
    /// Whether the gradient by an input is added to what others wrote.
    void set_add(std::size_t input, bool add) { add_[input] = add; }

protected:
    bool add(std::size_t input) const { return add_[input]; }

private:
    std::vector<std::size_t> inputs_;
    std::size_t output_;
    std::vector<bool> add_;
};

/// A graph as protocol/network_kinds.hpp describes, of a kind that has_row_program(): it becomes a
/// list of operations on rows of real particles and pairs. What an event has once is done for a
/// whole batch, all else chunk by chunk, so that a chunk stays in the cache.
class RowProgram {
public:
    using Value = std::size_t;  ///< number of a RowValue

    /// \param capacity  most events of a batch
    RowProgram(const Network& network, std::size_t capacity, bool trains);
    ~RowProgram();

    void take_weights(const float* parameters);

    /// \param logits  [count], written
    void forward(Block<const float> events, std::size_t count, float* logits);

    /// After forward() of the same events. \param gradient  [trainable_size], written
    void backward(Block<const float> events,
                  std::size_t count,
                  const float* logit_gradient,
                  float* gradient);

    // What a kind of network is written with.
    Value features() const { return features_; }
    Value count() const { return count_; }
    Value particles() const { return particles_; }
    Value products() const { return products_; }
    Value linear(const std::string& name, Value x, std::uint32_t outputs);
    Value pair_linear(const std::string& name, Value h, Value x, std::uint32_t outputs);
    Value activate(Value x);
    static Value drop(std::size_t, Value x) { return x; }
    Value add(Value x, Value y);
    Value concat(std::initializer_list<Value> values);
    Value psi(Value x);
    Value gate(Value x, Value y);
    Value mean(Value x);
    Value sum(Value x);
    Value mean_of_partners(Value x);
    Value sum_of_partners(Value x);
    Value own(Value products);
    Value distances(Value products);
    Value move(Value products, Value w);
    Value layer_norm(const std::string& name, Value x);  ///< no kind with a program has it
    Value mean_of_neighbours(Value x);                   ///< likewise

    // What operations see.
    const RowKernel& kernel() const { return kernel_; }
    const ParticleChunk& chunk() const { return chunk_; }
    const RowValue& at(Value value) const { return values_[value]; }
    std::size_t rows(Value value) const;
    std::size_t numbers(Value value) const { return rows(value) * at(value).stride(); }
    Block<float> value(Value value) const { return at(value).value.from(first_row(value)); }
    Block<float> slope(Value value) const;
    Block<float> flow(Value value) const;
    bool trains() const { return trains_; }
    /// Offset in the trainable part of a row.
    std::size_t place(const std::string& block) const;

private:
    Value made(RowsOf rows, std::size_t width, bool thin, bool trained);
    template <class Op, class... Arguments>
    Value push(Value output, std::vector<Value> inputs, Arguments&&... arguments);
    void plan_flows();
    bool of_events(const RowOp& op) const;
    std::size_t first_row(Value value) const;
    std::size_t load(Block<const float> events, std::size_t count, std::size_t first);
    void forward_chunk();
    void select_events(std::size_t first, std::size_t count);

    const RowKernel& kernel_ = row_kernel();
    std::vector<ParameterBlock> layout_;
    Activation activation_;
    bool trains_;
    bool pairs_;
    std::size_t inputs_;
    ParticleEvents reader_;
    ParticleChunk chunk_;
    std::size_t first_event_ = 0;  ///< events that operations see
    std::size_t events_ = 0;
    std::size_t loaded_ = 0;  ///< chunks of the last forward pass
    std::vector<RowValue> values_;
    std::vector<std::unique_ptr<RowOp>> ops_;
    std::vector<RowMemory> flows_;
    std::vector<RowsOf> flow_rows_;
    Value features_ = 0;
    Value count_ = 0;
    Value particles_ = 0;
    Value products_ = 0;
    Value logit_ = 0;
};

/// True for networks that RowProgram can compute: of deep_sets, lorentz, and graph without chosen
/// neighbours.
bool has_row_program(const Network& network);

}  // namespace ratiofarm::trainer

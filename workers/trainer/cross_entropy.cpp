#include "cross_entropy.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

struct CrossEntropy::Buffers {
    at::Tensor terms;      ///< [capacity]
    at::Tensor gradients;  ///< [capacity]
    at::Tensor batch_sum;  ///< scalar
    at::Tensor sum;        ///< scalar, double
    at::Tensor terms_view;
    at::Tensor gradients_view;

    void cut(std::int64_t events) {
        RATIOFARM_EXPECT(events <= terms.size(0));
        if (terms_view.defined() && terms_view.size(0) == events) return;
        terms_view = terms.narrow(0, 0, events);
        gradients_view = gradients.narrow(0, 0, events);
    }
};

CrossEntropy::CrossEntropy(std::int64_t capacity, const c10::TensorOptions& options)
    : buffers_(std::make_unique<Buffers>()) {
    buffers_->terms = at::zeros({capacity}, options);
    buffers_->gradients = at::zeros({capacity}, options);
    buffers_->batch_sum = at::zeros({}, options);
    buffers_->sum = at::zeros({}, options.dtype(at::kDouble));
}

CrossEntropy::~CrossEntropy() = default;

void CrossEntropy::add(const at::Tensor& logits,
                       const at::Tensor& labels,
                       const at::Tensor& weights) {
    buffers_->cut(logits.size(0));
    at::Tensor& terms = buffers_->terms_view;
    at::softplus_out(terms, logits);
    terms.addcmul_(labels, logits, -1);
    at::dot_out(buffers_->batch_sum, terms, weights);
    buffers_->sum.add_(buffers_->batch_sum);
}

const at::Tensor& CrossEntropy::gradient(const at::Tensor& logits,
                                         const at::Tensor& labels,
                                         const at::Tensor& weights) {
    buffers_->cut(logits.size(0));
    at::Tensor& gradients = buffers_->gradients_view;
    at::sigmoid_out(gradients, logits);
    gradients.sub_(labels).mul_(weights).mul_(1.0 / static_cast<double>(logits.size(0)));
    return gradients;
}

double CrossEntropy::sum() const { return buffers_->sum.item<double>(); }

void CrossEntropy::set_sum(double sum) { buffers_->sum.fill_(sum); }

}  // namespace ratiofarm

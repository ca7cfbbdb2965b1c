#include "pack_trainer.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>

#include "ratiofarm/core/contracts.hpp"

#include "workers/trainer/engine/dropout_mask.hpp"
#include "workers/trainer/engine/flat_optimizer.hpp"
#include "workers/trainer/engine/net_pack.hpp"
#include "workers/trainer/engine/recorded_work.hpp"

#include "batch_loss.hpp"
#include "table_tensor.hpp"
#include "weight_average.hpp"

namespace ratiofarm::trainer {

struct PackTrainer::Parts {
    std::size_t nets;
    std::unique_ptr<NetPack> pack;
    FlatOptimizer optimizer;
    std::unique_ptr<BatchLoss> training;
    std::unique_ptr<BatchLoss> validation;
    RecordedWork recorded;  ///< a step
    TrainingOptions options;
    std::vector<std::uint64_t> shuffle_seeds;  ///< [nets]
    std::vector<bool> running;
    at::Tensor average;      ///< [nets, trainable_size], with options.average
    bool exchanged = false;  ///< the pack has the averages, and `average` the weights

    void set_dropout(std::uint64_t step) const;
    const at::Tensor& weights() const { return exchanged ? average : pack->parameters(); }
    at::Tensor of_net(const at::Tensor& all, std::size_t net) const {
        return all[static_cast<std::int64_t>(net)];
    }
};

void PackTrainer::Parts::set_dropout(std::uint64_t step) const {
    if (options.dropout == 0.0) return;
    std::vector<std::uint64_t> keys;
    for (const std::uint64_t seed : shuffle_seeds) keys.push_back(dropout_key(seed, step));
    pack->set_dropout(keys);
}

std::int64_t PackTrainer::capacity(const TrainRequest& request) {
    // Looking at events has no reason to go in smaller batches than this.
    return std::max(std::int64_t{1024}, std::int64_t{request.training.batch});
}

PackTrainer::PackTrainer(const TrainRequest& request, DeviceKind device) {
    const std::int64_t nets = std::ssize(request.nets);
    const std::int64_t events = capacity(request);
    const auto options = float_on(device);
    auto pack = make_net_pack(request.network,
                              {.nets = nets,
                               .capacity = events,
                               .use = PackUse::train,
                               .precision = request.training.precision,
                               .engine = request.training.engine,
                               .dropout = request.training.dropout},
                              options);
    const at::Tensor parameters = pack->parameters();
    // Autograd makes new tensors in every pass: there is nothing that could be repeated.
    const bool records = pack->repeats();
    parts_.reset(new Parts{.nets = request.nets.size(),
                           .pack = std::move(pack),
                           .optimizer = FlatOptimizer(request.training, parameters),
                           .training = make_batch_loss(request.network, nets, events, options),
                           .validation = make_batch_loss(request.network, nets, events, options),
                           .recorded = RecordedWork(records ? device : DeviceKind::cpu),
                           .options = request.training,
                           .shuffle_seeds = {},
                           .running = {},
                           .average = {}});
    for (const NetRequest& net : request.nets) parts_->shuffle_seeds.push_back(net.shuffle_seed);
    if (request.training.average != Average::none) parts_->average = parameters.clone();
}

PackTrainer::~PackTrainer() = default;

void PackTrainer::step(const Batch& batch, std::span<const double> rates) {
    NetPack& pack = *parts_->pack;
    RATIOFARM_EXPECT(!parts_->exchanged);
    parts_->set_dropout(parts_->optimizer.steps());
    parts_->optimizer.prepare(rates);
    // A batch of full size always lies at the same place.
    const WorkInput input{batch.features->const_data_ptr(), batch.features->size(1)};
    parts_->recorded.run(input, [&] {
        const at::Tensor& logits = pack.forward(*batch.features);
        parts_->training->add(logits, batch);
        pack.backward(*batch.features, parts_->training->gradient(logits, batch));
        parts_->optimizer.apply(pack.gradient());
        pack.parameters_changed();
    });
    pack.set_dropout({});
}

void PackTrainer::average(std::uint64_t steps_per_epoch) {
    if (!parts_->average.defined()) return;
    const double part = average_part(parts_->options, parts_->optimizer.steps(), steps_per_epoch);
    average_weights(parts_->average, parts_->pack->parameters(), parts_->running, part);
}

void PackTrainer::exchange_averages() {
    if (!parts_->average.defined()) return;
    const at::Tensor in_place = parts_->pack->parameters().clone();
    parts_->pack->parameters().copy_(parts_->average);
    parts_->average.copy_(in_place);
    parts_->pack->parameters_changed();
    parts_->exchanged = !parts_->exchanged;
}

std::vector<double> PackTrainer::training_sums() const { return parts_->training->sums(); }

void PackTrainer::reset_training_sums() {
    parts_->training->set_sums(std::vector<double>(parts_->nets, 0.0));
}

void PackTrainer::add_validation(const Batch& batch) {
    parts_->validation->add(parts_->pack->forward(*batch.features), batch);
}

std::vector<double> PackTrainer::validation_sums() const { return parts_->validation->sums(); }

void PackTrainer::reset_validation_sums() {
    parts_->validation->set_sums(std::vector<double>(parts_->nets, 0.0));
}

std::vector<float> PackTrainer::logits(const Batch& batch) {
    return copy_from(parts_->pack->forward(*batch.features));
}

void PackTrainer::set_running(const std::vector<bool>& running) {
    parts_->running = running;
    parts_->pack->set_running(running);
    parts_->optimizer.set_running(running);
    parts_->recorded.forget();
}

void PackTrainer::save(TrainingState& state) const {
    const FlatOptimizer& optimizer = parts_->optimizer;
    state.momentum_product = optimizer.momentum_product();
    const auto sums = training_sums();
    state.averages.clear();
    for (std::size_t net = 0; net < parts_->nets; ++net) {
        NetState& saved = state.nets[net];
        const auto weights = copy_from(parts_->of_net(parts_->weights(), net));
        // The first part of the row, the feature scaling, never changes.
        std::ranges::copy(weights, saved.row.end() - std::ssize(weights));
        saved.first_moment = copy_from(parts_->of_net(optimizer.first_moment(), net));
        saved.second_moment = copy_from(parts_->of_net(optimizer.second_moment(), net));
        saved.epoch_loss_sum = sums[net];
        if (!parts_->average.defined()) continue;
        const at::Tensor& average =
            parts_->exchanged ? parts_->pack->parameters() : parts_->average;
        state.averages.push_back(copy_from(parts_->of_net(average, net)));
    }
}

void PackTrainer::load(const TrainingState& state) {
    set_running(std::vector<bool>(parts_->nets, true));
    const FlatOptimizer& optimizer = parts_->optimizer;
    std::vector<double> sums;
    for (std::size_t net = 0; net < parts_->nets; ++net) {
        const NetState& saved = state.nets[net];
        const auto count = static_cast<std::size_t>(parts_->pack->parameters().size(1));
        const auto weights = std::span(saved.row).last(count);
        set_trainable(net, weights);
        if (parts_->average.defined()) {
            copy_to(parts_->of_net(parts_->average, net),
                    state.averages.empty() ? weights : std::span(state.averages[net]));
        }
        copy_to(parts_->of_net(optimizer.first_moment(), net), saved.first_moment);
        copy_to(parts_->of_net(optimizer.second_moment(), net), saved.second_moment);
        sums.push_back(saved.epoch_loss_sum);
    }
    parts_->training->set_sums(sums);
    parts_->optimizer.set_position(state.step, state.momentum_product);
}

std::vector<float> PackTrainer::trainable(std::size_t net) const {
    return copy_from(parts_->of_net(parts_->pack->parameters(), net));
}

void PackTrainer::set_trainable(std::size_t net, std::span<const float> values) {
    copy_to(parts_->of_net(parts_->pack->parameters(), net), values);
    parts_->pack->parameters_changed();
}

bool is_running(const NetState& net, const TrainingOptions& options) {
    const std::uint64_t epochs = net.training_loss.size();
    const bool patient = options.patience == 0 || epochs - net.best_epoch < options.patience;
    return net.failure.empty() && patient && epochs < options.epochs;
}

std::string divergence(const EpochLoss& loss, std::uint64_t epoch, std::uint64_t negative_weights) {
    const bool training = !std::isfinite(loss.training) || loss.training < 0.0;
    const double bad = training ? loss.training : loss.validation;
    if (std::isfinite(bad) && bad >= 0.0) return {};
    const std::string text = std::string("diverged: ") + (training ? "training" : "validation") +
                             " loss is " + std::to_string(bad) + " after epoch " +
                             std::to_string(epoch);
    if (!std::isfinite(bad)) return text + " (lower training.learning_rate)";
    return text +
           ": where negative weights outweigh the positive ones the loss has no lower bound (" +
           std::to_string(negative_weights) + " negative weights)";
}

bool note_epoch(NetState& net, const EpochLoss& loss) {
    net.training_loss.push_back(loss.training);
    net.validation_loss.push_back(loss.validation);
    if (net.best_epoch > 0 && !(loss.validation < net.best_validation_loss)) return false;
    net.best_validation_loss = loss.validation;
    net.best_epoch = static_cast<std::uint32_t>(net.training_loss.size());
    return true;
}

TrainedNet trained_net(const NetState& net, Keep keep) {
    TrainedNet trained;
    trained.failure = net.failure;
    trained.row = keep == Keep::best ? net.best_row : net.row;
    if (!net.failure.empty()) trained.row.assign(net.row.size(), 0.0F);
    trained.epochs = static_cast<std::uint32_t>(net.training_loss.size());
    trained.best_epoch = net.best_epoch;
    trained.best_validation_loss = net.best_validation_loss;
    trained.training_loss = net.training_loss;
    trained.validation_loss = net.validation_loss;
    return trained;
}

}  // namespace ratiofarm::trainer

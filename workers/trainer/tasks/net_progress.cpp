#include "net_progress.hpp"

#include <cmath>

namespace ratiofarm {

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

}  // namespace ratiofarm

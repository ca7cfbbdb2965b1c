// Learning rates against PyTorch's schedulers, and when a net stops.

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <torch/optim/schedulers/reduce_on_plateau_scheduler.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/optim/sgd.h>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "workers/trainer/tasks/learning_rate.hpp"
#include "workers/trainer/tasks/pack_trainer.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::uint64_t steps_per_epoch = 7;

/// PyTorch's optimizer of one weight, whose rate a scheduler moves.
struct TorchRate {
    torch::optim::SGD optimizer{{at::zeros({1})}, torch::optim::SGDOptions(0.5)};
    double now() const {
        return static_cast<const torch::optim::SGDOptions&>(optimizer.param_groups()[0].options())
            .lr();
    }
};

double rate_in(const TrainingOptions& options,
               std::uint64_t step,
               const std::vector<double>& losses = {}) {
    return learning_rate(
        options, {.step = step, .steps_per_epoch = steps_per_epoch, .validation_loss = losses});
}

TEST_CASE("step falls as PyTorch's StepLR", "[trainer]") {
    const TrainingOptions options{.epochs = 40,
                                  .learning_rate = 0.5,
                                  .schedule = Schedule::step,
                                  .schedule_factor = 0.3,
                                  .schedule_epochs = 6};
    TorchRate torch;
    torch::optim::StepLR schedule(torch.optimizer, 6, 0.3);

    for (std::uint64_t epoch = 0; epoch < 40; ++epoch) {
        schedule.step();  // in C++ it counts from 0 and stands before the epoch
        for (std::uint64_t step = 0; step < steps_per_epoch; ++step) {
            CHECK(rate_in(options, epoch * steps_per_epoch + step) ==
                  Approx(torch.now()).epsilon(1e-6));
        }
    }
}

TEST_CASE("plateau falls as PyTorch's ReduceLROnPlateau", "[trainer]") {
    const TrainingOptions options{.epochs = 80,
                                  .learning_rate = 0.5,
                                  .schedule = Schedule::plateau,
                                  .schedule_factor = 0.5,
                                  .schedule_epochs = 4};
    TorchRate torch;
    using Plateau = torch::optim::ReduceLROnPlateauScheduler;
    Plateau schedule(torch.optimizer, Plateau::min, 0.5F, 3, 0.0, Plateau::abs, 0, {}, 0.0);
    PhiloxSequence random(3);
    std::vector<double> losses;
    std::uint64_t changes = 0;

    for (std::uint64_t epoch = 0; epoch < 80; ++epoch) {
        const double expected = torch.now();
        CHECK(rate_in(options, epoch * steps_per_epoch, losses) == Approx(expected).epsilon(1e-6));
        // Falls slowly in noise: new bests early, long plateaus later. Exact in fp32 as PyTorch's.
        const double loss = std::exp(-0.05 * static_cast<double>(epoch)) + 0.2 * random.uniform();
        losses.push_back(static_cast<double>(static_cast<float>(loss)));
        schedule.step(static_cast<float>(loss));
        changes += torch.now() == expected ? 0 : 1;
    }
    CHECK(changes >= 3);
}

TEST_CASE("cosine falls as PyTorch's CosineAnnealingLR by its recursion", "[trainer]") {
    const TrainingOptions options{.epochs = 20, .learning_rate = 0.5, .schedule = Schedule::cosine};
    const double all = 20.0 * steps_per_epoch;

    double expected = 0.5;
    for (std::uint64_t step = 0; step < 20 * steps_per_epoch; ++step) {
        CHECK(rate_in(options, step) == Approx(expected).margin(1e-12));
        const auto at = static_cast<double>(step);
        expected *= (1.0 + std::cos(std::numbers::pi * (at + 1.0) / all)) /
                    (1.0 + std::cos(std::numbers::pi * at / all));
    }
    CHECK(expected == Approx(0.0).margin(1e-12));
}

/// PyTorch's OneCycleLR, phase by phase as its documentation writes it: anneal_strategy cos.
double one_cycle(double step, double all, double max_lr) {
    const double initial_lr = max_lr / 25.0;
    const double min_lr = initial_lr / 1e4;
    const auto anneal = [](double start, double end, double pct) {
        return end + (start - end) / 2.0 * (std::cos(std::numbers::pi * pct) + 1.0);
    };
    const double first_end = 0.3 * all - 1.0;
    if (step <= first_end) return anneal(initial_lr, max_lr, step / first_end);
    return anneal(max_lr, min_lr, (step - first_end) / ((all - 1.0) - first_end));
}

TEST_CASE("one_cycle rises and falls as PyTorch's OneCycleLR", "[trainer]") {
    TrainingOptions options{
        .epochs = 20, .learning_rate = 0.5, .schedule = Schedule::one_cycle, .warmup_epochs = 3};

    for (std::uint64_t step = 0; step < 140; ++step) {
        CHECK(rate_in(options, step) ==
              Approx(one_cycle(static_cast<double>(step), 140.0, 0.5)).epsilon(1e-12));
    }
    CHECK(rate_in(options, 0) == Approx(0.02));
    CHECK(rate_in(options, 41) == Approx(0.5));
    CHECK(rate_in(options, 139) == Approx(2e-6));
    options.epochs = 1;
    const TrainingPosition only{.step = 0, .steps_per_epoch = 1, .validation_loss = {}};
    CHECK(learning_rate(options, only) == Approx(2e-6));
}

TEST_CASE("the rate rises linearly from 0 during the warm-up", "[trainer]") {
    TrainingOptions options{.epochs = 20, .learning_rate = 0.5, .schedule = Schedule::constant};
    options.warmup_epochs = 2.5;  // 17.5 steps

    for (std::uint64_t step = 0; step < 40; ++step) {
        const double part = std::min(1.0, (static_cast<double>(step) + 1.0) / 17.5);
        CHECK(rate_in(options, step) == Approx(0.5 * part));
    }
    options.schedule = Schedule::cosine;
    CHECK(rate_in(options, 7) ==
          Approx(8.0 / 17.5 * 0.25 * (1.0 + std::cos(std::numbers::pi * 7.0 / 140.0))));
}

/// A net after epochs with these validation losses, as long as it runs.
NetState after(const std::vector<double>& losses, const TrainingOptions& options) {
    NetState net;
    for (const double loss : losses) {
        if (!is_running(net, options)) break;
        note_epoch(net, {.training = 1.0, .validation = loss});
    }
    return net;
}

TEST_CASE("a net runs until its patience or its epochs are spent", "[trainer]") {
    const std::vector<double> losses{0.9, 0.7, 0.7, 0.8, 0.6, 0.6, 0.61, 0.62, 0.5};
    const auto epochs = [&](std::uint32_t patience, std::uint32_t most) {
        const TrainingOptions options{.epochs = most, .patience = patience};
        const NetState net = after(losses, options);
        return std::pair(net.training_loss.size(), net.best_epoch);
    };

    using Expected = std::pair<std::size_t, std::uint32_t>;
    CHECK(epochs(1, 20) == Expected(3, 2));
    CHECK(epochs(2, 20) == Expected(4, 2));
    CHECK(epochs(3, 20) == Expected(8, 5));
    CHECK(epochs(4, 20) == Expected(9, 9));
    CHECK(epochs(0, 20) == Expected(9, 9));
    CHECK(epochs(0, 6) == Expected(6, 5));
}

TEST_CASE("a diverged net is told from a sound one and runs no more", "[trainer]") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    constexpr double inf = std::numeric_limits<double>::infinity();
    using test::contains;

    CHECK(divergence({.training = 0.3, .validation = 0.0}, 4, 0).empty());
    CHECK(contains(divergence({.training = nan, .validation = 0.2}, 4, 0), "training loss is nan"));
    CHECK(contains(divergence({.training = 0.3, .validation = inf}, 4, 0), "after epoch 4"));
    CHECK(contains(divergence({.training = 0.3, .validation = -0.2}, 4, 17),
                   "(17 negative weights)"));
    NetState failed;
    failed.failure = divergence({.training = nan, .validation = nan}, 1, 0);
    CHECK_FALSE(is_running(failed, {}));
    CHECK(is_running({}, {}));
}

}  // namespace
}  // namespace ratiofarm::trainer

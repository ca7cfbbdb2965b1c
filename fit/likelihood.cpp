#include "ratiofarm/fit/likelihood.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/block_sum.hpp"

#include "event_shards.hpp"
#include "mixture_kernel.hpp"

namespace ratiofarm {
namespace {

/// Below this many events of a rank a second thread costs more than it saves.
constexpr std::uint64_t events_worth_a_thread = 20000;

void expect_processes(const StatisticalModel& model, const EventSet& events) {
    RATIOFARM_EXPECT(events.processes.size() == model.processes.size());
    for (std::size_t j = 0; j < model.processes.size(); ++j) {
        RATIOFARM_EXPECT(events.processes[j] == model.processes[j].name);
    }
    RATIOFARM_EXPECT(events.log_r.size() == events.size() * events.processes.size());
}

/// Runs work(k) for k in [0, n) on several threads, whoever is free takes the next.
template <class Work>
void for_each_shard(std::size_t n, std::size_t n_threads, const Work& work) {
    std::atomic<std::size_t> next{0};
    const auto take_shards = [&] {
        for (std::size_t k = next++; k < n; k = next++) work(k);
    };
    std::vector<std::thread> others;
    for (std::size_t t = 1; t < n_threads; ++t) others.emplace_back(take_shards);
    take_shards();
    for (auto& thread : others) thread.join();
}

}  // namespace

struct Likelihood::State {
    using Shards = std::variant<EventShards<double>, EventShards<float>>;

    StatisticalModel model;
    MixtureCoefficients coefficients;
    const mpi::Communicator* comm;
    ShardKernels kernels;
    Shards shards;
    std::vector<double> yields;  // [processes]
    std::size_t n_threads = 1;
    std::uint64_t n_events = 0;
    std::uint64_t n_zero_weight = 0;
    std::uint64_t passes = 0;

    static Shards make_shards(const EventSet& mine,
                              const mpi::Communicator& comm,
                              RatioStorage storage) {
        if (storage == RatioStorage::fp32) return EventShards<float>(mine, comm);
        return EventShards<double>(mine, comm);
    }

    std::vector<double> sum_shards(std::span<const double> rates) const;
};

Likelihood::Likelihood(StatisticalModel model,
                       const EventSet& mine,
                       const mpi::Communicator& comm,
                       LikelihoodOptions options) {
    expect_processes(model, mine);
    const Range range = events_of_rank(comm, mine.total);
    RATIOFARM_EXPECT(mine.offset == range.first && mine.size() == range.size());
    MixtureCoefficients coefficients(model);
    const std::string problem = first_bad_event(mine);
    mpi::throw_if_any(comm, problem.empty() ? std::nullopt : std::optional(problem));

    state_ = std::make_unique<State>(State{std::move(model),
                                           std::move(coefficients),
                                           &comm,
                                           choose_kernels(options.instructions),
                                           State::make_shards(mine, comm, options.storage),
                                           {},
                                           1,
                                           mine.total,
                                           0,
                                           0});
    for (const auto& process : state_->model.processes) state_->yields.push_back(process.yield);
    const std::uint64_t useful = std::max<std::uint64_t>(1, mine.size() / events_worth_a_thread);
    state_->n_threads = std::min<std::uint64_t>(std::max(1U, options.threads), useful);
    std::array<std::uint64_t, 1> zero{
        std::visit([](const auto& shards) { return shards.n_zero_weight(); }, state_->shards)};
    mpi::all_sum(comm, zero);
    state_->n_zero_weight = zero[0];
}

Likelihood::~Likelihood() = default;
Likelihood::Likelihood(Likelihood&&) noexcept = default;
Likelihood& Likelihood::operator=(Likelihood&&) noexcept = default;

const StatisticalModel& Likelihood::model() const { return state_->model; }
const MixtureCoefficients& Likelihood::coefficients() const { return state_->coefficients; }
const mpi::Communicator& Likelihood::communicator() const { return *state_->comm; }
std::uint64_t Likelihood::n_events() const { return state_->n_events; }
std::uint64_t Likelihood::n_zero_weight() const { return state_->n_zero_weight; }
std::uint64_t Likelihood::passes() const { return state_->passes; }

/// [shards of this rank, n_sums]
std::vector<double> Likelihood::State::sum_shards(std::span<const double> rates) const {
    const MixturePoint point{rates.size(), rates.data(), yields.data()};
    const std::size_t width = n_sums(rates.size());
    return std::visit(
        [&]<class Ratio>(const EventShards<Ratio>& mine) {
            std::vector<double> sums(mine.n_shards() * width);
            for_each_shard(mine.n_shards(), n_threads, [&](std::size_t shard) {
                double* to = sums.data() + shard * width;
                if constexpr (std::is_same_v<Ratio, float>) {
                    mine.sum(kernels.fp32, point, shard, to);
                } else {
                    mine.sum(kernels.fp64, point, shard, to);
                }
            });
            return sums;
        },
        shards);
}

Evaluation Likelihood::evaluate(std::span<const double> u) const {
    const std::size_t n = n_parameters();
    RATIOFARM_EXPECT(u.size() == n);
    const MixtureRates rates = state_->coefficients.rates(u);
    const std::size_t p = rates.value.size();
    const std::vector<double> sums =
        mpi::block_sum(*state_->comm, state_->sum_shards(rates.value), n_sums(p));
    ++state_->passes;

    // With M_j = sum w L' r_j and M_jk = -sum w L'' r_j r_k the derivatives in theta are those of
    // the rates alone: dNLL = sum_j dc_j (1 - M_j), and so on.
    const double* slope = sums.data() + 2;
    const double* bend = slope + p;
    Evaluation result{rates.total() - sums[0], std::vector<double>(n), std::vector<double>(n * n),
                      static_cast<std::uint64_t>(sums[1])};
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t j = 0; j < p; ++j) {
            result.gradient[a] += rates.gradient[j * n + a] * (1.0 - slope[j]);
        }
        for (std::size_t b = 0; b <= a; ++b) {
            double h = 0.0;
            for (std::size_t j = 0; j < p; ++j) {
                h += rates.hessian[(j * n + a) * n + b] * (1.0 - slope[j]);
                for (std::size_t k = 0; k < p; ++k) {
                    const double m = j >= k ? bend[j * (j + 1) / 2 + k] : bend[k * (k + 1) / 2 + j];
                    h += rates.gradient[j * n + a] * rates.gradient[k * n + b] * m;
                }
            }
            result.hessian[a * n + b] = h;
            result.hessian[b * n + a] = h;
        }
    }
    return result;
}

}  // namespace ratiofarm

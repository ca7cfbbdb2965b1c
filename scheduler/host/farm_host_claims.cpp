#include <algorithm>
#include <chrono>
#include <utility>

#include <time.h>

#include "ratiofarm/core/errors.hpp"

#include "claim_need.hpp"
#include "farm_host.hpp"

namespace ratiofarm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto claim_interval = 100ms;  // between claims at least

/// Processor time of this thread.
double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds between looks at the claims of others, so that a lost one is noticed soon.
double tending_interval(const Claims& claims) { return std::min(5.0, 0.1 * claims.lease()); }

}  // namespace

/// Claims that cannot be made or read stop the farm.
void FarmHost::with_claims(const std::function<void(Claims&)>& work) {
    if (!pool_) return;
    const Instant begin = Clock::now();
    const double begin_work = thread_seconds();
    try {
        work(*options_.claims);
        claiming_ += Clock::now() - begin;
        claiming_work_ += thread_seconds() - begin_work;
    } catch (const SystemError& error) {
        if (!scheduler_.stopping() || trouble_.empty()) stop(error.what());
    }
}

void FarmHost::withdraw_lost(Instant now) {
    options_.claims->look(now);
    for (const Digest& task : options_.claims->take_lost()) {
        for (const Action& action : scheduler_.withdraw(task)) {
            // Now: a moment later it could meet another task.
            const auto& stop = std::get<SendAction>(action);
            links_.channel.send(stop.to, stop.message);
        }
    }
}

/// What this job lost to others, and what it does next.
void FarmHost::tend_claims(Instant now) {
    if (!pool_ || dismissed_) return;
    const bool idle = scheduler_.idle_workers() > 0;
    if (now < next_tending_) {
        if (now < (idle ? next_claims_ : next_refill_)) return;
        if (!idle && !runs_short()) return;
    }
    const bool found = claim_more(now);
    const Instant::duration interval = duration_of(tending_interval(*options_.claims));
    const auto soon =
        std::max<Instant::duration>(claim_interval, duration_of(20.0 * look_seconds()));
    next_tending_ = now + interval;
    next_refill_ = now + (found ? soon : interval);
    next_claims_ = now + (found || !idle ? soon : interval);
}

/// Whether what tasks of this farm cost was learned from such tasks.
bool FarmHost::knows_costs() const {
    return (toys_ ? options_.costs.toy_tasks() : options_.costs.tasks()) > 0;
}

/// Whether less waits than is claimed ahead where enough is left.
bool FarmHost::runs_short() const {
    const double ahead = claimed_ahead(look_seconds(), tending_interval(*options_.claims));
    return knows_costs() && scheduler_.waiting_cost() < 0.5 * links_.ranks * ahead;
}

double FarmHost::look_seconds() const {
    if (looks_ == 0) return 0.0;
    return std::chrono::duration<double>(looking_).count() / static_cast<double>(looks_);
}

/// \return whether there were any
bool FarmHost::claim_more(Instant now) {
    std::vector<Task> tasks;
    with_claims([&](Claims& claims) {
        const Instant begin = Clock::now();
        withdraw_lost(now);
        claims.remove_settled(now);
        if (scheduler_.stopping()) return;
        const ClaimNeed need = claim_need({.ranks = static_cast<std::uint64_t>(links_.ranks),
                                           .idle = scheduler_.idle_workers(),
                                           .waiting = scheduler_.counts().waiting,
                                           .waiting_cost = scheduler_.waiting_cost(),
                                           .claimable_cost = pool_->claimable_cost(),
                                           .jobs = claims.jobs(),
                                           .look_seconds = look_seconds(),
                                           .longest_look = tending_interval(claims),
                                           .learned = knows_costs()});
        tasks = pool_->take(need.tasks, need.seconds);
        looking_ += Clock::now() - begin;
        looks_ += 1;
    });
    const bool found = !tasks.empty();
    if (found) perform(scheduler_.add(std::move(tasks)));
    return found;
}

}  // namespace ratiofarm

#include "task_pool.hpp"

#include <algorithm>
#include <iterator>

namespace ratiofarm {

TaskPool::TaskPool(std::vector<Task> tasks, Claims& claims) : claims_(claims) {
    for (const Task& task : tasks) {
        if (!task.after.empty()) links_[task.digest].wanted = task.wanted;
        for (const Digest& parent : task.after) links_[parent].children.push_back(task.digest);
    }
    std::unordered_map<Digest, double> known;
    for (auto task = tasks.rbegin(); task != tasks.rend(); ++task) {
        const auto link = links_.find(task->digest);
        if (link != links_.end()) link->second.wanted = task->wanted;
        const double work = ahead(*task, known);
        if (link != links_.end()) known.emplace(task->digest, work);
        tasks_.emplace(Key{-work, task->digest}, std::move(*task));
    }
    for (auto& [task, link] : links_) link.done = !known.contains(task);
}

/// \param known  of the tasks after it
double TaskPool::ahead(const Task& task, const std::unordered_map<Digest, double>& known) const {
    double longest = 0.0;
    if (const auto link = links_.find(task.digest); link != links_.end()) {
        for (const Digest& child : link->second.children) {
            const auto found = known.find(child);
            if (found != known.end()) longest = std::max(longest, found->second);
        }
    }
    return task.cost + longest;
}

bool TaskPool::is_ready(const Task& task) const {
    return std::ranges::all_of(task.after,
                               [&](const Digest& parent) { return links_.at(parent).done; });
}

bool TaskPool::is_claimable(const Task& task) const {
    return claims_.standing(task.digest) == Claims::Standing::free && is_ready(task);
}

/// A result that only others read may be gone when they are done.
bool TaskPool::is_needed(const Digest& task) const {
    const auto link = links_.find(task);
    if (link == links_.end() || link->second.wanted) return true;
    return std::ranges::any_of(link->second.children, [&](const Digest& child) {
        return !claims_.has_result(child) && is_needed(child);
    });
}

/// Of tasks that other jobs have, if there are any that wait for them.
void TaskPool::look_for_results() {
    if (links_.empty()) return;
    for (auto next = tasks_.begin(); next != tasks_.end();) {
        const Digest& task = next->second.digest;
        const bool known = claims_.standing(task) != Claims::Standing::taken;
        if (known || !claims_.has_result(task)) {
            ++next;
            continue;
        }
        done(task);
        done_elsewhere_ += 1;
        next = tasks_.erase(next);
    }
}

bool TaskPool::done(const Digest& task) {
    const auto link = links_.find(task);
    if (link == links_.end()) return false;
    link->second.done = true;
    return !link->second.children.empty();
}

std::vector<Task> TaskPool::take(std::size_t at_least, double seconds) {
    constexpr std::size_t most = 1000;  // so that the farm is not kept waiting
    look_for_results();
    std::vector<Task> taken;
    double cost = 0.0;
    for (auto next = tasks_.begin(); next != tasks_.end() && taken.size() < most;) {
        const Task& task = next->second;
        const bool ahead = taken.size() >= at_least;
        if (ahead && cost + task.cost > seconds) break;
        if (!is_claimable(task)) {
            ++next;
            continue;
        }
        switch (is_needed(task.digest) ? claims_.take(task.digest) : Claims::Take::done) {
            case Claims::Take::claimed:
                if (ahead) cost += task.cost;
                taken.push_back(std::move(next->second));
                taken.back().strikes = claims_.strikes(taken.back().digest);
                taken.back().after.clear();
                next = tasks_.erase(next);
                break;
            case Claims::Take::taken: ++next; break;
            case Claims::Take::done:
                done(task.digest);
                done_elsewhere_ += 1;
                next = tasks_.erase(next);
                break;
        }
    }
    return taken;
}

double TaskPool::cost() const {
    double sum = 0.0;
    for (const auto& [key, task] : tasks_) sum += task.cost;
    return sum;
}

std::size_t TaskPool::claimable() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        tasks_, [&](const auto& entry) { return is_claimable(entry.second); }));
}

double TaskPool::claimable_cost() const {
    double sum = 0.0;
    for (const auto& [key, task] : tasks_) {
        if (is_claimable(task)) sum += task.cost;
    }
    return sum;
}

void TaskPool::reprice(const std::function<double(const Task&)>& cost) {
    std::map<Key, Task> in_new_order;
    std::unordered_map<Digest, double> known;
    // Those that read others have less ahead than these.
    for (auto entry = tasks_.rbegin(); entry != tasks_.rend(); ++entry) {
        Task task = std::move(entry->second);
        task.cost = cost(task);
        const double work = ahead(task, known);
        if (links_.contains(task.digest)) known.emplace(task.digest, work);
        const Key key{-work, task.digest};
        in_new_order.emplace(key, std::move(task));
    }
    tasks_ = std::move(in_new_order);
}

}  // namespace ratiofarm

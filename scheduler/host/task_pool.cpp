#include "task_pool.hpp"

#include <iterator>

namespace ratiofarm {

TaskPool::TaskPool(std::vector<Task> tasks, Claims& claims) : claims_(claims) {
    for (Task& task : tasks) {
        const Key key{-task.cost, task.digest};
        tasks_.emplace(key, std::move(task));
    }
}

std::vector<Task> TaskPool::take(std::size_t at_least, double seconds) {
    constexpr std::size_t most = 1000;  // so that the farm is not kept waiting
    std::vector<Task> taken;
    double cost = 0.0;
    for (auto next = tasks_.begin(); next != tasks_.end() && taken.size() < most;) {
        const Task& task = next->second;
        if (taken.size() >= at_least && cost + task.cost > seconds) break;
        if (claims_.standing(task.digest) != Claims::Standing::free) {
            ++next;
            continue;
        }
        switch (claims_.take(task.digest)) {
            case Claims::Take::claimed:
                cost += task.cost;
                taken.push_back(std::move(next->second));
                taken.back().strikes = claims_.strikes(taken.back().digest);
                next = tasks_.erase(next);
                break;
            case Claims::Take::taken: ++next; break;
            case Claims::Take::done:
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

void TaskPool::reprice(const std::function<double(const Task&)>& cost) {
    std::map<Key, Task> in_new_order;
    for (auto& entry : tasks_) {
        Task task = std::move(entry.second);
        task.cost = cost(task);
        const Key key{-task.cost, task.digest};
        in_new_order.emplace(key, std::move(task));
    }
    tasks_ = std::move(in_new_order);
}

}  // namespace ratiofarm

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "farm/task.hpp"
#include "store/claims.hpp"

namespace ratiofarm {

/// The tasks that a job which joined others could do. It claims them when its workers need them and
/// when what they read is there, whoever made it: not so early that others would wait for those it
/// keeps, not so late that claiming takes its time.
class TaskPool {
public:
    /// \param tasks  each after those it reads; their cost in seconds. Those read that are not
    /// among them were done before
    /// \param claims  outlives the pool
    TaskPool(std::vector<Task> tasks, Claims& claims);

    /// Claims tasks, those with the most work from their beginning to the end of the longest chain
    /// first. They wait for no other any more.
    /// \param at_least  if there are so many
    /// \param seconds  more than that only while those beyond cost less than this together
    /// \throws SystemError
    std::vector<Task> take(std::size_t at_least, double seconds);

    /// A task that was claimed here is done. \return whether others wait for its result
    bool done(const Digest& task);

    void reprice(const std::function<double(const Task&)>& cost);

    /// Tasks that are neither claimed here nor known to be done.
    std::size_t size() const { return tasks_.size(); }
    double cost() const;  ///< of all these
    /// Those of them that a job could claim now, by the last look.
    std::size_t claimable() const;
    double claimable_cost() const;
    /// Tasks that were found done by others.
    std::size_t done_elsewhere() const { return done_elsewhere_; }

private:
    using Key = std::pair<double, Digest>;  ///< work ahead below 0, so that the most comes first
    /// A task in a chain.
    struct Link {
        std::vector<Digest> children = {};
        bool wanted = true;
        bool done = false;
    };

    bool is_ready(const Task& task) const;
    bool is_claimable(const Task& task) const;
    bool is_needed(const Digest& task) const;
    void look_for_results();
    double ahead(const Task& task, const std::unordered_map<Digest, double>& known) const;

    Claims& claims_;
    std::map<Key, Task> tasks_;
    std::unordered_map<Digest, Link> links_;  ///< of tasks that read others or are read
    std::size_t done_elsewhere_ = 0;
};

}  // namespace ratiofarm

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "farm/task.hpp"
#include "store/claims.hpp"

namespace ratiofarm {

/// The tasks that a job which joined others could do. It claims them when its workers need them:
/// not so early that others would wait for those it keeps, not so late that claiming takes its
/// time.
class TaskPool {
public:
    /// \param tasks  without others that come after them; their cost in seconds
    /// \param claims  outlives the pool
    TaskPool(std::vector<Task> tasks, Claims& claims);

    /// Claims tasks, those with the highest cost first. \param at_least  if there are so many
    /// \param seconds  more than that only while all cost less than this together
    /// \throws SystemError
    std::vector<Task> take(std::size_t at_least, double seconds);

    void reprice(const std::function<double(const Task&)>& cost);

    /// Tasks that are neither claimed here nor known to be done.
    std::size_t size() const { return tasks_.size(); }
    double cost() const;  ///< of all these
    /// Tasks that were found done by others.
    std::size_t done_elsewhere() const { return done_elsewhere_; }

private:
    using Key = std::pair<double, Digest>;  ///< cost below 0, so that the highest comes first

    Claims& claims_;
    std::map<Key, Task> tasks_;
    std::size_t done_elsewhere_ = 0;
};

}  // namespace ratiofarm

#include "cost_model.hpp"

#include <algorithm>

namespace ratiofarm {
namespace {

constexpr double untaught_rate = 1e-9;  // seconds per FLOP

void add(CostModel::Family& family, double flop, double seconds) {
    family.tasks += 1;
    family.flop += flop;
    family.seconds += seconds;
}

}  // namespace

void CostModel::learn(const TaskIdentity& task, double flop, double seconds) {
    if (!(flop > 0.0) || !(seconds >= 0.0)) return;
    if (task.kind == TaskKind::unknown || task.family.empty()) return;
    const auto known =
        families_.try_emplace({task.kind, task.family}, Family{task.kind, task.family});
    add(known.first->second, flop, seconds);
    add(is_toys(task.kind) ? toys_ : all_, flop, seconds);
}

double CostModel::seconds(const TaskIdentity& task, double flop) const {
    const Family& all = is_toys(task.kind) ? toys_ : all_;
    const double common = all.tasks > 0 ? all.seconds / all.flop : untaught_rate;
    const auto known = families_.find({task.kind, task.family});
    if (known == families_.end()) return flop * common;
    const Family& family = known->second;
    const double one = family.flop / static_cast<double>(family.tasks);
    return flop * (family.seconds + common * one) / (family.flop + one);
}

std::vector<CostModel::Family> CostModel::families() const {
    std::vector<Family> list;
    for (const auto& entry : families_) list.push_back(entry.second);
    std::ranges::stable_sort(
        list, {}, [](const Family& family) { return family_text(family.kind, family.name); });
    return list;
}

CostModel learned_costs(const JournalState& history) {
    CostModel costs;
    for (const auto& [task, event] : history.committed) {
        if (event.result.resumed || event.adopted) continue;
        costs.learn(event.identity, event.flop, event.result.seconds);
    }
    return costs;
}

}  // namespace ratiofarm

#include "cost_model.hpp"

#include <algorithm>

namespace ratiofarm {
namespace {

constexpr double untaught_rate = 1e-9;  // seconds per FLOP

void add(CostModel::Kind& kind, double flop, double seconds) {
    kind.tasks += 1;
    kind.flop += flop;
    kind.seconds += seconds;
}

}  // namespace

std::string task_kind(std::string_view task_name) {
    task_name = task_name.substr(0, task_name.find("/replacement "));
    const std::size_t rows = task_name.rfind(" rows ");
    return std::string(
        task_name.substr(0, rows != std::string_view::npos ? rows : task_name.rfind('/')));
}

bool is_toys(std::string_view task_name) { return task_name.starts_with("toys/"); }

void CostModel::learn(std::string_view task_name, double flop, double seconds) {
    if (!(flop > 0.0) || !(seconds >= 0.0)) return;
    const std::string kind = task_kind(task_name);
    const auto known = kinds_.try_emplace(kind, Kind{kind}).first;
    add(known->second, flop, seconds);
    add(is_toys(task_name) ? toys_ : all_, flop, seconds);
}

double CostModel::seconds(std::string_view task_name, double flop) const {
    const Kind& all = is_toys(task_name) ? toys_ : all_;
    const double common = all.tasks > 0 ? all.seconds / all.flop : untaught_rate;
    const auto known = kinds_.find(task_kind(task_name));
    if (known == kinds_.end()) return flop * common;
    const Kind& kind = known->second;
    const double one = kind.flop / static_cast<double>(kind.tasks);
    return flop * (kind.seconds + common * one) / (kind.flop + one);
}

std::vector<CostModel::Kind> CostModel::kinds() const {
    std::vector<Kind> list;
    for (const auto& entry : kinds_) list.push_back(entry.second);
    return list;
}

CostModel learned_costs(const JournalState& history) {
    CostModel costs;
    for (const auto& [task, event] : history.committed) {
        if (!event.resumed && !event.adopted) costs.learn(event.name, event.flop, event.seconds);
    }
    return costs;
}

}  // namespace ratiofarm

#include "unfolded_weights.hpp"

#include <utility>

#include "core/sealed_text.hpp"

namespace ratiofarm {
namespace {

/// The events that pass at the truth, without weights of an unfolding.
UnfoldedTable events_with_truth(const UnfoldedSample& nominal) {
    const std::vector<double> generated = nominal.weights("", 0);
    UnfoldedTable table;
    table.columns = nominal.info().columns.levels.names;
    for (std::size_t i = 0; i < generated.size(); ++i) {
        if (!nominal.has_truth(i)) continue;
        table.id.push_back(nominal.id(i));
        table.weight_mc.push_back(generated[i]);
        for (std::size_t column = 0; column < table.columns.size(); ++column) {
            table.truth.push_back(static_cast<float>(nominal.truth(i, column)));
        }
    }
    return table;
}

/// Columns of weights, each computed when it is written.
class WeightColumns {
public:
    WeightColumns(UnfoldedSamples& samples, UnfoldedTable& table)
        : samples_(samples), nominal_(samples.nominal()), table_(table) {}

    void add(const ChainGroup& group) {
        const UnfoldingSection& section = samples_.section();
        const std::string name = name_of(group);
        add("/weights/" + name, mean, samples_.weights(group), section.iterations, group.members);
        if (name != "nominal") return;
        const std::vector<double> generated = nominal_->weights("", 0);
        const bool one_step = section.ensemble == UnfoldingEnsemble::step;
        for (std::size_t k = 0; group.members.size() > 1 && k < group.members.size(); ++k) {
            add("/weights/ensemble_" + std::to_string(k),
                one_step ? "one member of the last step, which began with the mean of all"
                         : "one member",
                generated, section.iterations, {group.members[k]});
        }
        for (std::uint32_t n = 1; n <= section.iterations; ++n) {
            add("/iterations/" + std::to_string(n), mean, generated, n, group.members);
        }
    }

private:
    static constexpr const char* mean = "mean of nu over the members";

    static std::string name_of(const ChainGroup& group) {
        if (group.data_replica > 0) {
            return "bootstrap_data_" + std::to_string(group.data_replica - 1);
        }
        if (group.mc_replica > 0) return "bootstrap_mc_" + std::to_string(group.mc_replica - 1);
        return group.variation.empty() ? "nominal" : group.variation;
    }

    void add(const std::string& path,
             const std::string& rule,
             std::vector<double> weights,
             std::uint32_t iteration,
             std::vector<const UnfoldedChain*> members) {
        table_.weights.push_back({path, rule,
                                  [of = nominal_, weights = std::move(weights), iteration,
                                   members = std::move(members)] {
                                      const auto nu = of->mean_nu(members, iteration);
                                      std::vector<double> values;
                                      for (std::size_t i = 0; i < nu.size(); ++i) {
                                          if (of->has_truth(i))
                                              values.push_back(weights[i] * nu[i]);
                                      }
                                      return values;
                                  }});
    }

    UnfoldedSamples& samples_;
    std::shared_ptr<const UnfoldedSample> nominal_;
    UnfoldedTable& table_;
};

}  // namespace

UnfoldedTable unfolded_weights(const Campaign& campaign,
                               UnfoldedSamples& samples,
                               std::span<const ChainGroup> groups,
                               const UnfoldRecord& record) {
    UnfoldedTable table = events_with_truth(*samples.nominal());
    table.texts = {{"campaign", campaign.name},
                   {"misses", record.misses},
                   {"fakes", record.fakes},
                   {"iterations", std::to_string(record.iterations)},
                   {"members", std::to_string(record.members)},
                   {"ensemble", word_of(samples.section().ensemble)},
                   {"unit", "that of the simulation's weights"},
                   {"made_from", text_of(record.made_from)}};
    WeightColumns columns(samples, table);
    std::string others;  // whose weights are of other events
    for (const ChainGroup& group : groups) {
        if (samples.of(group) == samples.nominal()) {
            columns.add(group);
        } else {
            others += (others.empty() ? "" : ", ") + group.variation;
        }
    }
    if (!others.empty()) table.texts.emplace_back("variations_by_sample", others);
    return table;
}

}  // namespace ratiofarm

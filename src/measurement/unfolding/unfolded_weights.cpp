#include "unfolded_weights.hpp"

#include "core/sealed_text.hpp"

namespace ratiofarm {

UnfoldedTable unfolded_weights(const Campaign& campaign,
                               UnfoldedSamples& samples,
                               std::span<const ChainGroup> groups,
                               const UnfoldRecord& record) {
    const UnfoldingSection& section = samples.section();
    const UnfoldedSample& nominal = *samples.nominal();
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
    table.texts = {{"campaign", campaign.name},
                   {"misses", record.misses},
                   {"fakes", record.fakes},
                   {"iterations", std::to_string(record.iterations)},
                   {"members", std::to_string(record.members)},
                   {"ensemble", word_of(section.ensemble)},
                   {"unit", "that of the simulation's weights"},
                   {"made_from", text_of(record.made_from)}};
    const std::shared_ptr<const UnfoldedSample> of = samples.nominal();
    const auto add = [&](const std::string& path, const std::string& rule,
                         std::vector<double> weights, std::uint32_t iteration,
                         std::vector<const UnfoldedChain*> members) {
        table.weights.push_back(
            {path, rule,
             [of, weights = std::move(weights), iteration, members = std::move(members)] {
                 const auto nu = of->mean_nu(members, iteration);
                 std::vector<double> values;
                 for (std::size_t i = 0; i < nu.size(); ++i) {
                     if (of->has_truth(i)) values.push_back(weights[i] * nu[i]);
                 }
                 return values;
             }});
    };
    std::string others;
    for (const ChainGroup& group : groups) {
        if (samples.of(group) == of) continue;
        others += (others.empty() ? "" : ", ") + group.variation;
    }
    if (!others.empty()) table.texts.emplace_back("variations_by_sample", others);
    const std::string mean = "mean of nu over the members";
    const std::uint32_t last = section.iterations;
    for (const ChainGroup& group : groups) {
        if (samples.of(group) != of) continue;  // weights of other events
        std::string name = group.variation.empty() ? "nominal" : group.variation;
        if (group.data_replica > 0) {
            name = "bootstrap_data_" + std::to_string(group.data_replica - 1);
        } else if (group.mc_replica > 0) {
            name = "bootstrap_mc_" + std::to_string(group.mc_replica - 1);
        }
        add("/weights/" + name, mean, samples.weights(group), last, group.members);
        if (name != "nominal") continue;
        for (std::size_t k = 0; group.members.size() > 1 && k < group.members.size(); ++k) {
            add("/weights/ensemble_" + std::to_string(k),
                section.ensemble == UnfoldingEnsemble::step
                    ? "one member of the last step, which began with the mean of all"
                    : "one member",
                generated, last, {group.members[k]});
        }
        for (std::uint32_t n = 1; n <= last; ++n) {
            add("/iterations/" + std::to_string(n), mean, generated, n, group.members);
        }
    }
    return table;
}

}  // namespace ratiofarm

// [finite_mc]: the uncertainty from the finite number of simulated events.
#include <algorithm>

#include "campaign/finite_mc_section.hpp"

#include "section_readers.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

void check_nets(const ConfigNode& root,
                const TableReader& table,
                const Campaign& campaign,
                Mistakes& mistakes) {
    if (campaign.finite_mc.method == FiniteMcMethod::replicas && campaign.ensemble.replicas < 2) {
        table.wrong("method",
                    "needs their spread: set ensemble.replicas to 2 or more, for example 20");
    }
    if (campaign.finite_mc.method != FiniteMcMethod::wifi) return;
    if (campaign.ensemble.members < 2) {
        table.wrong("method", "gives weights to members: set ensemble.members to 2 or more");
    }
    const ConfigMember* ensemble = root.find("ensemble");
    const ConfigMember* keep = ensemble == nullptr ? nullptr : ensemble->value.find("keep_members");
    if (keep != nullptr && !campaign.ensemble.keep_members) {
        mistakes.wrong(keep->value, "ensemble.keep_members",
                       "finite_mc.method = \"wifi\" needs them");
    }
}

}  // namespace

void read_finite_mc(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "finite_mc", mistakes);
    FiniteMcSection& finite_mc = campaign.finite_mc;
    const bool used =
        read_keys(table, finite_mc).has("use") && finite_mc.use != FiniteMcUse::report;
    if (finite_mc.method == FiniteMcMethod::none) {
        if (used) table.wrong("use", "method says where the uncertainty comes from; set it, too");
        return;
    }
    if (campaign.unbinned.empty()) {
        table.wrong("method", "only ratios have it; the campaign has no unbinned region");
    }
    const bool taken =
        std::any_of(campaign.parameters.begin(), campaign.parameters.end(),
                    [](const Parameter& p) { return p.name == finite_mc_parameter; });
    if (finite_mc.use == FiniteMcUse::nuisance && taken) {
        table.wrong("use", "adds a parameter '" + std::string(finite_mc_parameter) +
                               "'; another one has this name");
    }
    if (!campaign.has_events()) return;  // its ratio file shows what it has
    check_nets(root, table, campaign, mistakes);
    if (finite_mc.method == FiniteMcMethod::wifi) campaign.ensemble.keep_members = true;
}

std::string finite_mc_toml(const FiniteMcSection& section) {
    if (section == FiniteMcSection{}) return {};
    TomlWriter out;
    out.section("[finite_mc]");
    out.keys(section);
    return out.text();
}

}  // namespace ratiofarm

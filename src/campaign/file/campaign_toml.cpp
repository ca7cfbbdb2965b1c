// A campaign as text: the resolved file.
#include "campaign/campaign.hpp"
#include "campaign/search/search_space.hpp"
#include "campaign/selection/reference_priors.hpp"

#include "read_cuts.hpp"
#include "section_writers.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

void write_general(TomlWriter& out, const Campaign& campaign) {
    out.section("[campaign]");
    out.keys(campaign);
    if (campaign.has_events()) {
        out.section("[events]");
        out.keys(campaign.events);
    }
    out.section("[split]");
    out.keys(campaign.split);
}

void write_parameter(TomlWriter& out, const Parameter& parameter) {
    out.section("[parameters." + parameter.name + "]");
    out.key("start", parameter.start);
    out.key("range", std::vector<double>{parameter.low, parameter.high});
    out.key("fixed", parameter.fixed);
    out.key("constraint", parameter.constraint.kind);
    if (parameter.constraint.kind != Constraint::Kind::none) {
        out.key("observed", parameter.constraint.observed);
        out.key("width", parameter.constraint.width);
    }
    if (!parameter.group.empty()) out.key("group", parameter.group);
}

std::string shapes_text(const std::vector<SystematicSection::Shape>& shapes) {
    using Source = SystematicSection::Source;
    std::vector<std::string> names;
    std::string table;
    for (const auto& shape : shapes) {
        names.push_back(shape.process);
        const std::string what = shape.source == Source::weights ? "_weight = " : " = ";
        table += (table.empty() ? "" : ", ") + key_text(shape.process) + " = { up" + what +
                 toml_text(shape.up) + ", down" + what + toml_text(shape.down) + " }";
    }
    const bool has_events = !shapes.empty() && shapes.front().source != Source::ratio_file;
    return has_events ? "{ " + table + " }" : toml_text(names);
}

std::string yields_text(const std::vector<SystematicSection::Yield>& yields) {
    std::string table;
    for (const auto& yield : yields) {
        table += (table.empty() ? "" : ", ") + key_text(yield.process) +
                 " = { up = " + toml_text(yield.factors.up) +
                 ", down = " + toml_text(yield.factors.down) + " }";
    }
    return "{ " + table + " }";
}

void write_systematics(TomlWriter& out, const Campaign& campaign) {
    for (const SystematicSection& systematic : campaign.systematics) {
        out.section("[[systematic]]");
        out.key("name", systematic.name);
        out.key("parameter", systematic.parameter);
        if (systematic.shapes) out.raw("shape", shapes_text(*systematic.shapes));
        if (systematic.yields) out.raw("yield", yields_text(*systematic.yields));
        out.key("shape_code", systematic.shape_code);
        out.key("yield_code", systematic.yield_code);
    }
}

void write_regions(TomlWriter& out, const Campaign& campaign) {
    for (const UnbinnedRegionSection& region : campaign.unbinned) {
        out.section("[[region]]");
        out.key("name", region.name);
        out.key("type", std::string("unbinned"));
        if (!region.ratios.empty()) out.key("ratios", region.ratios);
        if (!region.yields.empty()) out.raw("yield", inline_table(region.yields));
        if (region.shape_norm) out.key("shape_norm", *region.shape_norm);
        if (!region.where.empty()) out.raw("where", cuts_text(region.where));
    }
    if (!campaign.binned.empty()) out.verbatim(binned_regions_toml(campaign.binned));
    const std::string labels = labels_toml(campaign.labels);
    if (!labels.empty()) out.verbatim(labels);
}

void write_model(TomlWriter& out, const Campaign& campaign) {
    for (const Parameter& parameter : campaign.parameters) write_parameter(out, parameter);
    for (const ProcessSection& process : campaign.processes) {
        out.section("[[process]]");
        out.keys(process);
        if (!process.weight.empty()) out.key("weight", process.weight);
    }
    write_systematics(out, campaign);
    write_regions(out, campaign);
    if (!campaign.reference.mixture.empty()) out.verbatim(reference_toml(campaign.reference));
}

void write_nets(TomlWriter& out, const Campaign& campaign) {
    out.section("[network]");
    out.keys(campaign.network);
    out.section("[training]");
    out.keys(campaign.training);
    if (!campaign.unfolding) {
        out.section("[ensemble]");
        out.keys(campaign.ensemble);
    }
    out.section("[gates]");
    out.keys(campaign.gates);
}

/// What it says of shapes that are not significant counts without events, too.
void write_systematic_nets(TomlWriter& out, const Campaign& campaign) {
    const bool used = campaign.has_events() && !campaign.unfolding;
    if (!used && campaign.systematic_nets == SystematicsSection{}) return;
    out.section("[systematics]");
    out.keys(campaign.systematic_nets);
}

void write_inference(TomlWriter& out, const Campaign& campaign) {
    out.verbatim(data_toml(campaign.data));
    out.section("[inference]");
    out.keys(campaign.inference);
}

void write_gaussian(TomlWriter& out, const std::string& name, const GaussianProcess& process) {
    out.section("[simulate." + name + "]");
    out.key("yield", process.yield);
    out.key("mean", process.mean);
    std::string rows;
    for (const auto& row : process.covariance) rows += (rows.empty() ? "" : ", ") + toml_text(row);
    out.raw("covariance", "[" + rows + "]");
}

std::string variation_text(const GaussianVariation& variation) {
    std::string text = "{ ";
    if (!variation.shift.empty()) text += "shift = " + toml_text(variation.shift) + ", ";
    return text + "up = " + toml_text(variation.yield.up) +
           ", down = " + toml_text(variation.yield.down) + " }";
}

void write_simulate(TomlWriter& out, const SimulateSection& simulate) {
    out.section("[simulate]");
    out.key("model", std::string("interference"));
    out.key("events", simulate.events);
    out.key("seed", simulate.seed);
    out.key("interference", simulate.model.interference);
    write_gaussian(out, "S", simulate.model.signal);
    write_gaussian(out, "B", simulate.model.background);
    for (const ModelVariation& variation : simulate.systematics) {
        out.section("[[simulate.systematic]]");
        out.key("name", variation.name);
        out.raw("S", variation_text(variation.signal));
        out.raw("B", variation_text(variation.background));
    }
    out.section("[simulate.tilts]");
    out.keys(simulate.tilts);
}

}  // namespace

std::string campaign_toml(const Campaign& campaign) {
    TomlWriter out;
    write_general(out, campaign);
    write_model(out, campaign);
    if (campaign.has_events()) write_nets(out, campaign);
    write_systematic_nets(out, campaign);
    if (campaign.preselection) out.verbatim(preselection_toml(campaign));
    if (campaign.search) out.verbatim(search_toml(*campaign.search));
    if (campaign.unfolding) {
        out.verbatim(unfolding_toml(campaign));
    } else {
        write_inference(out, campaign);
    }
    const std::string finite_mc = finite_mc_toml(campaign.finite_mc);
    if (!finite_mc.empty()) out.verbatim(finite_mc);
    if (campaign.simulate) write_simulate(out, *campaign.simulate);
    return out.text();
}

}  // namespace ratiofarm

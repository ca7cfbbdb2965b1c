#include "bundle.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ratiofarm/core/mapped_file.hpp"

#include "core/program_version.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "core/sha256.hpp"
#include "measurement/finite_mc_fit.hpp"
#include "pyhf/hs3_export.hpp"
#include "pyhf/pyhf_export.hpp"
#include "results/gof_json.hpp"
#include "tables/ratios/ratio_copy.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

constexpr const char* manifest = "bundle.json";
constexpr const char* golden_file = "golden.json";

// ---- The likelihood of a bundle
// ------------------------------------------------------------------

/// Derivatives in theta from those in u, where p = u^2 has a root.
GoldenRecord::Point in_theta(const InternalCoordinates& coordinates,
                             std::vector<double> theta,
                             const Evaluation& at) {
    const std::size_t n = theta.size();
    const std::vector<double> u = coordinates.to_internal(theta);
    GoldenRecord::Point point{std::move(theta), at.nll, std::vector<double>(n),
                              std::vector<std::vector<double>>(n, std::vector<double>(n))};
    for (std::size_t a = 0; a < n; ++a) {
        point.gradient[a] = at.gradient[a] / coordinates.gradient(a, u[a]);
    }
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            const bool bent = a == b && coordinates.is_root(a);
            const double more = bent ? 2.0 * point.gradient[a] : 0.0;  // d2p/du2 = 2
            point.hessian[a][b] = (at.hessian[a * n + b] - more) /
                                  (coordinates.gradient(a, u[a]) * coordinates.gradient(b, u[b]));
        }
    }
    return point;
}

/// Three points where everything moves: the starts, and to both sides of them by about one error,
/// inside the ranges and away from where a root has its branch point.
std::vector<std::vector<double>> golden_points(const StatisticalModel& model,
                                               const FitResult& fit) {
    constexpr double inside = 0.05;
    std::vector<std::vector<double>> points;
    for (const double side : {0.0, 1.0, -0.7}) {
        std::vector<double> theta;
        for (std::size_t a = 0; a < model.parameters.size(); ++a) {
            const Parameter& parameter = model.parameters[a];
            const FittedParameter* fitted = find_fitted(fit, parameter.name);
            const double range = parameter.high - parameter.low;
            double step = fitted != nullptr && fitted->error > 0.0 ? fitted->error : 0.1 * range;
            step = std::min(step, 0.25 * range);
            const double turn = a % 2 == 0 ? 1.0 : -0.5;
            const double value = parameter.start + side * turn * step;
            theta.push_back(parameter.fixed ? parameter.start
                                            : std::clamp(value, parameter.low + inside * step,
                                                         parameter.high - inside * step));
        }
        points.push_back(std::move(theta));
    }
    return points;
}

/// The likelihood of a folder's files at some points, or at golden_points(), as a receiver has it.
GoldenRecord evaluate(const fs::path& folder,
                      unsigned threads,
                      std::vector<std::vector<double>> points = {}) {
    const mpi::Communicator alone;
    const Campaign campaign = read_campaign(folder / "campaign.toml");
    const RatioFiles ratios = open_ratio_files(campaign, folder / "ratios.h5");
    const FitRecord fit = parse_fit_json(read_sealed(folder / "fit.json"));
    const StatisticalModel plain = model_for_ratios(campaign, ratios);
    const LikelihoodData data = finite_mc_data(alone, campaign, plain, ratios, fit.finite_mc);
    const StatisticalModel model = finite_mc_model(plain, fit.finite_mc);
    const Likelihood likelihood(model, data, alone, {.threads = threads});
    if (points.empty()) points = golden_points(model, fit.fit);
    GoldenRecord golden{{}, data_description(campaign, plain), {}};
    for (const Parameter& parameter : model.parameters) golden.parameters.push_back(parameter.name);
    const InternalCoordinates& coordinates = likelihood.coordinates();
    for (std::vector<double>& theta : points) {
        if (theta.size() != coordinates.size()) continue;  // compared by number later
        const Evaluation at = likelihood.evaluate(coordinates.to_internal(theta));
        golden.points.push_back(in_theta(coordinates, std::move(theta), at));
    }
    if (golden.points.empty()) return golden;
    const double first = golden.points.front().nll;
    for (GoldenRecord::Point& point : golden.points) point.nll -= first;
    return golden;
}

// ---- Its files
// -----------------------------------------------------------------------------------

Digest xxh3_of(const MappedFile& file) { return Hasher().bytes(file.bytes()).finish(); }

/// Every file below a folder but the manifest, sorted.
std::vector<BundleFile> files_of(const fs::path& folder) {
    std::vector<BundleFile> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file() || entry.path() == folder / manifest) continue;
        const MappedFile file(entry.path());
        files.push_back({entry.path().lexically_relative(folder).generic_string(),
                         file.bytes().size(), sha256(file.bytes()), xxh3_of(file)});
    }
    std::ranges::sort(files, {}, &BundleFile::name);
    return files;
}

/// What is wrong with a file; empty if nothing is.
std::string problem_of(const fs::path& folder, const BundleFile& listed) {
    const fs::path relative(listed.name);
    const bool climbs =
        relative.is_absolute() || std::ranges::find(relative, "..") != relative.end();
    if (climbs) return "lies outside the bundle";
    const fs::path path = folder / relative;
    std::error_code missing;
    if (!fs::is_regular_file(path, missing)) return "is missing";
    const std::uint64_t bytes = fs::file_size(path);
    if (bytes != listed.bytes) return fmt::format("has {} bytes, not {}", bytes, listed.bytes);
    if (xxh3_of(MappedFile(path)) != listed.xxh3) return "has other content: its checksum differs";
    return "";
}

void expect_no_problems(const fs::path& folder, const std::vector<std::string>& problems) {
    if (problems.empty()) return;
    throw DataError(fmt::format("the bundle '{}' is not as it was published; get it again:\n  {}",
                                folder.string(), fmt::join(problems, "\n  ")));
}

// ---- Making one
// ----------------------------------------------------------------------------------

/// \throws ConfigError if the data are asked for and must not, or cannot, be published
void expect_data(const Campaign& campaign, const std::optional<Blinding>& blinding) {
    if (blinding && !blinding->unblinding) {
        throw ConfigError(fmt::format(
            "--data: the campaign '{}' is blind; leave --data out, or open the data first (fit "
            "--unblind)",
            campaign.name));
    }
    if (!fits_observed(campaign)) {
        throw ConfigError(
            fmt::format("--data: the campaign '{}' fits no data ([data] has neither "
                        "sample nor observed = true); leave --data out",
                        campaign.name));
    }
}

void leave_out_data(Campaign& campaign, std::vector<std::string>& left_out) {
    if (!campaign.data.sample.empty()) {
        left_out.push_back("the observed events (sample " + campaign.data.sample + ")");
    }
    for (BinnedRegionSection& section : campaign.binned) {
        if (!section.observed) continue;
        left_out.push_back("the observed contents of region " + section.region.name);
        section.observed.reset();
    }
    campaign.data.sample.clear();
    campaign.data.observed = false;
}

/// The plain campaign as others fit it: without events, nets and paths.
Campaign public_campaign(Campaign campaign, const BundleRequest& request, BundleRecord& record) {
    campaign.events = {};
    campaign.split = {};
    campaign.reference = {};
    campaign.systematic_nets = {.null_shapes = campaign.systematic_nets.null_shapes};
    campaign.simulate.reset();
    campaign.search.reset();
    campaign.preselection.reset();
    for (SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (auto& shape : *systematic.shapes) shape = {shape.process, {}, {}};
    }
    for (UnbinnedRegionSection& region : campaign.unbinned) {
        if (!region.ratios.empty()) region.ratios = "ratios/" + region.name + ".h5";
        region.where.clear();
    }
    for (BinnedRegionSection& region : campaign.binned) {
        region.where.clear();
        region.from_events = false;
    }
    campaign.data.blind = false;
    if (!campaign.data.injections.empty()) {
        record.left_out.push_back("injections");
        campaign.data.injections.clear();
    }
    if (!request.data) leave_out_data(campaign, record.left_out);
    return campaign;
}

/// Samples of a ratio file that the published campaign can ask for, in their order.
std::vector<std::string> public_sets(const RatioFile& ratios, const Campaign& campaign) {
    std::set<std::string> wanted;
    for (const auto& process : ratios.header().processes) {
        wanted.insert(campaign.process(process.name).events());
    }
    for (const auto& component : ratios.header().reference) wanted.insert(component.sample);
    wanted.insert(campaign.data.fitted_sample());
    std::vector<std::string> sets;
    for (const RatioSet& set : ratios.sets()) {
        if (wanted.contains(set.name)) sets.push_back(set.name);
    }
    return sets;
}

/// \param hides_data of a campaign that fits data which are not to be published
void write_results(const RunDirectory& run,
                   const FitRecord& fit,
                   bool hides_data,
                   const fs::path& folder,
                   BundleRecord& record) {
    if (hides_data) {
        FitRecord published = fit;
        std::erase_if(published.made_from, [](const auto& line) {
            return line.first.starts_with("region.") && line.first.ends_with(".observed");
        });
        publish_sealed(folder / "fit.json", fit_json(published));
    } else {
        publish(folder / "fit.json", read_sealed(run.fit_json()));
    }
    if (fs::exists(run.unblinding())) {
        publish(folder / "unblinding.json", read_sealed(run.unblinding()));
    }
    if (!fs::exists(run.gof_json())) return;
    const std::string gof = read_sealed(run.gof_json());
    if (!differences(parse_gof_json(gof).made_from, fit.made_from).empty()) {
        record.left_out.push_back("gof.json, which is of another campaign than the fit");
    } else if (hides_data) {
        record.left_out.push_back("gof.json, which holds what was observed in bins");
    } else {
        publish(folder / "gof.json", gof);
    }
}

/// Binned regions for programs that know nothing of ratios.
void write_workspaces(const Campaign& campaign, const fs::path& folder, BundleRecord& record) {
    if (campaign.binned.empty()) return;
    const auto write = [&](const std::string& file, const auto& workspace_of) {
        try {
            publish(folder / file, workspace_of(campaign).dump(2) + "\n");
        } catch (const ConfigError& problem) {
            record.left_out.push_back(file + ": " + problem.what());
        }
    };
    write("pyhf.json", pyhf_from_campaign);
    write("hs3.json", hs3_from_campaign);
}

void write_files(const Workspace& workspace,
                 const FittedCampaign& fitted,
                 const BundleRequest& request,
                 const fs::path& folder) {
    BundleRecord record;
    record.made_by = made_by();
    record.description = request.description;
    const Campaign& plain = workspace.planned.campaign;
    const Campaign campaign = public_campaign(plain, request, record);
    record.campaign = campaign.name;
    publish_sealed(folder / "campaign.toml", campaign_toml(campaign));
    for (std::size_t r = 0; r < fitted.ratios.size(); ++r) {
        const std::string& file = campaign.unbinned[r].ratios;
        const RatioFile& ratios = *fitted.ratios[r];
        copy_ratios(ratios, folder / (file.empty() ? "ratios.h5" : file),
                    {public_sets(ratios, campaign), request.members});
        const RatioHeader& header = ratios.header();
        const bool has_members = !header.members.empty() || !header.replicas.empty();
        if (has_members && !request.members) {
            record.left_out.push_back("the ratios of single members and replicas of region " +
                                      campaign.unbinned[r].name);
        }
    }
    const bool hides_data = !request.data && plain.data.fits_observed();
    write_results(workspace.place.directory, fitted.record, hides_data, folder, record);
    write_workspaces(campaign, folder, record);
    const GoldenRecord golden = evaluate(folder, workspace.place.threads());
    publish_sealed(folder / golden_file, golden_json(golden));
    record.data = golden.data;
    record.files = files_of(folder);
    publish_sealed(folder / manifest, bundle_json(record));
}

}  // namespace

bool is_bundle(const fs::path& path) {
    std::error_code none;
    if (fs::is_directory(path, none)) return fs::exists(path / manifest, none);
    const std::string extension = path.extension();
    const bool packed = extension == ".rfb" || extension == ".tar" || extension == ".gz";
    if (packed && fs::is_regular_file(path, none)) {
        throw ConfigError(
            fmt::format("'{0}' is packed: unpack it with 'tar -xf {0}' and give the "
                        "folder",
                        path.string()));
    }
    return false;
}

Bundle open_bundle(const fs::path& folder) {
    Bundle bundle{fs::absolute(folder).lexically_normal(), {}};
    bundle.record = in_context("'" + folder.string() + "'", [&] {
        return parse_bundle_json(read_sealed(bundle.folder / manifest));
    });
    std::vector<std::string> problems;
    for (const BundleFile& file : bundle.record.files) {
        const std::string problem = problem_of(bundle.folder, file);
        if (!problem.empty()) problems.push_back("'" + file.name + "' " + problem);
    }
    expect_no_problems(folder, problems);
    return bundle;
}

void verify_bundle(const Bundle& bundle, unsigned threads) {
    std::vector<std::string> problems;
    for (const BundleFile& file : bundle.record.files) {
        if (sha256(MappedFile(bundle.folder / file.name).bytes()) == file.sha256) continue;
        problems.push_back("'" + file.name + "' has another SHA-256");
    }
    expect_no_problems(bundle.folder, problems);
    const GoldenRecord golden = parse_golden_json(read_sealed(bundle.folder / golden_file));
    std::vector<std::vector<double>> points;
    for (const GoldenRecord::Point& point : golden.points) points.push_back(point.parameters);
    const auto lines = golden_differences(golden, evaluate(bundle.folder, threads, points));
    if (lines.empty()) return;
    throw DataError(
        fmt::format("the likelihood of '{}' is not that of its golden.json: this "
                    "program or machine evaluates it differently\n  {}",
                    bundle.folder.string(), fmt::join(lines, "\n  ")));
}

void expect_publishable(const Workspace& workspace, const BundleRequest& request) {
    const Campaign& campaign = workspace.planned.campaign;
    if (fs::exists(request.out)) {
        throw ConfigError(
            fmt::format("--out = '{}': exists already; choose another name", request.out.string()));
    }
    if (request.data) expect_data(campaign, workspace.books.blinding);
    const bool of_nets = campaign.finite_mc.method != FiniteMcMethod::none;
    if (of_nets && !request.members) {
        throw ConfigError("[finite_mc] needs the ratios of single nets: give --members all");
    }
}

Bundle make_bundle(const Workspace& workspace,
                   const FittedCampaign& fitted,
                   const BundleRequest& request) {
    if (!fitted.record.fit.converged) {
        throw ConfigError(
            "the fit did not converge ('ratiofarm fit' shows it): there is no result to publish");
    }
    fs::path partial = request.out;
    partial += ".partial";
    fs::remove_all(partial);
    try {
        write_files(workspace, fitted, request, partial);
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(partial, ignored);
        throw;
    }
    fs::rename(partial, request.out);
    return open_bundle(request.out);
}

}  // namespace ratiofarm

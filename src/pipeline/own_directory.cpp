#include "own_directory.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/publish.hpp"
#include "core/sealed_text.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

/// Whether a folder may become a run directory although this lies in it: what commands leave there
/// that end before they write a journal, and what batch systems and shells write.
bool may_lie_there(const RunDirectory& directory, const fs::path& entry) {
    const std::string name = entry.filename().string();
    constexpr std::array<std::string_view, 4> logs{".log", ".out", ".err", ".partial"};
    if (name.starts_with('.') || name.starts_with("lock")) return true;
    if (std::ranges::find(logs, entry.extension().string()) != logs.end()) return true;
    const std::array own{directory.claims(),
                         directory.unblinding(),
                         directory.submit_script(),
                         directory.plots(),
                         patched_campaign(directory),
                         patched_ratios(directory),
                         directory.root() / "events.contiguous.h5"};
    return std::ranges::find(own, entry) != own.end();
}

/// Names of what else lies in a folder, in their order.
std::vector<std::string> strangers_in(const RunDirectory& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory.root(), error)) {
        if (may_lie_there(directory, entry.path())) continue;
        names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

void expect_no_file(const fs::path& path) {
    std::error_code unknown;
    if (!fs::exists(path, unknown) || fs::is_directory(path, unknown)) return;
    throw ConfigError(
        fmt::format("--out = '{}': is a file, not a folder; give another", path.string()));
}

}  // namespace

std::vector<fs::path> products(const RunDirectory& directory, Product first) {
    const std::vector<std::pair<Product, fs::path>> all{
        {Product::nets, directory.tasks()},
        {Product::nets, directory.nets()},
        {Product::nets, directory.journal()},
        {Product::nets, directory.claims()},
        {Product::nets, directory.campaign()},
        {Product::nets, directory.selection_json()},
        {Product::nets, directory.selected_events()},
        {Product::nets, directory.selected_campaign()},
        {Product::nets, directory.search_json()},
        {Product::nets, directory.search_csv()},
        {Product::nets, directory.steering()},
        {Product::nets, directory.searched_campaign()},
        {Product::ensembles, directory.ensembles()},
        {Product::ratios, directory.ratios()},
        {Product::fit, directory.fit_json()},
        {Product::toys, directory.toys_json()},
        {Product::gof, directory.gof_json()},
        {Product::report, directory.report()},
    };
    std::vector<fs::path> found;
    for (const auto& [product, path] : all) {
        const bool beside = first == Product::toys && product == Product::gof;
        if (product >= first && !beside && fs::exists(path)) found.push_back(path);
    }
    if (first == Product::nets) {
        const auto journals = directory.other_journals();
        found.insert(found.end(), journals.begin(), journals.end());
    }
    return found;
}

void expect_run_directory(const RunDirectory& directory) {
    expect_no_file(directory.root());
    const fs::path campaign = directory.campaign();
    const bool has_campaign = fs::exists(campaign);
    if (has_campaign && !has_seal(campaign, read_text(campaign))) {
        throw ConfigError(fmt::format(
            "'{}' was not written by ratiofarm and would be replaced: give another --out",
            campaign.string()));
    }
    if (has_begun(directory)) return;
    auto found = products(directory, Product::nets);
    std::erase(found, directory.claims());  // of a job that ended before it wrote a journal
    if (!found.empty()) {
        throw ConfigError(
            fmt::format("'{}' is no run directory (it has no journal), and '{}' in it would be "
                        "replaced: give another --out",
                        directory.root().string(), found.front().string()));
    }
    const auto strangers = strangers_in(directory);
    if (strangers.empty()) return;
    const std::size_t more = strangers.size() - 1;
    throw ConfigError(fmt::format(
        "'{}' is no run directory (it has no journal) and holds other files, '{}'{}: give an --out "
        "that is new or empty",
        directory.root().string(), strangers.front(),
        more == 0 ? "" : fmt::format(" and {} more", more)));
}

fs::path patched_campaign(const RunDirectory& directory) {
    return directory.root() / "patched.toml";
}

fs::path patched_ratios(const RunDirectory& directory) { return directory.root() / "patched.h5"; }

void make_directory(const fs::path& path) {
    expect_no_file(path);
    std::error_code error;
    fs::create_directories(path, error);
    if (!error) return;
    // A folder that could not be made although the one above it is there, as in /proc.
    std::error_code unknown;
    fs::path above = path;
    while (!fs::exists(above, unknown) && above.has_relative_path()) above = above.parent_path();
    if (error == std::errc::no_such_file_or_directory && fs::is_directory(above, unknown)) {
        throw ConfigError(fmt::format("--out = '{}': no folder can be made in '{}'; give another",
                                      path.string(), above.string()));
    }
    throw SystemError("cannot create '" + path.string() + "'", error.value());
}

bool has_begun(const RunDirectory& directory) {
    return fs::exists(directory.campaign()) || fs::exists(directory.journal()) ||
           !directory.other_journals().empty();
}

void expect_begun(const RunDirectory& directory) {
    if (has_begun(directory)) return;
    throw DataError(
        fmt::format("'{}' is not a run directory (it has neither campaign.toml nor a journal); "
                    "name one with --out",
                    directory.root().string()));
}

}  // namespace ratiofarm

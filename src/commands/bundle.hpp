#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"

#include "pipeline/fitted_campaign.hpp"
#include "results/bundle_record.hpp"

/// A bundle: a folder with a likelihood that others evaluate, fit and combine. See docs/publish.md.
namespace ratiofarm {

/// A bundle that was opened: the files are there and whole.
struct Bundle {
    std::filesystem::path folder;
    BundleRecord record;

    std::filesystem::path campaign() const { return folder / "campaign.toml"; }
    std::filesystem::path ratios() const { return folder / "ratios.h5"; }
};

/// Whether a path is a folder with a bundle.json. \throws ConfigError for a bundle that is packed
bool is_bundle(const std::filesystem::path& path);

/// Not collective. Compares every file with its size and its XXH3.
/// \throws DataError naming each file that is missing or differs; another version
Bundle open_bundle(const std::filesystem::path& folder);

/// Not collective. Compares every file with its SHA-256, and the likelihood with golden.json.
/// \throws DataError with everything that differs
void verify_bundle(const Bundle& bundle, unsigned threads);

/// What a bundle shall hold.
struct BundleRequest {
    std::filesystem::path out;
    bool data = false;     ///< the observed events and contents of bins
    bool members = false;  ///< the ratios of single members and replicas
    std::vector<std::pair<std::string, std::string>> description;
};

/// \throws ConfigError for what must not or cannot be published, naming it
void expect_publishable(const Workspace& workspace, const BundleRequest& request);

/// For one rank. Writes the bundle of a fit: "<out>.partial", then renamed.
/// \pre expect_publishable()
/// \throws ConfigError for a fit that did not converge
Bundle make_bundle(const Workspace& workspace,
                   const FittedCampaign& fitted,
                   const BundleRequest& request);

}  // namespace ratiofarm

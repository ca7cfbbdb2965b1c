#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/wire.hpp"

/// The records of a bundle: a likelihood that is published. See docs/formats.md, "Bundles".
namespace ratiofarm {

/// A file of a bundle.
struct BundleFile {
    std::string name;  ///< relative to the bundle, parts separated by "/"
    std::uint64_t bytes = 0;
    std::string sha256;
    Digest xxh3;
    bool operator==(const BundleFile&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, BundleFile>& value) {
    visit("name", value.name);
    visit("bytes", value.bytes);
    visit("sha256", value.sha256);
    visit("xxh3", value.xxh3);
}

/// bundle.json
struct BundleRecord {
    std::string made_by;
    std::string campaign;     ///< name
    std::uint32_t level = 1;  ///< 1: the likelihood; 2: its nets, too; 3: the simulated events, too
    std::string data;         ///< what the bundle fits, in words
    std::vector<std::pair<std::string, std::string>> description;  ///< by description_keys
    std::vector<std::string> left_out;                             ///< one sentence each
    std::vector<BundleFile> files;                                 ///< sorted by name
};

/// What a description may tell, each with an example.
inline constexpr std::pair<std::string_view, std::string_view> description_keys[] = {
    {"title", "Search for a Z' boson in dimuon events"},
    {"authors", "The X collaboration"},
    {"license", "CC-BY-4.0"},
    {"doi", "10.1000/paper"},
    {"data_doi", "10.1000/data"},
    {"luminosity", "140 fb-1"},
    {"energy", "13 TeV"},
    {"region", "two muons, 60 < mass / GeV < 120"},
    {"fiducial", "muons with pt > 25 GeV, |eta| < 2.5"},
    {"units", "mass in GeV"}};

/// Names the likelihood: of the campaign and the ratio files the name and the SHA-256.
/// Descriptions, results and nets may be added later.
Digest digest_of(const BundleRecord& record);

/// JSON text, to be sealed.
std::string bundle_json(const BundleRecord& record);

/// \throws DataError if it is another format or version, or a key is missing
BundleRecord parse_bundle_json(std::string_view text);

/// golden.json: what the likelihood is at some points, for whoever evaluates it elsewhere.
struct GoldenRecord {
    struct Point {
        std::vector<double> parameters;  ///< theta
        double nll = 0.0;                ///< minus that of the first point
        std::vector<double> gradient;    ///< dNLL / dtheta
        std::vector<std::vector<double>> hessian;
    };
    std::vector<std::string> parameters;  ///< names in the order of theta
    std::string data;
    std::vector<Point> points;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GoldenRecord::Point>& value) {
    visit("parameters", value.parameters);
    visit("nll", value.nll);
    visit("gradient", value.gradient);
    visit("hessian", value.hessian);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GoldenRecord>& value) {
    visit("parameters", value.parameters);
    visit("data", value.data);
    visit("points", value.points);
}

std::string golden_json(const GoldenRecord& record);

/// \throws DataError as parse_bundle_json()
GoldenRecord parse_golden_json(std::string_view text);

/// How far two evaluations may differ: relative to 1 or the larger value, of the Hessian to the
/// curvatures of its parameters.
inline constexpr double golden_tolerance = 1e-9;

/// What differs by more, one line each. \param now at the points of `golden`
std::vector<std::string> golden_differences(const GoldenRecord& golden, const GoldenRecord& now);

}  // namespace ratiofarm

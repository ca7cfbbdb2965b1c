// Every key of fit.json: what becomes of the record when it is missing, of another type, or null.
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "tests/results/full_record.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

namespace {

/// Where every object and every value that is no container is.
struct Places {
    std::vector<Pointer> objects;
    std::vector<Pointer> leaves;
};

void find_places(const Json& json, const Pointer& at, Places& places) {
    if (!json.is_structured()) return places.leaves.push_back(at);
    if (json.is_object()) places.objects.push_back(at);
    for (const auto& [key, value] : json.items()) {
        const Pointer next =
            json.is_object() ? at / key : at / static_cast<std::size_t>(std::stoul(key));
        find_places(value, next, places);
    }
}

Places places_of(const Json& json) {
    Places places;
    find_places(json, Pointer(), places);
    return places;
}

/// For people only: a reader needs none of them.
const std::set<std::string> unread{"made_by", "definitions", "band_sigmas", "blind"};
/// A value that need not be there: the key is missing then.
const std::set<std::string> optional_keys{
    "error_low",       "error_high",      "pull",
    "constraint",      "group",           "global_observable",
    "refit_down",      "refit_up",        "observable_up",
    "observable_down", "samples",         "scan_parameter",
    "contours",        "shape_norm",      "shapes",
    "shift",           "shift_noise",     "left_out_error",
    "error_without",   "finite_mc",       "limits",
    "replicas",        "members",         "wifi",
    "determined",      "blinding",        "unblinded",
    "injections",      "interval_failed", "made_from",
    "process.S.yield", "ratios.SR",       "no_error",
    "not_linear",      "below_floor",     "below_floor_on_profiles",
    "noise",           "noise_error"};

bool is_unread(const Pointer& place) {
    for (Pointer at = place; !at.empty(); at = at.parent_pointer()) {
        if (unread.contains(at.back())) return true;
    }
    return false;
}

/// "" if the text was read.
std::string error_of(const Json& json) {
    try {
        parse_fit_json(json.dump());
    } catch (const DataError& error) {
        return error.what();
    }
    return "";
}

Json again(const Json& json) { return Json::parse(fit_json(parse_fit_json(json.dump()))); }

}  // namespace

TEST_CASE("a key of fit.json that is missing is named, or stays missing", "[results]") {
    const Json whole = Json::parse(fit_json(test::full_record()));
    std::size_t needed = 0;
    for (const Pointer& object : places_of(whole).objects) {
        for (const auto& [key, value] : whole.at(object).items()) {
            if (is_unread(object / key)) continue;
            Json without = whole;
            without.at(object).erase(key);
            INFO((object / key).to_string());
            const bool in_groups = object.to_string().find("/groups/") != std::string::npos;
            if (key == "unblinded") {  // without it the fit is a blind one
                without.at(object)["blind"] = true;
            }
            if (optional_keys.contains(key) && !in_groups) {
                CHECK(again(without) == without);
                continue;
            }
            ++needed;
            CHECK_THAT(error_of(without), Contains("fit.json") && Contains("'" + key + "'"));
        }
    }
    CHECK(needed > 150);
}

TEST_CASE("what fit.json says for people alone is not needed to read it", "[results]") {
    const Json whole = Json::parse(fit_json(test::full_record()));
    std::size_t found = 0;
    for (const Pointer& object : places_of(whole).objects) {
        for (const std::string& key : unread) {
            if (is_unread(object) || !whole.at(object).contains(key)) continue;
            Json without = whole;
            without.at(object).erase(key);
            CHECK(again(without) == whole);
            ++found;
        }
    }
    CHECK(found == unread.size());
}

TEST_CASE("a value of another type is a damaged file, whichever it is", "[results]") {
    const Json whole = Json::parse(fit_json(test::full_record()));
    for (const Pointer& leaf : places_of(whole).leaves) {
        if (is_unread(leaf)) continue;
        Json other = whole;
        other.at(leaf) = Json{{"an", "object"}};
        INFO(leaf.to_string());
        CHECK_THAT(error_of(other), Contains("damaged or written by another version?"));
    }
}

TEST_CASE("a number that is null is not known, which is no damage", "[results]") {
    const Json whole = Json::parse(fit_json(test::full_record()));
    for (const Pointer& leaf : places_of(whole).leaves) {
        if (is_unread(leaf) || !whole.at(leaf).is_number_float()) continue;
        Json unknown = whole;
        unknown.at(leaf) = nullptr;
        INFO(leaf.to_string());
        CHECK(error_of(unknown).empty());
    }
}

TEST_CASE("a full record read back and written again has the same bytes", "[results]") {
    const std::string text = fit_json(test::full_record());

    CHECK(fit_json(parse_fit_json(text)) == text);
}

TEST_CASE("numbers of any size survive fit.json to the last bit", "[results]") {
    using Limits = std::numeric_limits<double>;
    FitRecord record = test::full_record();
    for (const double value :
         {0.1, -0.0, Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min(),
          1.0 + Limits::epsilon(), 1e15 + 0.3, 123456789.0, 5e-324}) {
        record.fit.nll = value;
        record.injections[0].parameters[0].value = value;
        record.finite_mc->sigma = value;
        record.limits->discovery.q0 = value;

        const FitRecord read = parse_fit_json(fit_json(record));

        const auto is_same = [&](double x) {
            return x == value && std::signbit(x) == std::signbit(value);
        };
        INFO(value);
        CHECK(is_same(read.fit.nll));
        CHECK(is_same(read.injections[0].parameters[0].value));
        CHECK(is_same(read.finite_mc->sigma));
        CHECK(is_same(read.limits->discovery.q0));
    }
}

TEST_CASE("a fit says whether it is blind and why it is not", "[results]") {
    FitRecord record = test::full_record();
    record.blinding->unblinding.reset();

    const Json blind = Json::parse(fit_json(record)).at("blinding");
    const Json opened = Json::parse(fit_json(test::full_record())).at("blinding");

    CHECK(blind.at("blind") == true);
    CHECK_FALSE(blind.contains("unblinded"));
    CHECK(opened.at("blind") == false);
    CHECK(opened.at("unblinded").at("reason") == test::full_record().blinding->unblinding->reason);
    CHECK(parse_fit_json(fit_json(record)).blinding == record.blinding);
    CHECK(parse_fit_json(fit_json(test::full_record())).blinding == test::full_record().blinding);
}

TEST_CASE("injections are read back with what they have and nothing else", "[results]") {
    const FitRecord record = test::full_record();

    const FitRecord read = parse_fit_json(fit_json(record));

    REQUIRE(read.injections.size() == record.injections.size());
    for (std::size_t i = 0; i < read.injections.size(); ++i) {
        CHECK(read.injections[i].name == record.injections[i].name);
        CHECK(read.injections[i].data == record.injections[i].data);
        CHECK(read.injections[i].converged == record.injections[i].converged);
        REQUIRE(read.injections[i].parameters.size() == record.injections[i].parameters.size());
    }
    const InjectedParameter& mu = read.injections[0].parameters[0];
    CHECK(mu.error_low == 0.3);
    CHECK_FALSE(mu.error_high.has_value());
    CHECK(mu.pull == -1.0 / 3.0);
    CHECK_FALSE(read.injections[0].parameters[1].pull.has_value());
}

TEST_CASE("sums of lines keep which lines they are of", "[results]") {
    FitRecord record = test::full_record();
    record.finite_mc->ratios = {{NetRatios::member, {{0.25, 0.75}, {}}, {-0.1, 0.0}}, {}};
    record.finite_mc->wifi->ratios = record.finite_mc->ratios;

    const FitRecord read = parse_fit_json(fit_json(record));

    CHECK(read.finite_mc->ratios == record.finite_mc->ratios);
    CHECK(read.finite_mc->wifi->ratios == record.finite_mc->wifi->ratios);
    CHECK(read.finite_mc->direction == record.finite_mc->direction);
}

TEST_CASE("limits beyond the range are missing and come back so", "[results]") {
    FitRecord record = test::full_record();
    record.limits->limits.observed.reset();
    record.limits->limits.expected = {};
    record.limits->discovery.expected_significance.reset();
    record.limits->expected_at.reset();

    const LimitRecord read = *parse_fit_json(fit_json(record)).limits;

    CHECK_FALSE(read.limits.observed.has_value());
    for (const auto& limit : read.limits.expected) CHECK_FALSE(limit.has_value());
    CHECK_FALSE(read.discovery.expected_significance.has_value());
    CHECK_FALSE(read.expected_at.has_value());
    CHECK(read.limits.level == 0.9);
    CHECK(read.asimov == record.limits->asimov);
}

TEST_CASE("lists whose length does not fit, and words that are not known, are damage",
          "[results]") {
    const Json whole = Json::parse(fit_json(test::full_record()));
    const auto changed = [&](const char* pointer, const Json& value) {
        Json other = whole;
        other.at(Pointer(pointer)) = value;
        return error_of(other);
    };
    Json short_row = whole.at("correlation").at(0);
    short_row.erase(0);

    CHECK_THAT(changed("/correlation/0", short_row), Contains("'correlation'"));
    CHECK_THAT(changed("/covariance", Json::array({whole.at("covariance").at(0)})),
               Contains("'covariance'") || Contains("parameters"));
    CHECK_THAT(changed("/minima/0/parameters", Json::array()), Contains("'minima.parameters'"));
    CHECK_THAT(changed("/limits/statistic", "r"), Contains("fit.json") && Contains("'r'"));
}

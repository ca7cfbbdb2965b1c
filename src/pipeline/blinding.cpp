#include "blinding.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/tables/event_file.hpp"

#include "campaign/sample_weights.hpp"
#include "campaign/task_digest.hpp"
#include "core/program_version.hpp"
#include "core/sealed_text.hpp"
#include "report/fit_text.hpp"
#include "results/fit_json.hpp"
#include "store/lock.hpp"

namespace ratiofarm {

std::vector<Unblinding> read_unblindings(const RunDirectory& directory) {
    const std::filesystem::path path = directory.unblinding();
    if (!std::filesystem::exists(path)) return {};
    try {
        return parse_unblindings(read_sealed(path));
    } catch (const DataError& damage) {
        throw DataError(fmt::format(
            "{}; it tells who looked at the data of this blind campaign. Put an intact copy in its "
            "place, or begin it anew by 'ratiofarm run CAMPAIGN.toml --out {} --unblind REASON': "
            "the damaged one is set aside, and the data count as looked at before",
            damage.what(), directory.root().string()));
    }
}

namespace {

/// Digest of the data, none where they are counts. Says nothing of what they show.
/// \throws DataError if they cannot be read or fitted
std::optional<std::string> digest_of_data(const Campaign& written) {
    if (written.data.sample.empty() || !written.has_events()) return std::nullopt;
    const std::vector<std::string> data{written.data.sample};
    const auto samples =
        read_sample_info(written.events_path(), data, written.events.features, written.split);
    expect_unit_weights(written, samples);
    return samples.front().digest.hex();
}

/// Of files only names are part of a measurement, so that it is known again where it was moved to:
/// content tells other data from those that were looked at.
bool are_seen(const Campaign& written, const Unblinding& look) {
    if (!look.data) return true;
    try {
        return digest_of_data(written).value_or(*look.data) == *look.data;
    } catch (const Error&) {
        return true;  // data that cannot be read show nothing, and who needs them will say so
    }
}

std::optional<Unblinding> find_record(const std::vector<Unblinding>& record,
                                      const Campaign& written,
                                      const std::string& measurement) {
    const std::string by_path = measurement_digest_by_path(written).hex();
    const auto found = std::find_if(record.begin(), record.end(), [&](const Unblinding& each) {
        if (!each.data && each.measurement == by_path) return true;  // of an older version
        return each.measurement == measurement && are_seen(written, each);
    });
    return found == record.end() ? std::nullopt : std::optional(*found);
}

std::string this_user() {
    for (const char* variable : {"USER", "LOGNAME"}) {
        const char* name = std::getenv(variable);
        if (name != nullptr && *name != '\0') return name;
    }
    const ::passwd* entry = ::getpwuid(::getuid());
    return entry == nullptr ? fmt::format("user {}", ::getuid()) : entry->pw_name;
}

/// \throws ConfigError unless there is something in it that can be read
void expect_readable(const std::string& reason) {
    const auto is_blank = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
    if (std::all_of(reason.begin(), reason.end(), is_blank)) {
        throw ConfigError(fmt::format(
            "--unblind = '{}': must say why the data may be looked at, for example --unblind "
            "\"approved by the group on Monday\"",
            reason));
    }
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw ConfigError(
        fmt::format("--unblind: '{}' {}. The expected result must exist first: run the same "
                    "command without --unblind",
                    path, why));
}

/// "mu = 1.00 +- 0.31"
std::string result_of(const FitResult& fit) {
    const FittedParameter* poi = find_fitted(fit, fit.poi);
    return poi == nullptr ? "" : poi->name + " = " + with_error(poi->value, poi->error);
}

/// The blind fit that a person can have looked at, as the record tells of it.
Unblinding after_blind_fit(const std::string& measurement, const RunDirectory& directory) {
    const std::filesystem::path path = directory.fit_json();
    if (!std::filesystem::exists(path)) refuse(path, "does not exist");
    const std::string text = read_sealed(path);
    const FitRecord fit = parse_fit_json(text);
    if (!fit.blinding || fit.blinding->unblinding) refuse(path, "is not a blind fit");
    if (fit.blinding->measurement != measurement) {
        refuse(path, "is a blind fit of another measurement (model, nets, regions or data differ)");
    }
    if (!fit.fit.converged) refuse(path, "is a blind fit that did not converge");
    Unblinding unblinding;
    unblinding.measurement = measurement;
    unblinding.inputs = fit.inputs;
    unblinding.fit = Hasher().text(text).finish().hex();
    unblinding.expected = result_of(fit.fit);
    return unblinding;
}

/// A look at the data without --unblind: blind = false was set in the campaign, or was there before
/// blind = true. Only fit.json knows of it, and the next fit replaces that.
/// \param written as a user wrote it
std::optional<Unblinding> open_look(const Campaign& written, const RunDirectory& directory) {
    std::string text;
    FitRecord fit;
    try {
        text = read_sealed(directory.fit_json());
        fit = parse_fit_json(text);
    } catch (const Error&) {
        return std::nullopt;  // none, or damaged, which is made again
    }
    const bool was_blind = fit.blinding && !fit.blinding->unblinding;
    const auto made = [&](const char* key, const char* value) {
        return std::ranges::find(fit.made_from, std::pair<std::string, std::string>(key, value)) !=
               fit.made_from.end();
    };
    const bool was_open =
        !fit.blinding && made("data.observed", "true") && made("data.blind", "false");
    const bool opens = was_blind && written.data.fits_observed();
    const bool closes = was_open && written.data.blind;
    if (!opens && !closes) return std::nullopt;
    Unblinding look;
    look.reason = "blind = false in the campaign";
    Campaign as_blind = written;
    as_blind.data.blind = true;
    const std::string measurement = measurement_digest(as_blind).hex();
    // Of which measurement an open fit was is not known: none is opened by it.
    look.measurement = opens ? measurement : Digest{}.hex();
    look.inputs = fit.inputs;
    look.fit = Hasher().text(text).finish().hex();
    if (opens) look.expected = result_of(fit.fit);
    const std::vector<Unblinding> record = read_unblindings(directory);
    const bool known = std::ranges::find(record, look.fit, &Unblinding::fit) != record.end() ||
                       find_record(record, written, measurement);
    return known ? std::nullopt : std::optional(look);
}

/// \param record  the last one is made now, by this user
Unblinding publish_record(std::vector<Unblinding> record, const RunDirectory& directory) {
    record.back().time = utc_now();
    record.back().by = this_user() + "@" + this_owner().host;
    publish_sealed(directory.unblinding(), unblindings_json(record));
    return record.back();
}

/// Adds one decision to the record.
Unblinding keep(Unblinding look, const RunDirectory& directory) {
    std::vector<Unblinding> record = read_unblindings(directory);
    record.push_back(std::move(look));
    return publish_record(std::move(record), directory);
}

/// A new record in place of a damaged one. What that said is not known, so it opens nothing, but it
/// tells that the data were looked at.
void replace_damaged(const std::string& reason, const RunDirectory& directory, const Log& log) {
    try {
        read_unblindings(directory);
    } catch (const DataError& damage) {
        const std::filesystem::path path = directory.unblinding();
        const std::string aside = path.string() + ".damaged";
        Unblinding look;
        look.reason = "the record of earlier looks was damaged; anew with: " + reason;
        look.measurement = Digest{}.hex();
        std::filesystem::copy_file(path, aside, std::filesystem::copy_options::overwrite_existing);
        publish_record({std::move(look)}, directory);
        log.warning("the damaged record of unblindings is begun anew",
                    {{"record", path.string()}, {"set_aside_as", aside}});
    }
}

}  // namespace

std::optional<Blinding> open_if_unblinded(Campaign& written, const RunDirectory& directory) {
    if (!written.data.blind) return std::nullopt;
    Blinding blinding{measurement_digest(written).hex(), {}};
    const std::vector<Unblinding> record = read_unblindings(directory);
    blinding.unblinding = find_record(record, written, blinding.measurement);
    if (!blinding.unblinding && !record.empty()) blinding.earlier = record.back();
    written.data.blind = !blinding.unblinding.has_value();
    return blinding;
}

std::optional<Blinding> settle_blinding(const std::optional<std::string>& reason,
                                        Campaign& written,
                                        const RunDirectory& directory,
                                        const Log& log) {
    if (reason) replace_damaged(*reason, directory, log);
    if (auto look = open_look(written, directory)) {
        // Read before the record says that someone saw them.
        if (!written.data.blind) look->data = digest_of_data(written);
        keep(*std::move(look), directory);
        log.warning("the data of a blind campaign are open by blind = false: this is on record",
                    {{"record", directory.unblinding().string()}});
    }
    if (!reason) return open_if_unblinded(written, directory);
    expect_readable(*reason);
    if (!written.data.blind && written.data.sample.empty()) {
        throw ConfigError(fmt::format(
            "--unblind: campaign '{}' is not blind: its [data] names no sample (sample = "
            "\"data\" does, and blind = true keeps it closed until then)",
            written.name));
    }
    if (!written.data.blind) {
        throw ConfigError(fmt::format(
            "--unblind: campaign '{}' is not blind (blind = true in [data] makes it so)",
            written.name));
    }
    std::optional<Blinding> blinding = open_if_unblinded(written, directory);
    if (blinding->unblinding) {
        log.info("unblinded before", {{"record", blinding_text(*blinding)}});
        return blinding;
    }
    Unblinding now = after_blind_fit(blinding->measurement, directory);
    now.data = digest_of_data(written);  // read before the record says that someone saw them
    now.reason = *reason;
    now = keep(std::move(now), directory);
    written.data.blind = false;
    blinding->unblinding = std::move(now);
    blinding->earlier.reset();
    log.warning("the data are unblinded", {{"record", blinding_text(*blinding)}});
    return blinding;
}

}  // namespace ratiofarm

// [data]: blind campaigns and injections.
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/task_digest.hpp"
#include "campaign/task_graph.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using test::example_toml;
using test::replaced;

namespace {

/// The example with other keys in [data].
std::string with_data(const std::string& keys) {
    return replaced(example_toml, "asimov = { mu = 1.0, source = \"samples\" }", keys);
}

Campaign parsed(const std::string& keys) { return parse_campaign(with_data(keys), "/campaigns"); }

std::string message_of(const std::string& keys) {
    try {
        parsed(keys);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

const std::string blind_data = "sample = \"data\"\nblind = true\nasimov = { mu = 2.0 }\n";

}  // namespace

TEST_CASE("a blind campaign asks for its data nowhere", "[campaign]") {
    const Campaign campaign = parsed(blind_data);

    CHECK(campaign.data.sample == "data");
    CHECK(campaign.data.fitted_sample().empty());
    CHECK_FALSE(campaign.data.fits_observed());
    CHECK(campaign_samples(campaign) == std::vector<std::string>{"S", "SBI", "B"});
    CHECK(samples_to_read(campaign).size() == 3);

    Campaign open = campaign;
    open.data.blind = false;
    CHECK(open.data.fitted_sample() == "data");
    CHECK(open.data.fits_observed());
    CHECK(campaign_samples(open) == std::vector<std::string>{"S", "SBI", "B", "data"});
}

TEST_CASE("blind campaigns and injections read back from the resolved text", "[campaign]") {
    const Campaign campaign = parsed(
        blind_data +
        "injections = [{ mu = 0.5 }, { mu = 2, sample = \"S2\" }, { mu = 2, name = \"two\" }]\n");

    CHECK(parse_campaign(campaign_toml(campaign), campaign.folder) == campaign);
    REQUIRE(campaign.data.injections.size() == 3);
    CHECK(campaign.data.injections[0] == Injection{"mu = 0.5", "", {{"mu", 0.5}}});
    CHECK(campaign.data.injections[1] == Injection{"mu = 2 (S2)", "S2", {{"mu", 2.0}}});
    CHECK(campaign.data.injections[2].name == "two");
}

TEST_CASE("all events of an injected sample are evaluated", "[campaign]") {
    const Campaign campaign = parsed("injections = [{ mu = 2, sample = \"S2\" }, { mu = 3 }]");
    std::vector<SampleInfo> samples = test::example_samples();
    samples.push_back(test::example_sample("S2", 50));

    const TaskGraph graph = make_task_graph(campaign, samples, "cpu");

    CHECK(campaign_samples(campaign) == std::vector<std::string>{"S", "SBI", "B", "S2"});
    REQUIRE(graph.inferences.size() == 12);
    CHECK(graph.inferences[11].sample == "S2");
    CHECK(graph.inferences[11].request.split == Split{0.0, 0.0, 1.0});
    CHECK(graph.inferences[0].request.split == campaign.split);
}

TEST_CASE("another measurement has another digest, other questions have not", "[campaign]") {
    const Digest before = measurement_digest(parsed(blind_data));
    const auto digest_of = [](const std::string& from, const std::string& to) {
        const std::string text = with_data(blind_data + "injections = [{ mu = 3 }]\n");
        return measurement_digest(parse_campaign(replaced(text, from, to), "/campaigns"));
    };

    CHECK(digest_of("mu = 2.0", "mu = 1.0") == before);
    CHECK(digest_of("mu = 3", "mu = 4") == before);
    CHECK(digest_of("poi = \"mu\"", "poi = \"mu\"\nscan = [1.0]") == before);
    CHECK(digest_of("batch = 100", "batch = 100\nthreads = 3") == before);
    CHECK(digest_of("batch = 100", "batch = 101") != before);
    CHECK(digest_of("sample = \"data\"", "sample = \"data2\"") != before);
    CHECK(digest_of("yield = 100.0", "yield = 101.0") != before);
    CHECK(digest_of("mu - sqrt(mu)", "mu") != before);
}

TEST_CASE("a measurement that was moved is still the same", "[campaign]") {
    const Campaign here = parsed(blind_data);
    Campaign there = here;
    there.folder = "/elsewhere";

    CHECK(measurement_digest(there) == measurement_digest(here));
    CHECK(measurement_digest(with_absolute_paths(there)) ==
          measurement_digest(with_absolute_paths(here)));
    CHECK(measurement_digest_by_path(there) != measurement_digest_by_path(here));
    CHECK(measurement_digest_by_path(with_absolute_paths(there)) ==
          measurement_digest_by_path(there));
    there.events.file = "others.h5";
    CHECK(measurement_digest(there) != measurement_digest(here));
}

TEST_CASE("mistakes of blinding and injections name key and advice", "[campaign]") {
    CHECK_THAT(message_of("blind = true"), Contains("data.blind = true (there is nothing to be "
                                                    "blind to: it needs sample = \"...\""));
    CHECK_THAT(message_of("sample = \"data\"\nasimov = { mu = 1 }"),
               Contains("set blind = true to fit Asimov data until"));
    CHECK_THAT(message_of("injections = { mu = 1 }"), Contains("must be an array of tables like"));
    CHECK_THAT(message_of("injections = [{ sample = \"S2\" }]"),
               Contains("data.injections[1]") && Contains("no value to inject"));
    CHECK_THAT(message_of("injections = [{ mu = 1 }, { mu = 11 }]"),
               Contains("data.injections[2].mu = 11"));
    const std::string outside = message_of("injections = [{ mu = 11 }, { mu = 12 }]");
    CHECK_THAT(outside, Contains("2 mistakes"));  // not that they have no value or one name
    CHECK_THAT(message_of("injections = [{ my = 1 }]"),
               Contains("no such parameter; did you mean 'mu'?"));
    CHECK_THAT(message_of("injections = [{ mu = 1, sample = \"SBI\" }]"),
               Contains("data.injections[1].sample = \"SBI\" (process 'SBI' is trained on this "
                        "sample; what is injected must be other events)"));
    CHECK_THAT(message_of("sample = \"data\"\ninjections = [{ mu = 1, sample = \"data\" }]"),
               Contains("these are the data"));
    CHECK_THAT(message_of("injections = [{ mu = 1 }, { mu = 1 }]"),
               Contains("another injection is called 'mu = 1', too"));
}

#include <string>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "campaign/campaign.hpp"

#include "example_campaign.hpp"
#include "selection_example.hpp"

using namespace ratiofarm;
using test::replaced;
using test::selection_toml;

namespace {

std::string scored(const std::string& keys) {
    return replaced(
        selection_toml, "[[region]]\nname = \"SR\"\nwhere = { x = [2.0, inf] }",
        "[preselection]\n" + keys +
            "\n[[region]]\nname = \"SR\"\nwhere = { x = [2.0, inf], score = [0, inf] }");
}

std::string mistake_of(const std::string& toml) {
    const auto mistakes = draft_campaign(toml, "/campaigns").mistakes;
    for (const auto& line : mistakes) UNSCOPED_INFO(line);
    REQUIRE(mistakes.size() == 1);
    const auto place = mistakes.front().find(": ");
    return mistakes.front().substr(place + 2);
}

PreselectionSection section_of(const std::string& toml) {
    const Campaign campaign = parse_campaign(toml, "/campaigns");
    REQUIRE(campaign.preselection.has_value());
    return *campaign.preselection;
}

}  // namespace

TEST_CASE("a preselection without keys has one class per process", "[selection]") {
    const std::string toml = replaced(scored(""), "[events]",
                                      "[network]\nhidden = [7]\n[training]\nepochs = 5\n[events]");

    const PreselectionSection section = section_of(toml);

    REQUIRE(section.classes.size() == 2);
    CHECK(section.classes[0].name == "S");
    CHECK(section.classes[0].processes == std::vector<std::string>{"S"});
    CHECK(section.signal == std::vector<std::string>{"S"});  // mu, which vanishes at mu = 0
    CHECK(section.weights == std::vector<std::pair<std::string, double>>{{"S", 1.0}, {"B", 1.0}});
    CHECK(section.features == std::vector<std::string>{"x"});
    CHECK(section.members == 1);
    CHECK(section.network.hidden == std::vector<std::uint32_t>{7});
    CHECK(section.network.inputs == 1);
    CHECK(section.network.outputs == 2);
    CHECK(section.training.epochs == 5);
}

TEST_CASE("a preselection has nets, classes and weights of its own", "[selection]") {
    const std::string toml = scored(
        "classes = { sig = [\"S\"], bkg = [\"B\"] }\nsignal = [\"bkg\"]\nweights = { sig = 2 }\n"
        "features = [\"x\", \"y\"]\nmembers = 3\nnetwork = { hidden = [9, 9] }\n"
        "[preselection.training]\nepochs = 4\nbatch = 11\n");

    const Campaign campaign = parse_campaign(toml, "/campaigns");

    const PreselectionSection& section = *campaign.preselection;
    CHECK(section.signal == std::vector<std::string>{"bkg"});
    CHECK(section.weights ==
          std::vector<std::pair<std::string, double>>{{"sig", 2.0}, {"bkg", 1.0}});
    CHECK(section.network.inputs == 2);
    CHECK(section.network.hidden == std::vector<std::uint32_t>{9, 9});
    CHECK(section.training.epochs == 4);
    CHECK(section.training.learning_rate == campaign.training.learning_rate);
    CHECK(campaign.training.epochs == TrainingOptions{}.epochs);
    const std::string text = campaign_toml(campaign);
    INFO(text);
    CHECK(parse_campaign(text, "/campaigns") == campaign);
}

TEST_CASE("keys of a selection read back equal", "[selection]") {
    std::string toml = scored("");
    toml = replaced(toml, "mixture = { S = 1, B = 1 }",
                    "mixture = { S = { cap = 3 }, B = \"yield\" }\nmax_ratio = 7");
    toml = replaced(toml, "edges = [0.0, 1.0, 2.0]",
                    "edges = [-inf, 1.0, 2.0]\nwhere = { \"y z\" = [0.5, inf] }\nmc_stat = false");
    toml = replaced(toml, "sample = \"data\"", "sample = \"data\"\noutside = \"drop\"");
    const Campaign campaign = parse_campaign(toml, "/campaigns");

    const std::string text = campaign_toml(campaign);

    INFO(text);
    const Campaign again = parse_campaign(text, "/campaigns");
    CHECK(again == campaign);
    CHECK(again.reference.max_ratio == 7.0);
    CHECK(again.reference.priors.size() == 2);
    CHECK(again.binned[0].where == std::vector<Cut>{{"y z", 0.5, INFINITY}});
    CHECK_FALSE(again.binned[0].mc_stat);
    CHECK(again.binned[0].from_events);
    CHECK(again.unbinned[0].where.size() == 2);
    CHECK(again.data.outside == OutsideSupport::drop);
}

TEST_CASE("what a preselection turns off that [network] turns on stays off", "[selection]") {
    const std::string toml =
        replaced(scored("network = { layer_norm = false, gram = 0 }\n"
                        "training = { dropout = 0, average = \"none\" }"),
                 "[events]",
                 "[network]\nlayer_norm = true\ngram = 3\n[training]\ndropout = 0.1\naverage = "
                 "\"ema\"\naverage_decay = 0.9\n[events]");
    const Campaign campaign = parse_campaign(toml, "/campaigns");

    const Campaign again = parse_campaign(campaign_toml(campaign), "/campaigns");

    CHECK(again == campaign);
    CHECK(again.network.layer_norm);
    CHECK_FALSE(again.preselection->network.layer_norm);
    CHECK(again.preselection->network.gram == 0);
    CHECK(again.preselection->training.dropout == 0.0);
    CHECK(again.preselection->training.average == Average::none);
}

TEST_CASE("mistakes of a preselection name the class or process", "[selection]") {
    CHECK(mistake_of(scored("classes = { a = [\"S\"], b = [\"Bb\", \"B\"] }\nsignal = [\"a\"]")) ==
          "preselection.classes.b = \"Bb\" (no such process; did you mean 'B'?)");
    CHECK(mistake_of(scored("classes = { a = [\"S\", \"B\"], b = [\"B\"] }\nsignal = [\"a\"]")) ==
          "preselection.classes.b = \"B\" (a process belongs to one class and is listed once)");
    CHECK(mistake_of(replaced(scored("classes = { a = [\"S\"], b = [\"B\"] }\nsignal = [\"a\"]"),
                              "[[systematic]]", "[[process]]\nname = \"C\"\n[[systematic]]"))
              .ends_with("(process 'C' is in no class; each belongs to one)"));
    CHECK(mistake_of(scored("signal = [\"S\", \"B\"]")) ==
          "preselection.signal = [\"S\", \"B\"] (must name some of the classes, not none and not "
          "all)");
    CHECK(mistake_of(scored("signal = [\"s\"]")) ==
          "preselection.signal = [\"s\"] (no such class 's'; did you mean 'S'?)");
    CHECK(mistake_of(scored("weights = { S = 0 }")) ==
          "preselection.weights.S = 0 (must be a number > 0)");
    CHECK(mistake_of(scored("members = 0")) ==
          "preselection.members = 0 (must be a whole number from 1 to 1000)");
    CHECK(mistake_of(scored("network = { hiden = [3] }")) ==
          "preselection.network.hiden (unknown key; did you mean 'hidden'?)");
    CHECK(mistake_of(scored("training = { epochs = 0 }")) ==
          "preselection.training.epochs = 0 (must be a whole number from 1 to 1000000)");
    CHECK(mistake_of(replaced(scored(""), "coefficient = \"mu\"", "coefficient = \"1 + mu\""))
              .starts_with("preselection.signal is missing (the classes in the numerator"));
    CHECK(mistake_of(replaced(scored(""), ", score = [0, inf]", ""))
              .starts_with("preselection (nothing uses it"));
    CHECK(mistake_of(replaced(selection_toml, "[reference]", "[reference]\nmax_ratio = 9"))
              .starts_with("reference.max_ratio (needs a [preselection]"));
    CHECK(mistake_of(replaced(scored(""), "features = [\"x\"]", "features = [\"x\", \"p_S\"]"))
              .starts_with("preselection (its observable 'p_S' has the name of one of"));
}

TEST_CASE("settings that a preselection takes over stay consistent", "[selection]") {
    const std::string toml = replaced(scored("training = { patience = 3 }"), "[events]",
                                      "[training]\nschedule = \"plateau\"\nschedule_epochs = "
                                      "5\npatience = 9\noptimizer = \"adamw\"\n"
                                      "weight_decay = 0.1\nwarmup_epochs = 8\n[events]");

    CHECK(mistake_of(toml).starts_with("preselection.training.patience = 3 (the training would"));
    CHECK(
        section_of(replaced(toml, "patience = 3", "optimizer = \"adam\"")).training.weight_decay ==
        0.0);
    CHECK(mistake_of(replaced(toml, "patience = 3", "epochs = 7")) ==
          "preselection.training.epochs = 7 (is below training.warmup_epochs; set warmup_epochs "
          "here, too)");
}

TEST_CASE("a cap is the largest ratio, and the others share the rest", "[selection]") {
    const auto mixture = [](const std::string& text) {
        return parse_campaign(replaced(selection_toml, "{ S = 1, B = 1 }", text), "/c")
            .reference.mixture;
    };
    using Mixture = std::vector<std::pair<std::string, double>>;

    CHECK(mixture("{ S = { cap = 4 }, B = 2 }") == Mixture{{"S", 0.25}, {"B", 0.75}});
    CHECK(mixture("{ S = { cap = 4 }, B = \"yield\" }") == Mixture{{"S", 0.25}, {"B", 0.75}});
    const Mixture yields = mixture("{ S = \"yield\", B = \"yield\" }");
    CHECK(yields[0].second == Approx(0.1));
    CHECK(yields[1].second == Approx(0.9));
    // Caps alone are lower bounds of shares: 1/4 and 1/4 become one half each.
    CHECK(mixture("{ S = { cap = 4 }, B = { cap = 4 } }") == Mixture{{"S", 0.5}, {"B", 0.5}});
    CHECK(mixture("{ S = { cap = 4 }, B = { cap = 2 } }")[1].second == Approx(2.0 / 3.0));
}

TEST_CASE("impossible shares of the reference are told", "[selection]") {
    const auto with = [](const std::string& text) {
        return replaced(selection_toml, "{ S = 1, B = 1 }", text);
    };
    CHECK(mistake_of(with("{ S = { cap = 1 }, B = 2 }"))
              .ends_with("(the caps ask for shares 1 / cap that sum to 1.0 (must be below 1, so "
                         "that the other processes have a share; raise the caps))"));
    CHECK(mistake_of(with("{ S = { cap = 1.5 }, B = { cap = 1.25 } }")).find("sum to 1.46666") !=
          std::string::npos);
    CHECK(mistake_of(with("{ S = { cap = 0.5 }, B = 2 }"))
              .starts_with("reference.mixture.S.cap = 0.5 (must be"));
    CHECK(mistake_of(with("{ S = \"yeild\", B = 2 }")) ==
          "reference.mixture.S = \"yeild\" (must be a number > 0, \"yield\" or { cap = M } with M "
          ">= 1)");
    CHECK(
        mistake_of(replaced(with("{ S = \"yield\", B = 2 }"), "yield = 10.0\n", "")) ==
        "reference.mixture.S = \"yield\" (the process declares no yield; give process.yield, or a "
        "number here)");
    CHECK(mistake_of(with("{ S = { cap = 3, kap = 3 }, B = 2 }")) ==
          "reference.mixture.S.kap = 3 (unknown key; did you mean 'cap'?)");
}

#include "campaign/search/study.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/search/search_space.hpp"
#include "core/philox.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

using Json = nlohmann::ordered_json;

StudySection study_of(const std::string& study, const std::string& search) {
    return parse_study("[study]\nname = \"calo\"\n" + study + "\n[search]\n" + search +
                           "\n[search.parameters]\nlr = { log_uniform = [1e-4, 1e-1] }\n"
                           "depth = { integer = [1, 8] }\n",
                       "/studies", "study.toml");
}

/// A trainer that counts its requests.
class Client {
public:
    explicit Client(Study& study, std::string name = "a") : study_(study), name_(std::move(name)) {}

    Json say(Json request) {
        request["seq"] = ++seq_;
        return Json::parse(study_.answer(name_, request.dump()).text);
    }
    Json ask() {
        const Json answer = say({{"ask", 1}});
        return answer["trials"].empty() ? answer : answer["trials"][0];
    }
    Json report(const Json& trial, std::uint32_t rung, Json values) {
        return say({{"report",
                     {{"trial", trial["trial"]},
                      {"attempt", trial["attempt"]},
                      {"rung", rung},
                      {"values", std::move(values)}}}});
    }

private:
    Study& study_;
    std::string name_;
    std::uint64_t seq_ = 0;
};

std::string error_of(const Json& answer) { return answer.value("error", std::string()); }

}  // namespace

TEST_CASE("a trial is given out, reported and the best", "[study]") {
    Study study(study_of("objectives = { auc = \"max\" }", "trials = 2"));
    Client client(study);

    const Json first = client.ask();
    const Json last = client.report(first, 0, {{"auc", 0.7}});
    client.report(client.ask(), 0, {{"auc", 0.9}});

    CHECK(first["attempt"] == 1);
    CHECK(first["until"] == 1);
    CHECK(first["resume"].is_null());
    CHECK(last["decision"] == "stop");
    const Json best = client.say({{"best", 1}})["best"];
    CHECK(best["trial"] == 1);
    CHECK(best["values"]["auc"] == 0.9);
    CHECK(client.say({{"ask", 1}})["finished"] == true);
    CHECK(study.finished());
}

TEST_CASE("a repeated request gets its first answer", "[study]") {
    Study study(study_of("", "trials = 9"));
    const std::string ask = R"({"ask": 2, "seq": 5})";

    const Study::Answer first = study.answer("a", ask);
    const Study::Answer again = study.answer("a", ask);
    const Study::Answer other = study.answer("b", ask);

    CHECK(first.changed);
    CHECK_FALSE(again.changed);
    CHECK(again.text == first.text);
    CHECK(other.text != first.text);
    CHECK(study.trials().size() == 4);
    CHECK(study.answer("a", R"({"ask": 3, "seq": 5})").text.find("was another request") !=
          std::string::npos);
}

TEST_CASE("a lost trial is tried again, then it has failed", "[study]") {
    Study study(study_of("attempts = 2", "trials = 2"));
    Client lost(study, "lost");
    Client other(study, "other");
    const Json first = lost.ask();

    CHECK(study.lose({0, 1}));
    CHECK_FALSE(study.lose({0, 1}));
    const Json second = other.ask();

    CHECK(second["trial"] == 0);
    CHECK(second["attempt"] == 2);
    CHECK(second["point"] == first["point"]);
    CHECK(lost.say({{"renew", {{"trial", 0}, {"attempt", 1}}}})["decision"] == "stop");
    CHECK(other.say({{"renew", {{"trial", 0}, {"attempt", 2}}}})["decision"] == "continue");
    CHECK(study.lose({0, 2}));
    CHECK(word_of(study.trials()[0].state) == "failed");
    CHECK(other.ask()["trial"] == 1);
}

TEST_CASE("the first report of a rung counts, whoever makes it", "[study]") {
    Study study(study_of("", "trials = 2"));
    Client slow(study, "slow");
    Client quick(study, "quick");
    const Json first = slow.ask();
    study.lose({0, 1});
    const Json second = quick.ask();

    // The trainer that was taken for lost is heard after all.
    CHECK(slow.report(first, 0, {{"loss", 0.5}})["decision"] == "stop");
    CHECK(study.trials()[0].rungs[0].values == std::vector<double>{0.5});
    CHECK(study.leases().empty());
    CHECK(quick.report(second, 0, {{"loss", 0.6}})["decision"] == "stop");
    CHECK(study.trials()[0].rungs[0].values == std::vector<double>{0.5});
    CHECK(study.dropped() == 1);
    // Of the same attempt nothing else is believed.
    CHECK(error_of(slow.report(first, 0, {{"loss", 0.4}})).find("with other values") !=
          std::string::npos);
    CHECK(slow.report(first, 0, {{"loss", 0.5}})["decision"] == "stop");
    CHECK(study.dropped() == 1);
}

TEST_CASE("a third of the trials of a rung goes on", "[study]") {
    Study study(study_of("epochs = 9", "trials = 9\nfirst_rung = 1"));
    Client client(study);
    std::vector<Json> trials;
    std::vector<std::string> decisions;

    // The third and the sixth are the best of theirs; the first of all is promoted when three more
    // have ended.
    const std::vector<double> losses{0.2, 0.9, 0.1, 0.8, 0.7, 0.3};
    for (const double loss : losses) {
        trials.push_back(client.ask());
        const Json decision = client.report(trials.back(), 0, {{"loss", loss}});
        decisions.push_back(decision["decision"]);
        if (decision["decision"] == "continue") {
            CHECK(decision["until"] == 3);
            CHECK(client.report(trials.back(), 1, {{"loss", 0.5 * loss}})["decision"] == "pause");
        }
    }
    const Json next = client.ask();

    CHECK(decisions ==
          std::vector<std::string>{"pause", "pause", "continue", "pause", "pause", "pause"});
    CHECK(next["trial"] == 0);
    CHECK(next["attempt"] == 2);
    CHECK(next["rung"] == 1);
    CHECK(next["until"] == 3);
    CHECK(next["resume"] == Json{{"attempt", 1}, {"epochs", 1}});
}

TEST_CASE("a failure is never promoted, and a sampler hears of it", "[study]") {
    Study study(study_of("epochs = 2", "trials = 4\nreduction = 2\nfirst_rung = 1"));
    Client client(study);
    const Json first = client.ask();
    const Json second = client.ask();

    CHECK(client.report(first, 0, {{"loss", nullptr}})["decision"] == "stop");
    const Json failed = client.say(
        {{"fail",
          {{"trial", second["trial"]}, {"attempt", second["attempt"]}, {"reason", "nan"}}}});

    CHECK(failed["decision"] == "stop");
    CHECK(study.trials()[1].reason == "nan");
    CHECK_FALSE(study.best());
    CHECK(client.ask()["trial"] == 2);
    CHECK(std::isinf(study.score(study.trials()[0].rungs[0], 0)));
}

TEST_CASE("given points come first, those of clients too", "[study]") {
    Study study(study_of("", "trials = 4\npoints = [{ lr = 0.01, depth = 3 }]"));
    Client client(study);

    CHECK(client.say({{"enqueue", {{{"lr", 0.02}, {"depth", 4}}}}})["enqueued"] == 1);
    CHECK(client.ask()["point"] == Json{{"lr", 0.01}, {"depth", 3}});
    CHECK(client.ask()["point"] == Json{{"lr", 0.02}, {"depth", 4}});
    CHECK(error_of(client.say({{"enqueue", {{{"lr", 0.5}, {"depth", 4}}}}})) ==
          "enqueue: point 0: lr = 0.5 (lies outside the space: must be a number from 0.0001 to "
          "0.1)");
    const Json many = Json::array(
        {{{"lr", 0.02}, {"depth", 1}}, {{"lr", 0.02}, {"depth", 2}}, {{"lr", 0.02}, {"depth", 3}}});
    CHECK(error_of(client.say({{"enqueue", many}})).find("2 more trials may begin") !=
          std::string::npos);
}

TEST_CASE("a study ends at its target or at its cost", "[study]") {
    Study target(study_of("target = 0.1", "trials = 9"));
    Client client(target);
    const Json running = client.ask();
    client.report(client.ask(), 0, {{"loss", 0.1}});
    CHECK(target.finished());
    CHECK(client.say({{"renew", {{"trial", 0}, {"attempt", 1}}}})["decision"] == "stop");
    CHECK(client.say({{"ask", 1}})["finished"] == true);
    CHECK(running["trial"] == 0);

    Study cost(
        study_of("epochs = 4", "trials = 9\nreduction = 2\nfirst_rung = 2\ncost_limit = 1.0"));
    Client other(cost);
    CHECK(other.say({{"ask", 9}})["trials"].size() == 2);
    CHECK_FALSE(cost.finished());
    CHECK(other.say({{"ask", 1}})["retry_s"] == 10.0);
    CHECK(error_of(other.say({{"enqueue", {{{"lr", 0.02}, {"depth", 4}}}}}))
              .find("search.cost_limit is reached") != std::string::npos);
}

TEST_CASE("what trainers were told does not depend on the target, which may become harder") {
    const auto told = [](const std::string& target) {
        Study study(study_of("epochs = 6\n" + target, "trials = 9\nreduction = 2\nfirst_rung = 3"));
        Client client(study);
        for (int trial = 0; trial < 4; ++trial) client.ask();
        client.report(Json{{"trial", 0}, {"attempt", 1}}, 0, {{"loss", 0.9}});
        client.report(Json{{"trial", 1}, {"attempt", 1}}, 0, {{"loss", 0.5}});
        std::string answers;
        answers += client.report(Json{{"trial", 1}, {"attempt", 1}}, 1, {{"loss", 0.4}}).dump();
        answers += client.report(Json{{"trial", 2}, {"attempt", 1}}, 0, {{"loss", 0.45}}).dump();
        return std::pair(answers, study.finished());
    };
    const auto [answers, reached] = told("target = 0.4");
    CHECK(reached);
    CHECK(answers.find("continue") != std::string::npos);
    CHECK(told("target = 0.1") == std::pair(answers, false));
}

TEST_CASE("who says goodbye gives back what it has", "[study]") {
    Study study(study_of("", "trials = 3"));
    Client leaving(study, "leaving");
    Client other(study, "other");
    leaving.ask();

    leaving.say({{"bye", 1}});

    CHECK(other.ask()["trial"] == 0);
}

TEST_CASE("a trial that every trainer gives back has failed", "[study]") {
    Study study(study_of("attempts = 2", "trials = 2"));
    Client leaving(study, "leaving");

    for (int attempt = 1; attempt <= 2; ++attempt) {
        CHECK(leaving.ask()["attempt"] == attempt);
        leaving.say({{"bye", 1}});
    }

    CHECK(word_of(study.trials()[0].state) == "failed");
    CHECK(study.trials()[0].reason == "none of 2 attempts came to the end of the rung");
    CHECK(leaving.ask()["trial"] == 1);
}

TEST_CASE("what was answered is answered again where more trials may begin by now", "[study]") {
    Study few(study_of("", "trials = 2"));
    const std::string ask = R"({"ask": 5, "seq": 1})";
    const Study::Answer given = few.answer("a", ask);

    Study more(study_of("", "trials = 9"));
    const Study::Answer again = more.answer("a", ask, 2);

    CHECK(again.text == given.text);
    CHECK(again.changed);
    CHECK(Json::parse(more.answer("a", R"({"ask": 5, "seq": 2})").text)["trials"].size() == 5);
}

TEST_CASE("no points change nothing, and none fit into a study that has become smaller",
          "[study]") {
    StudySection section = study_of("",
                                    "trials = 2\npoints = [{ lr = 0.01, depth = 1 }, "
                                    "{ lr = 0.01, depth = 2 }]");
    section.search.trials = 1;
    Study study(section);

    const Study::Answer none = study.answer("a", R"({"enqueue": [], "seq": 1})");
    Client client(study, "b");

    CHECK_FALSE(none.changed);
    CHECK(none.text == R"({"seq":1,"enqueued":0})");
    CHECK(error_of(client.say({{"enqueue", {{{"lr", 0.02}, {"depth", 4}}}}}))
              .starts_with("enqueue: 1 points, and 0 more trials may begin"));
}

TEST_CASE("a generation waits for the one before", "[study]") {
    Study study(study_of("", "trials = 20\nsampler = \"cmaes\""));
    Client client(study);

    const Json first = client.say({{"ask", 10}});
    const Json none = client.say({{"ask", 1}});
    for (const Json& trial : first["trials"]) client.report(trial, 0, {{"loss", 1.0}});

    CHECK(first["trials"].size() == 6);
    CHECK(none["retry_s"] == 10.0);
    CHECK(client.say({{"ask", 10}})["trials"].size() == 6);
}

TEST_CASE("what is wrong with a request is said, and changes nothing", "[study]") {
    Study study(study_of("", "trials = 3"));
    Client(study, "b").ask();
    const auto error = [&](const std::string& request) {
        const Study::Answer answer = study.answer("a", request);
        CHECK_FALSE(answer.changed);
        return error_of(Json::parse(answer.text));
    };
    const std::string about = R"({"seq": 1, "report": {"trial": 0, "attempt": 1, "rung": 0, )";

    CHECK(error("{") == "is not JSON; NaN and infinite numbers are none, either");
    CHECK(error("[]") == "must be an object of JSON");
    CHECK(error(R"({"ask": 1})") == "request.seq is missing");
    CHECK(error(R"({"ask": 0, "seq": 1})") == "ask = 0 (must be a whole number from 1 to 1000)");
    CHECK(error(R"({"ask": 1, "best": 1, "seq": 1})") == "a request has one of ask and best");
    CHECK(error(R"({"reprt": 1, "seq": 1})") ==
          "request.reprt (unknown key; did you mean 'report'?)");
    CHECK(error(about + R"("values": {"loss": NaN}}})") ==
          "is not JSON; NaN and infinite numbers are none, either");
    CHECK(error(about + R"("values": {"loss": "nan"}}})") ==
          "values.loss = \"nan\" (must be a finite number, or null for a failure)");
    CHECK(error(about + R"("values": {}}})") == "values.loss is missing");
    CHECK(error(about + R"("values": {"loss": 1, "auc": 1}}})") ==
          "values.auc (unknown key; known are loss)");
    CHECK(error(R"({"seq": 1, "report": {"trial": 7, "attempt": 1, "rung": 0, "values": {}}})") ==
          "trial = 7 (must be a whole number from 0 to 0)");
    CHECK(error(R"({"seq": 1, "renew": {"trial": 0, "attempt": 2}})") ==
          "attempt = 2 (must be a whole number from 1 to 1)");
    CHECK(
        error(
            R"({"seq": 1, "report": {"trial": 0, "attempt": 1, "rung": 1, "values": {"loss": 1}}})")
            .starts_with("rung = 1"));
    CHECK(error(R"({"hello": 1, "protocol": "other/2"})") ==
          "protocol = \"other/2\" (this service speaks ratiofarm-hpo/1)");
    CHECK(study.leases().size() == 1);
}

TEST_CASE("a study file says all its mistakes at once", "[study]") {
    const std::string text = R"toml(
[study]
name = "calo"
epoch = 3
objectives = { loss = "low" }
[search]
members = 3
first_members = 1
sampler = "external"
command = "python3 steer.py %OUT"
[search.parameters]
lr = { log_uniform = [0.0, 1.0] }
depth = { integer = [8, 1] }
)toml";

    std::string message;
    try {
        parse_study(text, "/studies", "study.toml");
    } catch (const ConfigError& error) {
        message = error.what();
    }

    for (const char* line :
         {"8 mistakes in study.toml", "study.epoch = 3 (unknown key; did you mean 'epochs'?)",
          "study.objectives.loss = \"low\" (must be \"min\" or \"max\")",
          "search.members = 3 (is for a campaign", "search.first_members = 1 (is for a campaign",
          "search.sampler = \"external\" (of a study is", "lr", "low < high"}) {
        INFO(line << " in\n" << message);
        CHECK(message.find(line) != std::string::npos);
    }
    for (const char* name : {"attempt", "epochs", "trial"}) {
        const std::string objectives = std::string("objectives = { ") + name + " = \"min\" }";
        CHECK_THROWS_WITH(study_of(objectives, ""), Contains("and not attempt, epochs or trial"));
    }
    CHECK_THROWS_WITH(study_of("objectives = { loss = \"min\", depth = \"min\" }", ""),
                      Contains("search.parameters.depth (is an objective, too"));
    CHECK_THROWS_AS(parse_study("[study]\nname = \"a\"\n", "/", "a"), ConfigError);
    CHECK_THROWS_AS(study_of("", "points = [{ lr = 0.01 }]"), ConfigError);
}

namespace {

/// Branin / 10 in the unit square, and how fast a training gets there (section 4 of the notes).
double branin(double x, double y) {
    constexpr double pi = std::numbers::pi;
    const double a = y - 5.1 / (4.0 * pi * pi) * x * x + 5.0 / pi * x - 6.0;
    return a * a + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * std::cos(x) + 10.0;
}

constexpr double least_branin = 0.39788735772973816;

double crossing_curve(const Json& point, double epochs) {
    const double x = point["x"];
    const double y = point["y"];
    const double tau = 2.0 + 8.0 * (x + 5.0) / 15.0;
    return branin(x, y) / 10.0 + std::exp(-epochs / tau);
}

StudySection crossing_study(const std::string& sampler, int seed, int trials) {
    return parse_study("[study]\nname = \"c\"\nepochs = 54\nseed = " + std::to_string(seed) +
                           "\n[search]\nfirst_rung = 2\nsampler = \"" + sampler +
                           "\"\ntrials = " + std::to_string(trials) +
                           "\n[search.parameters]\nx = { uniform = [-5.0, 10.0] }\n"
                           "y = { uniform = [0.0, 15.0] }\n",
                       "/", "c");
}

struct Outcome {
    double excess = 0.0;  ///< of the limit of the best trial over the least one
    double work = 0.0;    ///< part of the epochs of all trials
};

/// Some trainers in turn, until the study is over.
Outcome trained(Study& study, int trainers) {
    std::vector<Client> clients;
    for (int i = 0; i < trainers; ++i) clients.emplace_back(study, "client" + std::to_string(i));
    double epochs = 0.0;
    while (!study.finished()) {
        std::vector<std::pair<std::size_t, Json>> work;
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const Json trial = clients[i].ask();
            if (trial.contains("trial")) work.emplace_back(i, trial);
        }
        for (const auto& [i, trial] : work) {
            std::uint32_t rung = trial["rung"];
            Json decision{{"decision", "continue"}, {"until", trial["until"]}};
            while (decision["decision"] == "continue") {
                const double until = decision["until"];
                epochs += until - (rung == 0 ? 0.0 : study.epochs()[rung - 1]);
                decision = clients[i].report(trial, rung++,
                                             {{"loss", crossing_curve(trial["point"], until)}});
            }
        }
    }
    const StudyTrial& best = study.trials()[study.best()->trial];
    const Json point = point_json(best.setting);
    return {(branin(point["x"], point["y"]) - least_branin) / 10.0,
            epochs / (54.0 * static_cast<double>(study.trials().size()))};
}

}  // namespace

TEST_CASE("rungs find the best of crossing curves for part of the epochs", "[study]") {
    std::vector<double> excesses;
    double most_work = 0.0;
    for (int seed = 1; seed <= 15; ++seed) {
        Study study(crossing_study("tpe", seed, 64));
        const Outcome outcome = trained(study, 4);
        excesses.push_back(outcome.excess);
        most_work = std::max(most_work, outcome.work);
    }
    std::ranges::sort(excesses);

    CHECK(excesses[7] < 0.1);
    CHECK(most_work < 0.4);
}

TEST_CASE("a deterministic trainer is told the same trials whatever is lost", "[study]") {
    // The study is told again all that it answered, as after a kill, at random moments; answers get
    // lost and are asked for again.
    const StudySection section = crossing_study("tpe", 3, 30);
    Study calm(section);
    trained(calm, 1);
    PhiloxSequence random(20);
    struct Line {
        std::string request;
        std::string answer;
    };
    std::vector<Line> journal;
    Study study(section);
    std::uint64_t seq = 0;
    const auto say = [&](Json request) {
        request["seq"] = ++seq;
        for (;;) {
            const Study::Answer answer = study.answer("client0", request.dump());
            if (answer.changed) journal.push_back({request.dump(), answer.text});
            const bool killed = random.uniform() < 0.3;
            if (killed) {
                study = Study(section);
                for (const Line& line : journal) {
                    REQUIRE(study.answer("client0", line.request).text == line.answer);
                }
            }
            if (random.uniform() < 0.7) return Json::parse(answer.text);
        }
    };

    while (!study.finished()) {
        const Json asked = say({{"ask", 1}});
        if (asked["trials"].empty()) continue;
        const Json trial = asked["trials"][0];
        std::uint32_t rung = trial["rung"];
        Json decision{{"decision", "continue"}, {"until", trial["until"]}};
        while (decision["decision"] == "continue") {
            const double loss = crossing_curve(trial["point"], decision["until"]);
            decision = say({{"report",
                             {{"trial", trial["trial"]},
                              {"attempt", trial["attempt"]},
                              {"rung", rung++},
                              {"values", {{"loss", loss}}}}}});
        }
    }

    REQUIRE(study.trials().size() == calm.trials().size());
    CHECK(study.told() == calm.told());
    for (std::size_t i = 0; i < calm.trials().size(); ++i) {
        CHECK(study.trials()[i].setting == calm.trials()[i].setting);
        REQUIRE(study.trials()[i].rungs.size() == calm.trials()[i].rungs.size());
        for (std::size_t rung = 0; rung < calm.trials()[i].rungs.size(); ++rung) {
            CHECK(study.trials()[i].rungs[rung].values == calm.trials()[i].rungs[rung].values);
        }
    }
}

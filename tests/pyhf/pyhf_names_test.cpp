#include "pyhf/pyhf_names.hpp"

#include <algorithm>
#include <cctype>
#include <random>
#include <set>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

constexpr std::size_t longest_name = 100;  // that a campaign takes

bool is_identifier(const std::string& name) {
    const auto good = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    };
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
           std::all_of(name.begin(), name.end(), good);
}

/// Texts with few letters, so that many become the same name.
std::vector<std::string> random_texts(std::size_t n) {
    std::mt19937 random(5);
    const std::string letters = "aA1_ -.+[\xc2\xb5";
    std::uniform_int_distribution<std::size_t> letter(0, letters.size() - 1);
    std::uniform_int_distribution<std::size_t> size(0, 5);
    std::set<std::string> texts;
    while (texts.size() < n) {
        std::string text;
        for (std::size_t k = size(random); k > 0; --k) text += letters[letter(random)];
        texts.insert(text);
    }
    return {texts.begin(), texts.end()};
}

}  // namespace

TEST_CASE("every text becomes an identifier of its own, the same each time", "[pyhf]") {
    NameMaker names(NameMaker::Rule::identifier);
    std::set<std::string> used;
    const auto texts = random_texts(500);

    for (const std::string& text : texts) {
        const std::string name = names.name_of(text);
        INFO("'" << text << "' -> '" << name << "'");
        CHECK(is_identifier(name));
        CHECK(used.insert(name).second);
        CHECK(names.name_of(text) == name);
    }
    CHECK(names.labels().size() <= texts.size());
}

TEST_CASE("labels lead from every changed name back to its text", "[pyhf]") {
    for (const auto rule : {NameMaker::Rule::identifier, NameMaker::Rule::plain}) {
        NameMaker names(rule);
        const auto texts = random_texts(200);
        for (const std::string& text : texts) names.name_of(text);

        const auto labels = names.labels();

        for (const std::string& text : texts) CHECK(label_of(labels, names.name_of(text)) == text);
        for (const auto& [name, text] : labels) CHECK(name != text);
    }
}

TEST_CASE("a text that is a name already is kept", "[pyhf]") {
    NameMaker identifiers(NameMaker::Rule::identifier);
    NameMaker plain(NameMaker::Rule::plain);

    for (const char* name : {"mu", "_x", "alpha_JES_1", "A9"}) {
        CHECK(identifiers.name_of(name) == name);
    }
    for (const char* name : {"SR-1", "a.b+c", "9jets"}) CHECK(plain.name_of(name) == name);
    CHECK(identifiers.labels().empty());
    CHECK(plain.labels().empty());
}

TEST_CASE("words of a campaign file and bad beginnings get a line before them", "[pyhf]") {
    NameMaker identifiers(NameMaker::Rule::identifier);
    NameMaker plain(NameMaker::Rule::plain);

    CHECK(identifiers.name_of("sqrt") == "_sqrt");
    CHECK(identifiers.name_of("source") == "_source");
    CHECK(identifiers.name_of("2jets") == "_2jets");
    CHECK(plain.name_of("-low") == "_-low");
    CHECK(plain.name_of(".hidden") == "_.hidden");
}

TEST_CASE("letters that cannot stay become one line, none at the end", "[pyhf]") {
    NameMaker names(NameMaker::Rule::identifier);

    CHECK(names.name_of("jet  energy (scale)") == "jet_energy_scale");
    CHECK(names.name_of("jet_energy [scale]") == "jet_energy_scale_2");
    CHECK(names.name_of("ends_") == "ends_");
}

TEST_CASE("long texts that begin alike have different names of allowed length", "[pyhf]") {
    NameMaker names(NameMaker::Rule::identifier);
    std::set<std::string> used;

    for (int k = 0; k < 12; ++k) {
        const std::string name = names.name_of(std::string(300, 'x') + std::to_string(k));
        CHECK(name.size() <= longest_name);
        CHECK(used.insert(name).second);
    }
}

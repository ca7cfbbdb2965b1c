#include "pyhf_names.hpp"

#include <cctype>
#include <string_view>

namespace ratiofarm {

std::string NameMaker::name_like(const std::string& wanted) const {
    std::string name;
    const std::string_view also = rule_ == Rule::identifier ? "_" : "_.+-";
    for (const char c : wanted) {
        const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          also.find(c) != std::string_view::npos;
        if (good) {
            name += c;
        } else if (name.empty() || name.back() != '_') {
            name += '_';
        }
    }
    while (name.size() > 1 && name.back() == '_' && wanted.back() != '_') name.pop_back();
    const bool starts_badly =
        name.empty() || (rule_ == Rule::identifier ? std::isdigit(name.front()) != 0
                                                   : name.find_first_of(".+-") == 0);
    if (starts_badly || name == "sqrt" || name == "source") name.insert(0, 1, '_');
    constexpr std::size_t longest = 90;  // of the 100 that a name may have
    name.resize(std::min(name.size(), longest));
    return name;
}

void NameMaker::keep(const std::string& original) {
    if (name_like(original) != original) return;
    if (used_.insert(original).second) names_.emplace(original, original);
}

const std::string& NameMaker::name_of(const std::string& original) {
    const auto found = names_.find(original);
    if (found != names_.end()) return found->second;
    const std::string name = name_like(original);
    std::string candidate = name;
    for (int k = 2; !used_.insert(candidate).second; ++k)
        candidate = name + "_" + std::to_string(k);
    return names_.emplace(original, candidate).first->second;
}

LabelsSection::Labels NameMaker::labels() const {
    LabelsSection::Labels labels;
    for (const auto& [original, name] : names_) {
        if (original != name) labels.emplace_back(name, original);
    }
    return labels;
}

}  // namespace ratiofarm

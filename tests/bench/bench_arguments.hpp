#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace ratiofarm::bench {

inline double seconds_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    return spent.count();
}

/// Processor seconds of all threads of this process so far: what other programs on the machine
/// cannot change.
inline double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Least and median of several measurements.
struct Timing {
    double least = 0.0;
    double median = 0.0;
};
inline Timing timing_of(std::vector<double> seconds) {
    std::sort(seconds.begin(), seconds.end());
    return {seconds.front(), seconds[seconds.size() / 2]};
}

/// Arguments of the form key=value; unknown keys are refused.
class Arguments {
public:
    /// \param defaults every key there is
    Arguments(int argc, char** argv, int first, std::map<std::string, std::string> defaults)
        : values_(std::move(defaults)) {
        for (int a = first; a < argc; ++a) {
            const std::string text = argv[a];
            const auto cut = std::min(text.find('='), text.size());
            const auto found = values_.find(text.substr(0, cut));
            if (found == values_.end() || cut == text.size()) {
                throw std::invalid_argument("'" + text + "' is not an argument; there are" +
                                            keys());
            }
            found->second = text.substr(cut + 1);
        }
    }
    const std::string& text(const std::string& key) const { return values_.at(key); }
    std::size_t count(const std::string& key) const { return std::stoull(values_.at(key)); }

private:
    std::string keys() const {
        std::string all;
        for (const auto& [key, value] : values_) all += " " + key + "=" + value;
        return all;
    }
    std::map<std::string, std::string> values_;
};

}  // namespace ratiofarm::bench

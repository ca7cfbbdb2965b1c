// Damaged inputs for every reader of bytes from outside: each ends in a clean error or in what the
// undamaged input says. Inputs are read in child processes, so that a crash is a verdict, too.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <span>
#include <sstream>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"

#include "parser.hpp"

/// Of the sanitizer: an allocation of this size is a size that nobody looked at.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
    return "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=1024";
}

namespace ratiofarm::test {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::uint64_t inputs = 200;
    std::uint64_t seed = 1;
    std::vector<std::string> only;  ///< parsers whose names begin so; empty: all
    fs::path keep;                  ///< where inputs go that were not read cleanly
    fs::path input;                 ///< read only this one, without a child
};

enum class Verdict : std::uint8_t { none, accepted, refused, bad };

/// What a child tells of one input.
struct Outcome {
    Verdict verdict = Verdict::none;
    char note[400] = "";

    void say(const std::string& text) { std::snprintf(note, sizeof note, "%s", text.c_str()); }
};

/// Memory that a child shares with us.
class Outcomes {
public:
    explicit Outcomes(std::size_t count) : size_(sizeof(Head) + count * sizeof(Outcome)) {
        void* memory =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw SystemError("cannot share memory", errno);
        head_ = new (memory) Head;
        outcomes_ = reinterpret_cast<Outcome*>(head_ + 1);
    }
    ~Outcomes() { ::munmap(head_, size_); }
    Outcomes(const Outcomes&) = delete;
    Outcomes& operator=(const Outcomes&) = delete;

    std::atomic<std::uint64_t>& next() { return head_->next; }  ///< input that is read now
    Outcome& operator[](std::size_t input) { return outcomes_[input]; }

private:
    struct alignas(16) Head {
        std::atomic<std::uint64_t> next = 0;
    };
    std::size_t size_;
    Head* head_;
    Outcome* outcomes_;
};

std::set<std::string> lines_of(const std::string& text) {
    std::set<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.insert(line);
    return lines;
}

/// Whether what was read may be read of these seeds.
class Expected {
public:
    explicit Expected(const Parser& parser) : damage_(parser.damage) {
        for (const std::string& seed : parser.seeds) {
            texts_.insert(parser.read(seed));
            lines_.merge(lines_of(*texts_.rbegin()));
            for (const std::string& line : lines_of(parser.read(seed))) lines_.insert(line);
        }
    }

    bool allows(const std::string& text) const {
        if (damage_ == Damage::unknown || texts_.contains(text)) return true;
        const std::set<std::string> lines = lines_of(text);
        return damage_ == Damage::skipped &&
               std::includes(lines_.begin(), lines_.end(), lines.begin(), lines.end());
    }

private:
    Damage damage_;
    std::set<std::string> texts_;
    std::set<std::string> lines_;
};

void judge(const Parser& parser, const Expected& expected, const std::string& input, Outcome& to) {
    constexpr std::size_t longest = 1'000'000;  // of a message
    to.verdict = Verdict::bad;
    try {
        if (expected.allows(parser.read(input)))
            to.verdict = Verdict::accepted;
        else
            to.say("damage was not noticed: it reads as something else");
    } catch (const Error& error) {
        const std::string text = error.what();
        to.say(text);
        if (error.exit_code() == ExitCode::usage && !text.empty() && text.size() < longest) {
            to.verdict = Verdict::refused;
        } else {
            to.say(fmt::format("no clean error (exit code {}): {}",
                               static_cast<int>(error.exit_code()), text));
        }
    } catch (const std::exception& error) {
        to.say(fmt::format("no clean error: {}", error.what()));
    }
}

/// The inputs of a parser: those that once did harm, then damaged seeds.
class Inputs {
public:
    Inputs(const Parser& parser, const Options& options)
        : mutator_(parser.bytes, parser.seeds), mend_(parser.mend), options_(options) {
        std::string folder = RATIOFARM_SOURCE_DIR "/tests/fuzz/cases/" + parser.name;
        std::ranges::replace(folder, ' ', '_');
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(folder, none)) {
            cases_.push_back(read_text(entry.path()));
        }
        const std::uint64_t name = Hasher().text(parser.name).finish().low;
        first_ = Hasher().number(options.seed).number(name).finish().low;
    }

    std::size_t size() const { return cases_.size() + options_.inputs; }
    std::string operator[](std::size_t input) const {
        if (input < cases_.size()) return cases_[input];
        std::string bytes = mutator_.make(first_ + input - cases_.size());
        return mend_ ? mend_(std::move(bytes)) : bytes;
    }

private:
    Mutator mutator_;
    std::function<std::string(std::string)> mend_;
    const Options& options_;
    std::vector<std::string> cases_;
    std::uint64_t first_ = 0;
};

/// Ends this process if one input takes too long, on a busy machine or not.
void limit_time() {
    const itimerval of_processor{{0, 0}, {5, 0}};
    ::setitimer(ITIMER_PROF, &of_processor, nullptr);
    ::alarm(100);
}

[[noreturn]] void read_in_child(const Parser& parser,
                                const Expected& expected,
                                const Inputs& inputs,
                                Outcomes& outcomes,
                                const fs::path& log) {
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, STDERR_FILENO);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
#ifndef __SANITIZE_ADDRESS__
    const rlimit memory{rlim_t{4} << 30, rlim_t{4} << 30};
    ::setrlimit(RLIMIT_AS, &memory);
#endif
    while (outcomes.next() < inputs.size()) {
        const std::uint64_t input = outcomes.next();
        limit_time();
        judge(parser, expected, inputs[input], outcomes[input]);
        ++outcomes.next();
    }
    std::fflush(nullptr);
    ::_exit(0);
}

/// How a child ended that should not have, with the words of the sanitizers.
std::string end_of(int status, const fs::path& log) {
    std::string text = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                           : fmt::format("exit code {}", WEXITSTATUS(status));
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGPROF || signal == SIGALRM) text += " (too slow)";
    std::ifstream lines(log);
    int frames = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("ERROR:") != line.npos || line.find("runtime error") != line.npos) {
            text += ", " + line;
        }
        const std::size_t frame = line.find(" in ");
        if (line.find("    #") == 0 && frame != line.npos && ++frames <= 8) {
            text += " <- " + line.substr(frame + 4, 60);
        }
    }
    return text;
}

struct Count {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t bad = 0;
};

void keep(const Options& options, const Parser& parser, std::size_t input, const std::string& all) {
    if (options.keep.empty()) return;
    fs::create_directories(options.keep);
    std::ofstream(options.keep / fmt::format("{}-{}-{}", parser.name, options.seed, input),
                  std::ios::binary)
        << all;
}

Count fuzz(const Parser& parser, const Options& options, const fs::path& folder) {
    const Expected expected(parser);
    const Inputs inputs(parser, options);
    Outcomes outcomes(inputs.size());
    const fs::path log = folder / "stderr";
    while (outcomes.next() < inputs.size()) {
        std::fflush(nullptr);
        const pid_t child = ::fork();
        if (child < 0) throw SystemError("cannot start a process", errno);
        if (child == 0) read_in_child(parser, expected, inputs, outcomes, log);
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (status == 0) continue;
        Outcome& outcome = outcomes[outcomes.next()++];
        outcome.verdict = Verdict::bad;
        outcome.say(end_of(status, log));
    }
    Count count;
    for (std::size_t input = 0; input < inputs.size(); ++input) {
        const Outcome& outcome = outcomes[input];
        if (outcome.verdict == Verdict::accepted) ++count.accepted;
        if (outcome.verdict == Verdict::refused) ++count.refused;
        if (outcome.verdict != Verdict::bad) continue;
        if (++count.bad <= 10) {
            fmt::print("  {}, input {}: {}\n", parser.name, input, outcome.note);
        }
        keep(options, parser, input, inputs[input]);
    }
    return count;
}

int replay(const Parser& parser, const fs::path& input) {
    Outcome outcome;
    judge(parser, Expected(parser), read_text(input), outcome);
    fmt::print("{}: {}\n", outcome.verdict == Verdict::bad ? "bad" : "clean", outcome.note);
    return outcome.verdict == Verdict::bad ? 1 : 0;
}

Options options_of(std::span<char*> words) {
    Options options;
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
        const std::string name = words[i];
        const std::string value = words[i + 1];
        if (name == "--inputs")
            options.inputs = std::stoull(value);
        else if (name == "--seed")
            options.seed = std::stoull(value);
        else if (name == "--parser")
            options.only.push_back(value);
        else if (name == "--keep")
            options.keep = value;
        else if (name == "--replay")
            options.input = value;
        else
            throw ConfigError("unknown option " + name);
    }
    if (words.size() % 2 == 0) {
        throw ConfigError(
            "usage: fuzz [--inputs N] [--seed S] [--parser NAME]... [--keep FOLDER] "
            "[--replay FILE, with one --parser]");
    }
    return options;
}

int run(std::span<char*> words) {
    const Options options = options_of(words);
    const TemporaryDirectory folder;
    std::vector<Parser> parsers = text_parsers();
    for (const auto more : {store_parsers, task_parsers, table_parsers}) {
        for (Parser& parser : more(folder.path())) parsers.push_back(std::move(parser));
    }
    std::string table = fmt::format("{:<36}{:>10}{:>10}{:>10}{:>8}\n",
                                    "parser, seed " + std::to_string(options.seed), "inputs",
                                    "accepted", "refused", "bad");
    std::uint64_t bad = 0;
    for (const Parser& parser : parsers) {
        const bool wanted =
            options.only.empty() || std::ranges::any_of(options.only, [&](const std::string& name) {
                return parser.name == name;
            });
        if (!wanted) continue;
        if (!options.input.empty()) return replay(parser, options.input);
        const Count count = fuzz(parser, options, folder.path());
        table += fmt::format("{:<36}{:>10}{:>10}{:>10}{:>8}\n", parser.name,
                             count.accepted + count.refused + count.bad, count.accepted,
                             count.refused, count.bad);
        bad += count.bad;
    }
    fmt::print("{}", table);
    return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace ratiofarm::test

int main(int argc, char** argv) {
    try {
        return ratiofarm::test::run({argv, static_cast<std::size_t>(argc)});
    } catch (const std::exception& error) {
        fmt::print(stderr, "fuzz: {}\n", error.what());
        return 2;
    }
}

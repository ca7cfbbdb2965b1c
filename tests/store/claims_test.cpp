#include "store/claims.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "store/farm_progress.hpp"
#include "store/lock.hpp"

using namespace ratiofarm;
namespace fs = std::filesystem;
using Take = Claims::Take;
using Standing = Claims::Standing;

namespace {

constexpr double lease = 90.0;  // seconds
const Digest task{0x1234, 7};
const Digest other_task{0x1234, 8};

/// Seconds of a clock that tests move.
Claims::Instant at(double seconds) {
    return Claims::Instant() + std::chrono::duration_cast<Claims::Instant::duration>(
                                   std::chrono::duration<double>(1e4 + seconds));
}

/// A job: it holds a lock and gives signs of life.
struct Job {
    Job(const fs::path& folder, const std::string& job)
        : directory(folder),
          name(job),
          lock(std::make_unique<Lock>(directory.lock(Shard{.job = job}), Log())),
          claims(directory, job, lease) {
        live(0.0);
    }
    void live(double seconds) const {
        write_progress(progress_file(directory.journal(Shard{.job = name})), {.seconds = seconds});
    }
    bool claims_at(double now, const Digest& wanted = task) {
        claims.look(at(now));
        return claims.standing(wanted) == Standing::free && claims.take(wanted) == Take::claimed;
    }

    RunDirectory directory;
    std::string name;
    std::unique_ptr<Lock> lock;
    Claims claims;
};

void publish_result(const RunDirectory& directory, const Digest& done) {
    publish(directory.result(done), "result");
}

/// Waits until `n` processes have come here.
void meet(const fs::path& folder, int n) {
    fs::create_directories(folder);
    std::ofstream(folder / std::to_string(::getpid())) << "here";
    while (std::distance(fs::directory_iterator(folder), fs::directory_iterator()) < n) {
        ::usleep(1000);
    }
}

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a task is claimed by one of two jobs, and one that is done by none") {
    const test::TemporaryDirectory folder;
    Job first(folder.path(), "1");
    Job second(folder.path(), "2");
    second.claims.look(at(0));

    CHECK(first.claims_at(0));
    CHECK(second.claims.take(task) == Take::taken);  // since its look
    CHECK_FALSE(second.claims_at(1));
    CHECK(second.claims_at(1, other_task));
    CHECK(first.claims.holds(task));
    CHECK_FALSE(second.claims.holds(task));

    publish_result(first.directory, task);
    first.claims.settle(task, at(2));
    first.claims.remove_settled(at(3));
    CHECK_FALSE(second.claims_at(3));  // so long its result may not be seen
    first.claims.remove_settled(at(2 + lease + 1));
    second.claims.look(at(100));
    CHECK(second.claims.take(task) == Take::done);
    CHECK(files_in(first.directory.claims()) == 1);
}

TEST_CASE("the tasks of a job that ended or was killed are free at once") {
    const test::TemporaryDirectory folder;
    Job thief(folder.path(), "thief");
    SECTION("ended") {
        Job victim(folder.path(), "victim");
        CHECK(victim.claims_at(0));
        CHECK_FALSE(thief.claims_at(0));
        victim.lock.reset();
    }
    SECTION("killed") {
        const pid_t child = ::fork();
        if (child == 0) {
            auto* victim = new Job(folder.path(), "victim");
            victim->claims_at(0);
            ::kill(::getpid(), SIGKILL);
        }
        ::waitpid(child, nullptr, 0);
    }

    CHECK(thief.claims_at(1));
    CHECK(thief.claims.attempt(task) == 2);
    CHECK(files_in(thief.directory.claims()) == 1);
}

TEST_CASE("jobs are counted that live, also before they claim anything") {
    const test::TemporaryDirectory folder;
    Job a(folder.path(), "a");
    a.claims.look(at(0.0));
    CHECK(a.claims.jobs() == 1);

    auto b = std::make_unique<Job>(folder.path(), "b");
    a.claims.look(at(1.0));
    CHECK(a.claims.jobs() == 2);
    CHECK(b->claims_at(1.0));
    a.claims.look(at(2.0));
    CHECK(a.claims.jobs() == 2);

    // A job on another host that gives no sign of life.
    const double end = 2.0 + 1.1 * lease;
    for (double now = 2.0; now < end; now += 5.0) {
        a.claims.look(at(now));
    }
    CHECK(a.claims.jobs() == 1);
    b->live(end);
    a.claims.look(at(end));
    CHECK(a.claims.jobs() == 2);
    b.reset();
    a.claims.look(at(end + 1.0));
    CHECK(a.claims.jobs() == 1);
}

TEST_CASE("a job that stands still for a lease loses its tasks, and learns it when it goes on") {
    const test::TemporaryDirectory folder;
    Job zombie(folder.path(), "zombie");
    Job thief(folder.path(), "thief");
    CHECK(zombie.claims_at(0));
    for (int second = 0; second < 60; ++second) {
        if (second < 30) zombie.live(second);
        CHECK_FALSE(thief.claims_at(second));
    }
    for (int second = 60; second < 29 + 90; ++second) CHECK_FALSE(thief.claims_at(second));

    CHECK(thief.claims_at(120));
    CHECK_FALSE(zombie.claims.holds(task));  // what it publishes now it does not commit
    zombie.claims.look(at(121));
    CHECK(zombie.claims.take_lost() == std::vector<Digest>{task});
    CHECK(zombie.claims.take_lost().empty());
    zombie.live(121);
    thief.live(121);
    CHECK_FALSE(zombie.claims_at(122));
    CHECK(zombie.claims_at(122, other_task));  // it takes part again
}

TEST_CASE("an observer that was suspended itself takes nobody for dead") {
    const test::TemporaryDirectory folder;
    Job holder(folder.path(), "holder");
    Job observer(folder.path(), "observer");
    CHECK(holder.claims_at(0));
    observer.claims.look(at(0));

    // Both were suspended for an hour; the observer looks first.
    CHECK_FALSE(observer.claims_at(3600));
    holder.live(3601);
    CHECK_FALSE(observer.claims_at(7200));
    CHECK_FALSE(observer.claims_at(9000));
    CHECK_FALSE(observer.claims_at(9100));
    CHECK_FALSE(observer.claims_at(9200));
    CHECK(observer.claims_at(9300));  // a lease of its own looks without a sign
}

TEST_CASE("the clocks of jobs do not matter") {
    const test::TemporaryDirectory folder;
    Job holder(folder.path(), "holder");
    CHECK(holder.claims_at(-9000));
    const fs::path sign = progress_file(holder.directory.journal(Shard{.job = "holder"}));
    Job observer(folder.path(), "observer");
    for (int look = 0; look < 20; ++look) {
        holder.live(look);
        fs::last_write_time(sign, fs::file_time_type::clock::now() - std::chrono::hours(48));
        CHECK_FALSE(observer.claims_at(50.0 * look));
    }
}

TEST_CASE("strikes count for all jobs, and a task that one gave up is left alone while it lives") {
    const test::TemporaryDirectory folder;
    Job first(folder.path(), "1");
    Job second(folder.path(), "2");
    CHECK(first.claims_at(0));
    first.claims.strike(task);
    first.claims.strike(task);
    CHECK(first.claims.strikes(task) == 2);
    CHECK(first.claims.holds(task));
    first.lock.reset();

    CHECK(second.claims_at(1));
    CHECK(second.claims.strikes(task) == 2);
    second.claims.strike(task);
    second.claims.give_up(task, "signal 11: it\ncrashes");
    Job third(folder.path(), "3");
    CHECK_FALSE(third.claims_at(2));
    CHECK(third.claims.standing(task) == Standing::given_up);
    CHECK(third.claims.reason(task) == "signal 11: it\ncrashes");
    second.claims.look(at(2));
    CHECK(second.claims.standing(task) == Standing::given_up);
    CHECK(second.claims.take_lost().empty());

    second.lock.reset();
    CHECK(third.claims_at(3));
    CHECK(third.claims.strikes(task) == 0);
}

TEST_CASE("a checkpoint goes with the claim, and one that is written late harms nobody") {
    const test::TemporaryDirectory folder;
    Job victim(folder.path(), "victim");
    Job thief(folder.path(), "thief");
    const RunDirectory& directory = thief.directory;
    CHECK(victim.claims_at(0));
    publish(directory.state(task), "newest");
    publish(directory.state(task).string() + ".old", "older");
    victim.lock.reset();

    CHECK(thief.claims_at(1));

    CHECK(read_text(directory.state(task, 2)) == "newest");
    CHECK(read_text(directory.state(task, 2).string() + ".old") == "older");
    CHECK_FALSE(fs::exists(directory.state(task)));
    publish(directory.state(task), "of the one that lost it");
    victim.claims.look(at(2));
    SECTION("the one that lost it removes what it wrote since") {
        victim.claims.remove_lost_state(task);
        CHECK_FALSE(fs::exists(directory.state(task)));
        CHECK(read_text(directory.state(task, 2)) == "newest");
    }

    SECTION("a farm that works by itself goes on from the newest") {
        end_claims(directory);
        CHECK(read_text(directory.state(task)) == "newest");
        CHECK_FALSE(fs::exists(directory.state(task, 2)));
        CHECK_FALSE(fs::exists(directory.claims()));
    }
    SECTION("nothing is left when the task is done") {
        publish_result(directory, task);
        thief.claims.settle(task, at(2));
        CHECK_FALSE(fs::exists(directory.state(task)));
    }
}

TEST_CASE("of many jobs that take over the tasks of a dead one each gets its own") {
    const test::TemporaryDirectory folder;
    constexpr std::uint64_t n_tasks = 200;
    {
        Job dead(folder.path(), "dead");
        dead.claims.look(at(0));
        for (std::uint64_t i = 0; i < n_tasks; i += 2) dead.claims.take({1, i});
    }

    std::vector<pid_t> jobs;
    for (int i = 0; i < 8; ++i) {
        const pid_t child = ::fork();
        if (child != 0) {
            jobs.push_back(child);
            continue;
        }
        auto* job = new Job(folder.path(), std::to_string(i));
        std::string got;
        job->claims.look(at(1));
        meet(folder.path() / "looked", 8);
        for (std::uint64_t n = 0; n < n_tasks; ++n) {
            const Digest wanted{1, (n + 20 * static_cast<std::uint64_t>(i)) % n_tasks};
            if (job->claims.standing(wanted) != Standing::free) continue;
            if (job->claims.take(wanted) == Take::claimed) got += std::to_string(wanted.low) + '\n';
        }
        std::ofstream(folder.path() / ("got." + std::to_string(i))) << got;
        meet(folder.path() / "claimed", 8);
        ::_exit(0);
    }
    for (const pid_t job : jobs) ::waitpid(job, nullptr, 0);

    std::multiset<std::uint64_t> claimed;
    for (int i = 0; i < 8; ++i) {
        std::ifstream got(folder.path() / ("got." + std::to_string(i)));
        for (std::uint64_t n = 0; got >> n;) claimed.insert(n);
    }
    CHECK(claimed.size() == n_tasks);
    CHECK(std::set<std::uint64_t>(claimed.begin(), claimed.end()).size() == n_tasks);
}

TEST_CASE("a listing and a result that are seen late make nobody begin a task that is done") {
    const test::TemporaryDirectory folder;
    Job job(folder.path(), "1");
    Job late(folder.path(), "2");
    late.claims.look(at(0));  // its host does not ask the server again
    const fs::path hidden = folder.path() / "hidden";
    const fs::path result = job.directory.result(task);

    CHECK(job.claims_at(0));
    CHECK(late.claims.standing(task) == Standing::free);
    CHECK(late.claims.take(task) == Take::taken);
    publish_result(job.directory, task);
    fs::rename(result, hidden);  // nor for the result
    job.claims.settle(task, at(1));
    job.claims.remove_settled(at(lease));
    CHECK(late.claims.take(task) == Take::taken);

    SECTION("seen within a lease") {
        fs::rename(hidden, result);
        job.claims.remove_settled(at(lease + 2));
        CHECK(late.claims.take(task) == Take::done);
    }
    SECTION("seen later: done twice, with the same bits") {
        job.claims.remove_settled(at(lease + 2));
        CHECK(late.claims.take(task) == Take::claimed);
        fs::rename(hidden, result);
        CHECK(late.claims.has_result(task));
        CHECK(late.claims.holds(task));
    }
}

TEST_CASE("halves of a file system that split have one holder when they meet again") {
    const test::TemporaryDirectory folder;
    fs::create_directory(folder.path() / "one");
    Job holder(folder.path() / "one", "1");
    CHECK(holder.claims_at(0));
    const auto copy = [&](const char* from, const char* to) {
        fs::copy(folder.path() / from, folder.path() / to,
                 fs::copy_options::recursive | fs::copy_options::copy_symlinks |
                     fs::copy_options::overwrite_existing);
    };
    copy("one", "other");
    Job thief(folder.path() / "other", "2");
    for (int second = 0; second <= 91; ++second) thief.claims.look(at(second));
    CHECK(thief.claims_at(92));
    CHECK(thief.claims.attempt(task) == 2);
    CHECK(holder.claims.holds(task));  // each half works on

    const fs::path claims = folder.path() / "one" / "claims";
    const fs::path others = folder.path() / "other" / "claims";
    const auto look = [&] {
        holder.live(93);
        thief.live(93);
        holder.claims.look(at(93));
        thief.claims.look(at(93));
        return holder.claims.take_lost().size() + thief.claims.take_lost().size();
    };
    SECTION("the one half is kept") {
        fs::remove_all(others);
        fs::create_directory_symlink(claims, others);
        CHECK(look() == 1);
        CHECK(holder.claims.holds(task));
        CHECK_FALSE(thief.claims.holds(task));
    }
    SECTION("the other half is kept") {
        fs::remove_all(claims);
        fs::create_directory_symlink(others, claims);
        CHECK(look() == 1);
        CHECK_FALSE(holder.claims.holds(task));
        CHECK(thief.claims.holds(task));
    }
    SECTION("what either has is kept: the later attempt counts") {
        copy("other/claims", "one/claims");
        fs::remove_all(others);
        fs::create_directory_symlink(claims, others);
        CHECK(look() == 1);
        CHECK_FALSE(holder.claims.holds(task));
        CHECK(thief.claims.holds(task));
    }
}

TEST_CASE("other files among the claims are nobody's") {
    const test::TemporaryDirectory folder;
    Job job(folder.path(), "1");
    for (const char* name : {"notes", "0.1", ".2", "test.5"}) {
        std::ofstream(job.directory.claims() / name) << "x";
    }
    std::ofstream(job.directory.claims() / (task.hex() + ".1")) << "no link";
    // The name of no attempt ever made; its checkpoint would be looked for below all of them.
    fs::create_symlink("gone 0",
                       job.directory.claims() / (other_task.hex() + ".18446744073709551615"));
    CHECK(job.claims_at(0, other_task));
    CHECK(job.claims.attempt(other_task) == 1);
    CHECK(job.claims.standing(task) == Standing::free);
    CHECK(job.claims.take(task) == Take::claimed);
    CHECK(job.claims.attempt(task) == 2);
    // No job is called like this; its lock would be below a file.
    fs::create_symlink("1/x 0", job.directory.claims() / (task.hex() + ".7"));
    CHECK(job.claims_at(1));
    CHECK(job.claims.attempt(task) == 8);
}

TEST_CASE("where the folder of claims is gone nothing is claimed, and what was is lost") {
    const test::TemporaryDirectory folder;
    Job job(folder.path(), "1");
    CHECK(job.claims_at(0));
    fs::remove_all(job.directory.claims());

    CHECK_THROWS_AS(job.claims.take(other_task), SystemError);
    CHECK_THROWS_AS(job.claims.look(at(1)), SystemError);
    CHECK_FALSE(job.claims.holds(task));
    CHECK(job.claims.attempt(task) == 1);
}

TEST_CASE("where no claim can be made a job does not begin") {
    const test::TemporaryDirectory folder;
    std::ofstream(folder.path() / "claims") << "a file";
    CHECK_THROWS_AS(Claims(RunDirectory(folder.path()), "1", lease), ConfigError);
}

#include "workers/pace_watch.hpp"

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

/// A watch that is asked ten times a second, and its clock.
struct Fixture {
    PaceWatch watch{{.least_seconds = 10.0, .factor = 20.0, .first_factor = 5.0}};
    PaceWatch::Instant now{};

    Fixture() { watch.begin(now); }

    /// \return whether it was said to hang at any moment of this time
    bool silent_for(double seconds) {
        bool hung = false;
        for (double passed = 0.0; passed < seconds - 1e-6; passed += 0.1) {
            now += std::chrono::milliseconds(100);
            hung = hung || watch.hung(now);
        }
        return hung;
    }
    void progress() { watch.progress(now); }
};

}  // namespace

TEST_CASE("before the first sign of progress a task may read its events") {
    Fixture f;
    CHECK_FALSE(f.silent_for(49.0));
    CHECK(f.silent_for(2.0));
    CHECK(f.watch.text().find("no sign of progress within 50.") == 0);
}

TEST_CASE("a quick task is hung after the least time, a slow one after 20 of its own pauses") {
    Fixture quick;
    quick.progress();
    CHECK_FALSE(quick.silent_for(0.2));
    quick.progress();
    CHECK_FALSE(quick.silent_for(9.9));
    CHECK(quick.silent_for(0.3));

    Fixture slow;
    slow.progress();
    CHECK_FALSE(slow.silent_for(3.0));
    slow.progress();
    CHECK_FALSE(slow.silent_for(59.0));
    CHECK(slow.silent_for(1.5));
}

TEST_CASE("the reading of the events is no measure of the pace") {
    Fixture f;
    CHECK_FALSE(f.silent_for(40.0));
    f.progress();
    CHECK_FALSE(f.silent_for(9.0));
    CHECK(f.silent_for(1.5));
}

TEST_CASE("a jump of the clock or a suspended job is nobody's hang") {
    Fixture f;
    f.progress();
    f.now += std::chrono::hours(5);

    CHECK_FALSE(f.watch.hung(f.now));
    CHECK_FALSE(f.silent_for(8.0));
    f.now -= std::chrono::hours(9);
    CHECK_FALSE(f.watch.hung(f.now));
}

TEST_CASE("the next task begins afresh") {
    Fixture f;
    f.progress();
    CHECK_FALSE(f.silent_for(9.0));
    f.watch.begin(f.now);
    CHECK_FALSE(f.silent_for(40.0));
}

#include "h5/handle.hpp"

#include <type_traits>
#include <vector>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

/// Counts what is closed instead of closing anything.
struct Counted {
    using Raw = int;
    static constexpr Raw null() noexcept { return -1; }
    static void close(Raw raw) noexcept { closed().push_back(raw); }
    static std::vector<int>& closed() {
        static std::vector<int> list;
        return list;
    }
};

using Handle = h5::UniqueHandle<Counted>;
static_assert(!std::is_copy_constructible_v<Handle>);
static_assert(std::is_nothrow_move_constructible_v<Handle>);

}  // namespace

TEST_CASE("a handle is closed exactly once, by its last owner", "[h5]") {
    Counted::closed().clear();

    {
        Handle first(7);
        Handle second(std::move(first));
        CHECK(!first);
        CHECK(second.get() == 7);
    }

    CHECK(Counted::closed() == std::vector<int>{7});
}

TEST_CASE("assignment to a handle frees what it held", "[h5]") {
    Counted::closed().clear();

    {
        Handle held(1);
        held = Handle(2);
        CHECK(Counted::closed() == std::vector<int>{1});
    }

    CHECK(Counted::closed() == std::vector<int>{1, 2});
}

TEST_CASE("a released handle is not closed", "[h5]") {
    Counted::closed().clear();

    CHECK(Handle(3).release() == 3);

    CHECK(Counted::closed().empty());
}

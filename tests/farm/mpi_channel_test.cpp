#include "farm/mpi_channel.hpp"

#include <map>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("messages of all ranks arrive in order, large ones and those to oneself too") {
    const auto comm = mpi::Communicator::world();
    const auto channel = make_mpi_channel(comm);
    const int n = 20;
    for (int i = 1; i <= n; ++i) {
        Task task;
        task.payload.resize(i % 5 == 0 ? 1000000 : 10, static_cast<std::byte>(i));
        channel->send(WorkerId(0), Assign{AttemptId(static_cast<std::uint64_t>(i)), task});
    }

    std::map<WorkerId, std::uint64_t> last;
    int received = 0;
    while (comm.is_root() && received < n * comm.size()) {
        const auto envelope = channel->receive();
        if (!envelope) continue;
        ++received;
        const auto& assign = std::get<Assign>(envelope->message);
        CHECK(assign.attempt.value == ++last[envelope->peer]);
        CHECK(assign.task.payload.back() == static_cast<std::byte>(assign.attempt.value));
    }
    mpi::barrier(comm);
    CHECK_FALSE(channel->receive());
}

#include "ratiofarm/mpi/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/native.hpp"
#include "ratiofarm/mpi/together.hpp"

#include "core/signal_flags.hpp"

#include "check.hpp"

namespace ratiofarm::mpi {

void check(int code, const char* call) {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, text, &length);
    throw MpiError(fmt::format("{} failed: {}", call, text));
}

void wait_gently(MPI_Request& request) {
    using namespace std::chrono_literals;
    auto pause = std::chrono::microseconds(0);
    for (;;) {
        int done = 0;
        check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
        if (done) return;
        // Short waits stay short, long ones cost under 1 % of a core.
        if (pause > 0us) std::this_thread::sleep_for(pause);
        pause = std::min<std::chrono::microseconds>(pause + 10us, 1000us);
    }
}

namespace {

static_assert(sizeof(MPI_Comm) <= sizeof(Handle));

Handle handle_of(MPI_Comm comm) {
    Handle handle = 0;
    std::memcpy(&handle, &comm, sizeof comm);
    return handle;
}

int int_count(std::size_t count) {
    RATIOFARM_EXPECT(count <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    return static_cast<int>(count);
}

template <class T>
MPI_Datatype datatype();
template <>
MPI_Datatype datatype<double>() {
    return MPI_DOUBLE;
}
template <>
MPI_Datatype datatype<std::uint64_t>() {
    return MPI_UINT64_T;
}
template <>
MPI_Datatype datatype<std::int64_t>() {
    return MPI_INT64_T;
}
template <>
MPI_Datatype datatype<std::int8_t>() {
    return MPI_INT8_T;
}
template <>
MPI_Datatype datatype<char>() {
    return MPI_CHAR;
}

template <class T>
void all_reduce(const Communicator& comm, std::span<T> values, MPI_Op operation) {
    if (comm.handle() == 0) return;
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Iallreduce(MPI_IN_PLACE, values.data(), int_count(values.size()), datatype<T>(),
                         operation, native(comm), &request),
          "MPI_Iallreduce");
    wait_gently(request);
}

template <class T>
std::vector<T> gather_all(const Communicator& comm,
                          std::span<const T> mine,
                          std::vector<std::uint64_t>* counts_out = nullptr) {
    if (comm.handle() == 0) {
        if (counts_out != nullptr) *counts_out = {mine.size()};
        return {mine.begin(), mine.end()};
    }
    const auto size = static_cast<std::size_t>(comm.size());
    std::vector<std::uint64_t> counts(size, 0);
    counts[static_cast<std::size_t>(comm.rank())] = mine.size();
    all_sum(comm, counts);
    std::vector<int> lengths(size);
    std::vector<int> offsets(size);
    std::size_t total = 0;
    for (std::size_t rank = 0; rank < size; ++rank) {
        lengths[rank] = int_count(counts[rank]);
        offsets[rank] = int_count(total);
        total += counts[rank];
    }
    std::vector<T> all(total);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Iallgatherv(mine.data(), int_count(mine.size()), datatype<T>(), all.data(),
                          lengths.data(), offsets.data(), datatype<T>(), native(comm), &request),
          "MPI_Iallgatherv");
    wait_gently(request);
    if (counts_out != nullptr) *counts_out = std::move(counts);
    return all;
}

}  // namespace

MPI_Comm native(const Communicator& comm) {
    if (comm.handle() == 0) return MPI_COMM_NULL;
    const Handle handle = comm.handle();
    MPI_Comm found = MPI_COMM_NULL;
    std::memcpy(&found, &handle, sizeof found);
    return found;
}

Communicator duplicate(MPI_Comm parent) {
    MPI_Comm copy = MPI_COMM_NULL;
    check(MPI_Comm_dup(parent, &copy), "MPI_Comm_dup");
    return Communicator(handle_of(copy));
}

Communicator::Communicator(Handle owned) : comm_(owned) {
    const MPI_Comm comm = native(*this);
    check(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(comm, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm, &size_), "MPI_Comm_size");
}

Communicator Communicator::world() { return duplicate(MPI_COMM_WORLD); }

Communicator::~Communicator() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (comm_ == 0 || finalized) return;
    MPI_Comm comm = native(*this);
    MPI_Comm_free(&comm);
}

Communicator::Communicator(Communicator&& other) noexcept
    : comm_(std::exchange(other.comm_, 0)),
      rank_(std::exchange(other.rank_, 0)),
      size_(std::exchange(other.size_, 1)) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
    std::swap(comm_, other.comm_);
    std::swap(rank_, other.rank_);
    std::swap(size_, other.size_);
    return *this;
}

Communicator Communicator::split_by_node() const {
    if (comm_ == 0) return {};
    MPI_Comm node = MPI_COMM_NULL;
    check(MPI_Comm_split_type(native(*this), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
          "MPI_Comm_split_type");
    return Communicator(handle_of(node));
}

void barrier(const Communicator& comm) {
    if (comm.handle() == 0) return;
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibarrier(native(comm), &request), "MPI_Ibarrier");
    wait_gently(request);
}

void all_sum(const Communicator& comm, std::span<std::uint64_t> values) {
    all_reduce(comm, values, MPI_SUM);
}
void all_sum(const Communicator& comm, std::span<std::int64_t> values) {
    all_reduce(comm, values, MPI_SUM);
}
void all_min(const Communicator& comm, std::span<double> values) {
    all_reduce(comm, values, MPI_MIN);
}
void all_max(const Communicator& comm, std::span<double> values) {
    all_reduce(comm, values, MPI_MAX);
}
void all_max(const Communicator& comm, std::span<std::int8_t> values) {
    all_reduce(comm, values, MPI_MAX);
}

std::vector<double> all_gather(const Communicator& comm, std::span<const double> mine) {
    return gather_all(comm, mine);
}
std::vector<std::uint64_t> all_gather(const Communicator& comm,
                                      std::span<const std::uint64_t> mine) {
    return gather_all(comm, mine);
}

std::vector<std::byte> broadcast(const Communicator& comm, std::vector<std::byte> bytes) {
    if (comm.handle() == 0) return bytes;
    std::uint64_t size = comm.is_root() ? bytes.size() : 0;
    all_sum(comm, std::span(&size, 1));
    bytes.resize(size);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibcast(bytes.data(), int_count(size), MPI_BYTE, 0, native(comm), &request),
          "MPI_Ibcast");
    wait_gently(request);
    return bytes;
}

std::vector<std::string> all_gather_text(const Communicator& comm, const std::string& mine) {
    std::vector<std::uint64_t> counts;
    const auto all = gather_all<char>(comm, std::span(mine), &counts);
    std::vector<std::string> texts;
    auto next = all.begin();
    for (const std::uint64_t count : counts) {
        texts.emplace_back(next, next + static_cast<std::ptrdiff_t>(count));
        next += static_cast<std::ptrdiff_t>(count);
    }
    return texts;
}

void vote(const Communicator& comm, const std::optional<std::string>& problem, ExitCode code) {
    // Rank of the first problem, or the size where there is none: the common case is one small
    // reduction.
    double first = problem ? comm.rank() : comm.size();
    all_min(comm, std::span(&first, 1));
    if (first >= comm.size()) return;
    const auto texts = all_gather_text(comm, problem.value_or(""));
    const std::vector<double> codes =
        all_gather(comm, std::vector<double>{static_cast<double>(code)});
    const auto rank = static_cast<std::size_t>(first);
    throw AgreedError(static_cast<ExitCode>(static_cast<int>(codes[rank])), texts[rank]);
}

void obey_stop(const Communicator& comm) {
    if (comm.handle() == 0) return;
    std::int8_t stop = signal_request() == SignalRequest::stop ? 1 : 0;
    all_max(comm, std::span(&stop, 1));
    if (stop == 0) return;
    throw AgreedError(ExitCode::resumable,
                      "stopped early by a signal; run the same command again to go on");
}

void throw_if_any(const Communicator& comm, const std::optional<std::string>& problem) {
    vote(comm, problem, ExitCode::usage);
}

}  // namespace ratiofarm::mpi

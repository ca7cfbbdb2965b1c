#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ratiofarm::mpi {

/// MPI_Comm, a pointer or a number by the kind of MPI; spelled out here so that no header but
/// native.hpp includes mpi.h.
using Handle = std::intptr_t;

/// A communicator of our own. A default-constructed one acts as a single rank without MPI.
class Communicator {
public:
    Communicator() = default;

    /// Takes over a communicator of MPI; see native.hpp.
    explicit Communicator(Handle owned);

    /// Collective over all ranks of the job: a duplicate of its world.
    static Communicator world();

    ~Communicator();
    Communicator(Communicator&& other) noexcept;
    Communicator& operator=(Communicator&& other) noexcept;

    int rank() const { return rank_; }
    int size() const { return size_; }
    bool is_root() const { return rank_ == 0; }
    Handle handle() const { return comm_; }  ///< 0 for the single rank

    /// Collective over this: the ranks that share memory with this one (the same node).
    Communicator split_by_node() const;

private:
    Handle comm_ = 0;
    int rank_ = 0;
    int size_ = 1;
};

/// Collective over comm. Waits without burning a core: tests and sleeps.
void barrier(const Communicator& comm);

/// Collective over comm. Element-wise sum, in place; for integers the order cannot matter.
void all_sum(const Communicator& comm, std::span<std::uint64_t> values);
void all_sum(const Communicator& comm, std::span<std::int64_t> values);

/// Collective over comm. Element-wise minimum and maximum, in place.
void all_min(const Communicator& comm, std::span<double> values);
void all_max(const Communicator& comm, std::span<double> values);
void all_max(const Communicator& comm, std::span<std::int8_t> values);

/// Collective over comm. Concatenation of every rank's values in rank order, on every rank.
std::vector<double> all_gather(const Communicator& comm, std::span<const double> mine);
std::vector<std::uint64_t> all_gather(const Communicator& comm,
                                      std::span<const std::uint64_t> mine);

/// Collective over comm. The bytes of rank 0, on every rank.
std::vector<std::byte> broadcast(const Communicator& comm, std::vector<std::byte> bytes);

/// Collective over comm. One text per rank, in rank order, on every rank.
std::vector<std::string> all_gather_text(const Communicator& comm, const std::string& mine);

/// Collective over comm. Throws the first rank's problem on every rank, or on none.
/// \param problem what went wrong here, if anything did
/// \throws AgreedError with exit code usage (data or configuration)
void throw_if_any(const Communicator& comm, const std::optional<std::string>& problem);

}  // namespace ratiofarm::mpi

#include "mpi_channel.hpp"

#include <algorithm>
#include <list>

#include <mpi.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/mpi/native.hpp"

namespace ratiofarm {
namespace {

constexpr int farm_tag = 1;

class MpiChannel final : public Channel {
public:
    explicit MpiChannel(const mpi::Communicator& comm) : comm_(comm) {}

    ~MpiChannel() override {
        forget_completed();
        // What is still under way goes to ranks that have died: the job is about to end, and MPI
        // may read these bytes until then.
        if (!sending_.empty()) new std::list(std::move(sending_));
    }

    void send(WorkerId to, const Message& message) override {
        if (to.value == static_cast<std::uint64_t>(comm_.rank())) {
            to_self_.push_back({to, message});
            return;
        }
        forget_completed();
        sending_.push_back({encode_message(message), MPI_REQUEST_NULL});
        Sending& sending = sending_.back();
        const int code =
            MPI_Isend(sending.bytes.data(), static_cast<int>(sending.bytes.size()), MPI_BYTE,
                      static_cast<int>(to.value), farm_tag, native(comm_), &sending.request);
        if (code != MPI_SUCCESS) throw MpiError("MPI_Isend failed: is a rank gone?");
    }

    std::optional<Envelope> receive() override {
        if (!to_self_.empty()) {
            Envelope envelope = std::move(to_self_.front());
            to_self_.pop_front();
            return envelope;
        }
        if (comm_.handle() == 0) return std::nullopt;
        int waiting = 0;
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        if (MPI_Improbe(MPI_ANY_SOURCE, farm_tag, native(comm_), &waiting, &message, &status) !=
            MPI_SUCCESS) {
            throw MpiError("MPI_Improbe failed: is a rank gone?");
        }
        if (!waiting) return std::nullopt;
        int size = 0;
        MPI_Get_count(&status, MPI_BYTE, &size);
        std::vector<std::byte> bytes(static_cast<std::size_t>(size));
        if (MPI_Mrecv(bytes.data(), size, MPI_BYTE, &message, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
            throw MpiError("MPI_Mrecv failed: is a rank gone?");
        }
        return Envelope{WorkerId(static_cast<std::uint64_t>(status.MPI_SOURCE)),
                        decode_message(bytes)};
    }

private:
    struct Sending {
        std::vector<std::byte> bytes;
        MPI_Request request;
    };

    void forget_completed() {
        sending_.remove_if([](Sending& sending) {
            int done = 0;
            MPI_Test(&sending.request, &done, MPI_STATUS_IGNORE);
            return done != 0;
        });
    }

    const mpi::Communicator& comm_;
    std::list<Sending> sending_;  // MPI holds the addresses
    std::deque<Envelope> to_self_;
};

}  // namespace

std::unique_ptr<Channel> make_mpi_channel(const mpi::Communicator& comm) {
    return std::make_unique<MpiChannel>(comm);
}

}  // namespace ratiofarm

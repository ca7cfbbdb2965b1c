#include "study_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "campaign/file/table_reader.hpp"
#include "campaign/search/search_space.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t longest_line = 1'000'000;

/// The name in a hello; empty if this is none.
std::string greeted_name(const std::string& line) {
    try {
        const auto request = parse_foreign_json(line);
        if (!request.is_object() || !request.contains("hello")) return {};
        const auto name = request.find("client");
        if (name == request.end() || !name->is_string()) return {};
        return is_plain_name(name->get<std::string>()) ? name->get<std::string>() : std::string();
    } catch (const ConfigError&) {
        return {};
    }
}

}  // namespace

StudySocket::StudySocket(std::filesystem::path path)
    : path_(std::move(path)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path_.string();
    if (name.size() >= sizeof(address.sun_path)) {
        throw ConfigError(fmt::format(
            "--socket: '{}' is longer than the {} bytes that a local socket may have; take a "
            "shorter --out, or leave --socket out: trainers then use the folder of requests",
            name, sizeof(address.sun_path) - 1));
    }
    std::memcpy(address.sun_path, name.c_str(), name.size());
    ::unlink(name.c_str());
    constexpr int waiting = 64;
    if (!listener_ ||
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
            0 ||
        ::listen(listener_.get(), waiting) != 0) {
        throw SystemError(fmt::format("cannot make the socket '{}'", name), errno);
    }
}

StudySocket::~StudySocket() { ::unlink(path_.c_str()); }

void StudySocket::wait(double seconds) const {
    std::vector<pollfd> all{{listener_.get(), POLLIN, 0}};
    for (const auto& [number, connection] : connections_) {
        all.push_back({connection.socket.get(), POLLIN, 0});
    }
    constexpr double milliseconds = 1000.0;
    ::poll(all.data(), all.size(), static_cast<int>(seconds * milliseconds) + 1);
}

std::vector<SocketRequest> StudySocket::take() {
    pollfd waiting{listener_.get(), POLLIN, 0};
    while (::poll(&waiting, 1, 0) > 0) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket) break;
        connections_[next_++].socket = std::move(socket);
    }
    std::erase_if(connections_, [](const auto& each) { return each.second.ended; });
    std::vector<SocketRequest> requests;
    for (auto& [number, connection] : connections_) {
        connection.ended = !read_from(connection);
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = connection.pending.find('\n', begin)) != std::string::npos;
             begin = end + 1) {
            std::string line = connection.pending.substr(begin, end - begin);
            if (const std::string name = greeted_name(line); !name.empty()) {
                connection.client = name;
            }
            requests.push_back({number, connection.client, std::move(line)});
        }
        connection.pending.erase(0, begin);
        if (connection.pending.size() > longest_line) connection.ended = true;
    }
    return requests;
}

/// \return false if it is closed
bool StudySocket::read_from(Connection& connection) const {
    std::array<char, 4096> bytes{};
    while (connection.pending.size() <= longest_line) {
        const ssize_t count =
            ::recv(connection.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count > 0) {
            connection.pending.append(bytes.data(), static_cast<std::size_t>(count));
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    return true;
}

void StudySocket::reply(int connection, const std::string& text) {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    const std::string line = text + "\n";
    const ssize_t sent =
        ::send(found->second.socket.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    // A client that does not read what it asked for asks again.
    if (sent != static_cast<ssize_t>(line.size())) connections_.erase(found);
}

}  // namespace ratiofarm

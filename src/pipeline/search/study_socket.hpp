#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/unique_fd.hpp"

namespace ratiofarm {

struct SocketRequest {
    int connection = 0;
    std::string client;  ///< as it called itself by hello; empty before
    std::string text;    ///< one line
};

/// The conversation of a study over a local socket: a request is a line, its answer, too.
class StudySocket {
public:
    /// Replaces what an earlier process left. \throws ConfigError, SystemError
    explicit StudySocket(std::filesystem::path path);
    ~StudySocket();
    StudySocket(const StudySocket&) = delete;
    StudySocket& operator=(const StudySocket&) = delete;

    /// Until somebody connects or says something, at most so long.
    void wait(double seconds) const;

    /// Whole lines that have come; never waits.
    std::vector<SocketRequest> take();

    /// To a connection that is gone, nothing.
    void reply(int connection, const std::string& text);

private:
    struct Connection {
        UniqueFd socket;
        std::string client = {};
        std::string pending = {};
        bool ended = false;  ///< its client says no more, and gets the answers to what it said
    };
    bool read_from(Connection& connection) const;

    std::filesystem::path path_;
    UniqueFd listener_;
    std::map<int, Connection> connections_;
    int next_ = 0;
};

}  // namespace ratiofarm

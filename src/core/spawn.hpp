#pragma once

#include <filesystem>

#include <fcntl.h>
#include <spawn.h>

/// What posix_spawn() takes, with an owner.
namespace ratiofarm {

/// What the started program does with its descriptors and its folder before it begins.
class FileActions {
public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    void open_nothing(int descriptor, int flags) {
        ::posix_spawn_file_actions_addopen(&actions_, descriptor, "/dev/null", flags, 0);
    }
    void use(int source, int descriptor) {
        ::posix_spawn_file_actions_adddup2(&actions_, source, descriptor);
    }
    void enter(const std::filesystem::path& folder) {
        ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

/// A group of its own for a program that may be killed with all that it starts.
class SpawnAttributes {
public:
    explicit SpawnAttributes(bool own_group) {
        ::posix_spawnattr_init(&attributes_);
        if (own_group) ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    }
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
    const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

}  // namespace ratiofarm

// A library to preload: a network file system that shows new files late. What a process of another
// "host" made, a result, a checkpoint or a claim, is not there for a while: neither by its name nor in
// a listing. To make a file of its name exclusively fails all the same, as the server knows it.
//
//   LATE_MARKS    folder that all hosts share, outside of what is tested: who made which file
//   LATE_HOST     name of the host that this process is on
//   LATE_SECONDS  how late
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char* marks;  // null: not switched on
static const char* host;
static double seconds;

__attribute__((constructor)) static void read_environment(void) {
    const char* late = getenv("LATE_SECONDS");
    host = getenv("LATE_HOST");
    if (late == NULL || host == NULL) return;
    seconds = atof(late);
    marks = getenv("LATE_MARKS");
}

static const char* name_of(const char* path) {
    const char* slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/// "<32 digits>.ckpt", "<32 digits>.state.2", "<32 digits>.1".
static int is_of_a_task(const char* name) {
    for (int i = 0; i < 32; ++i) {
        if (!isxdigit((unsigned char)name[i])) return 0;
    }
    return name[32] == '.';
}

static void mark(const char* path) {
    const int error = errno;
    char file[4096];
    if (marks == NULL || !is_of_a_task(name_of(path))) return;
    snprintf(file, sizeof file, "%s/%s.%s", marks, host, name_of(path));
    const long made = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (made >= 0) syscall(SYS_close, made);
    errno = error;
}

/// Whether a file is not seen yet.
static int is_late(int folder, const char* path) {
    const int error = errno;
    char file[4096];
    struct statx status;
    struct timespec now;
    int late = 0;
    if (marks != NULL && path != NULL && is_of_a_task(name_of(path))) {
        snprintf(file, sizeof file, "%s/%s.%s", marks, host, name_of(path));
        if (syscall(SYS_faccessat, AT_FDCWD, file, F_OK) != 0 &&
            syscall(SYS_statx, folder, path, AT_SYMLINK_NOFOLLOW, STATX_CTIME, &status) == 0) {
            clock_gettime(CLOCK_REALTIME, &now);
            late = (double)(now.tv_sec - status.stx_ctime.tv_sec) +
                       1e-9 * ((double)now.tv_nsec - status.stx_ctime.tv_nsec) <
                   seconds;
        }
    }
    errno = error;
    return late;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define HIDDEN(folder, path)      \
    if (is_late(folder, path)) {  \
        errno = ENOENT;           \
        return -1;                \
    }

int stat(const char* path, struct stat* to) {
    HIDDEN(AT_FDCWD, path)
    return REAL(stat)(path, to);
}
int stat64(const char* path, struct stat64* to) {
    HIDDEN(AT_FDCWD, path)
    return REAL(stat64)(path, to);
}
int lstat(const char* path, struct stat* to) {
    HIDDEN(AT_FDCWD, path)
    return REAL(lstat)(path, to);
}
int lstat64(const char* path, struct stat64* to) {
    HIDDEN(AT_FDCWD, path)
    return REAL(lstat64)(path, to);
}
int access(const char* path, int how) {
    HIDDEN(AT_FDCWD, path)
    return REAL(access)(path, how);
}
ssize_t readlink(const char* path, char* to, size_t size) {
    HIDDEN(AT_FDCWD, path)
    return REAL(readlink)(path, to, size);
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}
#define OPEN(name)                                       \
    int name(const char* path, int flags, ...) {         \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        const mode_t mode = mode_of(flags, rest);        \
        va_end(rest);                                    \
        if (!(flags & O_CREAT)) HIDDEN(AT_FDCWD, path)   \
        const int opened = REAL(name)(path, flags, mode); \
        if (opened >= 0 && (flags & O_CREAT)) mark(path); \
        return opened;                                   \
    }
OPEN(open)
OPEN(open64)

int symlink(const char* target, const char* path) {
    const int made = REAL(symlink)(target, path);
    if (made == 0) mark(path);
    return made;
}
int rename(const char* from, const char* to) {
    HIDDEN(AT_FDCWD, from)
    const int moved = REAL(rename)(from, to);
    if (moved == 0) mark(to);
    return moved;
}

#define READDIR(name, entry)                                                       \
    struct entry* name(DIR* folder) {                                              \
        struct entry* next;                                                        \
        while ((next = REAL(name)(folder)) != NULL && is_late(dirfd(folder), next->d_name)) { \
        }                                                                          \
        return next;                                                               \
    }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

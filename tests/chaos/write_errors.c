// A library to preload: the n-th call that writes below a folder fails, or all from there on. Or
// the n-th file that is opened to be read there is damaged just before.
//
//   WRITE_ERRORS_FOLDER   absolute path; calls on files elsewhere do not count
//   WRITE_ERRORS_COUNTER  file of 8 bytes that all processes share: calls so far
//   WRITE_ERRORS_AT       number of the first call that fails, from 1; 0: none
//   WRITE_ERRORS_ERRNO    what it fails with; 0: it writes only half of its bytes
//   WRITE_ERRORS_FOREVER  set: all later calls fail as well
//   WRITE_ERRORS_READS    set: files that are opened to be read count, not calls that write; the
//                         file is "removed", or "shortened" to half
//   WRITE_ERRORS_TRACE    file that gets a line for each call: number, name, path
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char* folder;
static uint64_t* counter;  // null: not switched on
static uint64_t first;
static int error_number;
static int forever;
static const char* reads;  // null: calls that write
static int trace = -1;

/// Not among the descriptors that processes hand on and expect, such as 3.
static int open_trace(const char* path) {
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    const int low = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
    const int high = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, low);
    return high;
}

__attribute__((constructor)) static void read_environment(void) {
    const char* file = getenv("WRITE_ERRORS_COUNTER");
    folder = getenv("WRITE_ERRORS_FOLDER");
    if (file == NULL || folder == NULL) return;
    const int descriptor = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (descriptor < 0) return;
    void* shared = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    syscall(SYS_close, descriptor);
    const char* at = getenv("WRITE_ERRORS_AT");
    const char* number = getenv("WRITE_ERRORS_ERRNO");
    first = at == NULL ? 0 : strtoull(at, NULL, 10);
    error_number = number == NULL ? EIO : atoi(number);
    forever = getenv("WRITE_ERRORS_FOREVER") != NULL;
    reads = getenv("WRITE_ERRORS_READS");
    const char* lines = getenv("WRITE_ERRORS_TRACE");
    if (lines != NULL) trace = open_trace(lines);
    if (shared != MAP_FAILED) counter = shared;
}

static int is_inside(const char* path) {
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/// Whether this call is to fail. Counts it.
static int fails(const char* name, const char* path) {
    const uint64_t call = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    if (trace >= 0) {
        char line[4352];
        const int size =
            snprintf(line, sizeof line, "%llu %s %s\n", (unsigned long long)call, name, path);
        syscall(SYS_write, trace, line, (size_t)size);
    }
    if (first == 0 || (forever ? call < first : call != first)) return 0;
    errno = error_number;
    return 1;
}

/// The same path from the root on, in `absolute` if it is relative; null: not below the folder.
static const char* path_inside(const char* path, char absolute[4096]) {
    if (path == NULL) return NULL;
    if (path[0] != '/') {
        if (getcwd(absolute, 2048) == NULL) return NULL;
        const size_t length = strlen(absolute);
        snprintf(absolute + length, 4096 - length, "/%s", path);
        path = absolute;
    }
    return is_inside(path) ? path : NULL;
}

static int path_fails(const char* name, const char* path) {
    char absolute[4096];
    if (counter == NULL || reads != NULL) return 0;
    path = path_inside(path, absolute);
    return path != NULL && fails(name, path);
}

static void damage_if_read(const char* name, const char* path) {
    char absolute[4096];
    struct stat status;
    if (counter == NULL || reads == NULL) return;
    path = path_inside(path, absolute);
    if (path == NULL || stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
    if (!fails(name, path)) return;
    if (strcmp(reads, "removed") == 0) {
        syscall(SYS_unlink, path);
    } else {
        syscall(SYS_truncate, path, status.st_size / 2);
    }
}

static int descriptor_fails(const char* name, int descriptor) {
    char link[64];
    char path[4096];
    if (counter == NULL || reads != NULL || descriptor <= 2) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return is_inside(path) && fails(name, path);
}

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name)

// Calls that write bytes: half of them where the error number is 0.
ssize_t write(int fd, const void* bytes, size_t size) {
    REAL(write);
    if (!descriptor_fails(__func__, fd)) return real(fd, bytes, size);
    return error_number == 0 ? real(fd, bytes, size / 2 + size % 2) : -1;
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t place) {
    REAL(pwrite);
    if (!descriptor_fails(__func__, fd)) return real(fd, bytes, size, place);
    return error_number == 0 ? real(fd, bytes, size / 2 + size % 2, place) : -1;
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t place) {
    REAL(pwrite64);
    if (!descriptor_fails(__func__, fd)) return real(fd, bytes, size, place);
    return error_number == 0 ? real(fd, bytes, size / 2 + size % 2, place) : -1;
}

// The others fail, or succeed where only bytes can be short.
#define BREAKS(condition) ((condition) && error_number != 0)

ssize_t writev(int fd, const struct iovec* parts, int count) {
    REAL(writev);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd, parts, count);
}
int fsync(int fd) {
    REAL(fsync);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd);
}
int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd, size);
}
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd, size);
}
int fallocate(int fd, int mode, off_t begin, off_t size) {
    REAL(fallocate);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd, mode, begin, size);
}
int fallocate64(int fd, int mode, off64_t begin, off64_t size) {
    REAL(fallocate64);
    return BREAKS(descriptor_fails(__func__, fd)) ? -1 : real(fd, mode, begin, size);
}
int rename(const char* from, const char* to) {
    REAL(rename);
    return BREAKS(path_fails(__func__, to)) ? -1 : real(from, to);
}
int link(const char* from, const char* to) {
    REAL(link);
    return BREAKS(path_fails(__func__, to)) ? -1 : real(from, to);
}
int symlink(const char* target, const char* path) {
    REAL(symlink);
    return BREAKS(path_fails(__func__, path)) ? -1 : real(target, path);
}
int unlink(const char* path) {
    REAL(unlink);
    return BREAKS(path_fails(__func__, path)) ? -1 : real(path);
}
int remove(const char* path) {
    REAL(remove);
    return BREAKS(path_fails(__func__, path)) ? -1 : real(path);
}
int mkdir(const char* path, mode_t mode) {
    REAL(mkdir);
    return BREAKS(path_fails(__func__, path)) ? -1 : real(path, mode);
}

static int opens_to_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

#define OPEN(name)                                                        \
    int name(const char* path, int flags, ...) {                          \
        static int (*real)(const char*, int, ...);                        \
        if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name);       \
        mode_t mode = 0;                                                  \
        if (flags & (O_CREAT | O_TMPFILE)) {                              \
            va_list arguments;                                            \
            va_start(arguments, flags);                                   \
            mode = va_arg(arguments, mode_t);                             \
            va_end(arguments);                                            \
        }                                                                 \
        if (BREAKS(opens_to_write(flags) && path_fails(__func__, path))) return -1; \
        if (!opens_to_write(flags)) damage_if_read(__func__, path);       \
        return real(path, flags, mode);                                   \
    }
OPEN(open)
OPEN(open64)

FILE* fopen(const char* path, const char* mode) {
    REAL(fopen);
    if (mode[0] == 'r') damage_if_read(__func__, path);
    return BREAKS(mode[0] != 'r' && path_fails(__func__, path)) ? NULL : real(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
    REAL(fopen64);
    if (mode[0] == 'r') damage_if_read(__func__, path);
    return BREAKS(mode[0] != 'r' && path_fails(__func__, path)) ? NULL : real(path, mode);
}

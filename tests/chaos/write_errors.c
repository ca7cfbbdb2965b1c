// A library to preload: the n-th call that writes below a folder fails, or all from there on.
//
//   WRITE_ERRORS_FOLDER   absolute path; calls on files elsewhere do not count
//   WRITE_ERRORS_COUNTER  file of 8 bytes that all processes share: calls so far
//   WRITE_ERRORS_AT       number of the first call that fails, from 1; 0: none
//   WRITE_ERRORS_ERRNO    what it fails with; 0: it writes only half of its bytes
//   WRITE_ERRORS_FOREVER  set: all later calls fail as well
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
    if (shared != MAP_FAILED) counter = shared;
}

static int is_inside(const char* path) {
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/// Whether this call is to fail. Counts it.
static int fails(void) {
    const uint64_t call = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    if (first == 0 || (forever ? call < first : call != first)) return 0;
    errno = error_number;
    return 1;
}

static int path_fails(const char* path) {
    char absolute[4096];
    if (counter == NULL || path == NULL) return 0;
    if (path[0] != '/') {
        if (getcwd(absolute, sizeof absolute / 2) == NULL) return 0;
        const size_t length = strlen(absolute);
        snprintf(absolute + length, sizeof absolute - length, "/%s", path);
        path = absolute;
    }
    return is_inside(path) && fails();
}

static int descriptor_fails(int descriptor) {
    char link[64];
    char path[4096];
    if (counter == NULL || descriptor <= 2) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return is_inside(path) && fails();
}

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name)

// Calls that write bytes: half of them where the error number is 0.
ssize_t write(int fd, const void* bytes, size_t size) {
    REAL(write);
    if (!descriptor_fails(fd)) return real(fd, bytes, size);
    return error_number == 0 ? real(fd, bytes, size / 2 + size % 2) : -1;
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t place) {
    REAL(pwrite);
    if (!descriptor_fails(fd)) return real(fd, bytes, size, place);
    return error_number == 0 ? real(fd, bytes, size / 2 + size % 2, place) : -1;
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t place) {
    REAL(pwrite64);
    if (!descriptor_fails(fd)) return real(fd, bytes, size, place);
    return error_number == 0 ? real(fd, bytes, size / 2 + size % 2, place) : -1;
}

// The others fail, or succeed where only bytes can be short.
#define BREAKS(condition) ((condition) && error_number != 0)

ssize_t writev(int fd, const struct iovec* parts, int count) {
    REAL(writev);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd, parts, count);
}
int fsync(int fd) {
    REAL(fsync);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd);
}
int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd, size);
}
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd, size);
}
int fallocate(int fd, int mode, off_t begin, off_t size) {
    REAL(fallocate);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd, mode, begin, size);
}
int fallocate64(int fd, int mode, off64_t begin, off64_t size) {
    REAL(fallocate64);
    return BREAKS(descriptor_fails(fd)) ? -1 : real(fd, mode, begin, size);
}
int rename(const char* from, const char* to) {
    REAL(rename);
    return BREAKS(path_fails(to)) ? -1 : real(from, to);
}
int link(const char* from, const char* to) {
    REAL(link);
    return BREAKS(path_fails(to)) ? -1 : real(from, to);
}
int mkdir(const char* path, mode_t mode) {
    REAL(mkdir);
    return BREAKS(path_fails(path)) ? -1 : real(path, mode);
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
        if (BREAKS(opens_to_write(flags) && path_fails(path))) return -1; \
        return real(path, flags, mode);                                   \
    }
OPEN(open)
OPEN(open64)

FILE* fopen(const char* path, const char* mode) {
    REAL(fopen);
    return BREAKS(mode[0] != 'r' && path_fails(path)) ? NULL : real(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
    REAL(fopen64);
    return BREAKS(mode[0] != 'r' && path_fails(path)) ? NULL : real(path, mode);
}

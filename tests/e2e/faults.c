/* Makes system calls on files whose path contains a text fail with an errno, in the process that loads this with LD_PRELOAD. The file that
   FAULTS names is mapped, so that a test can change what fails while the process runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { READ = 1, WRITE = 2, MAKE = 4, OPEN = 8 };
struct faults { int number, calls, hits; char part[256]; };
static volatile struct faults *faults;

__attribute__((constructor)) static void map_faults(void) {
    const char *path = getenv("FAULTS");
    int file = path ? open(path, O_RDWR) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) faults = mapped;
    if (file >= 0) close(file);
}

static int fails(int call, int folder, const char *path) {
    char whole[PATH_MAX], link[64], at[PATH_MAX] = "";
    if (!faults || !faults->number || !(faults->calls & call) || !path) return 0;
    if (path[0] != '/') {
        ssize_t length;
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        length = readlink(link, at, sizeof at - 1);
        if (length > 0) at[length] = 0;
    }
    snprintf(whole, sizeof whole, "%.2000s/%.2000s", at, path);
    if (!strstr(whole, (const char *)faults->part)) return 0;
    faults->hits++;
    errno = faults->number;
    return 1;
}

static int handle_fails(int call, int handle) {
    char link[64], path[PATH_MAX];
    ssize_t length;
    if (!faults || !faults->number || !(faults->calls & call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return fails(call, AT_FDCWD, path);
}

#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define OPENS(name, before, folder, arguments)                                                              \
    int name before {                                                                                       \
        mode_t mode = 0;                                                                                    \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
        int call = flags & (O_WRONLY | O_RDWR | O_CREAT) ? MAKE | OPEN : OPEN;                              \
        return fails(call, folder, path) ? -1 : NEXT(name) arguments;                                       \
    }
OPENS(open, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPENS(open64, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPENS(openat, (int folder, const char *path, int flags, ...), folder, (folder, path, flags, mode))
OPENS(openat64, (int folder, const char *path, int flags, ...), folder, (folder, path, flags, mode))

ssize_t write(int handle, const void *from, size_t count) { return handle_fails(WRITE, handle) ? -1 : NEXT(write)(handle, from, count); }
ssize_t read(int handle, void *to, size_t count) { return handle_fails(READ, handle) ? -1 : NEXT(read)(handle, to, count); }
int fsync(int handle) { return handle_fails(WRITE, handle) ? -1 : NEXT(fsync)(handle); }
int mkdir(const char *path, mode_t mode) { return fails(MAKE, AT_FDCWD, path) ? -1 : NEXT(mkdir)(path, mode); }
int rename(const char *from, const char *to) { return fails(MAKE, AT_FDCWD, to) ? -1 : NEXT(rename)(from, to); }
int unlink(const char *path) { return fails(MAKE, AT_FDCWD, path) ? -1 : NEXT(unlink)(path); }

/* Loaded before the C library: faults of the disk that has the ledger's store. FAULT_AT is the number of the write (pwrite) that
   fails with EIO after 20 ms, or that never ends if FAULT_STALLS is set. The file FAULT_MARK is made when it comes to that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int writes;

static int is_store(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/store/db") != NULL;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    static ssize_t (*next)(int, const void *, size_t, off_t);
    if (!next) next = dlsym(RTLD_NEXT, "pwrite64");
    const char *at = getenv("FAULT_AT");
    if (!at || !is_store(fd) || atomic_fetch_add(&writes, 1) + 1 != atoi(at)) return next(fd, bytes, count, offset);
    const char *mark = getenv("FAULT_MARK");
    if (mark) close(open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (getenv("FAULT_STALLS")) for (;;) pause();
    usleep(20000);
    errno = EIO;
    return -1;
}

#include "tests/fuzz/memory_file.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file memory_file_open(const void *bytes, size_t size)
{
    struct memory_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    assert(file.fd >= 0);
    ssize_t written = write(file.fd, bytes, size);
    assert(written == (ssize_t)size);
    (void)snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

void memory_file_close(const struct memory_file *file)
{
    (void)close(file->fd);
}

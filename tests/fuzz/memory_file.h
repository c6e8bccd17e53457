/* memory_file.h: bytes as a file that exists in memory only, for parsers that take a path. */
#ifndef TESTS_FUZZ_MEMORY_FILE_H
#define TESTS_FUZZ_MEMORY_FILE_H

#include <stddef.h>

struct memory_file {
    int fd;
    char path[64]; /* as long as it is open */
};

/* Ends the program if that cannot be done. Close with memory_file_close(). */
struct memory_file memory_file_open(const void *bytes, size_t size);
void memory_file_close(const struct memory_file *file);

#endif

/* machine_facts.h: what of a machine decides whether a data directory from another one works on it:
 * kernel, architecture, the libraries that order text, PostgreSQL's programs. */
#ifndef CORE_HOST_MACHINE_FACTS_H
#define CORE_HOST_MACHINE_FACTS_H

#include <stdbool.h>

#define MACHINE_TEXT_SIZE 96

/* A plain value. Texts are "" where nothing was found; versions in lists are separated by spaces. */
struct machine_facts {
    char kernel[MACHINE_TEXT_SIZE];       /* release, "6.1.0-18-amd64" */
    char architecture[MACHINE_TEXT_SIZE]; /* "x86_64" */
    char glibc[MACHINE_TEXT_SIZE];        /* "2.36" */
    char icu[MACHINE_TEXT_SIZE];          /* majors of libicu: "72" */
    char postgres[MACHINE_TEXT_SIZE];     /* majors of the server programs: "13 15" */
};

/* Reads them of this machine. */
void machine_facts_read(struct machine_facts *facts);

/* Whether a list holds a version. */
bool machine_has(const char *list, int major);

/* Whether a kernel's release is at least major.minor; one that cannot be read is not. Pure. */
bool kernel_is_at_least(const char *release, int major, int minor);

#endif

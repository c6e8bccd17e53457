#include "core/host/machine_facts.h"

#include <ctype.h>
#include <glob.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

bool machine_has(const char *list, int major)
{
    for (const char *at = list; *at != '\0';) {
        char *end = NULL;
        if (strtol(at, &end, 10) == major && end != at)
            return true;
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return false;
}

bool kernel_is_at_least(const char *release, int major, int minor)
{
    char *end = NULL;
    long its_major = strtol(release, &end, 10);
    if (end == release || *end != '.')
        return false;
    long its_minor = strtol(end + 1, NULL, 10);
    return its_major != major ? its_major > major : its_minor >= minor;
}

/* Adds the number that stands in a path right after `before`, once. */
static void add_major(const char *path, const char *before, char list[MACHINE_TEXT_SIZE])
{
    const char *at = strstr(path, before);
    size_t length = strlen(list);
    if (at == NULL || !isdigit((unsigned char)at[strlen(before)]))
        return;
    int major = (int)strtol(at + strlen(before), NULL, 10);
    if (!machine_has(list, major)) {
        (void)snprintf(list + length, MACHINE_TEXT_SIZE - length, "%s%d", length > 0 ? " " : "",
                       major);
    }
}

/* Where distributions put things. */
static void find_majors(const char *pattern, const char *before, char list[MACHINE_TEXT_SIZE])
{
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) == 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        for (size_t i = 0; i < found.gl_pathc; i++)
            add_major(found.gl_pathv[i], before, list);
    }
    globfree(&found);
}

void machine_facts_read(struct machine_facts *facts)
{
    struct utsname system = {0};
    *facts = (struct machine_facts){0};
    (void)uname(&system);
    (void)snprintf(facts->kernel, sizeof(facts->kernel), "%s", system.release);
    (void)snprintf(facts->architecture, sizeof(facts->architecture), "%s", system.machine);
    (void)snprintf(facts->glibc, sizeof(facts->glibc), "%s", gnu_get_libc_version());
    find_majors("/usr/lib/*/libicuuc.so.[0-9]*", "libicuuc.so.", facts->icu);
    find_majors("/usr/lib64/libicuuc.so.[0-9]*", "libicuuc.so.", facts->icu);
    find_majors("/usr/lib/postgresql/*/bin/postgres", "/postgresql/", facts->postgres);
    find_majors("/usr/pgsql-*/bin/postgres", "/pgsql-", facts->postgres);
}

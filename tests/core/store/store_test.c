#include "core/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "core/store/db.h"

#define NOW_MS INT64_C(1772409607123) /* 2026-03-02T00:00:07.123Z */

static char base[] = "/tmp/ebshift-store-XXXXXX";
static char dir[64];
static struct error err;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(base));
    (void)snprintf(dir, sizeof(dir), "%s/store", base);
}

static void tear_down(void)
{
    static const char *const names[] = {"ebshift.db", "ebshift.db-wal", "ebshift.db-shm", "lock"};
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)unlink(dir);
    (void)rmdir(dir);
    (void)rmdir(base);
}

TestSuite(store, .init = set_up, .fini = tear_down);

static struct run small_run(void)
{
    return (struct run){.id = "r-1", .state = STATE_PLAN, .created_ms = 1772409607123};
}

Test(store, is_made_for_its_owner_only)
{
    CLEANUP_STORE struct store *store = NULL;
    struct stat facts;
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(stat(dir, &facts), 0);
    cr_expect_eq(facts.st_mode & 0777, 0700);
}

Test(store, a_missing_parent_is_an_error_and_not_a_tree)
{
    CLEANUP_STORE struct store *store = NULL;
    char deep[128];
    (void)snprintf(deep, sizeof(deep), "%s/typo/store", base);
    cr_expect_eq(store_open(deep, &store, &err), ERR_STORE);
    cr_expect_not_null(strstr(err.message, deep), "%s", err.message);
    cr_expect_null(store);
}

Test(store, what_was_written_is_there_after_closing)
{
    struct run run = small_run();
    struct run got;
    struct store *store = NULL;
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_assert_eq(store_add_run(store, &run, &err), ERR_NONE);
    store_close(store);
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(store_get_run(store, "r-1", &got, &err), ERR_NONE, "%s", err.message);
    store_close(store);
}

Test(store, looking_needs_a_store_and_changes_nothing)
{
    CLEANUP_STORE struct store *looking = NULL;
    CLEANUP_STORE struct store *acting = NULL;
    struct run run = small_run();
    cr_expect_eq(store_open_readonly(dir, &looking, &err), ERR_NO_RUN);
    cr_expect_eq(access(dir, F_OK), -1, "looking must not make the directory");
    cr_assert_eq(store_open(dir, &acting, &err), ERR_NONE);
    cr_assert_eq(store_open_readonly(dir, &looking, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(store_add_run(looking, &run, &err), ERR_STORE);
    cr_expect_eq(store_add_run(acting, &run, &err), ERR_NONE);
    cr_expect_eq(store_get_run(looking, "r-1", &run, &err), ERR_NONE, "sees what others write");
}

Test(store, a_newer_version_is_refused_by_both)
{
    struct store *store = NULL;
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_assert_eq(db_exec(store, "PRAGMA user_version = 4711", &err), ERR_NONE);
    store_close(store);
    store = NULL;
    cr_expect_eq(store_open(dir, &store, &err), ERR_STORE);
    cr_expect_not_null(strstr(err.message, "4711"), "%s", err.message);
    cr_expect_eq(store_open_readonly(dir, &store, &err), ERR_STORE);
    cr_expect_null(store);
}

Test(store, an_older_version_is_not_migrated_by_looking)
{
    struct store *store = NULL;
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_assert_eq(db_exec(store, "PRAGMA user_version = 0", &err), ERR_NONE);
    store_close(store);
    store = NULL;
    cr_expect_eq(store_open_readonly(dir, &store, &err), ERR_STORE);
    cr_expect_null(store);
}

static void path_of(const char *name, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", dir, name);
}

static void make_store(void)
{
    CLEANUP_STORE struct store *store = NULL;
    struct run run = small_run();
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_lock(store, NOW_MS, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_add_run(store, &run, &err), ERR_NONE, "%s", err.message);
}

/* Both ways to open must refuse, and say so in these words. */
static void expect_refused(const char *words)
{
    struct store *store = NULL;
    cr_expect_eq(store_open(dir, &store, &err), ERR_STORE, "%s", words);
    cr_expect_not_null(strstr(err.message, words), "%s", err.message);
    cr_expect_eq(store_open_readonly(dir, &store, &err), ERR_STORE, "%s", words);
    cr_expect_not_null(strstr(err.message, words), "%s", err.message);
    cr_expect_null(store);
}

Test(store, garbage_is_no_store)
{
    char path[128];
    cr_assert_eq(mkdir(dir, 0700), 0);
    path_of("ebshift.db", path);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 4000; i++)
        (void)fputs("no database ", file);
    (void)fclose(file);
    expect_refused("put a copy back");
}

Test(store, a_database_that_is_gone_is_not_begun_anew)
{
    char path[128];
    make_store();
    path_of("ebshift.db", path);
    cr_assert_eq(truncate(path, 0), 0);
    expect_refused("has lost its ebshift.db");
    cr_assert_eq(unlink(path), 0);
    expect_refused("has lost its ebshift.db");
}

Test(store, a_torn_page_is_found_before_anything_is_done)
{
    struct store *store = NULL;
    char path[128];
    make_store();
    path_of("ebshift.db", path);
    FILE *file = fopen(path, "r+");
    cr_assert_eq(fseek(file, 4096, SEEK_SET), 0);
    for (int i = 0; i < 8192; i++)
        (void)fputc(0, file);
    (void)fclose(file);
    cr_expect_eq(store_open(dir, &store, &err), ERR_STORE);
    cr_expect_not_null(strstr(err.message, "is damaged"), "%s", err.message);
    cr_expect_null(store);
}

/* Somebody who may read the files and not write beside them; root would not be stopped. */
static void become_onlooker(void)
{
    char path[128];
    path_of("ebshift.db", path);
    cr_assert_eq(chmod(base, 0755), 0);
    cr_assert_eq(chmod(dir, 0555), 0);
    cr_assert_eq(chmod(path, 0444), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
}

static void become_owner(void)
{
    cr_assert_eq(seteuid(getuid()), 0);
    cr_assert_eq(chmod(dir, 0700), 0);
}

Test(store, looking_needs_no_right_to_write)
{
    CLEANUP_STORE struct store *looking = NULL;
    struct run run;
    make_store();
    become_onlooker();
    enum error_code opened = store_open_readonly(dir, &looking, &err);
    cr_expect_eq(opened, ERR_NONE, "%s", err.message);
    if (opened == ERR_NONE)
        cr_expect_eq(store_get_run(looking, "r-1", &run, &err), ERR_NONE, "%s", err.message);
    become_owner();
}

Test(store, an_odd_name_is_looked_at_as_well)
{
    CLEANUP_STORE struct store *looking = NULL;
    struct run run;
    (void)snprintf(dir, sizeof(dir), "%s/a?b#c%%d e", base);
    make_store();
    become_onlooker();
    cr_expect_eq(store_open_readonly(dir, &looking, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(store_get_run(looking, "r-1", &run, &err), ERR_NONE, "%s", err.message);
    become_owner();
}

static void die_with_a_log_left_behind(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        struct run run = small_run();
        bool made = store_open(dir, &store, &err) == ERR_NONE &&
                    store_add_run(store, &run, &err) == ERR_NONE;
        _exit(made ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(store, a_log_left_behind_is_not_passed_over_by_looking)
{
    CLEANUP_STORE struct store *looking = NULL;
    char path[128];
    struct run run;
    die_with_a_log_left_behind();
    path_of("ebshift.db-shm", path);
    (void)unlink(path);
    become_onlooker();
    cr_expect_eq(store_open_readonly(dir, &looking, &err), ERR_STORE);
    cr_expect_not_null(strstr(err.message, "ebshift.db-wal"), "%s", err.message);
    become_owner();
    cr_assert_eq(store_open_readonly(dir, &looking, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(store_get_run(looking, "r-1", &run, &err), ERR_NONE, "%s", err.message);
}

Test(store, a_file_in_the_place_of_the_directory_is_refused)
{
    struct store *store = NULL;
    FILE *file = fopen(dir, "w");
    (void)fclose(file);
    cr_expect_eq(store_open(dir, &store, &err), ERR_STORE);
}

/* The lock belongs to a process, so a process has to ask for it. */
static enum error_code lock_in_child(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        enum error_code code = store_open(dir, &store, &err);
        if (code == ERR_NONE)
            code = store_lock(store, NOW_MS, &err);
        char parent[24];
        (void)snprintf(parent, sizeof(parent), "process %d ", (int)getppid());
        bool named = strncmp(err.message, parent, strlen(parent)) == 0 &&
                     strstr(err.message, "since 2026-03-02T00:00:07.123Z is at work") != NULL;
        named = named || strstr(err.message, "its lock file was deleted") != NULL;
        if (code == ERR_LOCKED && !named) {
            (void)fprintf(stderr, "%s\n", err.message);
            _exit(100);
        }
        _exit((int)code);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return (enum error_code)WEXITSTATUS(status);
}

Test(store, a_second_process_is_refused_and_told_who_holds_it)
{
    struct store *store = NULL;
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_assert_eq(store_lock(store, NOW_MS, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(lock_in_child(), ERR_LOCKED);
    store_close(store);
    cr_expect_eq(lock_in_child(), ERR_NONE, "closing gives the lock back");
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_expect_eq(store_lock(store, NOW_MS, &err), ERR_NONE, "so does the death of the holder");
    store_close(store);
}

Test(store, the_lock_outlives_its_file)
{
    CLEANUP_STORE struct store *store = NULL;
    char path[128];
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_assert_eq(store_lock(store, NOW_MS, &err), ERR_NONE, "%s", err.message);
    path_of("lock", path);
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(lock_in_child(), ERR_LOCKED, "somebody took it for stale");
    cr_expect_eq(lock_in_child(), ERR_LOCKED, "and the new file is nobody's");
}

Test(store, a_store_that_is_gone_is_noticed)
{
    CLEANUP_STORE struct store *store = NULL;
    char path[128];
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_expect_eq(store_check_there(store, &err), ERR_NONE);
    path_of("ebshift.db", path);
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(store_check_there(store, &err), ERR_STORE);
}

/* Opens the store at the same moment as others do; the tables must be made once. */
static int open_in_child(int start_fd)
{
    struct store *store = NULL;
    char go;
    (void)!read(start_fd, &go, 1);
    enum error_code code = store_open(dir, &store, &err);
    if (code != ERR_NONE)
        (void)fprintf(stderr, "%s\n", err.message);
    return code == ERR_NONE ? 0 : 1;
}

Test(store, many_may_make_it_at_once)
{
    int start[2];
    cr_assert_eq(pipe(start), 0);
    for (int i = 0; i < 8; i++) {
        if (fork() == 0) {
            (void)close(start[1]);
            _exit(open_in_child(start[0]));
        }
    }
    (void)close(start[1]);
    for (int i = 0; i < 8; i++) {
        int status = 0;
        (void)wait(&status);
        cr_expect_eq(status, 0, "one of them could not open the store");
    }
    (void)close(start[0]);
}

/* A limit on file sizes stands in for a full disk; the store must say so and stay whole. */
Test(store, a_full_disk_is_told_and_harms_nothing)
{
    struct store *store = NULL;
    struct rlimit limit;
    struct run run = small_run();
    struct run got;
    enum error_code code = ERR_NONE;
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_assert_eq(store_add_run(store, &run, &err), ERR_NONE);
    struct rlimit tight = {.rlim_cur = 200000, .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 1; i < 200 && code == ERR_NONE; i++) {
        run.round = i;
        code = store_save_run(store, &run, 1772409607123 + i, &err);
    }
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_eq(code, ERR_STORE, "%s", err.message);
    cr_assert_eq(store_get_run(store, "r-1", &got, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(got.round, run.round - 1, "the last write that was confirmed is what is there");
    cr_expect_eq(store_save_run(store, &run, 1772409999999, &err), ERR_NONE, "goes on with room");
    store_close(store);
}

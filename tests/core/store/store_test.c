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

Test(store, garbage_is_no_store)
{
    struct store *store = NULL;
    char path[128];
    cr_assert_eq(mkdir(dir, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/ebshift.db", dir);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 4000; i++)
        (void)fputs("no database ", file);
    (void)fclose(file);
    cr_expect_eq(store_open(dir, &store, &err), ERR_STORE);
    cr_expect_null(store);
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
            code = store_lock(store, &err);
        char parent[24];
        (void)snprintf(parent, sizeof(parent), "process %d ", (int)getppid());
        if (code == ERR_LOCKED && strncmp(err.message, parent, strlen(parent)) != 0)
            _exit(100);
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
    cr_assert_eq(store_lock(store, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(lock_in_child(), ERR_LOCKED);
    store_close(store);
    cr_expect_eq(lock_in_child(), ERR_NONE, "closing gives the lock back");
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE);
    cr_expect_eq(store_lock(store, &err), ERR_NONE, "so does the death of the holder");
    store_close(store);
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

/* quiesce_probe: drives the local quiesce from a script, for quiesce_e2e.sh.
 *
 * usage: quiesce_probe CONNINFO WATCHDOG RECORD_DIR MOUNTS ACTION...
 * MOUNTS is a colon-separated list, or "-". Actions, run one after the other in one process:
 *   facts | lsn | record FILE | fence | unfence FILE | backup-begin | backup-end FILE
 *   cut COMMAND   (run between freeze and thaw: the copy of the disks stands for the snapshot)
 *   wait          (says "waiting" and reads a line) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/quiesce_local.h"
#include "core/pg/facts.h"

struct probe {
    const struct quiesce *quiesce;
    const char *conninfo;
    const char *argument;
};

static enum error_code put_file(const char *path, const char *text, struct error *err)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        return error_set(err, ERR_SYSTEM, "cannot write '%s'", path);
    return ERR_NONE;
}

static enum error_code show_facts(const struct probe *probe, struct error *err)
{
    CLEANUP_PG_CONN struct pg_conn conn = {0};
    CLEANUP_PG_FACTS struct pg_facts facts = {0};
    TRY(pg_conn_open(&conn, probe->conninfo, NULL, 5000, 5000, err));
    TRY(pg_facts_read(&conn, NULL, &facts, err));
    for (size_t i = 0; i < facts.place_count; i++) {
        (void)printf("place %d %s %s\n", (int)facts.places[i].kind, facts.places[i].name,
                     facts.places[i].path);
    }
    (void)printf("version %d superuser %d checksums %d recovery %d archive %d/%d backups %d\n",
                 facts.server_version_num, facts.superuser, facts.checksums, facts.in_recovery,
                 facts.archive.on, facts.archive.failing, facts.backups_running);
    return ERR_NONE;
}

static enum error_code show_lsn(const struct probe *probe, struct error *err)
{
    char lsn[LSN_TEXT_SIZE];
    TRY(probe->quiesce->read_lsn(probe->quiesce->self, lsn, err));
    (void)printf("lsn %s\n", lsn);
    return ERR_NONE;
}

static enum error_code record(const struct probe *probe, struct error *err)
{
    CLEANUP_STRBUF struct strbuf text = {0};
    TRY(probe->quiesce->fence_record(probe->quiesce->self, &text, err));
    return put_file(probe->argument, strbuf_text(&text), err);
}

static enum error_code fence(const struct probe *probe, struct error *err)
{
    char lsn[LSN_TEXT_SIZE];
    TRY(probe->quiesce->fence(probe->quiesce->self, lsn, err));
    (void)printf("fenced at %s\n", lsn);
    return ERR_NONE;
}

static enum error_code unfence(const struct probe *probe, struct error *err)
{
    static char text[65536];
    FILE *file = fopen(probe->argument, "re");
    if (file == NULL)
        return error_set(err, ERR_SYSTEM, "cannot read '%s'", probe->argument);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return probe->quiesce->unfence(probe->quiesce->self, text, err);
}

static enum error_code backup_begin(const struct probe *probe, struct error *err)
{
    return probe->quiesce->backup_begin(probe->quiesce->self, "a label with 'quotes'", err);
}

static enum error_code backup_end(const struct probe *probe, struct error *err)
{
    CLEANUP_QUIESCE_BACKUP struct quiesce_backup backup = {0};
    TRY(probe->quiesce->backup_end(probe->quiesce->self, &backup, err));
    (void)printf("backup %s to %s archived %d map %zu\n", backup.start_lsn, backup.stop_lsn,
                 backup.archive_waited, backup.tablespace_map.length);
    return put_file(probe->argument, strbuf_text(&backup.label), err);
}

static enum error_code run_command(const char *command, struct error *err)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return error_set(err, ERR_SYSTEM, "'%s' failed", command);
    return ERR_NONE;
}

static enum error_code cut(const struct probe *probe, struct error *err)
{
    const struct quiesce *quiesce = probe->quiesce;
    TRY(quiesce->prepare(quiesce->self, err));
    struct cut hooks = quiesce->cut(quiesce->self);
    enum error_code done = hooks.begin(hooks.self, err);
    if (done == ERR_NONE) {
        done = run_command(probe->argument, err);
        hooks.end(hooks.self);
    }
    TRY(quiesce->settle(quiesce->self, err));
    TRY(done);
    struct quiesce_report report = {0};
    quiesce->report(quiesce->self, &report);
    (void)printf("cut %s fired %d flush_before_us %" PRId64 " freeze_us %" PRId64
                 " held_us %" PRId64 " thaw_us %" PRId64 " lsn %s\n",
                 consistency_name(report.consistency), report.watchdog_fired,
                 report.flush_before_us, report.freeze_us, report.held_us, report.thaw_us,
                 report.lsn);
    return ERR_NONE;
}

static enum error_code wait_line(const struct probe *probe, struct error *err)
{
    (void)probe;
    (void)err;
    (void)puts("waiting");
    (void)fflush(stdout);
    (void)getchar();
    return ERR_NONE;
}

static enum error_code show_label(const struct probe *probe, struct error *err)
{
    struct quiesce_report report = {0};
    (void)err;
    probe->quiesce->report(probe->quiesce->self, &report);
    (void)printf("label %s\n", consistency_name(report.consistency));
    return ERR_NONE;
}

static const struct action {
    const char *name;
    bool has_argument;
    enum error_code (*run)(const struct probe *probe, struct error *err);
} actions[] = {
    {"facts", false, show_facts}, {"lsn", false, show_lsn},
    {"record", true, record},     {"fence", false, fence},
    {"unfence", true, unfence},   {"backup-begin", false, backup_begin},
    {"cut", true, cut},           {"backup-end", true, backup_end},
    {"wait", false, wait_line},   {"label", false, show_label},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    return NULL;
}

static enum error_code run_actions(struct probe *probe, char **argv, struct error *err)
{
    for (; *argv != NULL; argv++) {
        const struct action *action = find_action(*argv);
        if (action == NULL || (action->has_argument && argv[1] == NULL))
            return error_set(err, ERR_INVALID, "no action '%s'", *argv);
        probe->argument = action->has_argument ? *++argv : NULL;
        TRY(action->run(probe, err));
        (void)fflush(stdout);
    }
    return ERR_NONE;
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    const char *mounts[FREEZE_MOUNTS_MAX] = {0};
    size_t count = 0;
    char *saved = NULL;
    for (char *part = strtok_r(argv[4], ":", &saved);
         part != NULL && strcmp(part, "-") != 0 && count < FREEZE_MOUNTS_MAX;
         part = strtok_r(NULL, ":", &saved))
        mounts[count++] = part;
    const char *limit = getenv("PROBE_LIMIT_MS"); /* NOLINT(concurrency-mt-unsafe) */
    bool is_path = argv[1][0] == '/';
    struct quiesce_local_options options = {
        .conninfo = is_path ? NULL : argv[1],
        .data_directory = is_path ? argv[1] : NULL,
        .hold.watchdog_program = argv[2],
        .hold.record_dir = argv[3],
        .hold.mount_points = mounts,
        .hold.mount_count = count,
        .hold.freeze_limit_ms = limit != NULL ? strtol(limit, NULL, 10) : 0,
        .connect_timeout_ms = 2000,
        .restart_ms = 500,
        .statement_timeout_ms = 20000,
        .fence_settle_ms = 20000,
        .archive_wait_ms = 3000,
    };
    struct error err = {0};
    struct quiesce_local local;
    quiesce_local_init(&local, &options);
    struct quiesce quiesce = quiesce_local(&local);
    struct probe probe = {.quiesce = &quiesce, .conninfo = argv[1]};
    enum error_code done = run_actions(&probe, argv + 5, &err);
    quiesce_local_done(&local);
    if (done != ERR_NONE)
        (void)fprintf(stderr, "%s: %s\n", error_name(done), err.message);
    return done == ERR_NONE ? 0 : 1;
}

#include "core/host/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/hold.h"

/* Sparse; the least that mkfs.xfs takes is 300 MiB. */
#define IMAGE_BYTES   (INT64_C(512) << 20)
#define LOOP_ATTEMPTS 10
/* As a cut may take if nobody says otherwise: a busy disk is no reason to fear the night. */
#define SCRATCH_LIMIT_MS 10000

/* What the child hands back through a pipe, in one piece. */
struct verdict_of_child {
    enum error_code code;
    struct error err;
    struct held held;
};

/* The file has no name, and in the child's own mounts the directory is hidden below the filesystem:
 * there is nothing that could be left behind. */
struct scratch {
    const char *directory;
    const char *filesystem;
};

static enum error_code cannot(const char *what, struct error *err)
{
    return error_set(err, ERR_NOT_FOUND, "cannot %s: %s", what, strerrordesc_np(errno));
}

/* ---- in the child ---- */

/* Found without PATH, which under cron knows no sbin. */
static enum error_code find_mkfs(const char *filesystem, char path[64], struct error *err)
{
    static const char *const places[] = {"/usr/sbin", "/sbin"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        (void)snprintf(path, 64, "%s/mkfs.%s", places[i], filesystem);
        if (access(path, X_OK) == 0)
            return ERR_NONE;
    }
    return error_set(err, ERR_NOT_FOUND, "this machine has no mkfs.%s", filesystem);
}

static enum error_code make_filesystem(const char *filesystem, int image, struct error *err)
{
    char program[64];
    char quiet[] = "-q";
    char path[48];
    char *argv[] = {program, quiet, path, NULL};
    char *envp[] = {NULL};
    pid_t pid = 0;
    int status = 0;
    posix_spawn_file_actions_t files;
    TRY(find_mkfs(filesystem, program, err));
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), image);
    (void)posix_spawn_file_actions_init(&files);
    for (int fd = 0; fd < 3; fd++)
        (void)posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    int failed = posix_spawn(&pid, program, &files, NULL, argv, envp);
    (void)posix_spawn_file_actions_destroy(&files);
    if (failed != 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return error_set(err, ERR_SYSTEM, "%s failed on a scratch file", program);
    return ERR_NONE;
}

/* The device goes with its last user. */
static enum error_code attach_loop(int image, char device[32], int *loop, struct error *err)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return cannot("use loop devices", err);
    /* Between finding a free one and taking it somebody else may have been quicker. */
    for (int i = 0; i < LOOP_ATTEMPTS; i++) {
        struct loop_config how = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        (void)snprintf(device, 32, "/dev/loop%d", number);
        *loop = number < 0 ? -1 : open(device, O_RDWR | O_CLOEXEC);
        if (*loop >= 0 && ioctl(*loop, LOOP_CONFIGURE, &how) == 0) {
            (void)close(control);
            return ERR_NONE;
        }
        if (*loop >= 0)
            (void)close(*loop);
        *loop = -1;
    }
    enum error_code code = cannot("set up a loop device", err);
    (void)close(control);
    return code;
}

static enum error_code make_device(const struct scratch *scratch, char device[32], int *loop,
                                   struct error *err)
{
    int image = open(scratch->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (image < 0 || ftruncate(image, IMAGE_BYTES) != 0)
        return cannot("make a scratch file", err);
    enum error_code code = make_filesystem(scratch->filesystem, image, err);
    if (code == ERR_NONE)
        code = attach_loop(image, device, loop, err);
    (void)close(image);
    return code;
}

/* With a /run of its own: the record of what is frozen (frozen_record.h) is for mounts that somebody
 * may have to thaw, and this one goes with its process. What is unmounted outside goes here too. */
static enum error_code own_mounts(struct error *err)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 ||
        mount("none", "/run", "tmpfs", 0, "size=64k") != 0)
        return cannot("have mounts of our own", err);
    return ERR_NONE;
}

static enum error_code hold_once(const char *mount_point, struct held *held, struct error *err)
{
    const struct hold_options options = {
        .mount_points = &mount_point,
        .mount_count = 1,
        .freeze_limit_ms = SCRATCH_LIMIT_MS,
    };
    struct hold hold;
    hold_init(&hold, &options);
    struct holder holder = hold_holder(&hold);
    enum error_code code = holder.prepare(holder.self, err);
    if (code == ERR_NONE)
        code = holder.begin(holder.self, err);
    if (code == ERR_NONE)
        (void)holder.end(holder.self);
    enum error_code settled = holder.settle(holder.self, held, code == ERR_NONE ? err : NULL);
    hold_done(&hold);
    return code == ERR_NONE ? settled : code;
}

/* All mounts of the machine are held as long as those of our own are there: that is the last thing
 * before the freeze. */
static enum error_code try_alone(const struct scratch *scratch, struct held *held,
                                 struct error *err)
{
    char device[32];
    int loop = -1;
    TRY(make_device(scratch, device, &loop, err));
    TRY(own_mounts(err));
    if (mount(device, scratch->directory, scratch->filesystem, MS_NOATIME | MS_NODEV, "") != 0)
        return cannot("mount a scratch filesystem", err);
    (void)close(loop);
    enum error_code code = hold_once(scratch->directory, held, err);
    (void)umount2(scratch->directory, MNT_DETACH);
    return code;
}

static void run_child(const struct scratch *scratch, int to_parent)
{
    struct verdict_of_child verdict = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    verdict.code = try_alone(scratch, &verdict.held, &verdict.err);
    ssize_t sent = write(to_parent, &verdict, sizeof(verdict));
    _exit(sent == (ssize_t)sizeof(verdict) ? 0 : 1);
}

/* ---- in the parent ---- */

static enum error_code hear_child(const struct scratch *scratch, struct held *held,
                                  struct error *err)
{
    struct verdict_of_child verdict = {0};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cannot("make a pipe", err);
    pid_t pid = fork();
    if (pid == 0)
        run_child(scratch, ends[1]);
    (void)close(ends[1]);
    ssize_t got = pid < 0 ? -1 : read(ends[0], &verdict, sizeof(verdict));
    (void)close(ends[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (got != (ssize_t)sizeof(verdict))
        return error_set(err, ERR_SYSTEM, "the process that tries to freeze ended early");
    *held = verdict.held;
    if (verdict.code != ERR_NONE)
        return error_set(err, verdict.code, "%s", verdict.err.message);
    return ERR_NONE;
}

enum error_code scratch_freeze(const char *directory, const char *filesystem, struct held *held,
                               struct error *err)
{
    const struct scratch scratch = {.directory = directory, .filesystem = filesystem};
    if (geteuid() != 0)
        return error_set(err, ERR_NOT_FOUND, "only root may mount and freeze");
    return hear_child(&scratch, held, err);
}

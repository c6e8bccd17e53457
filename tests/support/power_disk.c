#include "tests/support/power_disk.h"

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#define SECTOR    512
#define NAME_SIZE 160

/* A write that was not synced; one without bytes is a truncation. */
struct pending {
    struct pending *next;
    char *bytes;
    int length;
    int64_t at;
};

/* What SQLite holds of an open file, and what of it is not durable. */
struct power_file {
    sqlite3_file base;
    sqlite3_file *real;
    char platter[NAME_SIZE]; /* empty: not one to look after */
    struct pending *first;
    struct pending **last;
    bool syncs_folder; /* the first sync of a new log makes the folder durable too */
};

static struct power_plan *plan;
static bool is_lost;
static sqlite3_vfs *below;
static uint64_t dice;
/* Files whose unsynced writes are lost with the power. */
static struct power_file *open_files[8];
/* Deletions that the directory may not have kept. */
static char deleted[8][NAME_SIZE];

static bool coin(void)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (dice >> 40 & 1) != 0;
}

/* ---- the platter ---- */

static void put(int fd, const char *bytes, int length, int64_t at)
{
    ssize_t written = pwrite(fd, bytes, (size_t)length, at);
    assert(written == length);
}

static void apply(int fd, const struct pending *write, bool torn)
{
    if (write->bytes == NULL) {
        int result = torn && coin() ? 0 : ftruncate(fd, write->at);
        assert(result == 0);
        return;
    }
    for (int done = 0; done < write->length;) {
        int part = SECTOR - (int)((write->at + done) % SECTOR);
        if (part > write->length - done)
            part = write->length - done;
        if (!torn || coin())
            put(fd, write->bytes + done, part, write->at + done);
        done += part;
    }
}

static void settle(struct power_file *file, bool torn)
{
    int fd = open(file->platter, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert(fd >= 0);
    while (file->first != NULL) {
        struct pending *write = file->first;
        apply(fd, write, torn);
        file->first = write->next;
        free(write->bytes);
        free(write);
    }
    file->last = &file->first;
    (void)close(fd);
}

static void settle_folder(void)
{
    for (size_t i = 0; i < sizeof(deleted) / sizeof(deleted[0]); i++) {
        if (deleted[i][0] != '\0')
            (void)unlink(deleted[i]);
        deleted[i][0] = '\0';
    }
}

/* One time in three nothing that was not synced arrives, one time in three all of it. */
static void lose_power(void)
{
    bool torn = plan->at % 3 == 0;
    for (size_t i = 0; i < sizeof(deleted) / sizeof(deleted[0]); i++) {
        if (deleted[i][0] != '\0' && (torn ? coin() : plan->at % 3 == 1))
            (void)unlink(deleted[i]);
    }
    for (size_t i = 0; i < sizeof(open_files) / sizeof(open_files[0]); i++) {
        struct power_file *file = open_files[i];
        if (file != NULL && file->first != NULL && (torn || plan->at % 3 == 1))
            settle(file, torn);
    }
    is_lost = true;
    plan->lost(plan->self);
}

/* Counts an operation; SQLITE_OK, or how it fails. */
static int operate(int failure)
{
    if (is_lost)
        return SQLITE_IOERR;
    if (++plan->operations < plan->at)
        return SQLITE_OK;
    if (plan->event == POWER_FAILS) {
        lose_power();
        return SQLITE_IOERR;
    }
    if (plan->event == POWER_DISK_FULL)
        return failure == SQLITE_FULL ? SQLITE_FULL : SQLITE_OK;
    if (failure != SQLITE_IOERR_FSYNC)
        return SQLITE_OK;
    plan->at = INT64_MAX;
    return SQLITE_IOERR_FSYNC;
}

static void remember(struct power_file *file, const void *bytes, int length, int64_t at)
{
    if (file->platter[0] == '\0')
        return;
    struct pending *write = calloc(1, sizeof(*write));
    assert(write != NULL);
    write->at = at;
    if (bytes != NULL) {
        write->length = length;
        write->bytes = malloc((size_t)length);
        assert(write->bytes != NULL);
        memcpy(write->bytes, bytes, (size_t)length);
    }
    *file->last = write;
    file->last = &write->next;
}

/* ---- a file as SQLite sees it ---- */

static struct power_file *of(sqlite3_file *file)
{
    return (struct power_file *)(void *)file;
}

static int file_close(sqlite3_file *base)
{
    struct power_file *file = of(base);
    int result =
        file->real->pMethods == NULL ? SQLITE_OK : file->real->pMethods->xClose(file->real);
    /* Closing makes nothing durable; what it loses at a later end of power, this disk has lost. */
    while (file->first != NULL) {
        struct pending *write = file->first;
        file->first = write->next;
        free(write->bytes);
        free(write);
    }
    for (size_t i = 0; i < sizeof(open_files) / sizeof(open_files[0]); i++) {
        if (open_files[i] == file)
            open_files[i] = NULL;
    }
    free(file->real);
    return result;
}

static int file_read(sqlite3_file *base, void *bytes, int length, sqlite3_int64 at)
{
    return of(base)->real->pMethods->xRead(of(base)->real, bytes, length, at);
}

static int file_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 at)
{
    int result = operate(SQLITE_FULL);
    if (result != SQLITE_OK)
        return result;
    remember(of(base), bytes, length, at);
    return of(base)->real->pMethods->xWrite(of(base)->real, bytes, length, at);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    int result = operate(SQLITE_IOERR_TRUNCATE);
    if (result != SQLITE_OK)
        return result;
    remember(of(base), NULL, 0, size);
    return of(base)->real->pMethods->xTruncate(of(base)->real, size);
}

static int file_sync(sqlite3_file *base, int flags)
{
    (void)flags; /* the platter is told by hand */
    struct power_file *file = of(base);
    int result = operate(SQLITE_IOERR_FSYNC);
    if (result != SQLITE_OK)
        return result;
    if (file->platter[0] != '\0')
        settle(file, false);
    if (file->syncs_folder)
        settle_folder();
    file->syncs_folder = false;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    return of(base)->real->pMethods->xFileSize(of(base)->real, size);
}

static int file_lock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xLock(of(base)->real, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xUnlock(of(base)->real, level);
}

static int file_check_lock(sqlite3_file *base, int *out)
{
    return of(base)->real->pMethods->xCheckReservedLock(of(base)->real, out);
}

static int file_control(sqlite3_file *base, int operation, void *argument)
{
    return of(base)->real->pMethods->xFileControl(of(base)->real, operation, argument);
}

static int file_sector_size(sqlite3_file *base)
{
    return of(base)->real->pMethods->xSectorSize(of(base)->real);
}

static int file_characteristics(sqlite3_file *base)
{
    return of(base)->real->pMethods->xDeviceCharacteristics(of(base)->real);
}

static int file_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    return of(base)->real->pMethods->xShmMap(of(base)->real, region, size, extend, out);
}

static int file_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    return of(base)->real->pMethods->xShmLock(of(base)->real, offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *base)
{
    of(base)->real->pMethods->xShmBarrier(of(base)->real);
}

static int file_shm_unmap(sqlite3_file *base, int delete_it)
{
    return of(base)->real->pMethods->xShmUnmap(of(base)->real, delete_it);
}

/* Version 2: no memory mapping of the file itself, so that every write comes by here. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the folder ---- */

static void name_on_platter(const char *path, char name[NAME_SIZE])
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, NAME_SIZE, "%s/%s", plan->platter, slash == NULL ? path : slash + 1);
}

static void look_after(struct power_file *file, const char *path)
{
    size_t slot = 0;
    name_on_platter(path, file->platter);
    while (open_files[slot] != NULL)
        slot++;
    assert(slot < sizeof(open_files) / sizeof(open_files[0]));
    open_files[slot] = file;
}

static int vfs_open(sqlite3_vfs *self, const char *path, sqlite3_file *base, int flags, int *out)
{
    (void)self;
    struct power_file *file = of(base);
    *file = (struct power_file){.base.pMethods = &methods};
    file->last = &file->first;
    file->syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0;
    file->real = calloc(1, (size_t)below->szOsFile);
    assert(file->real != NULL);
    int result = below->xOpen(below, path, file->real, flags, out);
    if (result != SQLITE_OK) {
        free(file->real);
        file->base.pMethods = NULL;
        return result;
    }
    if (path != NULL && (flags & SQLITE_OPEN_DELETEONCLOSE) == 0)
        look_after(file, path);
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *self, const char *path, int sync)
{
    (void)self;
    char name[NAME_SIZE];
    int result = operate(SQLITE_IOERR_DELETE);
    if (result != SQLITE_OK)
        return result;
    name_on_platter(path, name);
    size_t slot = 0;
    while (deleted[slot][0] != '\0' && slot + 1 < sizeof(deleted) / sizeof(deleted[0]))
        slot++;
    if (sync != 0) {
        (void)unlink(name);
    } else {
        (void)snprintf(deleted[slot], NAME_SIZE, "%s", name);
    }
    return below->xDelete(below, path, sync);
}

static int vfs_access(sqlite3_vfs *self, const char *path, int flags, int *out)
{
    (void)self;
    return below->xAccess(below, path, flags, out);
}

static int vfs_full_path(sqlite3_vfs *self, const char *path, int room, char *out)
{
    (void)self;
    return below->xFullPathname(below, path, room, out);
}

static int vfs_random(sqlite3_vfs *self, int length, char *out)
{
    (void)self;
    return below->xRandomness(below, length, out);
}

static int vfs_sleep(sqlite3_vfs *self, int microseconds)
{
    (void)self;
    return below->xSleep(below, microseconds);
}

static int vfs_time(sqlite3_vfs *self, double *out)
{
    (void)self;
    return below->xCurrentTime(below, out);
}

static int vfs_last_error(sqlite3_vfs *self, int length, char *out)
{
    (void)self;
    return below->xGetLastError(below, length, out);
}

static sqlite3_vfs vfs;

void power_disk_install(struct power_plan *wanted)
{
    vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct power_file),
        .zName = "power",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    plan = wanted;
    is_lost = false;
    memset(deleted, 0, sizeof(deleted));
    dice = (uint64_t)plan->at * UINT64_C(0x9e3779b97f4a7c15);
    below = sqlite3_vfs_find(NULL);
    assert(below != NULL);
    vfs.mxPathname = below->mxPathname;
    int result = sqlite3_vfs_register(&vfs, 1);
    assert(result == SQLITE_OK);
}

void power_disk_remove(void)
{
    (void)sqlite3_vfs_unregister(&vfs);
}

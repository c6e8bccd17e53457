/* world_bytes.c: the simulator's bytes on real loop devices (label e2e; needs root).
 *
 * A writer numbers two volumes in turn, as fast as it can, while sets of snapshots are taken: in every
 * set the second volume may lag the first by one number and never otherwise. Then volumes made from
 * snapshots, changed blocks, and a restart are checked. Plain main(): Criterion forks, and this test
 * has threads and devices to give back. */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/instant.h"
#include "tests/sim/pool.h"
#include "tests/sim/world.h"

#define ROUNDS     80
#define FILLERS    24 /* volumes between the two: were members cut one by one, that would take long */
#define PAGE       4096
#define PATH_SIZE  4300
#define SKIPPED    77
#define NUMBER_AT  (INT64_C(3) * SIM_BLOCK_BYTES) /* where the counters lie on each volume */
#define CHECK(...) check(__LINE__, __VA_ARGS__)

static int failures;

static void check(int line, bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "line %d: %s\n", line, what);
        failures++;
    }
}

struct bench {
    char dir[64];
    int64_t now_ms;
    struct world *world;
    struct caller caller;
    struct world_names names;
};

static int64_t bench_now_ms(void *self)
{
    return *(int64_t *)self;
}

static bool bench_open(struct bench *bench)
{
    struct error err;
    struct world_options options = {
        .state_dir = bench->dir, .seed = 5, .time = {bench_now_ms, &bench->now_ms}};
    if (world_open(&bench->world, &options, &err) != ERR_NONE) {
        (void)fprintf(stderr, "%s\n", err.message);
        return false;
    }
    world_names(bench->world, &bench->names);
    return true;
}

static void pass(struct bench *bench, int64_t passed_ms)
{
    bench->now_ms += passed_ms;
    world_advance(bench->world);
}

static struct sim_volume *make_volume(struct bench *bench, const char *snapshot_id,
                                      const char *device)
{
    struct volume_request request = {.zone = "us-east-1a",
                                     .type = "gp3",
                                     .size_gib = snapshot_id == NULL ? 20 : 0,
                                     .snapshot_id = snapshot_id};
    struct sim_volume *volume = NULL;
    struct refusal no = {0};
    bool made = world_create_volume(bench->world, &bench->caller, &request, &volume, &no);
    CHECK(made, no.message);
    pass(bench, MS_PER_MINUTE);
    CHECK(made && world_attach_volume(
                      bench->world, &bench->caller,
                      &(struct attach_request){volume->id, bench->names.instance, device, false},
                      &volume, &no),
          no.message);
    pass(bench, MS_PER_MINUTE);
    return volume;
}

static int open_device(const struct bench *bench, const struct sim_volume *volume)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/by-id/nvme-Amazon_Elastic_Block_Store_vol%s", bench->dir,
                   volume->id + strlen("vol-"));
    return open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
}

struct writer {
    int devices[2];
    atomic_bool stop;
    _Atomic uint64_t written;
};

static void *write_numbers(void *argument)
{
    struct writer *writer = argument;
    void *memory = NULL;
    if (posix_memalign(&memory, PAGE, PAGE) != 0)
        return NULL;
    memset(memory, 0, PAGE);
    for (uint64_t number = 1; !atomic_load(&writer->stop); number++) {
        memcpy(memory, &number, sizeof(number));
        for (size_t i = 0; i < 2; i++) {
            if (pwrite(writer->devices[i], memory, PAGE, NUMBER_AT) != PAGE)
                atomic_store(&writer->stop, true);
        }
        atomic_store(&writer->written, number);
    }
    free(memory);
    return NULL;
}

static uint64_t number_in(struct bench *bench, const struct sim_snapshot *snapshot)
{
    static uint8_t block[SIM_BLOCK_BYTES];
    struct refusal no = {0};
    uint64_t number = 0;
    CHECK(world_read_block(bench->world, snapshot, NUMBER_AT / SIM_BLOCK_BYTES, block, &no),
          no.message);
    memcpy(&number, block, sizeof(number));
    return number;
}

static void check_set(struct bench *bench, struct sim_snapshot *const *members, uint64_t *last)
{
    uint64_t first = number_in(bench, members[0]);
    uint64_t second = number_in(bench, members[FILLERS + 1]);
    char text[96];
    (void)snprintf(text, sizeof(text), "a set torn apart: %llu and %llu", (unsigned long long)first,
                   (unsigned long long)second);
    CHECK(first == second || first == second + 1, text);
    CHECK(first >= *last, "a later set holds an earlier number");
    *last = first;
}

/* Returns the first volume's last snapshot. */
static struct sim_snapshot *hammer(struct bench *bench, struct writer *writer)
{
    struct sim_snapshot *members[SIM_SET_MAX] = {NULL};
    struct set_request request = {.instance_id = bench->names.instance, .exclude_boot = true};
    struct refusal no = {0};
    pthread_t thread;
    uint64_t last = 0;
    size_t count = 0;
    if (pthread_create(&thread, NULL, write_numbers, writer) != 0)
        return NULL;
    for (int round = 0; round < ROUNDS; round++) {
        (void)usleep(3000);
        pass(bench, 20 * MS_PER_MINUTE);
        CHECK(
            world_create_snapshot_set(bench->world, &bench->caller, &request, members, &count, &no),
            no.message);
        uint64_t answered = atomic_load(&writer->written);
        (void)usleep(2000);
        pass(bench, MS_PER_SECOND);
        check_set(bench, members, &last);
        CHECK(last <= answered + 1, "a set holds what was written after its answer");
    }
    atomic_store(&writer->stop, true);
    (void)pthread_join(thread, NULL);
    (void)printf("%d sets while %llu numbers were written; the last holds %llu\n", ROUNDS,
                 (unsigned long long)atomic_load(&writer->written), (unsigned long long)last);
    CHECK(last > 0, "no set saw a number");
    return members[0];
}

static void check_changes(struct bench *bench, const struct sim_volume *volume, int device)
{
    CLEANUP_BLOCK_SET struct block_set blocks = {0};
    struct sim_snapshot *before = NULL;
    struct sim_snapshot *after = NULL;
    struct refusal no = {0};
    void *memory = NULL;
    CHECK(posix_memalign(&memory, PAGE, PAGE) == 0, "memory");
    memset(memory, 7, PAGE);
    pass(bench, MS_PER_HOUR);
    CHECK(world_create_snapshot(bench->world, &bench->caller,
                                &(struct snapshot_request){.volume_id = volume->id}, &before, &no),
          no.message);
    CHECK(pwrite(device, memory, PAGE, 100 * SIM_BLOCK_BYTES) == PAGE, "write");
    CHECK(pwrite(device, memory, PAGE, 205 * SIM_BLOCK_BYTES + PAGE) == PAGE, "write");
    pass(bench, MS_PER_HOUR);
    CHECK(world_create_snapshot(bench->world, &bench->caller,
                                &(struct snapshot_request){.volume_id = volume->id}, &after, &no),
          no.message);
    pass(bench, MS_PER_HOUR);
    CHECK(world_changed_blocks(bench->world, before, after, &blocks, &no), no.message);
    CHECK(block_set_count(&blocks) == 2 && block_set_has(&blocks, 100) &&
              block_set_has(&blocks, 205),
          "exactly the two written blocks differ");
    CHECK(world_snapshot_moved_bytes(after) == 2 * SIM_BLOCK_BYTES, "and only they are moved");
    pass(bench, MS_PER_HOUR);
    free(memory);
}

static uint64_t number_on(int device)
{
    void *memory = NULL;
    uint64_t number = 0;
    if (posix_memalign(&memory, PAGE, PAGE) != 0)
        return 0;
    if (pread(device, memory, PAGE, NUMBER_AT) == PAGE)
        memcpy(&number, memory, sizeof(number));
    free(memory);
    return number;
}

static void check_restore(struct bench *bench, const struct sim_snapshot *snapshot)
{
    uint64_t wanted = number_in(bench, snapshot);
    const struct sim_volume *volume = make_volume(bench, snapshot->id, "/dev/sdh");
    int device = open_device(bench, volume);
    CHECK(device >= 0 && number_on(device) == wanted, "the new volume holds the snapshot's bytes");
    (void)close(device);
}

static void check_restart(struct bench *bench, const char *volume_id, uint64_t wanted)
{
    char id[SIM_ID_SIZE];
    struct refusal no = {0};
    (void)snprintf(id, sizeof(id), "%s", volume_id);
    world_close(bench->world);
    bench->world = NULL;
    if (!bench_open(bench)) {
        failures++;
        return;
    }
    pass(bench, MS_PER_MINUTE);
    const struct sim_volume *volume = world_volume(bench->world, &bench->caller, id, &no);
    int device = volume == NULL ? -1 : open_device(bench, volume);
    CHECK(device >= 0 && number_on(device) == wanted, "a restart brings the bytes back");
    (void)close(device);
}

static void run(struct bench *bench)
{
    struct writer writer = {.stop = false};
    struct sim_volume *volumes[2];
    volumes[0] = make_volume(bench, NULL, "/dev/sdf");
    for (int i = 0; i < FILLERS; i++) {
        char device[16];
        (void)snprintf(device, sizeof(device), "/dev/sdx%d", i);
        (void)make_volume(bench, NULL, device);
    }
    volumes[1] = make_volume(bench, NULL, "/dev/sdg");
    for (size_t i = 0; i < 2; i++)
        writer.devices[i] = open_device(bench, volumes[i]);
    CHECK(writer.devices[0] >= 0 && writer.devices[1] >= 0, "the devices open");
    struct sim_snapshot *last = hammer(bench, &writer);
    pass(bench, MS_PER_HOUR);
    check_changes(bench, volumes[0], writer.devices[0]);
    uint64_t wanted = number_on(writer.devices[0]);
    (void)close(writer.devices[0]);
    (void)close(writer.devices[1]);
    if (last != NULL)
        check_restore(bench, last);
    check_restart(bench, volumes[0]->id, wanted);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static int run_on(const char *dir)
{
    struct bench bench = {.now_ms = INT64_C(1795410000123),
                          .caller = {"111122223333", "us-east-1", ""}};
    (void)snprintf(bench.dir, sizeof(bench.dir), "%s", dir);
    if (bench_open(&bench)) {
        run(&bench);
    } else {
        failures++;
    }
    world_close(bench.world);
    (void)printf("%s\n", failures == 0 ? "ok" : "FAILED");
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The work is done by a child, so that devices and mounts are given back even after a crash. */
int main(void)
{
    char dir[] = "/tmp/world_bytes.XXXXXX";
    struct error err;
    int status = 0;
    if (geteuid() != 0 || mkdtemp(dir) == NULL) {
        (void)printf("skipped: needs root for loop devices\n");
        return SKIPPED;
    }
    pid_t child = fork();
    if (child == 0)
        return run_on(dir);
    bool good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    if (pool_clean(dir, &err) != ERR_NONE)
        (void)fprintf(stderr, "%s\n", err.message);
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

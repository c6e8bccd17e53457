#include "tests/sim/sim_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

/* Rates so extreme that the real time of the test, fast or slow, decides nothing. */
#define FROZEN   1e-9
#define HEADLONG 1e6
#define START_MS INT64_C(1795410000123)

struct bench {
    char path[64];
    struct sim_clock *clock;
};

static void bench_open(struct bench *bench, double rate)
{
    struct error err;
    (void)snprintf(bench->path, sizeof(bench->path), "/tmp/sim_clock_test.%ld", (long)getpid());
    cr_assert_eq(sim_clock_new(&bench->clock, START_MS, rate, &err), ERR_NONE);
    cr_assert_eq(sim_clock_serve(bench->clock, bench->path, &err), ERR_NONE, "%s", err.message);
}

static void bench_done(struct bench *bench)
{
    sim_clock_free(bench->clock);
    cr_expect_neq(access(bench->path, F_OK), 0, "the socket is gone");
}
#define CLEANUP_BENCH CLEANUP(bench_done)

static FILE *connect_to(const struct bench *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", bench->path);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    FILE *stream = fdopen(fd, "r+");
    cr_assert_not_null(stream);
    return stream;
}

static int64_t read_now(FILE *stream)
{
    char line[64];
    cr_assert_not_null(fgets(line, sizeof(line), stream));
    cr_assert_eq(strncmp(line, "now ", 4), 0, "%s", line);
    return strtoll(line + 4, NULL, 10);
}

static void tell(FILE *stream, const char *line)
{
    cr_assert_eq(send(fileno(stream), line, strlen(line), 0), (ssize_t)strlen(line));
}

static void tell_sleep(FILE *stream, int64_t until_ms)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "sleep_until %lld\n", (long long)until_ms);
    tell(stream, line);
}

Test(sim_clock, a_sleep_ends_at_its_instant_however_fast_time_runs)
{
    CLEANUP_BENCH struct bench bench;
    bench_open(&bench, HEADLONG);
    FILE *client = connect_to(&bench);
    int64_t now_ms = read_now(client);
    for (int i = 0; i < 5; i++) {
        int64_t wake_ms = now_ms + INT64_C(3600000) * (i + 1);
        tell_sleep(client, wake_ms);
        now_ms = read_now(client);
        cr_expect_geq(now_ms, wake_ms);
        cr_expect_leq(now_ms, wake_ms + 1, "overshot by %lld ms", (long long)(now_ms - wake_ms));
    }
    (void)fclose(client);
}

Test(sim_clock, a_sleep_into_the_past_is_over_at_once)
{
    CLEANUP_BENCH struct bench bench;
    bench_open(&bench, FROZEN);
    FILE *client = connect_to(&bench);
    cr_expect_geq(read_now(client), START_MS);
    tell_sleep(client, START_MS - 5);
    cr_expect_geq(read_now(client), START_MS);
    (void)fclose(client);
}

Test(sim_clock, wake_ends_a_sleep_early)
{
    CLEANUP_BENCH struct bench bench;
    bench_open(&bench, FROZEN);
    FILE *client = connect_to(&bench);
    (void)read_now(client);
    tell_sleep(client, START_MS + INT64_C(86400000));
    tell(client, "wake\n");
    cr_expect_lt(read_now(client), START_MS + INT64_C(86400000));
    (void)fclose(client);
}

Test(sim_clock, one_awake_session_holds_time_back)
{
    CLEANUP_BENCH struct bench bench;
    bench_open(&bench, HEADLONG);
    FILE *awake = connect_to(&bench);
    FILE *asleep = connect_to(&bench);
    (void)read_now(awake);
    int64_t now_ms = read_now(asleep);
    /* A day away: at rate 1 it cannot come while this test runs. */
    tell_sleep(asleep, now_ms + INT64_C(86400000));
    tell(awake, "now\n");
    cr_expect_lt(read_now(awake), now_ms + INT64_C(86400000));
    (void)fclose(awake); /* now everybody sleeps, so the day passes */
    cr_expect_geq(read_now(asleep), now_ms + INT64_C(86400000));
    (void)fclose(asleep);
}

Test(sim_clock, nonsense_ends_the_session)
{
    CLEANUP_BENCH struct bench bench;
    char line[64];
    bench_open(&bench, FROZEN);
    FILE *client = connect_to(&bench);
    (void)read_now(client);
    tell(client, "sleep_until soon\n");
    cr_expect_null(fgets(line, sizeof(line), client));
    (void)fclose(client);
}

#include "core/pg/control.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char data[] = "/tmp/ebshift-control-XXXXXX";

static void put(const char *name, const void *bytes, size_t count)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", data, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    (void)fclose(file);
}

static void put_state(uint32_t state)
{
    uint32_t head[8] = {0x5ad0c0de, 0x64f1a2b3, 1300, 202209061, state, 0, 0x65000000, 0};
    put("global/pg_control", head, sizeof(head));
}

static void make_data(void)
{
    char path[128];
    cr_assert_not_null(mkdtemp(data));
    (void)snprintf(path, sizeof(path), "%s/global", data);
    cr_assert_eq(mkdir(path, 0700), 0);
}

static void remove_data(void)
{
    static const char *const names[] = {"global/pg_control", "postmaster.pid", "global", ""};
    char path[128];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", data, names[i]);
        (void)remove(path);
    }
}

TestSuite(control, .init = make_data, .fini = remove_data);

Test(control, shut_down_in_order)
{
    put_state(1);
    cr_expect(pg_control_is_shut_down(data));
    put_state(2);
    cr_expect(pg_control_is_shut_down(data), "a standby");
}

Test(control, every_other_state_is_not)
{
    for (uint32_t state = 0; state < 8; state++) {
        put_state(state);
        cr_expect_eq(pg_control_is_shut_down(data), state == 1 || state == 2, "state %u", state);
    }
}

Test(control, a_pid_file_means_running)
{
    put_state(1);
    put("postmaster.pid", "4711\n", 5);
    cr_expect_not(pg_control_is_shut_down(data));
}

Test(control, unreadable_or_short_is_not_stopped)
{
    cr_expect_not(pg_control_is_shut_down(data), "no file");
    put("global/pg_control", "short", 5);
    cr_expect_not(pg_control_is_shut_down(data), "5 bytes");
}

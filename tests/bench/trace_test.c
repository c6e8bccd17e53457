#include "bench/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char directory[] = "/tmp/ebshift-trace-XXXXXX";
static char file[sizeof(directory) + 32];

static void write_file(const char *text)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(file, sizeof(file), "%s/trace_x.csv", directory);
    FILE *out = fopen(file, "w");
    cr_assert_not_null(out);
    (void)fputs(text, out);
    (void)fclose(out);
}

static void remove_file(void)
{
    (void)unlink(file);
    (void)rmdir(directory);
}

TestSuite(trace, .fini = remove_file);

/* Tick 0 writes blocks 5, 6, 9; tick 1 nothing; tick 2 blocks 6 and 20; tick 3 block 5. */
static const char small[] = "# a comment\n"
                            "tick,write_bytes,write_ops,n_blocks,blocks\n"
                            "0,1000,3,3,5+2 2\n"
                            "2,500,2,2,6 13\n"
                            "3,100,1,1,5\n";

Test(trace, counts_each_block_once_per_gap)
{
    CLEANUP_TRACE struct trace trace = {0};
    struct error err = {0};
    write_file(small);
    cr_assert_eq(trace_read(&trace, directory, "x", &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(trace.tick_count, 4);
    cr_expect_eq(trace_changed(&trace, 0, 1), 3);
    cr_expect_eq(trace_changed(&trace, 0, 4), 4, "5, 6, 9 and 20");
    cr_expect_eq(trace_changed(&trace, 2, 4), 3);
    cr_expect_eq(trace_changed(&trace, 1, 2), 1, "a snapshot carries one block at least");
    cr_expect_float_eq(trace_changed(&trace, 2, 3.5), 2.5, 1e-12);
    cr_expect_eq(trace_bytes(&trace, 0, 3), 1500);
    cr_expect_eq(trace_ops(&trace, 2, 4), 3);
}

Test(trace, refuses_what_is_none)
{
    struct trace trace = {0};
    struct error err = {0};
    write_file("tick,write_bytes,write_ops,n_blocks,blocks\n0,1,1,1,4+x\n");
    cr_expect_eq(trace_read(&trace, directory, "x", &err), ERR_INVALID);
    cr_expect_eq(trace_read(&trace, directory, "y", &err), ERR_NOT_FOUND);
}

/* fake_host.h: a machine with a database that holds still, for tests of the engine.
 *
 * Lives in the time of a fake world and dies with it: each of its calls is a step before and one
 * after its effect. It remembers when nobody could write, so that an audit can tell what a snapshot
 * is really worth. */
#ifndef TESTS_SUPPORT_FAKE_HOST_H
#define TESTS_SUPPORT_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/quiesce.h"
#include "tests/sim/fake_cloud.h"

/* The watchdog thaws after so long. */
#define HOST_FREEZE_LIMIT_MS 10000

enum { HOST_SPANS = 64 };

/* Spans of the world's time; the newest ones are kept. */
struct host_spans {
    struct {
        int64_t from_ms;
        int64_t to_ms;
    } items[HOST_SPANS];
    size_t count;
};

struct fake_host {
    struct fake_world *in;
    bool fenced;
    bool prepared;
    bool frozen;
    bool backup;
    int64_t fenced_ms;
    int64_t frozen_ms;
    int64_t backup_ms;
    struct host_spans freezes; /* held over their whole length */
    struct host_spans backups; /* that ended well */
    struct quiesce_report report;
    int fence_records; /* times the state before the fence was asked for */
    /* set by a test */
    enum error_code settle_fails; /* what settle() returns once, then forgotten */
    enum error_code backup_end_fails;
    enum error_code fence_fails; /* with the fence half up */
    enum error_code unfence_fails;
};

/* A quiet machine in a world; borrows the world. */
void fake_host_init(struct fake_host *host, struct fake_world *in);

/* The waist of the host, which it borrows. */
struct quiesce fake_host_quiesce(struct fake_host *host);

/* What the death of the process does: the watchdog thaws, the backup session ends. */
void fake_host_bury(struct fake_host *host);

/* True if one of the spans holds the instant. */
bool host_spans_hold(const struct host_spans *spans, int64_t world_ms);

#endif

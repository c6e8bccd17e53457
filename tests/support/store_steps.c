#include "tests/support/store_steps.h"

#include "core/store.h"

static struct fake_world *stepped;

void store_steps_of(struct fake_world *world)
{
    stepped = world;
}

static enum error_code step(struct error *err)
{
    return stepped == NULL ? ERR_NONE : fake_world_step(stepped, err);
}

/* The linker's names: calls of NAME come to __wrap_NAME, and __real_NAME is what they meant. */
#define STEPPED(name, parameters, arguments)                                                       \
    enum error_code __real_##name parameters;                                                      \
    enum error_code __wrap_##name parameters;                                                      \
    enum error_code __wrap_##name parameters                                                       \
    {                                                                                              \
        TRY(step(err));                                                                            \
        TRY(__real_##name arguments);                                                              \
        return step(err);                                                                          \
    }

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
STEPPED(store_add_run, (struct store * store, const struct run *run, struct error *err),
        (store, run, err))
STEPPED(store_save_run,
        (struct store * store, const struct run *run, int64_t now_ms, struct error *err),
        (store, run, now_ms, err))
STEPPED(store_put_text,
        (struct store * store, const char *run_id, const char *name, const char *text,
         struct error *err),
        (store, run_id, name, text, err))
STEPPED(store_put_round,
        (struct store * store, const char *run_id, const struct round *round, struct error *err),
        (store, run_id, round, err))
STEPPED(store_add_object,
        (struct store * store, const char *run_id, struct object *object, struct error *err),
        (store, run_id, object, err))
STEPPED(store_save_object, (struct store * store, const struct object *object, struct error *err),
        (store, object, err))
STEPPED(store_put_durations,
        (struct store * store, const char *volume_id, const struct store_duration *rows,
         size_t count, struct error *err),
        (store, volume_id, rows, count, err))
STEPPED(store_put_dirties,
        (struct store * store, const char *volume_id, const struct dirty_sample *rows, size_t count,
         struct error *err),
        (store, volume_id, rows, count, err))
STEPPED(store_put_writes,
        (struct store * store, const char *volume_id, const struct write_sample *rows, size_t count,
         struct error *err),
        (store, volume_id, rows, count, err))
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)

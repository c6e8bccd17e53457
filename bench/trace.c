#include "bench/trace.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/table.h"

/* A recorded volume of 16 TiB has this many blocks; larger numbers are errors. */
#define MAX_BLOCKS (INT64_C(1) << 25)
#define MAX_TICKS  1000000.0

void trace_done(struct trace *trace)
{
    free(trace->bytes);
    free(trace->ops);
    free(trace->first);
    free(trace->previous);
    *trace = (struct trace){0};
}

/* One row of the file. */
struct line {
    size_t tick;
    double bytes;
    double ops;
    size_t block_count;
    const char *runs;
};

struct columns {
    size_t tick, bytes, ops, count, blocks;
};

static enum error_code find_columns(const struct table *table, struct columns *columns,
                                    struct error *err)
{
    TRY(table_column(table, "tick", &columns->tick, err));
    TRY(table_column(table, "write_bytes", &columns->bytes, err));
    TRY(table_column(table, "write_ops", &columns->ops, err));
    TRY(table_column(table, "n_blocks", &columns->count, err));
    return table_column(table, "blocks", &columns->blocks, err);
}

static enum error_code line_at(const struct table *table, const struct columns *columns, size_t row,
                               struct line *line, struct error *err)
{
    double tick = table_number(table, row, columns->tick);
    double count = table_number(table, row, columns->count);
    if (!(tick >= 0 && tick < MAX_TICKS) || !(count >= 0 && count < (double)MAX_BLOCKS))
        return error_set(err, ERR_INVALID, "row %zu of a trace has no tick or count", row);
    *line = (struct line){
        .tick = (size_t)tick,
        .bytes = table_number(table, row, columns->bytes),
        .ops = table_number(table, row, columns->ops),
        .block_count = (size_t)count,
        .runs = table_text(table, row, columns->blocks),
    };
    return ERR_NONE;
}

/* What is needed while blocks are read: the tick that wrote each last. */
struct reader {
    struct trace *trace;
    int32_t *seen; /* MAX_BLOCKS, tick + 1 */
    size_t entry_count;
    size_t entry_room;
    size_t tick; /* that the newest entries belong to */
};

static void reader_done(struct reader *reader)
{
    free(reader->seen);
}

static enum error_code add_block(struct reader *reader, int64_t block, struct error *err)
{
    struct trace *trace = reader->trace;
    if (block < 0 || block >= MAX_BLOCKS)
        return error_set(err, ERR_INVALID, "a trace has no block %lld", (long long)block);
    if (reader->entry_count == reader->entry_room) {
        size_t room = 2 * reader->entry_room + 4096;
        int32_t *grown = reallocarray(trace->previous, room, sizeof(*grown));
        if (grown == NULL)
            return error_set(err, ERR_NO_MEMORY, "cannot hold %zu blocks", room);
        trace->previous = grown;
        reader->entry_room = room;
    }
    trace->previous[reader->entry_count++] = reader->seen[block] - 1;
    reader->seen[block] = (int32_t)reader->tick + 1;
    return ERR_NONE;
}

/* Runs are "a" or "a+length", each counted from the end of the one before. */
static enum error_code add_runs(struct reader *reader, const char *runs, struct error *err)
{
    int64_t at = 0;
    char *end = NULL;
    for (;;) {
        errno = 0;
        int64_t offset = strtoll(runs, &end, 10);
        if (end == runs)
            return ERR_NONE;
        int64_t length = 1;
        if (*end == '+')
            length = strtoll(end + 1, &end, 10);
        if (errno != 0 || length < 1 || length > MAX_BLOCKS)
            return error_set(err, ERR_INVALID, "a trace has no run '%s'", runs);
        at += offset;
        for (int64_t i = 0; i < length; i++)
            TRY(add_block(reader, at++, err));
        runs = end;
    }
}

static enum error_code grow(struct trace *trace, size_t tick_count, struct error *err)
{
    double *bytes = reallocarray(trace->bytes, tick_count, sizeof(*bytes));
    trace->bytes = bytes != NULL ? bytes : trace->bytes;
    double *ops = reallocarray(trace->ops, tick_count, sizeof(*ops));
    trace->ops = ops != NULL ? ops : trace->ops;
    size_t *first = reallocarray(trace->first, tick_count + 1, sizeof(*first));
    trace->first = first != NULL ? first : trace->first;
    if (bytes == NULL || ops == NULL || first == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu ticks", tick_count);
    return ERR_NONE;
}

/* Opens ticks up to the one of the line; those without a line had no writes. */
static void open_ticks(struct reader *reader, size_t tick)
{
    struct trace *trace = reader->trace;
    while (trace->tick_count <= tick) {
        trace->bytes[trace->tick_count] = 0;
        trace->ops[trace->tick_count] = 0;
        trace->first[trace->tick_count++] = reader->entry_count;
    }
    reader->tick = tick;
}

static enum error_code add_table(struct reader *reader, const struct table *table,
                                 struct error *err)
{
    struct trace *trace = reader->trace;
    struct columns columns = {0};
    struct line line = {0};
    TRY(find_columns(table, &columns, err));
    if (table->row_count == 0)
        return ERR_NONE;
    TRY(line_at(table, &columns, table->row_count - 1, &line, err));
    TRY(grow(trace, line.tick + 1, err));
    for (size_t i = 0; i < table->row_count; i++) {
        TRY(line_at(table, &columns, i, &line, err));
        if (line.tick + 1 < trace->tick_count)
            return error_set(err, ERR_INVALID, "row %zu of a trace goes back in time", i);
        open_ticks(reader, line.tick);
        trace->bytes[line.tick] += line.bytes;
        trace->ops[line.tick] += line.ops;
        TRY(add_runs(reader, line.runs, err));
    }
    trace->first[trace->tick_count] = reader->entry_count;
    return ERR_NONE;
}

static enum error_code read_part(struct reader *reader, const char *directory, const char *name,
                                 const char *part, struct error *err)
{
    CLEANUP_TABLE struct table table = {0};
    char file[64];
    (void)snprintf(file, sizeof(file), "trace_%s%s", name, part);
    TRY(table_read(&table, directory, file, err));
    return add_table(reader, &table, err);
}

enum error_code trace_read(struct trace *trace, const char *directory, const char *name,
                           struct error *err)
{
    CLEANUP_TRACE struct trace made = {0};
    CLEANUP(reader_done) struct reader reader = {.trace = &made};
    reader.seen = calloc(MAX_BLOCKS, sizeof(*reader.seen));
    if (reader.seen == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold the blocks of a trace");
    TRY(read_part(&reader, directory, name, "", err));
    enum error_code code = read_part(&reader, directory, name, "_tail", err);
    if (code != ERR_NONE && code != ERR_NOT_FOUND)
        return code;
    *trace = made;
    made = (struct trace){0};
    return ERR_NONE;
}

static double changed_in(const struct trace *trace, size_t first, size_t end)
{
    size_t count = 0;
    if (end > trace->tick_count)
        end = trace->tick_count;
    if (first >= end)
        return 0;
    for (size_t i = trace->first[first]; i < trace->first[end]; i++)
        count += trace->previous[i] < (int32_t)first;
    return (double)count;
}

/* Between two ticks the blocks grow evenly; a snapshot carries one at least. */
double trace_changed(const struct trace *trace, double first, double end)
{
    double begin = rint(first);
    double whole = floor(end);
    double part = end - whole;
    if (end <= begin)
        return 1;
    double blocks = changed_in(trace, (size_t)begin, (size_t)whole);
    if (part > 1e-9)
        blocks += part * (changed_in(trace, (size_t)begin, (size_t)whole + 1) - blocks);
    return fmax(blocks, 1);
}

static double sum_of(const struct trace *trace, const double *values, size_t first, size_t end)
{
    double sum = 0;
    for (size_t i = first; i < end && i < trace->tick_count; i++)
        sum += values[i];
    return sum;
}

double trace_bytes(const struct trace *trace, size_t first, size_t end)
{
    return sum_of(trace, trace->bytes, first, end);
}

double trace_ops(const struct trace *trace, size_t first, size_t end)
{
    return sum_of(trace, trace->ops, first, end);
}

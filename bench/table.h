/* table.h: a CSV file of numbers and words, plain or gzipped, held in memory.
 *
 * Lines that begin with # are comments, the first other line names the columns. No quoting: the
 * recordings have none. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/error.h"

#define TABLE_MAX_COLUMNS 32

/* Zero-initialise. Owns the text; hand back with table_done(). */
struct table {
    char *text;
    size_t column_count;
    const char *columns[TABLE_MAX_COLUMNS];
    const char **cells; /* row-major; a short row is filled up with "" */
    size_t row_count;
};

/* Frees what *table owns and empties it. Harmless on an empty one. */
void table_done(struct table *table);
#define CLEANUP_TABLE CLEANUP(table_done)

/* Reads `name` in `directory`, with .csv.gz or .csv at its end.
 * Errors: ERR_NOT_FOUND if neither exists; ERR_INVALID if it cannot be read; ERR_NO_MEMORY. */
MUST_CHECK enum error_code table_read(struct table *table, const char *directory, const char *name,
                                      struct error *err);

/* Reads a whole file, plain or gzipped, as a string with its end.
 * Owns: *text is the caller's to free. Errors: as table_read(). */
MUST_CHECK enum error_code table_read_text(const char *path, char **text, struct error *err);

/* Finds a column. Errors: ERR_NOT_FOUND. */
MUST_CHECK enum error_code table_column(const struct table *table, const char *name, size_t *column,
                                        struct error *err);

/* The same for a column that may be missing: its cells then are empty. */
size_t table_column_or_none(const struct table *table, const char *name);

/* A cell as text, borrowed from the table. */
const char *table_text(const struct table *table, size_t row, size_t column);

/* A cell as a number; NaN if it is none. */
double table_number(const struct table *table, size_t row, size_t column);

#endif

#include "bench/table.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "model/strbuf.h"

/* The largest recording is a hundred times smaller. */
#define MAX_TEXT ((size_t)256 << 20)
#define CHUNK    65536

void table_done(struct table *table)
{
    free(table->text);
    free(table->cells);
    *table = (struct table){0};
}

static enum error_code read_all(gzFile file, const char *path, char **text, struct error *err)
{
    size_t length = 0;
    size_t room = CHUNK;
    char *buffer = malloc(room + 1);
    int got = 1;
    while (buffer != NULL && (got = gzread(file, buffer + length, CHUNK)) > 0) {
        length += (size_t)got;
        if (length + CHUNK > room) {
            room = room * 2 + CHUNK;
            char *grown = room < MAX_TEXT ? realloc(buffer, room + 1) : NULL;
            if (grown == NULL)
                free(buffer);
            buffer = grown;
        }
    }
    if (buffer == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold '%s'", path);
    if (got < 0) {
        free(buffer);
        return error_set(err, ERR_INVALID, "cannot read '%s'", path);
    }
    buffer[length] = '\0';
    *text = buffer;
    return ERR_NONE;
}

enum error_code table_read_text(const char *path, char **text, struct error *err)
{
    gzFile file = gzopen(path, "rb");
    if (file == NULL && errno == ENOENT)
        return error_set(err, ERR_NOT_FOUND, "there is no '%s'", path);
    if (file == NULL)
        return error_set(err, ERR_INVALID, "cannot open '%s'", path);
    enum error_code code = read_all(file, path, text, err);
    (void)gzclose(file);
    return code;
}

/* Cuts the next line off *rest; NULL at the end. */
static char *next_line(char **rest)
{
    char *line;
    do {
        line = strsep(rest, "\n");
    } while (line != NULL && (*line == '#' || *line == '\0'));
    return line;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static enum error_code split(struct table *table, struct error *err)
{
    size_t line_count = count_lines(table->text);
    char *rest = table->text;
    char *line = next_line(&rest);
    while (line != NULL && table->column_count < TABLE_MAX_COLUMNS)
        table->columns[table->column_count++] = strsep(&line, ",");
    table->cells = calloc(line_count * table->column_count + 1, sizeof(*table->cells));
    if (table->cells == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu lines", line_count);
    while ((line = next_line(&rest)) != NULL) {
        const char **cells = &table->cells[table->row_count++ * table->column_count];
        for (size_t i = 0; i < table->column_count; i++)
            cells[i] = line != NULL ? strsep(&line, ",") : "";
    }
    return ERR_NONE;
}

enum error_code table_read(struct table *table, const char *directory, const char *name,
                           struct error *err)
{
    static const char *const endings[] = {".csv.gz", ".csv"};
    struct table made = {0};
    enum error_code code = ERR_NOT_FOUND;
    for (size_t i = 0; i < 2 && code == ERR_NOT_FOUND; i++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s%s", directory, name, endings[i]);
        code = table_read_text(path, &made.text, err);
    }
    if (code == ERR_NONE)
        code = split(&made, err);
    if (code != ERR_NONE) {
        table_done(&made);
        return code;
    }
    *table = made;
    return ERR_NONE;
}

enum error_code table_column(const struct table *table, const char *name, size_t *column,
                             struct error *err)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i], name) == 0) {
            *column = i;
            return ERR_NONE;
        }
    }
    return error_set(err, ERR_NOT_FOUND, "there is no column '%s'", name);
}

size_t table_column_or_none(const struct table *table, const char *name)
{
    size_t column = SIZE_MAX;
    return table_column(table, name, &column, NULL) == ERR_NONE ? column : SIZE_MAX;
}

const char *table_text(const struct table *table, size_t row, size_t column)
{
    if (column >= table->column_count)
        return "";
    return table->cells[row * table->column_count + column];
}

double table_number(const struct table *table, size_t row, size_t column)
{
    const char *text = table_text(table, row, column);
    char *end = NULL;
    double value = strtod(text, &end);
    return end == text || *end != '\0' ? (double)NAN : value;
}

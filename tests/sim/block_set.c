#include "tests/sim/block_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void make_room(struct block_set *set, size_t words)
{
    if (words <= set->word_count)
        return;
    set->words = reallocarray(set->words, words, sizeof(*set->words));
    assert(set->words != NULL);
    memset(set->words + set->word_count, 0, (words - set->word_count) * sizeof(*set->words));
    set->word_count = words;
}

void block_set_done(struct block_set *set)
{
    free(set->words);
    *set = (struct block_set){0};
}

void block_set_reserve(struct block_set *set, int64_t block_count)
{
    make_room(set, (size_t)(block_count + 63) / 64);
}

void block_set_add(struct block_set *set, int64_t block)
{
    block_set_add_range(set, block, block);
}

void block_set_add_range(struct block_set *set, int64_t first, int64_t last)
{
    assert(first >= 0 && first <= last);
    size_t low = (size_t)first / 64;
    size_t high = (size_t)last / 64;
    if (high >= set->word_count)
        make_room(set, high + 1 > set->word_count * 3 / 2 ? high + 1 : set->word_count * 3 / 2);

    for (size_t i = low; i <= high; i++) {
        uint64_t mask = UINT64_MAX;
        if (i == low)
            mask &= UINT64_MAX << ((uint64_t)first % 64);
        if (i == high)
            mask &= UINT64_MAX >> (63 - (uint64_t)last % 64);
        set->words[i] |= mask;
    }
}

void block_set_unite(struct block_set *set, const struct block_set *more)
{
    make_room(set, more->word_count);
    for (size_t i = 0; i < more->word_count; i++)
        set->words[i] |= more->words[i];
}

void block_set_cut(struct block_set *set, int64_t first_gone)
{
    for (int64_t i = block_set_next(set, first_gone); i != BLOCK_NONE; i = block_set_next(set, i))
        set->words[(size_t)i / 64] &= ~(UINT64_C(1) << ((uint64_t)i % 64));
}

bool block_set_has(const struct block_set *set, int64_t block)
{
    return block_set_next(set, block) == block;
}

int64_t block_set_count(const struct block_set *set)
{
    int64_t count = 0;
    for (size_t i = 0; i < set->word_count; i++)
        count += __builtin_popcountll(set->words[i]);
    return count;
}

int64_t block_set_next(const struct block_set *set, int64_t from)
{
    assert(from >= 0);
    uint64_t mask = UINT64_MAX << ((uint64_t)from % 64);
    for (size_t i = (size_t)from / 64; i < set->word_count; i++) {
        if ((set->words[i] & mask) != 0)
            return (int64_t)i * 64 + __builtin_ctzll(set->words[i] & mask);
        mask = UINT64_MAX;
    }
    return BLOCK_NONE;
}

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

enum error_code block_set_save(const struct block_set *set, const char *path, struct error *err)
{
    CLEANUP(close_file) FILE *file = fopen(path, "we");
    if (file == NULL)
        return error_set(err, ERR_SYSTEM, "cannot create '%s': %s", path, strerrordesc_np(errno));
    bool written = set->word_count == 0 || fwrite(set->words, sizeof(*set->words), set->word_count,
                                                  file) == set->word_count;
    if (!written || fflush(file) != 0)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerrordesc_np(errno));
    return ERR_NONE;
}

enum error_code block_set_load(struct block_set *set, const char *path, struct error *err)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "cannot open '%s': %s",
                         path, strerrordesc_np(errno));
    }
    struct stat info;
    if (fstat(fileno(file), &info) != 0)
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", path, strerrordesc_np(errno));

    CLEANUP_BLOCK_SET struct block_set loaded = {0};
    make_room(&loaded, (size_t)info.st_size / sizeof(*loaded.words));
    if (loaded.word_count > 0 &&
        fread(loaded.words, sizeof(*loaded.words), loaded.word_count, file) != loaded.word_count)
        return error_set(err, ERR_SYSTEM, "cannot read '%s'", path);
    *set = loaded;
    loaded = (struct block_set){0};
    return ERR_NONE;
}

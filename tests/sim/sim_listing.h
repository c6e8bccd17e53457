/* sim_listing.h: filters and pages of the EC2 Describe actions.
 *
 * A Describe collects what passes its ids and filters into a listing, in a stable order, and writes
 * one page of it. A page token names the last entry shown, so entries that appear or go away
 * between two pages neither hide nor repeat others. */
#ifndef TESTS_SIM_SIM_LISTING_H
#define TESTS_SIM_SIM_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/sim_call.h"
#include "tests/sim/sim_token.h"

/* One filter name and the texts it compares with: text(call, item, n, buffer) is the n-th, NULL
 * after the last; it may be written to `buffer` or lie elsewhere. */
struct sim_filter {
    const char *name;
    const char *(*text)(const struct sim_call *call, const void *item, size_t n,
                        char buffer[SIM_TEXT_SIZE]);
};

/* Checks the names of all Filter.N parameters against a table that ends with a NULL name; tag:KEY
 * and tag-key go without saying. Refusals: InvalidParameterValue. */
bool sim_filters_check(struct sim_call *call, const struct sim_filter *table);

/* Tells whether an item passes every filter: names are ANDed, values ORed, with wildcards. `tags`
 * may be NULL. */
bool sim_filters_pass(struct sim_call *call, const struct sim_filter *table, const void *item,
                      const struct sim_tags *tags);

/* One collected item; borrowed, with the key of its order. */
struct sim_entry {
    const void *item;
    int64_t order_ms;
    const char *id;
};

/* Zero-initialise. Owns `items`; hand back with sim_listing_done(). */
struct sim_listing {
    struct sim_entry *items;
    size_t count;
    size_t first;                    /* the page: items[first] to items[end - 1] */
    size_t end;                      /* set by sim_listing_cut() */
    int64_t max_results;             /* 0: everything */
    char after[SIM_TOKEN_TEXT_SIZE]; /* from NextToken: where the last page ended */
};

/* Frees what *listing owns. */
void sim_listing_done(struct sim_listing *listing);
#define CLEANUP_SIM_LISTING CLEANUP(sim_listing_done)

/* Reads MaxResults (5 to 1000; more counts as 1000) and NextToken. `id_count` ids in the same call
 * forbid MaxResults. Refusals: InvalidParameterCombination, InvalidParameterValue,
 * InvalidNextToken. */
bool sim_listing_read(struct sim_call *call, size_t id_count, struct sim_listing *listing);

/* Adds one item. Aborts when memory runs out. */
void sim_listing_add(struct sim_listing *listing, const void *item, int64_t order_ms,
                     const char *id);

/* Sorts, and sets the page. */
void sim_listing_cut(struct sim_listing *listing);

/* Writes <nextToken> if entries are left after the page. */
void sim_listing_write_next(struct sim_call *call, const struct sim_listing *listing);

#endif

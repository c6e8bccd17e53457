#include "tests/sim/sim_listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/sim_xml_out.h"

#define PAGE_MIN           5
#define PAGE_MAX           1000
#define PAGE_TOKEN_LIFE_MS (24 * MS_PER_HOUR)

static const struct sim_filter *filter_named(const struct sim_filter *table, const char *name)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0)
            return table;
    }
    return NULL;
}

static bool is_tag_filter(const char *name)
{
    return strncmp(name, "tag:", 4) == 0 || strcmp(name, "tag-key") == 0;
}

bool sim_filters_check(struct sim_call *call, const struct sim_filter *table)
{
    for (size_t n = 1; sim_query_has(&call->query, "Filter.%zu", n); n++) {
        const char *name = sim_query_get(&call->query, "Filter.%zu.Name", n);
        if (name == NULL || (filter_named(table, name) == NULL && !is_tag_filter(name))) {
            return refuse(&call->refusal, "InvalidParameterValue", "The filter '%s' is invalid",
                          name == NULL ? "null" : name);
        }
        size_t value = 1;
        while (sim_query_get(&call->query, "Filter.%zu.Value.%zu", n, value) != NULL)
            value++;
        if (value == 1) {
            return refuse(&call->refusal, "InvalidParameterValue",
                          "The filter '%s' requires at least one value", name);
        }
    }
    return true;
}

static bool value_passes(struct sim_call *call, size_t n, const char *text)
{
    const char *pattern;
    for (size_t v = 1; (pattern = sim_query_get(&call->query, "Filter.%zu.Value.%zu", n, v)); v++) {
        if (sim_query_match(pattern, text))
            return true;
    }
    return false;
}

static bool tags_pass(struct sim_call *call, size_t n, const char *name,
                      const struct sim_tags *tags)
{
    for (size_t i = 0; tags != NULL && i < tags->count; i++) {
        bool by_key = strcmp(name, "tag-key") == 0;
        if (!by_key && strcmp(name + 4, tags->items[i].key) != 0)
            continue;
        if (value_passes(call, n, by_key ? tags->items[i].key : tags->items[i].value))
            return true;
    }
    return false;
}

static bool field_passes(struct sim_call *call, size_t n, const struct sim_filter *filter,
                         const void *item)
{
    char buffer[SIM_TEXT_SIZE];
    const char *text;
    for (size_t t = 0; (text = filter->text(call, item, t, buffer)) != NULL; t++) {
        if (value_passes(call, n, text))
            return true;
    }
    return false;
}

bool sim_filters_pass(struct sim_call *call, const struct sim_filter *table, const void *item,
                      const struct sim_tags *tags)
{
    const char *name;
    for (size_t n = 1; (name = sim_query_get(&call->query, "Filter.%zu.Name", n)) != NULL; n++) {
        bool passes = is_tag_filter(name) ? tags_pass(call, n, name, tags)
                                          : field_passes(call, n, filter_named(table, name), item);
        if (!passes)
            return false;
    }
    return true;
}

void sim_listing_done(struct sim_listing *listing)
{
    free(listing->items);
    *listing = (struct sim_listing){0};
}

static const char *page_subject(const struct sim_call *call, char subject[128])
{
    snprintf(subject, 128, "page/%s/%s/%s", call->caller.account, call->caller.region,
             call->action);
    return subject;
}

bool sim_listing_read(struct sim_call *call, size_t id_count, struct sim_listing *listing)
{
    char subject[128];
    int64_t max = -1;
    const char *token = sim_query_get(&call->query, "NextToken");

    if (!sim_call_int(call, "MaxResults", &max))
        return false;
    if (max != -1 && id_count > 0) {
        return refuse(&call->refusal, "InvalidParameterCombination",
                      "The parameter MaxResults cannot be used with resource ids");
    }
    if (max != -1 && max < PAGE_MIN) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value ( %" PRId64 " ) for parameter maxResults is invalid. Expecting a "
                      "value greater than or equal to %d.",
                      max, PAGE_MIN);
    }
    if (token != NULL && *token != '\0' &&
        !sim_token_read(page_subject(call, subject), token, call->now_ms, listing->after)) {
        return refuse(&call->refusal, "InvalidNextToken",
                      "The specified NextToken is not valid or has expired");
    }
    listing->max_results = max == -1 ? 0 : max > PAGE_MAX ? PAGE_MAX : max;
    return true;
}

void sim_listing_add(struct sim_listing *listing, const void *item, int64_t order_ms,
                     const char *id)
{
    if ((listing->count & (listing->count + 1)) == 0) {
        listing->items =
            reallocarray(listing->items, 2 * listing->count + 2, sizeof(*listing->items));
        if (listing->items == NULL)
            abort();
    }
    listing->items[listing->count++] =
        (struct sim_entry){.item = item, .order_ms = order_ms, .id = id};
}

static int compare_entries(const void *left, const void *right)
{
    const struct sim_entry *a = left;
    const struct sim_entry *b = right;
    if (a->order_ms != b->order_ms)
        return a->order_ms < b->order_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

void sim_listing_cut(struct sim_listing *listing)
{
    if (listing->count > 1)
        qsort(listing->items, listing->count, sizeof(*listing->items), compare_entries);
    listing->first = 0;
    if (listing->after[0] != '\0') {
        char *id = NULL;
        int64_t order_ms = strtoll(listing->after, &id, 10);
        struct sim_entry last = {.order_ms = order_ms, .id = *id == '\0' ? id : id + 1};
        while (listing->first < listing->count &&
               compare_entries(&listing->items[listing->first], &last) <= 0)
            listing->first++;
    }
    size_t left = listing->count - listing->first;
    size_t max = listing->max_results == 0 ? left : (size_t)listing->max_results;
    listing->end = listing->first + (left < max ? left : max);
}

void sim_listing_write_next(struct sim_call *call, const struct sim_listing *listing)
{
    char subject[128];
    char after[SIM_TOKEN_TEXT_SIZE];
    char token[SIM_TOKEN_SIZE];
    if (listing->end == listing->count)
        return;
    const struct sim_entry *last = &listing->items[listing->end - 1];
    snprintf(after, sizeof(after), "%" PRId64 "/%s", last->order_ms, last->id);
    sim_token_make(page_subject(call, subject), after, call->now_ms + PAGE_TOKEN_LIFE_MS,
                   (uint64_t)call->now_ms, token);
    sim_xml_text(call->out, "nextToken", token);
}

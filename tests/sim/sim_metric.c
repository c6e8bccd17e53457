#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/sim_cloudwatch.h"

#define DATAPOINTS_MAX     100800
#define PAGE_TOKEN_LIFE_MS MS_PER_HOUR

void sim_metric_request_done(struct sim_metric_request *request)
{
    free(request->queries);
    *request = (struct sim_metric_request){0};
}

void sim_metric_page_done(struct sim_metric_page *page)
{
    free(page->points);
    *page = (struct sim_metric_page){0};
}

static const char *const metric_names[METRIC_COUNT] = {
    [METRIC_READ_BYTES] = "VolumeReadBytes",
    [METRIC_WRITE_BYTES] = "VolumeWriteBytes",
    [METRIC_READ_OPS] = "VolumeReadOps",
    [METRIC_WRITE_OPS] = "VolumeWriteOps",
};

/* METRIC_COUNT for a metric that is not kept here: it simply has no data, as in CloudWatch. */
static enum sim_metric metric_of(const struct sim_metric_query *query)
{
    enum sim_metric metric = METRIC_COUNT;
    if (strcmp(query->namespace, "AWS/EBS") != 0)
        return METRIC_COUNT;
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (strcmp(metric_names[i], query->metric_name) == 0)
            metric = (enum sim_metric)i;
    }
    return metric;
}

static bool check_query(struct sim_call *call, const struct sim_metric_query *query)
{
    static const char *const stats[] = {"Sum", "Average", "Minimum", "Maximum", "SampleCount"};
    struct refusal *refusal = &call->refusal;
    bool known_stat = query->stat != NULL && query->stat[0] == 'p';

    if (query->id == NULL || query->namespace == NULL || query->metric_name == NULL ||
        query->stat == NULL) {
        return refuse(refusal, "MissingParameter",
                      "Each of MetricDataQueries needs Id and MetricStat with Metric, Period and "
                      "Stat");
    }
    for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
        known_stat = known_stat || strcmp(stats[i], query->stat) == 0;
    if (!known_stat) {
        return refuse(refusal, "InvalidParameterValue", "The stat '%.40s' is not valid",
                      query->stat);
    }
    if (!islower((unsigned char)query->id[0])) {
        return refuse(refusal, "InvalidParameterValue",
                      "The value '%.40s' for parameter Id is not matching the expected pattern "
                      "^[a-z][a-zA-Z0-9_]*$",
                      query->id);
    }
    if (query->period_s <= 0 || query->period_s % 60 != 0) {
        return refuse(refusal, "InvalidParameterValue",
                      "The period %" PRId64 " is not a multiple of 60", query->period_s);
    }
    return true;
}

static bool check_request(struct sim_call *call, const struct sim_metric_request *request)
{
    if (request->query_count == 0) {
        return refuse(&call->refusal, "MissingParameter",
                      "The parameter MetricDataQueries is required");
    }
    if (request->start_ms >= request->end_ms) {
        return refuse(&call->refusal, "InvalidParameterCombination",
                      "The parameter StartTime must be less than the parameter EndTime");
    }
    if (request->max_datapoints < 1 || request->max_datapoints > DATAPOINTS_MAX) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "MaxDatapoints must be between 1 and %d", DATAPOINTS_MAX);
    }
    for (size_t i = 0; i < request->query_count; i++) {
        if (!check_query(call, &request->queries[i]))
            return false;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(request->queries[i].id, request->queries[j].id) == 0) {
                return refuse(&call->refusal, "InvalidParameterValue",
                              "The Id '%.40s' occurs twice", request->queries[i].id);
            }
        }
    }
    return true;
}

static bool add_point(struct sim_metric_page *page, struct sim_datapoint point)
{
    if ((page->point_count & (page->point_count + 1)) == 0) {
        page->points = reallocarray(page->points, 2 * page->point_count + 2, sizeof(point));
        if (page->points == NULL)
            abort();
    }
    page->points[page->point_count++] = point;
    return true;
}

/* The value a statistic gives. Only the sum of a minute is kept, so within one period Average is
 * the mean of minutes; the others do not fit these metrics and give the same. */
static double statistic(const struct sim_metric_query *query, double sum)
{
    if (strcmp(query->stat, "Sum") == 0)
        return sum;
    if (strcmp(query->stat, "SampleCount") == 0)
        return (double)query->period_s / 60.0;
    return sum * 60.0 / (double)query->period_s;
}

static const struct sim_volume *volume_of(struct sim_call *call,
                                          const struct sim_metric_query *query)
{
    const struct sim_volume *volume;
    size_t cursor = 0;
    while ((volume = world_next_volume(call->world, &call->caller, &cursor)) != NULL) {
        if (query->volume_id != NULL && strcmp(volume->id, query->volume_id) == 0)
            return volume;
    }
    return NULL;
}

/* Where a page starts: the query and how many periods of it are done. */
struct position {
    size_t query;
    int64_t step;
};

/* Adds the points of one query from at->step on; stops when the page is full. */
static void collect_query(struct sim_call *call, const struct sim_metric_request *request,
                          struct position *at, struct sim_metric_page *page)
{
    const struct sim_metric_query *query = &request->queries[at->query];
    const struct sim_volume *volume = volume_of(call, query);
    enum sim_metric metric = metric_of(query);
    int64_t period_ms = query->period_s * MS_PER_SECOND;
    int64_t first_ms = request->start_ms - request->start_ms % period_ms;
    int64_t steps = (request->end_ms - first_ms + period_ms - 1) / period_ms;
    double sum;

    if (volume == NULL || metric == METRIC_COUNT || !query->wanted)
        return;
    for (; at->step < steps; at->step++) {
        if ((int64_t)page->point_count == request->max_datapoints) {
            page->partial = true;
            return;
        }
        int64_t nth = request->ascending ? at->step : steps - 1 - at->step;
        int64_t start_ms = first_ms + nth * period_ms;
        if (world_metric_sum(call->world, volume, metric, start_ms, query->period_s, &sum)) {
            add_point(page, (struct sim_datapoint){.query = at->query,
                                                   .at_ms = start_ms,
                                                   .value = statistic(query, sum)});
        }
    }
}

static const char *subject_of(const struct sim_call *call, const struct sim_metric_request *request,
                              char subject[160])
{
    snprintf(subject, 160, "metrics/%s/%s/%" PRId64 "/%" PRId64 "/%zu", call->caller.account,
             call->caller.region, request->start_ms, request->end_ms, request->query_count);
    return subject;
}

static bool read_position(struct sim_call *call, const struct sim_metric_request *request,
                          struct position *at)
{
    char subject[160];
    char text[SIM_TOKEN_TEXT_SIZE];
    if (request->next_token == NULL || request->next_token[0] == '\0')
        return true;
    if (!sim_token_read(subject_of(call, request, subject), request->next_token, call->now_ms,
                        text))
        return refuse(&call->refusal, "InvalidNextToken", "The NextToken is not valid");
    char *step = NULL;
    at->query = strtoull(text, &step, 10);
    at->step = strtoll(step + (*step == '/'), NULL, 10);
    return true;
}

bool sim_metric_collect(struct sim_call *call, const struct sim_metric_request *request,
                        struct sim_metric_page *page)
{
    struct position at = {0};
    char subject[160];
    char text[SIM_TOKEN_TEXT_SIZE];

    if (!check_request(call, request) || !read_position(call, request, &at))
        return false;
    while (at.query < request->query_count) {
        collect_query(call, request, &at, page);
        if (page->partial)
            break;
        at = (struct position){.query = at.query + 1};
    }
    if (page->partial) {
        snprintf(text, sizeof(text), "%zu/%" PRId64, at.query, at.step);
        sim_token_make(subject_of(call, request, subject), text, call->now_ms + PAGE_TOKEN_LIFE_MS,
                       (uint64_t)call->now_ms, page->next_token);
    }
    return true;
}

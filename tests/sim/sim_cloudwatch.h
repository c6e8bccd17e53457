/* sim_cloudwatch.h: GetMetricData as plain data, between its two protocols (Query and JSON 1.0).
 *
 * The parsing of each protocol fills a sim_metric_request; one function answers both. */
#ifndef TESTS_SIM_SIM_CLOUDWATCH_H
#define TESTS_SIM_SIM_CLOUDWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim_call.h"
#include "tests/sim/sim_token.h"

#define SIM_METRIC_QUERIES_MAX 500

/* One MetricDataQuery with a MetricStat. Borrows its texts from the request. */
struct sim_metric_query {
    const char *id;
    const char *label; /* NULL: the metric's name */
    const char *namespace;
    const char *metric_name;
    const char *volume_id; /* value of the only dimension, VolumeId */
    int64_t period_s;
    const char *stat;
    bool wanted; /* ReturnData */
};

struct sim_metric_request {
    struct sim_metric_query *queries; /* owned; hand back with sim_metric_request_done() */
    size_t query_count;
    int64_t start_ms;
    int64_t end_ms;
    bool ascending; /* TimestampDescending is the default */
    int64_t max_datapoints;
    const char *next_token; /* NULL: first page */
};

/* One datapoint of the query with that index. */
struct sim_datapoint {
    size_t query;
    int64_t at_ms;
    double value;
};

/* One page of the answer, sorted by query, then as ScanBy asks. */
struct sim_metric_page {
    struct sim_datapoint *points; /* owned; hand back with sim_metric_page_done() */
    size_t point_count;
    bool partial;                    /* more pages follow */
    char next_token[SIM_TOKEN_SIZE]; /* "" after the last page */
};

/* Frees what they own. */
void sim_metric_request_done(struct sim_metric_request *request);
void sim_metric_page_done(struct sim_metric_page *page);

/* Checks the request and collects a page. Refusals: InvalidParameterValue,
 * InvalidParameterCombination, MissingParameter, InvalidNextToken. */
bool sim_metric_collect(struct sim_call *call, const struct sim_metric_request *request,
                        struct sim_metric_page *page);

/* The two protocols; each a `run` of the action GetMetricData. */
bool sim_metric_run_query(struct sim_call *call);
bool sim_metric_run_json(struct sim_call *call);

#endif

#include "core/aws/cloudwatch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/aws/ec2_query.h"
#include "core/aws/page_token.h"
#include "core/aws/xml.h"
#include "model/instant.h"

#define QUERY           "MetricDataQueries.member.1."
#define MAX_TOKEN_BYTES 16384
#define MAX_PAGES       1000

static void add_time(struct form *form, const char *name, int64_t at_ms)
{
    char text[INSTANT_TEXT_SIZE];
    form_add(form, name, instant_text(at_ms, text));
}

static void build(const struct cloud_metric_request *request, const char *token, struct form *form)
{
    form_init(form, ENDPOINT_CLOUDWATCH, "GetMetricData");
    form_add(form, QUERY "Id", "m");
    form_add(form, QUERY "MetricStat.Metric.Namespace", "AWS/EBS");
    form_add(form, QUERY "MetricStat.Metric.MetricName", request->name);
    form_add(form, QUERY "MetricStat.Metric.Dimensions.member.1.Name", "VolumeId");
    form_add(form, QUERY "MetricStat.Metric.Dimensions.member.1.Value", request->volume_id);
    form_add_int(form, QUERY "MetricStat.Period", request->period_s);
    form_add(form, QUERY "MetricStat.Stat", "Sum");
    form_add(form, QUERY "ReturnData", "true");
    add_time(form, "StartTime", request->start_ms);
    add_time(form, "EndTime", request->end_ms);
    form_add(form, "ScanBy", "TimestampAscending");
    form_add_given(form, "NextToken", token);
}

static size_t member_count(const struct xml *xml, int list)
{
    size_t count = 0;
    for (int item = xml_first(xml, list); item != XML_NONE; item = xml_next(xml, item))
        count++;
    return count;
}

/* Values may come in E notation. */
static enum error_code parse_value(const char *text, double *value, struct error *err)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(number))
        return error_set(err, ERR_PROTOCOL, "'%.40s' is no value of a metric", text);
    *value = number;
    return ERR_NONE;
}

static enum error_code parse_time(const char *text, int64_t *at_ms, struct error *err)
{
    struct error why = {0};
    if (instant_parse(text, at_ms, &why) != ERR_NONE)
        return error_set(err, ERR_PROTOCOL, "'%.40s' is no timestamp of a metric", text);
    return ERR_NONE;
}

static enum error_code take_points(const struct xml *xml, int times, int values,
                                   struct cloud_metric *metric, struct error *err)
{
    size_t added = member_count(xml, times);
    if (added != member_count(xml, values))
        return error_set(err, ERR_PROTOCOL, "a metric has more timestamps than values");
    if (added == 0)
        return ERR_NONE;
    struct cloud_metric_point *points =
        reallocarray(metric->points, metric->count + added, sizeof(*points));
    if (points == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu points", metric->count + added);
    metric->points = points;

    int value = xml_first(xml, values);
    for (int time = xml_first(xml, times); time != XML_NONE; time = xml_next(xml, time)) {
        struct cloud_metric_point point = {0};
        TRY(parse_time(xml_node_text(xml, time), &point.start_ms, err));
        TRY(parse_value(xml_node_text(xml, value), &point.sum, err));
        points[metric->count++] = point;
        value = xml_next(xml, value);
    }
    return ERR_NONE;
}

enum error_code cloudwatch_parse(const struct xml *xml, struct cloud_metric *metric,
                                 struct error *err)
{
    int result = xml_child(xml, 0, "GetMetricDataResult");
    if (result == XML_NONE)
        return error_set(err, ERR_PROTOCOL, "answer to GetMetricData has no result");
    int series = xml_first(xml, xml_child(xml, result, "MetricDataResults"));
    for (; series != XML_NONE; series = xml_next(xml, series)) {
        const char *status = xml_text(xml, series, "StatusCode");
        if (strcmp(status, "InternalError") == 0)
            return error_set(err, ERR_TRANSIENT, "GetMetricData: internal error");
        if (strcmp(status, "Forbidden") == 0)
            return error_set(err, ERR_ACCESS, "GetMetricData: not allowed to read this metric");
        TRY(take_points(xml, xml_child(xml, series, "Timestamps"), xml_child(xml, series, "Values"),
                        metric, err));
    }
    return ERR_NONE;
}

static enum error_code read_page(struct client *client, const struct cloud_metric_request *request,
                                 struct strbuf *token, struct cloud_metric *metric,
                                 struct error *err)
{
    CLEANUP_FORM struct form form = {0};
    build(request, strbuf_text(token), &form);
    CLEANUP_XML struct xml xml = {0};
    TRY(form_send(client, &form, false, &xml, err));
    TRY(cloudwatch_parse(&xml, metric, err));
    int result = xml_child(&xml, 0, "GetMetricDataResult");
    return page_token_next(token, xml_text(&xml, result, "NextToken"), form.action, err);
}

static int compare_points(const void *a, const void *b)
{
    const struct cloud_metric_point *left = a;
    const struct cloud_metric_point *right = b;
    return (left->start_ms > right->start_ms) - (left->start_ms < right->start_ms);
}

enum error_code cloudwatch_get_metric(struct client *client,
                                      const struct cloud_metric_request *request,
                                      struct cloud_metric *metric, struct error *err)
{
    CLEANUP_CLOUD_METRIC struct cloud_metric read = {0};
    CLEANUP_STRBUF struct strbuf token = {.max_bytes = MAX_TOKEN_BYTES};
    int pages = 0;
    do {
        if (pages++ == MAX_PAGES)
            return error_set(err, ERR_PROTOCOL, "GetMetricData never ends");
        TRY(read_page(client, request, &token, &read, err));
    } while (token.length > 0);
    if (read.count > 0)
        qsort(read.points, read.count, sizeof(*read.points), compare_points);
    *metric = read;
    read = (struct cloud_metric){0};
    return ERR_NONE;
}

#include "tests/sim/sim_cloudwatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "model/instant.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_query_service.h"
#include "tests/sim/sim_xml_out.h"

#define CW_VERSION     "2010-08-01"
#define CW_NAMESPACE   "http://monitoring.amazonaws.com/doc/2010-08-01/"
#define JSON_TARGET    "GraniteServiceVersion20100801.GetMetricData"
#define MAX_DATAPOINTS 100800

static bool is_json(const struct sim_call *call)
{
    return sim_request_header(call->request, "x-amz-target") != NULL;
}

static const char *or_text(const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

/* How far query `index` is: a page that ends inside a query shows only a part of it. */
static const char *status_code(const struct sim_metric_page *page, size_t index)
{
    bool cut = page->partial &&
               (page->point_count == 0 || page->points[page->point_count - 1].query <= index);
    return cut ? "PartialData" : "Complete";
}

/* ---- Query protocol ---- */

static bool read_time(struct sim_call *call, const char *name, int64_t *instant_ms)
{
    const char *text;
    if (!sim_call_need(call, name, &text))
        return false;
    if (instant_parse(text, instant_ms, NULL) != ERR_NONE) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "The parameter %s is not a timestamp", name);
    }
    return true;
}

static bool read_dimensions(struct sim_call *call, const char *prefix,
                            struct sim_metric_query *query)
{
    size_t n = 1;
    for (; sim_query_has(&call->query, "%s.Metric.Dimensions.member.%zu", prefix, n); n++) {
        const char *name =
            sim_query_get(&call->query, "%s.Metric.Dimensions.member.%zu.Name", prefix, n);
        const char *value =
            sim_query_get(&call->query, "%s.Metric.Dimensions.member.%zu.Value", prefix, n);
        if (name == NULL || value == NULL)
            return refuse(&call->refusal, "MissingParameter", "A dimension needs Name and Value");
        if (strcmp(name, "VolumeId") == 0)
            query->volume_id = value;
    }
    return true;
}

static bool read_query(struct sim_call *call, size_t n, struct sim_metric_query *query)
{
    char member[64];
    char prefix[80];
    char name[96];
    struct sim_query *from = &call->query;

    snprintf(member, sizeof(member), "MetricDataQueries.member.%zu", n);
    snprintf(prefix, sizeof(prefix), "%s.MetricStat", member);
    query->wanted = true;
    query->id = sim_query_get(from, "%s.Id", member);
    query->label = sim_query_get(from, "%s.Label", member);
    snprintf(name, sizeof(name), "%s.ReturnData", member);
    if (!sim_call_bool(call, name, &query->wanted))
        return false;
    if (sim_query_get(from, "%s.Expression", member) != NULL)
        return refuse(&call->refusal, "InvalidParameterValue", "Expressions are not simulated");
    query->namespace = sim_query_get(from, "%s.Metric.Namespace", prefix);
    query->metric_name = sim_query_get(from, "%s.Metric.MetricName", prefix);
    query->stat = sim_query_get(from, "%s.Stat", prefix);
    sim_query_get(from, "%s.Unit", prefix);
    snprintf(name, sizeof(name), "%s.Period", prefix);
    return sim_call_int(call, name, &query->period_s) && read_dimensions(call, prefix, query);
}

static bool read_form(struct sim_call *call, struct sim_metric_request *request)
{
    const char *scan_by = sim_query_get(&call->query, "ScanBy");
    size_t count = 0;

    request->max_datapoints = MAX_DATAPOINTS;
    request->ascending = scan_by != NULL && strcmp(scan_by, "TimestampAscending") == 0;
    request->next_token = sim_query_get(&call->query, "NextToken");
    while (count <= SIM_METRIC_QUERIES_MAX &&
           sim_query_has(&call->query, "MetricDataQueries.member.%zu", count + 1))
        count++;
    if (count > SIM_METRIC_QUERIES_MAX) {
        return refuse(&call->refusal, "InvalidParameterValue", "At most %d MetricDataQueries",
                      SIM_METRIC_QUERIES_MAX);
    }
    request->queries = calloc(count + 1, sizeof(*request->queries));
    if (request->queries == NULL)
        abort();
    request->query_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!read_query(call, i + 1, &request->queries[i]))
            return false;
    }
    return sim_call_int(call, "MaxDatapoints", &request->max_datapoints) &&
           read_time(call, "StartTime", &request->start_ms) &&
           read_time(call, "EndTime", &request->end_ms);
}

static void write_result(struct sim_call *call, const struct sim_metric_request *request,
                         const struct sim_metric_page *page, size_t index)
{
    struct strbuf *out = call->out;
    const struct sim_metric_query *query = &request->queries[index];
    char at[INSTANT_TEXT_SIZE];

    sim_xml_open(out, "member");
    sim_xml_text(out, "Id", query->id);
    sim_xml_text(out, "Label", or_text(query->label, query->metric_name));
    sim_xml_open(out, "Timestamps");
    for (size_t i = 0; i < page->point_count; i++) {
        if (page->points[i].query == index)
            sim_xml_text(out, "member", instant_text(page->points[i].at_ms, at));
    }
    sim_xml_close(out, "Timestamps");
    sim_xml_open(out, "Values");
    for (size_t i = 0; i < page->point_count; i++) {
        if (page->points[i].query == index)
            strbuf_printf(out, "<member>%.17G</member>", page->points[i].value);
    }
    sim_xml_close(out, "Values");
    sim_xml_text(out, "StatusCode", status_code(page, index));
    sim_xml_close(out, "member");
}

bool sim_metric_run_query(struct sim_call *call)
{
    CLEANUP(sim_metric_request_done) struct sim_metric_request request = {0};
    CLEANUP(sim_metric_page_done) struct sim_metric_page page = {0};

    if (!read_form(call, &request) || !sim_call_ready(call) ||
        !sim_metric_collect(call, &request, &page))
        return false;
    sim_xml_open(call->out, "MetricDataResults");
    for (size_t i = 0; i < request.query_count; i++) {
        if (request.queries[i].wanted)
            write_result(call, &request, &page, i);
    }
    strbuf_puts(call->out, "</MetricDataResults><Messages/>");
    sim_xml_text_if(call->out, "NextToken", page.next_token);
    return true;
}

/* ---- JSON 1.0 ---- */

static const char *json_text(struct json_object *object, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

/* Timestamps are epoch seconds as numbers; some clients send texts. */
static bool json_time(struct sim_call *call, struct json_object *object, const char *key,
                      int64_t *instant_ms)
{
    struct json_object *value;
    bool good = json_object_object_get_ex(object, key, &value);
    if (good && json_object_is_type(value, json_type_string)) {
        good = instant_parse(json_object_get_string(value), instant_ms, NULL) == ERR_NONE;
    } else if (good) {
        *instant_ms = (int64_t)(json_object_get_double(value) * 1000.0);
    }
    if (!good) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "The parameter %s is missing or not a timestamp", key);
    }
    return true;
}

static void json_dimensions(struct json_object *metric, struct sim_metric_query *query)
{
    struct json_object *dimensions;
    if (!json_object_object_get_ex(metric, "Dimensions", &dimensions) ||
        !json_object_is_type(dimensions, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(dimensions); i++) {
        struct json_object *dimension = json_object_array_get_idx(dimensions, i);
        const char *name = json_text(dimension, "Name");
        if (name != NULL && strcmp(name, "VolumeId") == 0)
            query->volume_id = json_text(dimension, "Value");
    }
}

static void json_query(struct json_object *from, struct sim_metric_query *query)
{
    struct json_object *stat = NULL;
    struct json_object *metric = NULL;
    struct json_object *value;

    query->id = json_text(from, "Id");
    query->label = json_text(from, "Label");
    query->wanted =
        !json_object_object_get_ex(from, "ReturnData", &value) || json_object_get_boolean(value);
    if (!json_object_object_get_ex(from, "MetricStat", &stat) ||
        !json_object_object_get_ex(stat, "Metric", &metric))
        return;
    query->stat = json_text(stat, "Stat");
    if (json_object_object_get_ex(stat, "Period", &value))
        query->period_s = json_object_get_int64(value);
    query->namespace = json_text(metric, "Namespace");
    query->metric_name = json_text(metric, "MetricName");
    json_dimensions(metric, query);
}

static bool read_json(struct sim_call *call, struct json_object *root,
                      struct sim_metric_request *request)
{
    struct json_object *queries;
    struct json_object *value;
    const char *scan_by = json_text(root, "ScanBy");

    request->max_datapoints = MAX_DATAPOINTS;
    request->ascending = scan_by != NULL && strcmp(scan_by, "TimestampAscending") == 0;
    request->next_token = json_text(root, "NextToken");
    if (json_object_object_get_ex(root, "MaxDatapoints", &value))
        request->max_datapoints = json_object_get_int64(value);
    if (!json_object_object_get_ex(root, "MetricDataQueries", &queries) ||
        !json_object_is_type(queries, json_type_array)) {
        refuse(&call->refusal, "MissingParameter", "The parameter MetricDataQueries is required");
        return false;
    }
    request->query_count = json_object_array_length(queries);
    if (request->query_count > SIM_METRIC_QUERIES_MAX) {
        refuse(&call->refusal, "InvalidParameterValue", "At most %d MetricDataQueries",
               SIM_METRIC_QUERIES_MAX);
        return false;
    }
    request->queries = calloc(request->query_count + 1, sizeof(*request->queries));
    if (request->queries == NULL)
        abort();
    for (size_t i = 0; i < request->query_count; i++)
        json_query(json_object_array_get_idx(queries, i), &request->queries[i]);
    return json_time(call, root, "StartTime", &request->start_ms) &&
           json_time(call, root, "EndTime", &request->end_ms);
}

static struct json_object *json_result(const struct sim_metric_request *request,
                                       const struct sim_metric_page *page, size_t index)
{
    const struct sim_metric_query *query = &request->queries[index];
    struct json_object *result = json_object_new_object();
    struct json_object *timestamps = json_object_new_array();
    struct json_object *values = json_object_new_array();

    for (size_t i = 0; i < page->point_count; i++) {
        if (page->points[i].query != index)
            continue;
        json_object_array_add(timestamps,
                              json_object_new_double((double)page->points[i].at_ms / 1000.0));
        json_object_array_add(values, json_object_new_double(page->points[i].value));
    }
    json_object_object_add(result, "Id", json_object_new_string(query->id));
    json_object_object_add(result, "Label",
                           json_object_new_string(or_text(query->label, query->metric_name)));
    json_object_object_add(result, "Timestamps", timestamps);
    json_object_object_add(result, "Values", values);
    json_object_object_add(result, "StatusCode", json_object_new_string(status_code(page, index)));
    return result;
}

static void write_json(struct sim_call *call, const struct sim_metric_request *request,
                       const struct sim_metric_page *page)
{
    struct json_object *root = json_object_new_object();
    struct json_object *results = json_object_new_array();
    for (size_t i = 0; i < request->query_count; i++) {
        if (request->queries[i].wanted)
            json_object_array_add(results, json_result(request, page, i));
    }
    json_object_object_add(root, "MetricDataResults", results);
    json_object_object_add(root, "Messages", json_object_new_array());
    if (page->next_token[0] != '\0')
        json_object_object_add(root, "NextToken", json_object_new_string(page->next_token));
    strbuf_puts(call->out, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
}

bool sim_metric_run_json(struct sim_call *call)
{
    CLEANUP(sim_metric_request_done) struct sim_metric_request request = {0};
    CLEANUP(sim_metric_page_done) struct sim_metric_page page = {0};
    struct json_object *root = json_tokener_parse(call->request->body);

    if (root == NULL || !json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        return refuse(&call->refusal, "SerializationException", "The body is not a JSON object");
    }
    bool done = read_json(call, root, &request) && sim_call_ready(call) &&
                sim_metric_collect(call, &request, &page);
    if (done)
        write_json(call, &request, &page);
    json_object_put(root);
    return done;
}

/* ---- the service ---- */

static const struct sim_action query_actions[] = {
    {"GetMetricData", sim_metric_run_query, false},
    {0},
};

static const struct sim_action json_action = {"GetMetricData", sim_metric_run_json, false};

static bool run(struct sim_call *call)
{
    if (!is_json(call))
        return sim_query_service_run_wrapped(call, query_actions, CW_VERSION, CW_NAMESPACE);
    call->reply->content_type = "application/x-amz-json-1.0";
    sim_reply_header(call->reply, "x-amzn-RequestId", call->request_id);
    if (strcmp(sim_request_header(call->request, "x-amz-target"), JSON_TARGET) != 0)
        return refuse(&call->refusal, "UnknownOperationException", "This operation is not served");
    return sim_action_run(call, &json_action, false);
}

static void write_json_error(struct sim_call *call)
{
    struct json_object *root = json_object_new_object();
    char type[128];
    snprintf(type, sizeof(type), "com.amazonaws.cloudwatch.v2010_08_01#%s", call->refusal.code);
    json_object_object_add(root, "__type", json_object_new_string(type));
    json_object_object_add(root, "message", json_object_new_string(call->refusal.message));
    call->reply->content_type = "application/x-amz-json-1.0";
    strbuf_puts(call->out, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
}

static void write_error(struct sim_call *call)
{
    if (is_json(call)) {
        write_json_error(call);
        return;
    }
    sim_query_service_write_error(call, CW_NAMESPACE);
}

const struct sim_service sim_cloudwatch_service = {
    .name = "monitoring",
    .auth_codes = sim_query_auth_codes,
    .run = run,
    .write_error = write_error,
};

/* wire_flow.c: client.c and http.c against a scripted server on loopback: lost answers, dead kept
 * connections, clocks that disagree. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/aws/client.h"
#include "tests/core/aws/scripted_server.h"

#define TEN "0123456789012345678901234567890123456789"

struct scenario {
    const char *name;
    bool creates;
    int calls; /* the same call this often; the outcome of the last counts */
    struct step steps[MAX_STEPS];
    enum error_code want;
    int want_requests; /* how often the server was asked in all */
};

static const char skewed[] =
    "<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has expired.</Message>"
    "</Error></Errors><RequestID>r-1</RequestID></Response>";
static const char throttled[] =
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded."
    "</Message></Error></Errors><RequestID>r-2</RequestID></Response>";

static const struct scenario scenarios[] = {
    {"plain", false, 1, {{OK200, "<a/>", 0}}, ERR_NONE, 1},
    {"lost answer of a reading call", false, 1, {{NULL, NULL, NO_ANSWER}}, ERR_TRANSIENT, 1},
    {"lost answer of a creating call", true, 1, {{NULL, NULL, NO_ANSWER}}, ERR_AMBIGUOUS, 1},
    {"no answer in time, creating", true, 1, {{NULL, NULL, SILENCE}}, ERR_AMBIGUOUS, 1},
    {"no answer in time, reading", false, 1, {{NULL, NULL, SILENCE}}, ERR_TRANSIENT, 1},
    {"kept connection dies under a creating call",
     true,
     2,
     {{OK200, "<a/>", 0}, {NULL, NULL, NO_ANSWER}, {OK200, "<twin/>", 0}},
     ERR_AMBIGUOUS,
     2},
    {"throttled creating call did nothing",
     true,
     1,
     {{"HTTP/1.1 503 Service Unavailable\r\n", throttled, 0}},
     ERR_THROTTLED,
     1},
    {"502 page under a creating call",
     true,
     1,
     {{"HTTP/1.1 502 Bad Gateway\r\n", "<html><p>oops</html>", 0}},
     ERR_AMBIGUOUS,
     1},
    {"502 page under a reading call",
     false,
     1,
     {{"HTTP/1.1 502 Bad Gateway\r\n", "", 0}},
     ERR_TRANSIENT,
     1},
    {"half a body, reading", false, 1, {{OK200, "<a/>", HALF}}, ERR_TRANSIENT, 1},
    {"half a body, creating", true, 1, {{OK200, "<a/>", HALF}}, ERR_AMBIGUOUS, 1},
    {"slow drips end with the time limit", false, 1, {{OK200, "", DRIP}}, ERR_TRANSIENT, 1},
    {"slow drips, creating", true, 1, {{OK200, "", DRIP}}, ERR_AMBIGUOUS, 1},
    {"reset in the answer, reading", false, 1, {{OK200, "", RESET}}, ERR_TRANSIENT, 1},
    {"reset in the answer, creating", true, 1, {{OK200, "", RESET}}, ERR_AMBIGUOUS, 1},
    {"something that speaks no HTTP", true, 1, {{"SSH-2.0-Open\r\n", "", BARE}}, ERR_AMBIGUOUS, 1},
    {"chunks without an end",
     true,
     1,
     {{OK200 "Transfer-Encoding: chunked\r\n\r\n", "5\r\n<a>", BARE}},
     ERR_AMBIGUOUS,
     1},
    {"a page of 500 under a creating call",
     true,
     1,
     {{"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n", "<html><body>oops</body></html>", 0}},
     ERR_AMBIGUOUS,
     1},
    {"a page of 503 under a reading call",
     false,
     1,
     {{"HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\n", "<html><body>busy</body></html>", 0}},
     ERR_TRANSIENT,
     1},
    {"429 without a code", true, 1, {{"HTTP/1.1 429 Slow\r\n", "", 0}}, ERR_THROTTLED, 1},
    {"a proxy wants a password", true, 1, {{"HTTP/1.1 407 No\r\n", "", 0}}, ERR_CLOUD, 1},
    {"answer beyond the limit, creating",
     true,
     1,
     {{OK200, TEN TEN TEN TEN TEN TEN TEN TEN, 0}},
     ERR_AMBIGUOUS,
     1},
    {"redirect is not followed",
     false,
     1,
     {{"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n", "", 0}},
     ERR_CLOUD,
     1},
    {"answer beyond the limit",
     false,
     1,
     {{OK200, TEN TEN TEN TEN TEN TEN TEN TEN, 0}},
     ERR_PROTOCOL,
     1},
    {"clock is corrected once",
     false,
     1,
     {{"HTTP/1.1 400 Bad\r\nDate: Sun, 30 Aug 2015 12:36:00 GMT\r\n", skewed, 0}, {OK200, "", 0}},
     ERR_NONE,
     2},
    {"clock is corrected only once",
     false,
     1,
     {{"HTTP/1.1 400 Bad\r\nDate: Sun, 30 Aug 2015 12:36:00 GMT\r\n", skewed, 0},
      {"HTTP/1.1 400 Bad\r\nDate: Sun, 30 Aug 2015 12:36:00 GMT\r\n", skewed, 0}},
     ERR_ACCESS,
     2},
    {"clock that agrees is left alone",
     false,
     1,
     {{"HTTP/1.1 400 Bad\r\nDate: Fri, 07 Aug 2026 10:00:00 GMT\r\n", skewed, 0}},
     ERR_ACCESS,
     1},
};

static int64_t fixed_now(void *self)
{
    (void)self;
    return INT64_C(1786096800000); /* 2026-08-07T10:00:00Z */
}

/* A scene that waits for the limit gets a short one; the others would only learn from it that this
 * machine is slow. */
static int64_t limit_ms(const struct scenario *scenario)
{
    for (int i = 0; i < scenario->calls; i++) {
        if (scenario->steps[i].how == SILENCE || scenario->steps[i].how == DRIP)
            return 300;
    }
    return 20000;
}

static enum error_code call_often(struct client *client, const struct scenario *scenario,
                                  struct error *err)
{
    enum error_code code = ERR_NONE;
    const struct strbuf form = {.text = (char[]){"Action=X"}, .length = 8, .max_bytes = 8};
    const struct client_call call = {.service = ENDPOINT_EC2,
                                     .action = "X",
                                     .form = &form,
                                     .creates = scenario->creates,
                                     .timeout_ms = limit_ms(scenario)};
    for (int i = 0; i < scenario->calls; i++) {
        CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = 300};
        code = client_send(client, &call, &response, err);
        if (code == ERR_NONE && i > 0 && !response.reused_connection)
            return error_set(err, ERR_STATE, "the connection was not reused");
    }
    return code;
}

static bool run(const struct scenario *scenario)
{
    struct server server = server_start(scenario->steps);
    struct http *http = NULL;
    struct error err = {0};
    if (http_new("test", NULL, &http, &err) != ERR_NONE)
        return false;
    const struct clock clock = {.now_ms = fixed_now};
    const struct aws_env env = {0};
    struct credentials_source source = {
        .clock = &clock, .env = &env, .keys = {.access_key_id = "A", .secret_access_key = "S"}};
    struct client client = {.http = http,
                            .clock = &clock,
                            .source = &source,
                            .endpoints = {.env = &env, .url = server.url},
                            .region = "us-east-1"};
    enum error_code got = call_often(&client, scenario, &err);
    int requests = server_stop(&server);
    http_free(http);
    bool ok = got == scenario->want && requests == scenario->want_requests;
    printf("%s %s: %s, %d requests%s%s\n", ok ? "ok    " : "NOT OK", scenario->name,
           error_name(got), requests, err.message[0] != '\0' ? ": " : "", err.message);
    return ok;
}

/* A port that nobody listens on: nothing can have happened. */
static bool run_unreachable(void)
{
    static const struct scenario nobody = {.name = "nobody listens", .creates = true, .calls = 1};
    struct server server = server_start(nobody.steps);
    (void)server_stop(&server);
    struct error err = {0};
    struct http *http = NULL;
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = 300};
    const struct http_request request = {.method = "GET", .url = server.url, .timeout_ms = 2000};
    bool ok = http_new("test", NULL, &http, &err) == ERR_NONE &&
              http_send(http, &request, &response, &err) == ERR_UNREACHABLE;
    http_free(http);
    printf("%s %s: %s\n", ok ? "ok    " : "NOT OK", nobody.name, err.message);
    return ok;
}

/* Prepared, then sent on the connection that an earlier request opened: what the cut relies on. */
static bool run_prepared(void)
{
    static const struct scenario twice = {.name = "prepared request",
                                          .steps = {{OK200, "<a/>", 0}, {OK200, "<b/>", 0}}};
    struct server server = server_start(twice.steps);
    struct http *http = NULL;
    struct error err = {0};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = 300};
    const struct http_request request = {.method = "GET", .url = server.url, .timeout_ms = 2000};
    bool ok = http_new("test", NULL, &http, &err) == ERR_NONE &&
              http_send(http, &request, &response, &err) == ERR_NONE && !response.reused_connection;
    strbuf_reserve(&response.body, 300);
    const char *reserved = response.body.text;
    ok = ok && http_prepare(http, &request, &response, &err) == ERR_NONE &&
         http_finish(http, &err) == ERR_NONE && response.reused_connection &&
         response.body.text == reserved && strcmp(strbuf_text(&response.body), "<b/>") == 0 &&
         response.elapsed_us > 0;
    ok = server_stop(&server) == 2 && ok;
    http_free(http);
    printf("%s %s %s\n", ok ? "ok    " : "NOT OK", twice.name, err.message);
    return ok;
}

int main(void)
{
    bool ok = true;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        ok = run(&scenarios[i]) && ok;
    ok = run_unreachable() && ok;
    ok = run_prepared() && ok;
    return ok ? 0 : 1;
}

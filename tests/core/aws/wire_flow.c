/* wire_flow.c: client.c and http.c against a scripted server on loopback.
 *
 * The server is a child process that answers each connection's requests from a script. What it checks
 * is what no simulator shows on demand: lost answers, dead kept connections, clocks that disagree. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/aws/client.h"

#define NO_ANSWER 1 /* read the request, then close */
#define SILENCE   2 /* read the request, say nothing */

/* One answer of the server, in the order of requests. */
struct step {
    const char *head; /* status line and headers without Content-Length */
    const char *body;
    int how;
};

#define OK200       "HTTP/1.1 200 OK\r\n"
#define TEN         "0123456789012345678901234567890123456789"
#define MAX_STEPS   6
#define MAX_ATTEMPT "HTTP/1.1 599 More requests than expected\r\n"

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

/* Reads one request with its body; false at the end of the connection. */
static bool read_request(int fd)
{
    char text[8192];
    size_t length = 0;
    while (length < sizeof(text) - 1) {
        ssize_t got = read(fd, text + length, sizeof(text) - 1 - length);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *size = strcasestr(text, "\r\nContent-Length:");
        size_t body = size == NULL ? 0 : strtoul(size + 17, NULL, 10);
        if (end != NULL && length >= (size_t)(end + 4 - text) + body)
            return true;
    }
    return false;
}

static void answer(int fd, const struct step *step)
{
    if (dprintf(fd, "%sContent-Length: %zu\r\n\r\n%s", step->head, strlen(step->body), step->body) <
        0)
        perror("answer");
}

/* Serves one connection after the other; the count of requests goes to `report`. */
static void serve(int listener, const struct scenario *scenario, int report)
{
    static const struct step beyond = {MAX_ATTEMPT, "", 0};
    int asked = 0;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        while (fd >= 0 && read_request(fd)) {
            const struct step *step = asked < MAX_STEPS ? &scenario->steps[asked] : &beyond;
            asked++;
            if (write(report, "x", 1) != 1)
                _exit(1);
            if (step->how == NO_ANSWER)
                break;
            if (step->how == SILENCE)
                continue;
            answer(fd, step->head == NULL ? &beyond : step);
        }
        (void)close(fd);
    }
}

struct server {
    pid_t pid;
    int port;
    int report;
};

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("listen");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return listener;
}

static struct server start_server(const struct scenario *scenario)
{
    struct server server = {0};
    int ends[2];
    int listener = listen_somewhere(&server.port);
    if (pipe(ends) != 0 || (server.pid = fork()) < 0) {
        perror("fork");
        exit(1);
    }
    if (server.pid == 0) {
        (void)close(ends[0]);
        serve(listener, scenario, ends[1]);
    }
    (void)close(listener);
    (void)close(ends[1]);
    server.report = ends[0];
    return server;
}

static int stop_server(const struct server *server)
{
    char marks[64];
    int count = 0;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    for (ssize_t got; (got = read(server->report, marks, sizeof(marks))) > 0;)
        count += (int)got;
    (void)close(server->report);
    return count;
}

static int64_t fixed_now(void *self)
{
    (void)self;
    return INT64_C(1786096800000); /* 2026-08-07T10:00:00Z */
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
                                     .timeout_ms = 300};
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
    struct server server = start_server(scenario);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
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
                            .endpoints = {.env = &env, .url = url},
                            .region = "us-east-1"};
    enum error_code got = call_often(&client, scenario, &err);
    int requests = stop_server(&server);
    http_free(http);
    bool ok = got == scenario->want && requests == scenario->want_requests;
    printf("%s %s: %s, %d requests%s%s\n", ok ? "ok    " : "NOT OK", scenario->name,
           error_name(got), requests, err.message[0] != '\0' ? ": " : "", err.message);
    return ok;
}

/* Prepared, then sent on the connection that an earlier request opened: what the cut relies on. */
static bool run_prepared(void)
{
    static const struct scenario twice = {.name = "prepared request",
                                          .steps = {{OK200, "<a/>", 0}, {OK200, "<b/>", 0}}};
    struct server server = start_server(&twice);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
    struct http *http = NULL;
    struct error err = {0};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = 300};
    const struct http_request request = {.method = "GET", .url = url, .timeout_ms = 2000};
    bool ok = http_new("test", NULL, &http, &err) == ERR_NONE &&
              http_send(http, &request, &response, &err) == ERR_NONE && !response.reused_connection;
    strbuf_reserve(&response.body, 300);
    const char *reserved = response.body.text;
    ok = ok && http_prepare(http, &request, &response, &err) == ERR_NONE &&
         http_finish(http, &err) == ERR_NONE && response.reused_connection &&
         response.body.text == reserved && strcmp(strbuf_text(&response.body), "<b/>") == 0 &&
         response.elapsed_us > 0;
    ok = stop_server(&server) == 2 && ok;
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
    ok = run_prepared() && ok;
    return ok ? 0 : 1;
}

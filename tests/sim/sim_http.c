#include "tests/sim/sim_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <microhttpd.h>

#define BODY_MAX_BYTES    ((size_t)2 * 1024 * 1024)
#define REPLY_MAX_BYTES   ((size_t)64 * 1024 * 1024)
#define LINE_MAX_BYTES    (64 * 1024)
#define IDLE_SECONDS      300u
#define CONNECTION_MEMORY (128u * 1024)

struct sim_http {
    struct MHD_Daemon *daemon;
    sim_http_answer *answer;
    void *self;
};

/* A request while it arrives; lives from the first line to the end of the reply. */
struct arrival {
    char *target; /* as on the wire: the library hands out only decoded forms */
    struct strbuf body;
};

static void *begin(void *self, const char *target, struct MHD_Connection *connection)
{
    (void)self;
    (void)connection;
    struct arrival *arrival = calloc(1, sizeof(*arrival));
    if (arrival == NULL)
        return NULL;
    arrival->target = strdup(target);
    arrival->body.max_bytes = BODY_MAX_BYTES;
    return arrival;
}

static void end(void *self, struct MHD_Connection *connection, void **state,
                enum MHD_RequestTerminationCode why)
{
    (void)self;
    (void)connection;
    (void)why;
    struct arrival *arrival = *state;
    if (arrival == NULL)
        return;
    free(arrival->target);
    strbuf_done(&arrival->body);
    free(arrival);
    *state = NULL;
}

static enum MHD_Result add_header(void *state, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct sim_request *request = state;
    if (request->header_count == SIM_HEADERS_MAX)
        return MHD_NO;
    request->headers[request->header_count++] =
        (struct sim_header){.name = name, .value = value == NULL ? "" : value};
    return MHD_YES;
}

static enum MHD_Result queue_reply(struct MHD_Connection *connection, const struct sim_reply *reply)
{
    /* The library takes the bytes as not const and, with this mode, copies them. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.length, reply->body.text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    if (reply->content_type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result queued = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Waits with an answer for as long as somebody waits for it. */
static void hold_back(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd client = {.fd = info == NULL ? -1 : info->connect_fd, .events = POLLRDHUP};
    (void)poll(&client, 1, SIM_SLOW_S * 1000);
}

static enum MHD_Result respond(struct sim_http *http, struct MHD_Connection *connection,
                               const char *method, struct arrival *arrival)
{
    CLEANUP_SIM_REPLY struct sim_reply reply = {.body = {.max_bytes = REPLY_MAX_BYTES}};
    struct sim_request request = {.method = method,
                                  .path = arrival->target,
                                  .query = "",
                                  .body = strbuf_text(&arrival->body),
                                  .body_bytes = arrival->body.length};
    char *query = strchr(arrival->target, '?');
    if (query != NULL) {
        *query = '\0';
        request.query = query + 1;
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &request);
    if (request.header_count == SIM_HEADERS_MAX || strbuf_check(&arrival->body, NULL) != ERR_NONE) {
        reply.status = MHD_HTTP_CONTENT_TOO_LARGE;
    } else {
        http->answer(http->self, &request, &reply);
    }
    /* A reply that outgrew its buffer would be a wrong answer: send none. */
    if (reply.slow)
        hold_back(connection);
    if (reply.drop || strbuf_check(&reply.body, NULL) != ERR_NONE)
        return MHD_NO;
    return queue_reply(connection, &reply);
}

/* The library sets the parameters. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result receive(void *self, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_bytes, void **state)
{
    (void)url;
    (void)version;
    struct arrival *arrival = *state;
    if (arrival == NULL || arrival->target == NULL)
        return MHD_NO;
    if (*upload_bytes > 0) {
        strbuf_add(&arrival->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    /* The first call comes before any body and must not answer yet. */
    if (arrival->body.room == 0) {
        strbuf_reserve(&arrival->body, 4096);
        return MHD_YES;
    }
    return respond(self, connection, method, arrival);
}

enum error_code sim_http_open(uint16_t port, sim_http_answer *answer, void *self,
                              struct sim_http **http, struct error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct sim_http *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold the server");
    server->answer = answer;
    server->self = self;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, port, NULL, NULL, receive, server, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&address, MHD_OPTION_URI_LOG_CALLBACK, begin, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, end, NULL, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (server->daemon == NULL) {
        free(server);
        return error_set(err, ERR_SYSTEM, "cannot listen on 127.0.0.1:%u: %s", (unsigned)port,
                         strerrordesc_np(errno));
    }
    *http = server;
    return ERR_NONE;
}

uint16_t sim_http_port(const struct sim_http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info == NULL ? 0 : info->port;
}

void sim_http_close(struct sim_http *http)
{
    if (http == NULL)
        return;
    MHD_stop_daemon(http->daemon);
    free(http);
}

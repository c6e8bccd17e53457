#include "core/aws/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "core/clock.h"

#define CONNECT_TIMEOUT_MS 5000L
#define LINE_SIZE          8192
#define POLL_MS            1000

struct http {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *header_lines;
    bool is_prepared;
    const struct http_request *request;
    struct http_response *response;
    size_t body_sent;
    char curl_text[CURL_ERROR_SIZE];
    char *user_agent;
    char *ca_bundle;
};

void http_response_done(struct http_response *response)
{
    if (response->body.text != NULL)
        explicit_bzero(response->body.text, response->body.room);
    strbuf_done(&response->body);
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    http_abandon(http);
    if (http->easy != NULL)
        curl_easy_cleanup(http->easy);
    if (http->multi != NULL)
        (void)curl_multi_cleanup(http->multi);
    free(http->user_agent);
    free(http->ca_bundle);
    free(http);
}

enum error_code http_new(const char *user_agent, const char *ca_bundle, struct http **http,
                         struct error *err)
{
    struct http *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot set up HTTP");
    made->multi = curl_multi_init();
    made->easy = curl_easy_init();
    made->user_agent = strdup(user_agent);
    made->ca_bundle = ca_bundle == NULL ? NULL : strdup(ca_bundle);
    bool is_whole = made->multi != NULL && made->easy != NULL && made->user_agent != NULL &&
                    (ca_bundle == NULL || made->ca_bundle != NULL);
    if (!is_whole) {
        http_free(made);
        return error_set(err, ERR_NO_MEMORY, "cannot set up HTTP");
    }
    *http = made;
    return ERR_NONE;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *self)
{
    struct http *http = self;
    strbuf_add(&http->response->body, bytes, size * count);
    return http->response->body.first_fail == ERR_NONE ? size * count : 0;
}

/* The headers that anyone asks for, and where their values go. */
static const struct {
    const char *name;
    size_t offset;
} wanted_headers[] = {
    {"date", offsetof(struct http_response, date)},
    {"x-amzn-requestid", offsetof(struct http_response, request_id)},
    {"x-amz-request-id", offsetof(struct http_response, request_id)},
    {"x-amzn-errortype", offsetof(struct http_response, error_type)},
    {"x-amz-checksum", offsetof(struct http_response, checksum)},
};

static void keep_value(struct http_response *response, size_t offset, const char *text,
                       size_t length)
{
    char *value = (char *)response + offset;
    while (length > 0 && strchr(" \t", text[0]) != NULL) {
        text++;
        length--;
    }
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    if (length >= HTTP_VALUE_SIZE)
        length = HTTP_VALUE_SIZE - 1;
    memcpy(value, text, length);
    value[length] = '\0';
}

static size_t take_header(char *line, size_t size, size_t count, void *self)
{
    struct http *http = self;
    size_t length = size * count;
    for (size_t i = 0; i < sizeof(wanted_headers) / sizeof(wanted_headers[0]); i++) {
        size_t name_length = strlen(wanted_headers[i].name);
        bool is_it = length > name_length && line[name_length] == ':' &&
                     strncasecmp(line, wanted_headers[i].name, name_length) == 0;
        if (is_it) {
            keep_value(http->response, wanted_headers[i].offset, line + name_length + 1,
                       length - name_length - 1);
        }
    }
    return length;
}

static size_t give_body(char *room, size_t size, size_t count, void *self)
{
    struct http *http = self;
    size_t left = http->request->body_bytes - http->body_sent;
    size_t part = left < size * count ? left : size * count;
    if (part > 0)
        memcpy(room, (const char *)http->request->body + http->body_sent, part);
    http->body_sent += part;
    return part;
}

static int rewind_body(void *self, curl_off_t offset, int origin)
{
    struct http *http = self;
    if (http->request->send_once || origin != SEEK_SET || offset != 0)
        return CURL_SEEKFUNC_FAIL;
    http->body_sent = 0;
    return CURL_SEEKFUNC_OK;
}

static enum error_code add_line(struct http *http, const char *line, struct error *err)
{
    struct curl_slist *lines = curl_slist_append(http->header_lines, line);
    if (lines == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold the headers of a request");
    http->header_lines = lines;
    return ERR_NONE;
}

static enum error_code add_header(struct http *http, const struct http_header *header,
                                  struct error *err)
{
    char line[LINE_SIZE];
    int length = snprintf(line, sizeof(line), "%s: %s", header->name, header->value);
    enum error_code code = ERR_NONE;
    if (length < 0 || length >= (int)sizeof(line)) {
        code = error_set(err, ERR_INVALID, "header '%s' is too long", header->name);
    } else if (strpbrk(header->value, "\r\n") != NULL) {
        code = error_set(err, ERR_INVALID, "header '%s' holds a line break", header->name);
    } else {
        code = add_line(http, line, err);
    }
    explicit_bzero(line, sizeof(line));
    return code;
}

static enum error_code add_headers(struct http *http, struct error *err)
{
    for (size_t i = 0; i < http->request->header_count; i++)
        TRY(add_header(http, &http->request->headers[i], err));
    /* Without this curl waits up to a second for "100 Continue" before it sends a body. */
    TRY(add_line(http, "Expect:", err));
    /* EBS has methods without a body; curl must not invent a type for it. */
    return add_line(http, "Accept:", err);
}

static void set_transport(struct http *http)
{
    CURL *easy = http->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->curl_text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (http->ca_bundle != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_bundle);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
}

static void set_body(struct http *http)
{
    CURL *easy = http->easy;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http->request->body_bytes);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, http);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, http);
}

static enum error_code set_request(struct http *http, struct error *err)
{
    const struct http_request *request = http->request;
    CURL *easy = http->easy;
    if (curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a URL");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->header_lines);
    if (request->is_direct)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (request->body != NULL)
        set_body(http);
    if (strcmp(request->method, request->body != NULL ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    return ERR_NONE;
}

void http_abandon(struct http *http)
{
    if (http->is_prepared)
        (void)curl_multi_remove_handle(http->multi, http->easy);
    for (struct curl_slist *line = http->header_lines; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data)); /* a session token, maybe */
    curl_slist_free_all(http->header_lines);
    http->header_lines = NULL;
    http->is_prepared = false;
}

static enum error_code make_ready(struct http *http, struct error *err)
{
    TRY(add_headers(http, err));
    set_transport(http);
    TRY(set_request(http, err));
    if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
        return error_set(err, ERR_NO_MEMORY, "cannot queue a request");
    http->is_prepared = true;
    return ERR_NONE;
}

enum error_code http_prepare(struct http *http, const struct http_request *request,
                             struct http_response *response, struct error *err)
{
    http_abandon(http);
    http->request = request;
    http->response = response;
    http->body_sent = 0;
    http->curl_text[0] = '\0';
    strbuf_clear(&response->body);
    *response = (struct http_response){.body = response->body};

    enum error_code code = make_ready(http, err);
    if (code != ERR_NONE)
        http_abandon(http);
    return code;
}

static bool is_stopped(const struct http *http)
{
    return http->request->may_stop && clock_stop_signal() != 0;
}

/* Runs until the one transfer is over; its result, or that of the multi handle itself. */
static CURLcode run(struct http *http)
{
    int running = 1;
    while (running > 0) {
        if (is_stopped(http))
            return CURLE_ABORTED_BY_CALLBACK;
        CURLMcode code = curl_multi_perform(http->multi, &running);
        if (code == CURLM_OK && running > 0)
            code = curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
        if (code != CURLM_OK)
            return code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_RECV_ERROR;
    }
    int left = 0;
    const CURLMsg *done = curl_multi_info_read(http->multi, &left);
    return done == NULL ? CURLE_RECV_ERROR : done->data.result;
}

/* Trying again does not make a certificate good. */
static bool is_untrusted(CURLcode result)
{
    return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_ISSUER_ERROR || result == CURLE_SSL_INVALIDCERTSTATUS;
}

static enum error_code failed(struct http *http, CURLcode result, struct error *err)
{
    const char *text = http->curl_text[0] != '\0' ? http->curl_text : curl_easy_strerror(result);
    const char *url = http->request->url;
    int shown = (int)strcspn(url, "?"); /* behind it stand tokens, which are nobody's business */
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return clock_check_stop(err);
    if (result == CURLE_SEND_FAIL_REWIND)
        text = "the kept connection broke";
    const struct strbuf *body = &http->response->body;
    long sent_bytes = 0;
    (void)curl_easy_getinfo(http->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);

    if (is_untrusted(result)) {
        return error_set(
            err, ERR_CLOUD,
            "cannot trust '%.*s': %s; if a proxy of yours signs, name its certificate in "
            "AWS_CA_BUNDLE",
            shown, url, text);
    }
    if (body->first_fail == ERR_INVALID)
        return error_set(err, ERR_PROTOCOL, "answer is longer than %zu bytes", body->max_bytes);
    if (body->first_fail != ERR_NONE)
        return error_set(err, body->first_fail, "cannot hold an answer of %zu bytes", body->length);
    if (sent_bytes > 0)
        return error_set(err, ERR_AMBIGUOUS, "no answer from '%.*s': %s", shown, url, text);
    return error_set(err, ERR_UNREACHABLE, "cannot reach '%.*s': %s", shown, url, text);
}

enum error_code http_finish(struct http *http, struct error *err)
{
    int64_t began_us = clock_mono_us();
    CURLcode result = run(http);
    http->response->elapsed_us = clock_mono_us() - began_us;

    long status = 0;
    long connects = 0;
    (void)curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(http->easy, CURLINFO_NUM_CONNECTS, &connects);
    http->response->status = (int)status;
    http->response->reused_connection = connects == 0;
    enum error_code code = result == CURLE_OK ? ERR_NONE : failed(http, result, err);
    http_abandon(http);
    return code;
}

enum error_code http_send(struct http *http, const struct http_request *request,
                          struct http_response *response, struct error *err)
{
    TRY(http_prepare(http, request, response, err));
    return http_finish(http, err);
}

#include "core/aws/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/aws/aws_error.h"
#include "core/aws/digest.h"
#include "core/aws/json.h"
#include "core/aws/sigv4.h"
#include "core/aws/xml.h"
#include "model/instant.h"

#define DEFAULT_TIMEOUT_MS (20 * MS_PER_SECOND)
#define MAX_URL_BYTES      65536
#define FORM_TYPE          "application/x-www-form-urlencoded; charset=utf-8"
#define JSON_TYPE          "application/x-amz-json-1.1"
#define SKEW_WORTH_MS      (30 * MS_PER_SECOND)
#define REFUSAL_TEXT_SIZE  256

/* What an error body says, copied out of it. */
struct refusal_text {
    char service_code[REFUSAL_TEXT_SIZE];
    char message[REFUSAL_TEXT_SIZE];
    char request_id[HTTP_VALUE_SIZE];
};

void client_signed_done(struct client_signed *signed_call)
{
    strbuf_done(&signed_call->url);
    strbuf_done(&signed_call->path);
    strbuf_done(&signed_call->authorization);
    credentials_done(&signed_call->keys);
}

static void add_header(struct client_signed *out, const char *name, const char *value)
{
    out->headers[out->header_count++] = (struct http_header){.name = name, .value = value};
}

static enum error_code set_body(const struct client_call *call, struct client_signed *out,
                                struct error *err)
{
    static const struct strbuf empty = {0};
    const struct strbuf *given = call->json != NULL ? call->json : call->form;
    const struct strbuf *body = given == NULL ? &empty : given;
    unsigned char digest[DIGEST_BYTES];
    TRY(digest_sha256(strbuf_text(body), body->length, digest, err));
    digest_hex(digest, out->body_sha256);
    if (given != NULL) {
        out->request.body = strbuf_text(body);
        out->request.body_bytes = body->length;
        add_header(out, "Content-Type", call->json != NULL ? JSON_TYPE : FORM_TYPE);
    }
    if (call->json != NULL)
        add_header(out, "X-Amz-Target", call->target);
    return ERR_NONE;
}

static enum error_code set_address(const struct client *client, const struct client_call *call,
                                   struct client_signed *out, struct error *err)
{
    TRY(endpoint_resolve(&client->endpoints, call->service, client->region, &out->endpoint, err));
    const char *path = call->path == NULL ? "/" : call->path;
    bool has_query = call->query != NULL && call->query[0] != '\0';
    out->path.max_bytes = MAX_URL_BYTES;
    out->url.max_bytes = MAX_URL_BYTES;
    strbuf_printf(&out->path, "%s%s", out->endpoint.prefix, path);
    strbuf_printf(&out->url, "%s%s%s%s", out->endpoint.base, strbuf_text(&out->path),
                  has_query ? "?" : "", has_query ? call->query : "");
    TRY(strbuf_check(&out->path, err));
    return strbuf_check(&out->url, err);
}

static enum error_code add_signature(const struct client *client, const struct client_call *call,
                                     struct client_signed *out, struct error *err)
{
    const struct sigv4_scope scope = {
        .access_key_id = out->keys.access_key_id,
        .secret_access_key = out->keys.secret_access_key,
        .region = client->region,
        .service = endpoint_signing_name(call->service),
        .at_ms = clock_now_ms(client->clock) + client->skew_ms,
    };
    sigv4_date(scope.at_ms, out->date);
    add_header(out, "Host", out->endpoint.host);
    add_header(out, "X-Amz-Date", out->date);
    add_header(out, "X-Amz-Content-SHA256", out->body_sha256);
    if (out->keys.session_token[0] != '\0')
        add_header(out, "X-Amz-Security-Token", out->keys.session_token);

    const struct sigv4_request request = {
        .method = out->request.method,
        .path = strbuf_text(&out->path),
        .query = call->query == NULL ? "" : call->query,
        .headers = out->headers,
        .header_count = out->header_count,
        .payload_sha256 = out->body_sha256,
    };
    out->authorization.max_bytes = MAX_URL_BYTES;
    TRY(sigv4_authorize(&scope, &request, &out->authorization, err));
    add_header(out, "Authorization", strbuf_text(&out->authorization));
    return ERR_NONE;
}

/* What only looks may be given up half way. Not what passes a word to the database's machine: it may
 * be under way inside a freeze. */
static bool only_looks(const struct client_call *call)
{
    static const char *const verbs[] = {"Describe", "List", "Get"};
    bool looks = false;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        looks = looks || strncmp(call->action, verbs[i], strlen(verbs[i])) == 0;
    return looks && call->service != ENDPOINT_SSM;
}

static enum error_code sign_with(struct client *client, const struct client_call *call,
                                 bool fresh_keys, struct client_signed *out, struct error *err)
{
    if (client->source != NULL)
        TRY(credentials_get(client->source, fresh_keys, &out->keys, err));
    out->request.method = call->method != NULL ? call->method : "POST";
    out->request.timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : DEFAULT_TIMEOUT_MS;
    out->request.send_once = call->creates;
    out->request.may_stop = only_looks(call);
    TRY(set_body(call, out, err));
    TRY(set_address(client, call, out, err));
    if (client->source != NULL)
        TRY(add_signature(client, call, out, err));
    out->request.url = strbuf_text(&out->url);
    out->request.headers = out->headers;
    out->request.header_count = out->header_count;
    return ERR_NONE;
}

enum error_code client_sign(struct client *client, const struct client_call *call,
                            struct client_signed *signed_call, struct error *err)
{
    return sign_with(client, call, false, signed_call, err);
}

/* Copies what fits, as one line without control characters: these texts are for people. */
static void keep(char *place, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        place[i] = (char)(c < ' ' || c == 0x7f ? ' ' : c);
    }
    place[length] = '\0';
}

/* EC2: Response/Errors/Error and RequestID; STS and CloudWatch: ErrorResponse/Error, RequestId. */
static void read_xml_refusal(const struct http_response *response, struct refusal_text *text)
{
    CLEANUP_XML struct xml xml = {0};
    struct error ignored = {0};
    if (xml_parse(&xml, strbuf_text(&response->body), response->body.length, &ignored) != ERR_NONE)
        return;
    int errors = xml_child(&xml, 0, "Errors");
    int error = xml_child(&xml, errors == XML_NONE ? 0 : errors, "Error");
    keep(text->service_code, sizeof(text->service_code), xml_text(&xml, error, "Code"));
    keep(text->message, sizeof(text->message), xml_text(&xml, error, "Message"));
    const char *id = xml_text(&xml, 0, errors == XML_NONE ? "RequestId" : "RequestID");
    if (id[0] != '\0')
        keep(text->request_id, sizeof(text->request_id), id);
}

static const char *first_given(const char *a, const char *b, const char *c)
{
    if (a[0] != '\0')
        return a;
    return b[0] != '\0' ? b : c;
}

static void read_json_refusal(const struct http_response *response, struct refusal_text *text)
{
    CLEANUP_JVAL struct jval *root = NULL;
    struct error ignored = {0};
    if (jval_parse(strbuf_text(&response->body), response->body.length, &root, &ignored) !=
        ERR_NONE)
        return;
    const char *code =
        first_given(response->error_type, jval_text(root, "__type"), jval_text(root, "code"));
    const char *message = first_given(jval_text(root, "message"), jval_text(root, "Message"), "");
    const char *reason = jval_text(root, "Reason");
    char line[REFUSAL_TEXT_SIZE];
    keep(text->service_code, sizeof(text->service_code), code);
    (void)snprintf(line, sizeof(line), "%.200s%s%.40s", message,
                   reason[0] != '\0' ? ", reason " : "", reason);
    keep(text->message, sizeof(text->message), line);
}

static void read_refusal(const struct http_response *response, struct refusal_text *text)
{
    const char *body = strbuf_text(&response->body);
    body += strspn(body, " \t\r\n");
    keep(text->request_id, sizeof(text->request_id), response->request_id);
    keep(text->service_code, sizeof(text->service_code), response->error_type);
    if (body[0] == '<') {
        read_xml_refusal(response, text);
    } else if (body[0] == '{') {
        read_json_refusal(response, text);
    }
}

/* An answer that is too long, or too long for our memory, was an answer all the same. */
static enum error_code lost(const struct client_call *call, enum error_code code, struct error *err)
{
    (void)error_prefix(err, "%s", call->action);
    if (code == ERR_AMBIGUOUS && !call->creates)
        return err->code = ERR_TRANSIENT;
    if ((code == ERR_PROTOCOL || code == ERR_NO_MEMORY) && call->creates)
        return err->code = ERR_AMBIGUOUS;
    return code;
}

enum error_code client_judge(struct client *client, const struct client_call *call,
                             enum error_code sent, const struct http_response *response,
                             struct error *err)
{
    client->last_refusal[0] = '\0';
    if (sent != ERR_NONE)
        return lost(call, sent, err);
    if (response->status >= 200 && response->status < 300)
        return ERR_NONE;

    struct refusal_text text = {0};
    read_refusal(response, &text);
    const struct aws_refusal refusal = {.action = call->action,
                                        .status = response->status,
                                        .service_code = text.service_code,
                                        .message = text.message,
                                        .request_id = text.request_id};
    const struct aws_error_row *row = aws_error_find(text.service_code);
    keep(client->last_refusal, sizeof(client->last_refusal),
         row != NULL ? row->service_code : text.service_code);
    enum error_code code = aws_error_set(&refusal, err);
    if (call->creates && !aws_error_is_definite(&refusal))
        code = err->code = ERR_AMBIGUOUS;
    return code;
}

bool client_was_refused(const struct client *client, const char *service_code)
{
    return strcmp(client->last_refusal, service_code) == 0;
}

/* "Mon, 23 Nov 2026 05:18:50 GMT", the only form a service sends (RFC 9110, section 5.6.7). */
static bool parse_http_date(const char *text, int64_t *instant_ms)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == NULL || *end != '\0')
        return false;
    const struct civil civil = {.year = parts.tm_year + 1900,
                                .month = parts.tm_mon + 1,
                                .day = parts.tm_mday,
                                .hour = parts.tm_hour,
                                .minute = parts.tm_min,
                                .second = parts.tm_sec};
    *instant_ms = instant_from_civil(&civil);
    return true;
}

/* The date is cut to the second, so the instant is somewhere in it. */
static void compare_clocks(struct client *client, const struct http_response *response)
{
    int64_t theirs_ms = 0;
    client->told_skew_ms = 0;
    if (parse_http_date(response->date, &theirs_ms))
        client->told_skew_ms = theirs_ms + MS_PER_SECOND / 2 - clock_now_ms(client->clock);
}

static bool heal_clock(struct client *client)
{
    bool helps =
        client->told_skew_ms != 0 && llabs(client->told_skew_ms - client->skew_ms) > SKEW_WORTH_MS;
    if (helps)
        client->skew_ms = client->told_skew_ms;
    return helps;
}

/* Decides whether one more try makes sense, and with fresh keys or not. */
static bool heal(struct client *client, bool *fresh_keys)
{
    const struct aws_error_row *row = aws_error_find(client->last_refusal);
    enum aws_heal means = row == NULL ? AWS_HEAL_NONE : row->heal;
    bool clock_helps = (means == AWS_HEAL_CLOCK || means == AWS_HEAL_BOTH) && heal_clock(client);
    const struct credentials_source *source = client->source;
    bool may_renew = source != NULL && source->keys.expires_ms != 0 && source->http != NULL;
    *fresh_keys = !clock_helps && may_renew && (means == AWS_HEAL_KEYS || means == AWS_HEAL_BOTH);
    return clock_helps || *fresh_keys;
}

static enum error_code send_one(struct client *client, const struct client_call *call,
                                bool fresh_keys, struct http_response *response, struct error *err)
{
    CLEANUP_CLIENT_SIGNED struct client_signed signed_call = {0};
    TRY(sign_with(client, call, fresh_keys, &signed_call, err));
    enum error_code sent = http_send(client->http, &signed_call.request, response, err);
    compare_clocks(client, response);
    return client_judge(client, call, sent, response, err);
}

enum error_code client_send(struct client *client, const struct client_call *call,
                            struct http_response *response, struct error *err)
{
    bool fresh_keys = false;
    enum error_code code = send_one(client, call, false, response, err);
    if (code == ERR_ACCESS && response->status != 0 && heal(client, &fresh_keys))
        code = send_one(client, call, fresh_keys, response, err);
    return code;
}

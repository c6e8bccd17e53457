#include "core/aws/metadata.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/aws/credential_document.h"
#include "core/aws/secret_file.h"
#include "model/instant.h"

#define CONTAINER_BASE       "http://169.254.170.2"
#define CONTAINER_TIMEOUT_MS (2 * MS_PER_SECOND)
#define CONTAINER_ATTEMPTS   3
#define INSTANCE_BASE        "http://169.254.169.254"
#define INSTANCE_BASE_IPV6   "http://[fd00:ec2::254]"
#define INSTANCE_TIMEOUT_MS  MS_PER_SECOND
#define KEYS_PATH            "/latest/meta-data/iam/security-credentials/"
#define MAX_ANSWER_BYTES     65536
#define MAX_URL_BYTES        4096
#define MAX_TOKEN_BYTES      8192

/* ---- one question ---- */

/* A service of the machine: how long, and how often, it is waited for. */
struct machine_service {
    struct http *http;
    int64_t timeout_ms;
    int attempts;
};

/* One question to it; borrows. */
struct question {
    const char *method;
    const char *url;
    struct http_header header; /* no name: none */
};

static bool is_lost(enum error_code code, const struct http_response *response)
{
    return code == ERR_UNREACHABLE || code == ERR_AMBIGUOUS ||
           (code == ERR_NONE && response->status >= 500);
}

/* Asks at once again, as AWS's own tools do: the service is on this machine.
 * Errors: ERR_UNREACHABLE if there is no answer of any status. */
static enum error_code ask(const struct machine_service *service, const struct question *question,
                           struct http_response *response, struct error *err)
{
    const struct http_request request = {.method = question->method,
                                         .url = question->url,
                                         .headers = &question->header,
                                         .header_count = question->header.name != NULL ? 1 : 0,
                                         .timeout_ms = service->timeout_ms,
                                         .is_direct = true};
    enum error_code code = ERR_UNREACHABLE;
    for (int i = 0; i < service->attempts; i++) {
        code = http_send(service->http, &request, response, err);
        if (!is_lost(code, response))
            break;
    }
    /* These questions change nothing, so an answer that was lost is none. */
    return code == ERR_AMBIGUOUS ? (err->code = ERR_UNREACHABLE) : code;
}

/* What an answer other than 200 means where there should be one. */
static enum error_code refused(const struct http_response *response, const char *who,
                               struct error *err)
{
    bool passing = response->status >= 500 || response->status == 429;
    return error_set(err, passing ? ERR_TRANSIENT : ERR_ACCESS, "the %s answered with HTTP %d", who,
                     response->status);
}

static enum error_code read_keys(const struct http_response *response, const char *who,
                                 struct credentials *keys, struct error *err)
{
    const struct credential_document document = {.text = strbuf_text(&response->body),
                                                 .length = response->body.length,
                                                 .token_name = "Token",
                                                 .has_code = true};
    if (credential_document_read(&document, keys, err) != ERR_NONE)
        return error_prefix(err, "the %s", who);
    return ERR_NONE;
}

/* ---- container ---- */

static bool is_this_machine(const char *host)
{
    static const char *const names[] = {"localhost", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]", "[::1]"};
    struct in_addr address;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(host, names[i]) == 0)
            return true;
    }
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* The host of a URL with its brackets, without its port; "" if it has a user or does not fit. */
static void read_host(const char *url, char *host, size_t size)
{
    const char *start = strstr(url, "://") + 3;
    size_t length = strcspn(start, "/?#");
    host[0] = '\0';
    if (length >= size || memchr(start, '@', length) != NULL)
        return;
    (void)snprintf(host, size, "%.*s", (int)length, start);
    char *port = strrchr(host, ':');
    if (port != NULL && strchr(port, ']') == NULL)
        *port = '\0';
}

static enum error_code check_full_uri(const char *url, struct error *err)
{
    char host[256];
    if (strncmp(url, "https://", 8) == 0)
        return ERR_NONE;
    if (strncmp(url, "http://", 7) == 0) {
        read_host(url, host, sizeof(host));
        if (is_this_machine(host))
            return ERR_NONE;
    }
    return error_set(err, ERR_CONFIG,
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI is '%s': without https only this machine "
                     "may be asked",
                     url);
}

enum error_code metadata_container_url(const struct aws_env *env, struct strbuf *url,
                                       struct error *err)
{
    if (env->container_relative_uri == NULL && env->container_full_uri == NULL)
        return error_set(err, ERR_NOT_FOUND, "no container credentials");
    if (env->container_relative_uri != NULL) {
        const char *uri = env->container_relative_uri;
        strbuf_printf(url, CONTAINER_BASE "%s%s", uri[0] == '/' ? "" : "/", uri);
    } else {
        TRY(check_full_uri(env->container_full_uri, err));
        strbuf_puts(url, env->container_full_uri);
    }
    return strbuf_check(url, err);
}

/* The token is read anew each time, since the file is rotated; "" without one. */
static enum error_code container_token(const struct aws_env *env, struct strbuf *token,
                                       struct error *err)
{
    if (env->container_token_file != NULL) {
        if (secret_file_read(env->container_token_file, token, err) != ERR_NONE) {
            (void)error_prefix(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
            return err->code = ERR_CONFIG;
        }
    } else if (env->container_token != NULL) {
        strbuf_reserve(token, token->max_bytes);
        strbuf_puts(token, env->container_token);
    }
    TRY(strbuf_check(token, err));
    if (strpbrk(strbuf_text(token), "\r\n") != NULL)
        return error_set(err, ERR_CONFIG, "the container's authorization token has a line break");
    return ERR_NONE;
}

enum error_code metadata_container_keys(struct http *http, const struct aws_env *env,
                                        struct credentials *keys, struct error *err)
{
    static const char who[] = "container's credential service";
    CLEANUP_STRBUF struct strbuf url = {.max_bytes = MAX_URL_BYTES};
    CLEANUP_SECRET_TEXT struct strbuf token = {.max_bytes = MAX_TOKEN_BYTES};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    TRY(metadata_container_url(env, &url, err));
    TRY(container_token(env, &token, err));
    const struct machine_service service = {
        .http = http, .timeout_ms = CONTAINER_TIMEOUT_MS, .attempts = CONTAINER_ATTEMPTS};
    const struct question question = {
        .method = "GET",
        .url = strbuf_text(&url),
        .header = {token.length > 0 ? "Authorization" : NULL, strbuf_text(&token)}};
    TRY(ask(&service, &question, &response, err));
    if (response.status != 200)
        return refused(&response, who, err);
    TRY(read_keys(&response, who, keys, err));
    credentials_add_link(keys, "container", strbuf_text(&url));
    return ERR_NONE;
}

/* ---- instance ---- */

static const char instance_name[] = "instance metadata service";

/* A whole number of seconds or attempts, with what AWS's tools take without one. */
static int64_t number_or(const char *text, int64_t otherwise)
{
    char *end = NULL;
    long number = text == NULL ? 0 : strtol(text, &end, 10);
    return number > 0 && number <= 1000 && *end == '\0' ? number : otherwise;
}

static struct machine_service instance_service(struct http *http, const struct aws_env *env)
{
    return (struct machine_service){
        .http = http,
        .timeout_ms = number_or(env->metadata_timeout, 1) * INSTANCE_TIMEOUT_MS,
        .attempts = (int)number_or(env->metadata_attempts, 1),
    };
}

static enum error_code instance_url(const struct aws_env *env, const char *path, const char *name,
                                    struct strbuf *url, struct error *err)
{
    const char *mode = env->metadata_endpoint_mode;
    const char *base =
        mode != NULL && strcasecmp(mode, "ipv6") == 0 ? INSTANCE_BASE_IPV6 : INSTANCE_BASE;
    if (env->metadata_endpoint != NULL)
        base = env->metadata_endpoint;
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    strbuf_clear(url);
    strbuf_printf(url, "%.*s%s%s", (int)length, base, path, name);
    return strbuf_check(url, err);
}

/* Whoever is no instance learns it here: nobody answers, or somebody who knows no tokens. */
static enum error_code get_token(const struct machine_service *service, const struct aws_env *env,
                                 struct strbuf *token, struct error *err)
{
    CLEANUP_STRBUF struct strbuf url = {.max_bytes = MAX_URL_BYTES};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_TOKEN_BYTES};
    if (env->metadata_disabled != NULL && strcasecmp(env->metadata_disabled, "true") == 0)
        return error_set(err, ERR_NOT_FOUND, "AWS_EC2_METADATA_DISABLED is set");
    TRY(instance_url(env, "/latest/api/token", "", &url, err));
    const struct question question = {.method = "PUT",
                                      .url = strbuf_text(&url),
                                      .header = {"x-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    enum error_code code = ask(service, &question, &response, err);
    if (code == ERR_UNREACHABLE)
        return error_set(err, ERR_NOT_FOUND, "no %s answers", instance_name);
    TRY(code);
    if (response.status == 403 || response.status == 404 || response.status == 405) {
        return error_set(err, ERR_NOT_FOUND, "the %s gives no session token (HTTP %d)",
                         instance_name, response.status);
    }
    if (response.status != 200)
        return refused(&response, instance_name, err);
    strbuf_clear(token);
    strbuf_reserve(token, token->max_bytes);
    strbuf_add(token, strbuf_text(&response.body), response.body.length);
    return strbuf_check(token, err);
}

/* A session with the instance's service. */
struct instance {
    struct machine_service service;
    const struct aws_env *env;
    struct strbuf token;
};

static void instance_done(struct instance *instance)
{
    secret_text_done(&instance->token);
}

static enum error_code instance_get(struct instance *instance, const char *path, const char *name,
                                    struct http_response *response, struct error *err)
{
    CLEANUP_STRBUF struct strbuf url = {.max_bytes = MAX_URL_BYTES};
    TRY(instance_url(instance->env, path, name, &url, err));
    for (int try = 1;; try++) {
        if (instance->token.length == 0)
            TRY(get_token(&instance->service, instance->env, &instance->token, err));
        const struct question question = {
            .method = "GET",
            .url = strbuf_text(&url),
            .header = {"x-aws-ec2-metadata-token", strbuf_text(&instance->token)}};
        TRY(ask(&instance->service, &question, response, err));
        /* A token that has ended. */
        if (response->status != 401 || try == 2)
            break;
        strbuf_clear(&instance->token);
    }
    if (response->status == 404)
        return error_set(err, ERR_NOT_FOUND, "the %s knows no '%s'", instance_name, path);
    return response->status == 200 ? ERR_NONE : refused(response, instance_name, err);
}

/* The first line, which must be a name that can stand in a URL and a message. */
static enum error_code first_line(const struct http_response *response, char *text, size_t size,
                                  struct error *err)
{
    const char *body = strbuf_text(&response->body);
    size_t length = strcspn(body, "\r\n");
    size_t plain = strspn(body, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "+=,.@_-");
    if (length == 0)
        return error_set(err, ERR_NOT_FOUND, "the instance has no role");
    if (plain < length || length >= size)
        return error_set(err, ERR_PROTOCOL, "the %s answered with no name", instance_name);
    (void)snprintf(text, size, "%.*s", (int)length, body);
    return ERR_NONE;
}

enum error_code metadata_instance_keys(struct http *http, const struct aws_env *env,
                                       struct credentials *keys, struct error *err)
{
    CLEANUP(instance_done)
    struct instance instance = {
        .service = instance_service(http, env), .env = env, .token.max_bytes = MAX_TOKEN_BYTES};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    char role[128];
    TRY(instance_get(&instance, KEYS_PATH, "", &response, err));
    TRY(first_line(&response, role, sizeof(role), err));
    TRY(instance_get(&instance, KEYS_PATH, role, &response, err));
    TRY(read_keys(&response, instance_name, keys, err));
    credentials_add_link(keys, "instance-metadata", role);
    return ERR_NONE;
}

enum error_code metadata_instance_region(struct http *http, const struct aws_env *env,
                                         char region[ENDPOINT_REGION_SIZE], struct error *err)
{
    CLEANUP(instance_done)
    struct instance instance = {
        .service = instance_service(http, env), .env = env, .token.max_bytes = MAX_TOKEN_BYTES};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    char read[ENDPOINT_REGION_SIZE];
    TRY(instance_get(&instance, "/latest/meta-data/placement/region", "", &response, err));
    TRY(first_line(&response, read, sizeof(read), err));
    memcpy(region, read, sizeof(read));
    return ERR_NONE;
}

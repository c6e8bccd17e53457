#include "core/aws/sigv4.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/aws/digest.h"
#include "model/instant.h"

#define ALGORITHM       "AWS4-HMAC-SHA256"
#define MAX_HEADERS     32
#define MAX_QUERY_BYTES 65536
#define MAX_TEXT_BYTES  131072
#define SCOPE_SIZE      192

/* Sorts below every byte that survives encoding, so that comparing whole pairs compares the keys
 * first; turned into '=' when written. */
#define PAIR_MARK '\001'

void sigv4_date(int64_t at_ms, char date[SIGV4_DATE_SIZE])
{
    struct civil civil = instant_to_civil(at_ms);
    char text[64];
    (void)snprintf(text, sizeof(text), "%04d%02d%02dT%02d%02d%02dZ", civil.year, civil.month,
                   civil.day, civil.hour, civil.minute, civil.second);
    memcpy(date, text, SIGV4_DATE_SIZE);
    date[SIGV4_DATE_SIZE - 1] = '\0';
}

static enum error_code key_chain(const struct sigv4_scope *scope, const char *first,
                                 unsigned char key[DIGEST_BYTES], struct error *err)
{
    char date[SIGV4_DATE_SIZE];
    sigv4_date(scope->at_ms, date);
    date[8] = '\0';

    const char *const rest[] = {scope->region, scope->service, "aws4_request"};
    TRY(digest_hmac(first, strlen(first), date, key, err));
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        unsigned char last[DIGEST_BYTES];
        memcpy(last, key, sizeof(last));
        enum error_code code = digest_hmac(last, sizeof(last), rest[i], key, err);
        explicit_bzero(last, sizeof(last));
        TRY(code);
    }
    return ERR_NONE;
}

enum error_code sigv4_key(const struct sigv4_scope *scope, unsigned char key[DIGEST_BYTES],
                          struct error *err)
{
    char first[256];
    int length = snprintf(first, sizeof(first), "AWS4%s", scope->secret_access_key);
    enum error_code code = length < (int)sizeof(first)
                               ? key_chain(scope, first, key, err)
                               : error_set(err, ERR_INVALID, "the secret access key is too long");
    explicit_bzero(first, sizeof(first));
    return code;
}

static bool is_unreserved(unsigned char byte)
{
    return isalnum(byte) != 0 || strchr("-._~", byte) != NULL;
}

void sigv4_encode(const char *text, size_t length, struct strbuf *out)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte != 0 && is_unreserved(byte)) {
            strbuf_add(out, &text[i], 1);
        } else {
            strbuf_printf(out, "%%%02X", byte);
        }
    }
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Decodes and encodes anew, so that "%2f", "%2F" and "/" all end up as "%2F". */
static void encode_again(const char *text, size_t length, struct strbuf *out)
{
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        bool escaped = byte == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 &&
                       hex_value(text[i + 2]) >= 0;
        if (escaped) {
            byte = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        }
        sigv4_encode(&byte, 1, out);
    }
}

static void add_pair(const char *pair, size_t length, struct strbuf *out)
{
    static const char mark[] = {PAIR_MARK};
    const char *equals = memchr(pair, '=', length);
    size_t key_length = equals == NULL ? length : (size_t)(equals - pair);
    encode_again(pair, key_length, out);
    strbuf_add(out, mark, 1);
    if (equals != NULL)
        encode_again(equals + 1, length - key_length - 1, out);
    strbuf_add(out, "", 1);
}

static size_t split_pairs(const char *query, struct strbuf *pairs)
{
    size_t count = 0;
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        if (length > 0) {
            add_pair(query, length, pairs);
            count++;
        }
        query += length;
        query += *query == '&';
    }
    return count;
}

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void join_pairs(const char **sorted, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < count; i++) {
        const char *mark = strchr(sorted[i], PAIR_MARK);
        assert(mark != NULL);
        strbuf_puts(out, i == 0 ? "" : "&");
        strbuf_add(out, sorted[i], (size_t)(mark - sorted[i]));
        strbuf_puts(out, "=");
        strbuf_puts(out, mark + 1);
    }
}

static void free_list(const char ***list)
{
    free(*list);
}

static enum error_code canonical_query(const char *query, struct strbuf *out, struct error *err)
{
    CLEANUP_STRBUF struct strbuf pairs = {.max_bytes = MAX_QUERY_BYTES};
    size_t count = split_pairs(query, &pairs);
    TRY(strbuf_check(&pairs, err));
    if (count == 0)
        return ERR_NONE;

    CLEANUP(free_list) const char **sorted = calloc(count, sizeof(*sorted));
    if (sorted == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot sort %zu parameters", count);
    const char *next = strbuf_text(&pairs);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = next;
        next += strlen(next) + 1;
    }
    qsort(sorted, count, sizeof(*sorted), compare_pairs);
    join_pairs(sorted, count, out);
    return ERR_NONE;
}

static void drop_last_segment(struct strbuf *path)
{
    while (path->length > 0 && path->text[path->length - 1] != '/')
        path->length--;
    if (path->length > 0)
        path->length--;
}

/* Removes ".", ".." and empty segments, and encodes what stays once more: all services but S3. */
static enum error_code canonical_path(const char *path, struct strbuf *out, struct error *err)
{
    CLEANUP_STRBUF struct strbuf clean = {.max_bytes = MAX_QUERY_BYTES};
    bool ends_open = true;
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        bool is_dot = length == 1 && path[0] == '.';
        bool is_up = length == 2 && path[0] == '.' && path[1] == '.';
        ends_open = length == 0 || is_dot || is_up;
        if (is_up) {
            drop_last_segment(&clean);
        } else if (!ends_open) {
            strbuf_puts(&clean, "/");
            sigv4_encode(path, length, &clean);
        }
        path += length;
        if (*path == '/') {
            path++;
            ends_open = true;
        }
    }
    if (ends_open)
        strbuf_puts(&clean, "/");
    TRY(strbuf_check(&clean, err));
    strbuf_puts(out, strbuf_text(&clean));
    return ERR_NONE;
}

static void lower_name(const char *name, struct strbuf *out)
{
    for (; *name != '\0'; name++) {
        char byte = *name;
        if (byte >= 'A' && byte <= 'Z')
            byte = (char)(byte - 'A' + 'a');
        strbuf_add(out, &byte, 1);
    }
}

/* Trimmed, and inner runs of blanks become one space. */
static void plain_value(const char *value, struct strbuf *out)
{
    const char *blanks = " \t\r\n";
    value += strspn(value, blanks);
    while (*value != '\0') {
        size_t length = strcspn(value, blanks);
        strbuf_add(out, value, length);
        value += length;
        value += strspn(value, blanks);
        if (*value != '\0')
            strbuf_puts(out, " ");
    }
}

/* Pointers into a request's headers, by name; equal names keep the order of the request. */
struct header_order {
    const struct http_header *items[MAX_HEADERS];
    size_t count;
};

static enum error_code sort_headers(const struct sigv4_request *request, struct header_order *order,
                                    struct error *err)
{
    if (request->header_count > MAX_HEADERS)
        return error_set(err, ERR_INVALID, "more than %d headers to sign", MAX_HEADERS);
    for (size_t i = 0; i < request->header_count; i++) {
        size_t at = i;
        while (at > 0 && strcasecmp(order->items[at - 1]->name, request->headers[i].name) > 0) {
            order->items[at] = order->items[at - 1];
            at--;
        }
        order->items[at] = &request->headers[i];
    }
    order->count = request->header_count;
    return ERR_NONE;
}

static bool repeats_last(const struct header_order *order, size_t i)
{
    return i > 0 && strcasecmp(order->items[i - 1]->name, order->items[i]->name) == 0;
}

static void canonical_headers(const struct header_order *order, struct strbuf *out)
{
    for (size_t i = 0; i < order->count; i++) {
        if (repeats_last(order, i)) {
            strbuf_puts(out, ",");
        } else {
            strbuf_puts(out, i == 0 ? "" : "\n");
            lower_name(order->items[i]->name, out);
            strbuf_puts(out, ":");
        }
        plain_value(order->items[i]->value, out);
    }
    strbuf_puts(out, "\n");
}

static void signed_names(const struct header_order *order, struct strbuf *out)
{
    for (size_t i = 0; i < order->count; i++) {
        if (repeats_last(order, i))
            continue;
        strbuf_puts(out, i == 0 ? "" : ";");
        lower_name(order->items[i]->name, out);
    }
}

enum error_code sigv4_canonical(const struct sigv4_request *request, struct strbuf *out,
                                struct error *err)
{
    struct header_order order = {0};
    TRY(sort_headers(request, &order, err));

    strbuf_printf(out, "%s\n", request->method);
    TRY(canonical_path(request->path, out, err));
    strbuf_puts(out, "\n");
    TRY(canonical_query(request->query, out, err));
    strbuf_puts(out, "\n");
    canonical_headers(&order, out);
    strbuf_puts(out, "\n");
    signed_names(&order, out);
    strbuf_printf(out, "\n%s", request->payload_sha256);
    return strbuf_check(out, err);
}

static enum error_code scope_text(const struct sigv4_scope *scope, char text[SCOPE_SIZE],
                                  struct error *err)
{
    char date[SIGV4_DATE_SIZE];
    sigv4_date(scope->at_ms, date);
    int length =
        snprintf(text, SCOPE_SIZE, "%.8s/%s/%s/aws4_request", date, scope->region, scope->service);
    if (length >= SCOPE_SIZE)
        return error_set(err, ERR_INVALID, "region '%s' is too long", scope->region);
    return ERR_NONE;
}

static enum error_code mac_text(const struct sigv4_scope *scope, const char *text,
                                char signature[DIGEST_HEX_SIZE], struct error *err)
{
    unsigned char key[DIGEST_BYTES] = {0};
    unsigned char digest[DIGEST_BYTES];
    enum error_code code = sigv4_key(scope, key, err);
    if (code == ERR_NONE)
        code = digest_hmac(key, sizeof(key), text, digest, err);
    explicit_bzero(key, sizeof(key));
    if (code == ERR_NONE)
        digest_hex(digest, signature);
    return code;
}

static enum error_code sign(const struct sigv4_scope *scope, const struct sigv4_request *request,
                            char signature[DIGEST_HEX_SIZE], struct error *err)
{
    CLEANUP_STRBUF struct strbuf canonical = {.max_bytes = MAX_TEXT_BYTES};
    TRY(sigv4_canonical(request, &canonical, err));
    unsigned char digest[DIGEST_BYTES];
    TRY(digest_sha256(canonical.text, canonical.length, digest, err));
    char hash[DIGEST_HEX_SIZE];
    digest_hex(digest, hash);

    char date[SIGV4_DATE_SIZE];
    char scope_line[SCOPE_SIZE];
    sigv4_date(scope->at_ms, date);
    TRY(scope_text(scope, scope_line, err));
    CLEANUP_STRBUF struct strbuf to_sign = {.max_bytes = MAX_TEXT_BYTES};
    strbuf_printf(&to_sign, ALGORITHM "\n%s\n%s\n%s", date, scope_line, hash);
    TRY(strbuf_check(&to_sign, err));
    return mac_text(scope, strbuf_text(&to_sign), signature, err);
}

enum error_code sigv4_authorize(const struct sigv4_scope *scope,
                                const struct sigv4_request *request, struct strbuf *out,
                                struct error *err)
{
    char signature[DIGEST_HEX_SIZE];
    TRY(sign(scope, request, signature, err));
    char scope_line[SCOPE_SIZE];
    TRY(scope_text(scope, scope_line, err));
    struct header_order order = {0};
    TRY(sort_headers(request, &order, err));

    strbuf_printf(out, ALGORITHM " Credential=%s/%s, SignedHeaders=", scope->access_key_id,
                  scope_line);
    signed_names(&order, out);
    strbuf_printf(out, ", Signature=%s", signature);
    return strbuf_check(out, err);
}

static enum error_code add_signing_query(const struct sigv4_scope *scope,
                                         const struct header_order *order, int expires_s,
                                         struct strbuf *query, struct error *err)
{
    char date[SIGV4_DATE_SIZE];
    char scope_line[SCOPE_SIZE];
    sigv4_date(scope->at_ms, date);
    TRY(scope_text(scope, scope_line, err));
    CLEANUP_STRBUF struct strbuf names = {.max_bytes = MAX_QUERY_BYTES};
    signed_names(order, &names);

    strbuf_printf(
        query, "%sX-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=", query->length > 0 ? "&" : "");
    sigv4_encode(scope->access_key_id, strlen(scope->access_key_id), query);
    strbuf_puts(query, "%2F");
    sigv4_encode(scope_line, strlen(scope_line), query);
    strbuf_printf(query, "&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-SignedHeaders=", date, expires_s);
    sigv4_encode(strbuf_text(&names), names.length, query);
    if (scope->session_token != NULL && scope->session_token[0] != '\0') {
        strbuf_puts(query, "&X-Amz-Security-Token=");
        sigv4_encode(scope->session_token, strlen(scope->session_token), query);
    }
    TRY(strbuf_check(&names, err));
    return strbuf_check(query, err);
}

enum error_code sigv4_presign(const struct sigv4_scope *scope, const struct sigv4_request *request,
                              int expires_s, struct strbuf *out, struct error *err)
{
    struct header_order order = {0};
    TRY(sort_headers(request, &order, err));
    CLEANUP_STRBUF struct strbuf query = {.max_bytes = MAX_QUERY_BYTES};
    strbuf_puts(&query, request->query);
    TRY(add_signing_query(scope, &order, expires_s, &query, err));

    struct sigv4_request with_query = *request;
    with_query.query = strbuf_text(&query);
    char signature[DIGEST_HEX_SIZE];
    TRY(sign(scope, &with_query, signature, err));
    TRY(canonical_query(with_query.query, out, err));
    strbuf_printf(out, "&X-Amz-Signature=%s", signature);
    return strbuf_check(out, err);
}

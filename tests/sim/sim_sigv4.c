#include "tests/sim/sim_sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/instant.h"
#include "tests/sim/sim_digest.h"
#include "tests/sim/sim_text.h"

#define ALGORITHM      "AWS4-HMAC-SHA256"
#define CANONICAL_MAX  ((size_t)256 * 1024)
#define QUERY_PAIR_MAX 512

/* One parameter of the query string, encoded the canonical way. */
struct query_pair {
    char *name;
    char *value;
};

struct query_pairs {
    struct query_pair *items;
    size_t count;
};

static void query_pairs_done(struct query_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].name);
        free(pairs->items[i].value);
    }
    free(pairs->items);
}

/* Decodes percent signs and encodes again, so that "%7e", "~" and "%7E" become the same. */
static char *canonical_part(const char *text, size_t length)
{
    CLEANUP_STRBUF struct strbuf out = {.max_bytes = CANONICAL_MAX};
    char *plain = sim_text_decode(text, length, SIM_TEXT_URL);
    if (plain == NULL)
        return NULL;
    sim_text_encode(&out, plain, strlen(plain));
    free(plain);
    return strdup(strbuf_text(&out));
}

static bool query_pairs_add(struct query_pairs *pairs, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals == NULL ? length : (size_t)(equals - text);
    const char *value = equals == NULL ? "" : equals + 1;
    size_t value_length = equals == NULL ? 0 : length - name_length - 1;
    struct query_pair pair = {.name = canonical_part(text, name_length),
                              .value = canonical_part(value, value_length)};
    if (pair.name == NULL || pair.value == NULL || pairs->count == QUERY_PAIR_MAX) {
        free(pair.name);
        free(pair.value);
        return false;
    }
    pairs->items[pairs->count++] = pair;
    return true;
}

static int compare_pairs(const void *left, const void *right)
{
    const struct query_pair *a = left;
    const struct query_pair *b = right;
    int by_name = strcmp(a->name, b->name);
    return by_name != 0 ? by_name : strcmp(a->value, b->value);
}

static bool query_pairs_read(struct query_pairs *pairs, const char *query)
{
    pairs->items = calloc(QUERY_PAIR_MAX, sizeof(*pairs->items));
    if (pairs->items == NULL)
        return false;
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        if (length > 0 && !query_pairs_add(pairs, query, length))
            return false;
        query += length;
        query += *query == '&';
    }
    qsort(pairs->items, pairs->count, sizeof(*pairs->items), compare_pairs);
    return true;
}

/* The decoded value of one query parameter into a fixed buffer; false if absent or too long. */
static bool query_value(const char *query, const char *name, char *value, size_t size)
{
    size_t name_length = strlen(name);
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        if (length > name_length && strncmp(query, name, name_length) == 0 &&
            query[name_length] == '=') {
            char *plain =
                sim_text_decode(query + name_length + 1, length - name_length - 1, SIM_TEXT_URL);
            bool fits = plain != NULL && strlen(plain) < size;
            if (fits)
                snprintf(value, size, "%s", plain);
            free(plain);
            return fits;
        }
        query += length;
        query += *query == '&';
    }
    return false;
}

/* Copies the text between `from` and the first of `stops`; false if empty or too long. */
static bool take(const char **from, const char *stops, char *part, size_t size)
{
    size_t length = strcspn(*from, stops);
    if (length == 0 || length >= size)
        return false;
    memcpy(part, *from, length);
    part[length] = '\0';
    *from += length;
    *from += **from != '\0';
    return true;
}

/* "KEYID/20150830/us-east-1/ec2/aws4_request"; the key id itself may hold no slash. */
static bool read_credential(struct sim_claim *claim, const char *text)
{
    char last[16];
    return take(&text, "/", claim->key_id, sizeof(claim->key_id)) &&
           take(&text, "/", claim->date, sizeof(claim->date)) &&
           take(&text, "/", claim->region, sizeof(claim->region)) &&
           take(&text, "/", claim->service, sizeof(claim->service)) &&
           take(&text, "/", last, sizeof(last)) && strcmp(last, "aws4_request") == 0 &&
           *text == '\0';
}

/* The number that `count` digits make, or -1. */
static int digits(const char *text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* "20150830T123600Z", on the day of the scope. */
static bool read_stamp(struct sim_claim *claim)
{
    const char *stamp = claim->stamp;
    if (strlen(stamp) != 16 || stamp[8] != 'T' || stamp[15] != 'Z' ||
        strncmp(stamp, claim->date, 8) != 0)
        return false;
    struct civil civil = {.year = digits(stamp, 4),
                          .month = digits(stamp + 4, 2),
                          .day = digits(stamp + 6, 2),
                          .hour = digits(stamp + 9, 2),
                          .minute = digits(stamp + 11, 2),
                          .second = digits(stamp + 13, 2)};
    if (civil.year < 1970 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
        civil.day > 31 || civil.hour < 0 || civil.minute < 0 || civil.second < 0)
        return false;
    claim->signed_ms = instant_from_civil(&civil);
    return true;
}

static bool read_authorization(struct sim_claim *claim, const char *text)
{
    char credential[256] = "";
    char name[32];
    bool complete = true;

    if (strncmp(text, ALGORITHM " ", sizeof(ALGORITHM)) != 0)
        return false;
    text += sizeof(ALGORITHM);
    while (*text != '\0' && complete) {
        text += strspn(text, " ,");
        if (*text == '\0')
            break;
        complete = take(&text, "=", name, sizeof(name));
        if (complete && strcmp(name, "Credential") == 0) {
            complete = take(&text, ", ", credential, sizeof(credential));
        } else if (complete && strcmp(name, "SignedHeaders") == 0) {
            complete = take(&text, ", ", claim->signed_headers, sizeof(claim->signed_headers));
        } else if (complete && strcmp(name, "Signature") == 0) {
            complete = take(&text, ", ", claim->signature, sizeof(claim->signature));
        } else {
            complete = false;
        }
    }
    return complete && claim->signed_headers[0] != '\0' && claim->signature[0] != '\0' &&
           read_credential(claim, credential);
}

static bool read_header_form(const struct sim_request *request, struct sim_claim *claim)
{
    const char *stamp = sim_request_header(request, "x-amz-date");
    const char *token = sim_request_header(request, "x-amz-security-token");
    if (stamp == NULL || strlen(stamp) >= sizeof(claim->stamp) ||
        (token != NULL && strlen(token) >= sizeof(claim->token)))
        return false;
    snprintf(claim->stamp, sizeof(claim->stamp), "%s", stamp);
    snprintf(claim->token, sizeof(claim->token), "%s", token == NULL ? "" : token);
    return read_authorization(claim, sim_request_header(request, "authorization")) &&
           read_stamp(claim);
}

static bool read_query_form(const struct sim_request *request, struct sim_claim *claim)
{
    char algorithm[32];
    char credential[256];
    char expires[16];
    const char *query = request->query;

    claim->presigned = true;
    query_value(query, "X-Amz-Security-Token", claim->token, sizeof(claim->token));
    if (!query_value(query, "X-Amz-Algorithm", algorithm, sizeof(algorithm)) ||
        strcmp(algorithm, ALGORITHM) != 0 ||
        !query_value(query, "X-Amz-Credential", credential, sizeof(credential)) ||
        !query_value(query, "X-Amz-Date", claim->stamp, sizeof(claim->stamp)) ||
        !query_value(query, "X-Amz-Expires", expires, sizeof(expires)) ||
        !query_value(query, "X-Amz-SignedHeaders", claim->signed_headers,
                     sizeof(claim->signed_headers)) ||
        !query_value(query, "X-Amz-Signature", claim->signature, sizeof(claim->signature)))
        return false;
    claim->expires_s = strtoll(expires, NULL, 10);
    return claim->expires_s >= 1 && claim->expires_s <= 604800 &&
           read_credential(claim, credential) && read_stamp(claim);
}

static bool is_signed(const struct sim_claim *claim, const char *name)
{
    size_t length = strlen(name);
    const char *list = claim->signed_headers;
    while (*list != '\0') {
        size_t part = strcspn(list, ";");
        if (part == length && strncasecmp(list, name, length) == 0)
            return true;
        list += part;
        list += *list == ';';
    }
    return false;
}

static bool all_signed(const struct sim_request *request, const struct sim_claim *claim)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        bool must = strcasecmp(name, "host") == 0 || strncasecmp(name, "x-amz-", 6) == 0;
        if (must && !is_signed(claim, name))
            return false;
    }
    return is_signed(claim, "host");
}

enum sim_claim_fault sim_claim_read(const struct sim_request *request, struct sim_claim *claim)
{
    bool complete;

    *claim = (struct sim_claim){0};
    if (sim_request_header(request, "authorization") != NULL) {
        complete = read_header_form(request, claim);
    } else if (strstr(request->query, "X-Amz-Algorithm=") != NULL) {
        complete = read_query_form(request, claim);
    } else {
        return SIM_CLAIM_MISSING;
    }
    if (!complete)
        return SIM_CLAIM_INCOMPLETE;
    return all_signed(request, claim) ? SIM_CLAIM_OK : SIM_CLAIM_UNSIGNED;
}

/* Every service but S3 encodes the already encoded path once more. Dot segments do not occur in
 * the services served here, so a path that holds one simply fails to verify. */
static void add_path(struct strbuf *out, const char *path)
{
    size_t length;
    for (; *path != '\0'; path += length) {
        length = strcspn(path, "/");
        sim_text_encode(out, path, length);
        if (path[length] == '/') {
            strbuf_puts(out, "/");
            length++;
        }
    }
}

static bool add_query(struct strbuf *out, const struct sim_request *request)
{
    CLEANUP(query_pairs_done) struct query_pairs pairs = {0};
    const char *separator = "";

    if (!query_pairs_read(&pairs, request->query))
        return false;
    for (size_t i = 0; i < pairs.count; i++) {
        if (strcmp(pairs.items[i].name, "X-Amz-Signature") == 0)
            continue;
        strbuf_printf(out, "%s%s=%s", separator, pairs.items[i].name, pairs.items[i].value);
        separator = "&";
    }
    return true;
}

/* Outer blanks go, inner runs of blanks become one. */
static void add_trimmed(struct strbuf *out, const char *value)
{
    value += strspn(value, " \t");
    while (*value != '\0') {
        size_t length = strcspn(value, " \t");
        strbuf_add(out, value, length);
        value += length;
        value += strspn(value, " \t");
        if (*value != '\0')
            strbuf_puts(out, " ");
    }
}

static void add_header(struct strbuf *out, const struct sim_request *request, const char *name)
{
    const char *separator = "";
    strbuf_printf(out, "%s:", name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        strbuf_puts(out, separator);
        add_trimmed(out, request->headers[i].value);
        separator = ",";
    }
    strbuf_puts(out, "\n");
}

static void add_headers(struct strbuf *out, const struct sim_request *request,
                        const struct sim_claim *claim)
{
    const char *list = claim->signed_headers;
    char name[128];
    while (*list != '\0' && take(&list, ";", name, sizeof(name)))
        add_header(out, request, name);
}

/* A value that is sent is part of the canonical request as it is; whether it is true is a
 * different question, answered by payload_is_true(). */
static const char *payload_hash(const struct sim_request *request, char hex[SIM_SIGNATURE_SIZE])
{
    const char *sent = sim_request_header(request, "x-amz-content-sha256");
    sim_digest_hex(request->body, request->body_bytes, hex);
    return sent != NULL ? sent : hex;
}

static bool payload_is_true(const struct sim_request *request)
{
    char hex[SIM_SIGNATURE_SIZE];
    const char *sent = payload_hash(request, hex);
    return strcmp(sent, hex) == 0 || strcmp(sent, "UNSIGNED-PAYLOAD") == 0;
}

static void signature_of(const struct sim_claim *claim, const char *secret, const char *to_sign,
                         char signature[SIM_SIGNATURE_SIZE])
{
    unsigned char first[132] = "AWS4";
    unsigned char key[32];
    size_t length = strnlen(secret, sizeof(first) - 5);

    memcpy(first + 4, secret, length);
    sim_hmac(first, length + 4, claim->date, key);
    sim_hmac(key, sizeof(key), claim->region, key);
    sim_hmac(key, sizeof(key), claim->service, key);
    sim_hmac(key, sizeof(key), "aws4_request", key);
    sim_hmac(key, sizeof(key), to_sign, key);
    sim_hex(key, sizeof(key), signature);
}

enum sim_claim_fault sim_claim_verify(const struct sim_request *request,
                                      const struct sim_claim *claim, const char *secret)
{
    CLEANUP_STRBUF struct strbuf canonical = {.max_bytes = CANONICAL_MAX};
    char hash[SIM_SIGNATURE_SIZE];
    char to_sign[256];
    char signature[SIM_SIGNATURE_SIZE];

    if (!payload_is_true(request))
        return SIM_CLAIM_PAYLOAD;
    strbuf_printf(&canonical, "%s\n", request->method);
    add_path(&canonical, request->path[0] == '\0' ? "/" : request->path);
    strbuf_puts(&canonical, "\n");
    if (!add_query(&canonical, request))
        return SIM_CLAIM_SIGNATURE;
    strbuf_puts(&canonical, "\n");
    add_headers(&canonical, request, claim);
    strbuf_printf(&canonical, "\n%s\n%s", claim->signed_headers, payload_hash(request, hash));
    if (strbuf_check(&canonical, NULL) != ERR_NONE)
        return SIM_CLAIM_SIGNATURE;

    sim_digest_hex(canonical.text, canonical.length, hash);
    snprintf(to_sign, sizeof(to_sign), ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", claim->stamp,
             claim->date, claim->region, claim->service, hash);
    signature_of(claim, secret, to_sign, signature);
    return sim_same_text(signature, claim->signature) ? SIM_CLAIM_OK : SIM_CLAIM_SIGNATURE;
}

enum error_code sim_request_from_url(const char *url, struct strbuf *parts,
                                     struct sim_request *request, struct error *err)
{
    const char *host = strstr(url, "://");
    if (host == NULL || host == url || host[3] == '\0')
        return error_set(err, ERR_INVALID, "not an absolute URL");
    strbuf_clear(parts);
    strbuf_puts(parts, host + 3);
    TRY(strbuf_check(parts, err));

    char *query = strchr(parts->text, '?');
    if (query != NULL)
        *query++ = '\0';
    char *slash = strchr(parts->text, '/');
    if (slash != NULL && slash[1] != '\0')
        return error_set(err, ERR_INVALID, "the path of the URL is not '/'");
    if (slash != NULL)
        *slash = '\0';
    *request = (struct sim_request){.method = "GET",
                                    .path = "/",
                                    .query = query == NULL ? "" : query,
                                    .headers = {{"host", parts->text}},
                                    .header_count = 1,
                                    .body = ""};
    return ERR_NONE;
}

#include "core/aws/kms.h"

#include <stdio.h>
#include <string.h>

#include "core/aws/json.h"

#define MAX_REQUEST_BYTES 8192
#define MAX_ANSWER_BYTES  65536

/* What EBS does with a key in the name of whoever copies a snapshot that lies under it (EBS user
 * guide, "Share the KMS key used to encrypt a shared snapshot"). */
#define READER_OPERATIONS                                                                          \
    "[\"Decrypt\",\"DescribeKey\",\"CreateGrant\",\"GenerateDataKeyWithoutPlaintext\","            \
    "\"ReEncryptFrom\",\"ReEncryptTo\"]"

/* Sends one operation, "TrentService.NAME", and parses its answer; *root may be NULL without one. */
static enum error_code ask(struct client *client, const char *target, const struct strbuf *json,
                           struct jval **root, struct error *err)
{
    TRY(strbuf_check(json, err));
    const struct client_call call = {
        .service = ENDPOINT_KMS, .action = strchr(target, '.') + 1, .json = json, .target = target};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    TRY(client_send(client, &call, &response, err));
    if (response.body.length == 0)
        return ERR_NONE;
    return jval_parse(strbuf_text(&response.body), response.body.length, root, err);
}

static void begin(struct strbuf *json, const char *key_id)
{
    strbuf_puts(json, "{\"KeyId\":");
    jval_quote(json, key_id);
}

static enum cloud_key_state state_of(const char *text)
{
    if (strcmp(text, "Enabled") == 0)
        return CLOUD_KEY_ENABLED;
    if (strcmp(text, "Disabled") == 0)
        return CLOUD_KEY_DISABLED;
    return strncmp(text, "Pending", 7) == 0 && strstr(text, "Deletion") != NULL ? CLOUD_KEY_DELETED
                                                                                : CLOUD_KEY_OTHER;
}

enum error_code kms_get_key(struct client *client, const char *key_id, struct cloud_key *key,
                            struct error *err)
{
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_JVAL struct jval *root = NULL;
    begin(&json, key_id);
    strbuf_puts(&json, "}");
    TRY(ask(client, "TrentService.DescribeKey", &json, &root, err));
    const struct jval *facts = jval_get(root, "KeyMetadata");
    const char *arn = jval_text(facts, "Arn");
    if (arn[0] == '\0' || strlen(arn) >= sizeof(key->arn))
        return error_set(err, ERR_PROTOCOL, "answer to DescribeKey names no key");
    *key = (struct cloud_key){.state = state_of(jval_text(facts, "KeyState")),
                              .aws_managed = strcmp(jval_text(facts, "KeyManager"), "AWS") == 0};
    (void)snprintf(key->arn, sizeof(key->arn), "%s", arn);
    (void)snprintf(key->account_id, sizeof(key->account_id), "%.15s",
                   jval_text(facts, "AWSAccountId"));
    return ERR_NONE;
}

static void end(const struct client *client, struct strbuf *json)
{
    strbuf_puts(json, client->asks_only ? ",\"DryRun\":true}" : "}");
}

/* A dry run always ends in a refusal; one of them means yes (KMS developer guide, "Testing your
 * permissions"). */
enum error_code kms_try_key(struct client *client, const char *key_arn, struct error *err)
{
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_JVAL struct jval *root = NULL;
    begin(&json, key_arn);
    strbuf_puts(&json, ",\"KeySpec\":\"AES_256\",\"DryRun\":true}");
    enum error_code code =
        ask(client, "TrentService.GenerateDataKeyWithoutPlaintext", &json, &root, err);
    if (code != ERR_ASKED)
        return code;
    *err = (struct error){0};
    return ERR_NONE;
}

enum error_code kms_grant_key(struct client *client, const struct cloud_grant_request *request,
                              char grant_id[CLOUD_GRANT_SIZE], struct error *err)
{
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_JVAL struct jval *root = NULL;
    begin(&json, request->key_id);
    strbuf_puts(&json, ",\"GranteePrincipal\":");
    jval_quote(&json, request->principal);
    strbuf_puts(&json, ",\"Operations\":" READER_OPERATIONS ",\"Name\":");
    jval_quote(&json, request->name);
    end(client, &json);
    TRY(ask(client, "TrentService.CreateGrant", &json, &root, err));
    const char *id = jval_text(root, "GrantId");
    if (id[0] == '\0' || strlen(id) >= CLOUD_GRANT_SIZE)
        return error_set(err, ERR_PROTOCOL, "answer to CreateGrant names no grant");
    (void)snprintf(grant_id, CLOUD_GRANT_SIZE, "%s", id);
    return ERR_NONE;
}

enum error_code kms_revoke_grant(struct client *client, const char *key_id, const char *grant_id,
                                 struct error *err)
{
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_JVAL struct jval *root = NULL;
    begin(&json, key_id);
    strbuf_puts(&json, ",\"GrantId\":");
    jval_quote(&json, grant_id);
    end(client, &json);
    return ask(client, "TrentService.RevokeGrant", &json, &root, err);
}

#include "core/aws/credential_document.h"

#include <stdio.h>
#include <string.h>

#include "core/aws/json.h"
#include "model/instant.h"

static enum error_code copy(const struct jval *root, const char *name, char *place, size_t size,
                            struct error *err)
{
    const char *text = jval_text(root, name);
    if (strlen(text) >= size)
        return error_set(err, ERR_PROTOCOL, "'%s' of the credentials is too long", name);
    (void)snprintf(place, size, "%s", text);
    return ERR_NONE;
}

static enum error_code check_form(const struct credential_document *document,
                                  const struct jval *root, struct error *err)
{
    int64_t version = 0;
    const char *code = jval_text(root, "Code");
    if (document->has_version &&
        (jval_int64(root, "Version", &version, NULL) != ERR_NONE || version != 1))
        return error_set(err, ERR_PROTOCOL, "the credentials are not of \"Version\": 1");
    if (document->has_code && code[0] != '\0' && strcmp(code, "Success") != 0)
        return error_set(err, ERR_ACCESS, "no credentials: '%.80s'", code);
    return ERR_NONE;
}

static enum error_code read_members(const struct credential_document *document,
                                    const struct jval *root, struct credentials *keys,
                                    struct error *err)
{
    TRY(check_form(document, root, err));
    TRY(copy(root, "AccessKeyId", keys->access_key_id, sizeof(keys->access_key_id), err));
    TRY(copy(root, "SecretAccessKey", keys->secret_access_key, sizeof(keys->secret_access_key),
             err));
    TRY(copy(root, document->token_name, keys->session_token, sizeof(keys->session_token), err));
    if (keys->access_key_id[0] == '\0' || keys->secret_access_key[0] == '\0') {
        return error_set(err, ERR_PROTOCOL,
                         "the credentials lack 'AccessKeyId' or 'SecretAccessKey'");
    }
    const char *expiration = jval_text(root, "Expiration");
    if (expiration[0] != '\0' && instant_parse(expiration, &keys->expires_ms, NULL) != ERR_NONE)
        return error_set(err, ERR_PROTOCOL, "'Expiration' of the credentials is no instant");
    return ERR_NONE;
}

enum error_code credential_document_read(const struct credential_document *document,
                                         struct credentials *keys, struct error *err)
{
    CLEANUP_JVAL struct jval *root = NULL;
    CLEANUP_CREDENTIALS struct credentials read = {0};
    TRY(jval_parse(document->text, document->length, &root, err));
    TRY(read_members(document, root, &read, err));
    *keys = read;
    return ERR_NONE;
}

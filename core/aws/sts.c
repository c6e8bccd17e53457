#include "core/aws/sts.h"

#include <string.h>

#include "core/aws/ec2_query.h"
#include "core/aws/xml.h"

static enum error_code read_keys(const struct xml *xml, const char *result,
                                 struct credentials *keys, struct error *err)
{
    int node = xml_child(xml, xml_child(xml, 0, result), "Credentials");
    TRY(xml_copy(xml, node, "AccessKeyId", keys->access_key_id, sizeof(keys->access_key_id), err));
    TRY(xml_copy(xml, node, "SecretAccessKey", keys->secret_access_key,
                 sizeof(keys->secret_access_key), err));
    TRY(xml_copy(xml, node, "SessionToken", keys->session_token, sizeof(keys->session_token), err));
    TRY(xml_instant(xml, node, "Expiration", &keys->expires_ms, err));
    bool is_whole = keys->access_key_id[0] != '\0' && keys->secret_access_key[0] != '\0' &&
                    keys->session_token[0] != '\0';
    if (!is_whole)
        return error_set(err, ERR_PROTOCOL, "the answer holds no %s/Credentials", result);
    return ERR_NONE;
}

/* Sends a form that asks for keys; "ActionResult" holds them. */
static enum error_code ask_for_keys(struct client *client, struct form *form, const char *result,
                                    struct credentials *keys, struct error *err)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CREDENTIALS struct credentials read = {0};
    TRY(form_send(client, form, false, &xml, err));
    TRY(read_keys(&xml, result, &read, err));
    *keys = read;
    return ERR_NONE;
}

enum error_code sts_assume_role(struct client *client, const struct sts_role *role,
                                struct credentials *keys, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_STS, "AssumeRole");
    form_add(&form, "RoleArn", role->role_arn);
    form_add(&form, "RoleSessionName", role->session_name);
    form_add_given(&form, "ExternalId", role->external_id);
    if (role->duration_s > 0)
        form_add_int(&form, "DurationSeconds", role->duration_s);
    return ask_for_keys(client, &form, "AssumeRoleResult", keys, err);
}

/* The form holds the token, which is a secret. */
static void token_form_done(struct form *form)
{
    if (form->text.text != NULL)
        explicit_bzero(form->text.text, form->text.room);
    form_done(form);
}

enum error_code sts_assume_role_with_token(struct client *client, const struct sts_role *role,
                                           const char *token, struct credentials *keys,
                                           struct error *err)
{
    CLEANUP(token_form_done) struct form form;
    form_init(&form, ENDPOINT_STS, "AssumeRoleWithWebIdentity");
    /* All room at once, three bytes for each that is encoded, so that no copy stays behind. */
    strbuf_reserve(&form.text, 3 * strlen(token) + 4096);
    form_add(&form, "RoleArn", role->role_arn);
    form_add(&form, "RoleSessionName", role->session_name);
    form_add(&form, "WebIdentityToken", token);
    return ask_for_keys(client, &form, "AssumeRoleWithWebIdentityResult", keys, err);
}

enum error_code sts_get_identity(struct client *client, struct cloud_identity *identity,
                                 struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_STS, "GetCallerIdentity");
    CLEANUP_XML struct xml xml = {0};
    TRY(form_send(client, &form, false, &xml, err));

    struct cloud_identity read = {0};
    int node = xml_child(&xml, 0, "GetCallerIdentityResult");
    TRY(xml_copy(&xml, node, "Account", read.account_id, sizeof(read.account_id), err));
    TRY(xml_copy(&xml, node, "Arn", read.arn, sizeof(read.arn), err));
    if (read.account_id[0] == '\0')
        return error_set(err, ERR_PROTOCOL, "answer to GetCallerIdentity names no account");
    const struct credentials *keys = &client->source->keys;
    read.expires_ms = keys->expires_ms;
    read.temporary = keys->temporary;
    read.skew_ms = client->told_skew_ms;
    memcpy(read.links, keys->links, sizeof(read.links));
    read.link_count = keys->link_count;
    *identity = read;
    return ERR_NONE;
}

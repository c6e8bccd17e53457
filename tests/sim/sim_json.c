#include "tests/sim/sim_json.h"

#include <string.h>

#define CONTENT_TYPE "application/x-amz-json-1.1"

const char *const sim_json_auth_codes[SIM_AUTH_FAULTS] = {
    [SIM_AUTH_MISSING] = "MissingAuthenticationTokenException",
    [SIM_AUTH_INCOMPLETE] = "IncompleteSignatureException",
    [SIM_AUTH_UNKNOWN_KEY] = "UnrecognizedClientException",
    [SIM_AUTH_SIGNATURE] = "InvalidSignatureException",
    [SIM_AUTH_EXPIRED] = "InvalidSignatureException",
    [SIM_AUTH_TOKEN_EXPIRED] = "ExpiredTokenException",
    [SIM_AUTH_REGION] = "InvalidSignatureException",
};

bool sim_json_run(struct sim_call *call, const struct sim_action *table, const char *target)
{
    const char *named = sim_request_header(call->request, "x-amz-target");
    const struct sim_action *action = table;
    size_t length = strlen(target);
    call->reply->content_type = CONTENT_TYPE;
    sim_reply_header(call->reply, "x-amzn-RequestId", call->request_id);
    if (named == NULL || strncmp(named, target, length) != 0)
        return refuse(&call->refusal, "UnknownOperationException", "No operation is named");
    while (action->name != NULL && strcmp(action->name, named + length) != 0)
        action++;
    if (action->name == NULL)
        return refuse(&call->refusal, "UnknownOperationException", "This operation is not served");
    return sim_action_run(call, action, false);
}

bool sim_json_read(struct sim_call *call, const char *const *known, struct json_object **root)
{
    *root = json_tokener_parse(call->request->body);
    if (!json_object_is_type(*root, json_type_object))
        return refuse(&call->refusal, "SerializationException", "The body is not a JSON object");
    json_object_object_foreach(*root, name, value)
    {
        size_t i = 0;
        (void)value;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL)
            return refuse(&call->refusal, "ValidationException", "Unknown parameter '%.80s'", name);
    }
    return sim_call_ready(call);
}

void sim_json_write(struct sim_call *call, struct json_object *root)
{
    strbuf_puts(call->out, json_object_to_json_string_ext(
                               root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(root);
}

void sim_json_write_error(struct sim_call *call, const char *throttled, const char *failure)
{
    struct json_object *root = json_object_new_object();
    const char *code = call->refusal.code;
    if (strcmp(code, "RequestLimitExceeded") == 0)
        code = throttled;
    if (strcmp(code, "InternalError") == 0)
        code = failure;
    call->reply->status = strcmp(code, failure) == 0 ? 500 : 400;
    sim_json_add_text(root, "__type", code);
    sim_json_add_text(root, "message", call->refusal.message);
    call->reply->content_type = CONTENT_TYPE;
    sim_json_write(call, root);
}

void sim_json_add_text(struct json_object *object, const char *name, const char *text)
{
    (void)json_object_object_add(object, name, json_object_new_string(text));
}

#include "tests/sim/sim_query_service.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_xml_out.h"

const char *const sim_query_auth_codes[SIM_AUTH_FAULTS] = {
    [SIM_AUTH_MISSING] = "MissingAuthenticationToken",
    [SIM_AUTH_INCOMPLETE] = "IncompleteSignature",
    [SIM_AUTH_UNKNOWN_KEY] = "InvalidClientTokenId",
    [SIM_AUTH_SIGNATURE] = "SignatureDoesNotMatch",
    [SIM_AUTH_EXPIRED] = "RequestExpired",
    [SIM_AUTH_TOKEN_EXPIRED] = "ExpiredToken",
    [SIM_AUTH_REGION] = "SignatureDoesNotMatch",
};

static const struct sim_action *action_named(const struct sim_action *table, const char *name)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0)
            return table;
    }
    return NULL;
}

bool sim_action_run(struct sim_call *call, const struct sim_action *action, bool unfiltered)
{
    snprintf(call->action, sizeof(call->action), "%s", action->name);
    call->changes = action->changes;
    enum call_fate fate = CALL_ANSWERED;
    if (!world_begin_call(call->world, &call->caller, action->name, &fate, &call->refusal) ||
        !world_take_token(call->world, &call->caller, action->name, unfiltered, &call->refusal))
        return false;
    call->reply->drop = fate == CALL_UNSENT || fate == CALL_LOST;
    call->reply->slow = fate == CALL_LATE;
    if (fate == CALL_UNSENT)
        return refuse(&call->refusal, "InternalError", "nobody will read this");
    if (!action->run(call))
        return false;
    assert(call->ready);
    return true;
}

static bool is_selective(const struct sim_query *query)
{
    static const char *const neutral[] = {"Action", "Version", "NextToken", "DryRun"};
    for (size_t i = 0; i < query->count; i++) {
        bool counts = true;
        for (size_t j = 0; j < sizeof(neutral) / sizeof(neutral[0]); j++)
            counts = counts && strcmp(query->items[i].name, neutral[j]) != 0;
        if (counts)
            return true;
    }
    return false;
}

bool sim_query_service_run(struct sim_call *call, const struct sim_action *table,
                           const char *version)
{
    const struct sim_request *request = call->request;
    bool in_body = strcmp(request->method, "POST") == 0;
    const char *text = in_body ? request->body : request->query;
    struct error err;

    if (sim_query_parse(text, strlen(text), &call->query, &err) != ERR_NONE)
        return refuse(&call->refusal, "MalformedQueryString", "%s", err.message);
    if (!in_body)
        sim_query_accept(&call->query, "X-Amz-"); /* the signature, already verified */
    const char *name = sim_query_get(&call->query, "Action");
    const char *asked = sim_query_get(&call->query, "Version");
    if (name == NULL || *name == '\0') {
        return refuse(&call->refusal, "MissingAction",
                      "The request is missing an action or a required parameter");
    }
    const struct sim_action *action = action_named(table, name);
    if (action == NULL || asked == NULL || strcmp(asked, version) != 0) {
        return refuse(&call->refusal, "InvalidAction",
                      "The action %.100s is not valid for this web service version.", name);
    }
    return sim_action_run(call, action,
                          strncmp(name, "Describe", 8) == 0 && !is_selective(&call->query));
}

bool sim_query_service_run_wrapped(struct sim_call *call, const struct sim_action *table,
                                   const char *version, const char *xml_namespace)
{
    CLEANUP_STRBUF struct strbuf content = {.max_bytes = call->reply->body.max_bytes};
    struct strbuf *body = call->out;

    call->reply->content_type = "text/xml";
    call->out = &content;
    bool done = sim_query_service_run(call, table, version);
    call->out = body;
    if (!done)
        return false;
    strbuf_printf(body, "<%sResponse xmlns=\"%s\"><%sResult>", call->action, xml_namespace,
                  call->action);
    strbuf_add(body, strbuf_text(&content), content.length);
    strbuf_printf(body, "</%sResult><ResponseMetadata>", call->action);
    sim_xml_text(body, "RequestId", call->request_id);
    strbuf_printf(body, "</ResponseMetadata></%sResponse>", call->action);
    return true;
}

void sim_query_service_write_error(struct sim_call *call, const char *xml_namespace)
{
    call->reply->content_type = "text/xml";
    strbuf_printf(call->out, "<ErrorResponse xmlns=\"%s\"><Error>", xml_namespace);
    sim_xml_text(call->out, "Type", call->reply->status < 500 ? "Sender" : "Receiver");
    sim_xml_text(call->out, "Code", call->refusal.code);
    sim_xml_text(call->out, "Message", call->refusal.message);
    strbuf_puts(call->out, "</Error>");
    sim_xml_text(call->out, "RequestId", call->request_id);
    strbuf_puts(call->out, "</ErrorResponse>");
}

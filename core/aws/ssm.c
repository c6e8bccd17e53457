#include "core/aws/ssm.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/aws/json.h"

#define MAX_REQUEST_BYTES (2 * WIRE_LINE_MAX)
#define MAX_ANSWER_BYTES  (1 << 18)
/* SSM cuts longer output off (API reference, GetCommandInvocation: StandardOutputContent). */
#define OUTPUT_MAX 24000

enum { POLL_MS = 200, BYE_MS = 10000, COMMAND_ID_SIZE = 40, DELIVERY_S = 30 };

/* Sends one operation, "AmazonSSM.NAME", and parses its answer. */
static enum error_code ask(struct client *client, const char *target, const struct strbuf *json,
                           struct jval **root, struct error *err)
{
    TRY(strbuf_check(json, err));
    const struct client_call call = {.service = ENDPOINT_SSM,
                                     .action = strchr(target, '.') + 1,
                                     .json = json,
                                     .target = target,
                                     .creates = strstr(target, "Send") != NULL};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    TRY(client_send(client, &call, &response, err));
    return jval_parse(strbuf_text(&response.body), response.body.length, root, err);
}

static enum error_code make_key(struct ssm *ssm, struct error *err)
{
    unsigned char random[(SSM_KEY_SIZE - 1) / 2];
    if (ssm->key[0] != '\0')
        return ERR_NONE;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set(err, ERR_SYSTEM, "no random numbers");
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(ssm->key + 2 * i, 3, "%02x", random[i]);
    return ERR_NONE;
}

static enum error_code send_command(struct ssm *ssm, const char *line,
                                    char command_id[COMMAND_ID_SIZE], struct error *err)
{
    CLEANUP_STRBUF struct strbuf command = {.max_bytes = WIRE_LINE_MAX};
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_JVAL struct jval *root = NULL;
    strbuf_printf(&command, "exec %s %s %s", ssm->command, ssm->key, line);
    TRY(strbuf_check(&command, err));
    strbuf_puts(&json, "{\"InstanceIds\":[");
    jval_quote(&json, ssm->instance_id);
    strbuf_printf(&json,
                  "],\"DocumentName\":\"AWS-RunShellScript\",\"TimeoutSeconds\":%d,"
                  "\"Comment\":\"ebshift\",\"Parameters\":{\"commands\":[",
                  DELIVERY_S);
    jval_quote(&json, strbuf_text(&command));
    strbuf_puts(&json, "]}}");
    ssm->talking = true;
    TRY(ask(ssm->client, "AmazonSSM.SendCommand", &json, &root, err));
    const char *id = jval_text(jval_get(root, "Command"), "CommandId");
    if (id[0] == '\0' || strlen(id) >= COMMAND_ID_SIZE)
        return error_set(err, ERR_PROTOCOL, "answer to SendCommand names no command");
    (void)snprintf(command_id, COMMAND_ID_SIZE, "%s", id);
    return ERR_NONE;
}

static bool is_under_way(const char *status)
{
    return strcmp(status, "Pending") == 0 || strcmp(status, "InProgress") == 0 ||
           strcmp(status, "Delayed") == 0 || strcmp(status, "Cancelling") == 0;
}

/* Which of the ways to end badly it was; a command that nobody took is the agent's affair. */
static enum error_code tell_end(const struct jval *root, const char *instance_id, struct error *err)
{
    const char *details = jval_text(root, "StatusDetails");
    const char *told = jval_text(root, "StandardErrorContent");
    bool untaken =
        strcmp(details, "DeliveryTimedOut") == 0 || strcmp(details, "Undeliverable") == 0;
    if (untaken) {
        return error_set(
            err, ERR_UNREACHABLE,
            "nobody took the command over SSM in %d s ('%s'): is the agent on '%s' alive?",
            DELIVERY_S, details, instance_id);
    }
    return error_set(err, ERR_UNREACHABLE, "the command over SSM ended as '%.40s'%s%.*s", details,
                     told[0] == '\0' ? "" : ": ", (int)strcspn(told, "\n"), told);
}

static enum error_code take_output(const struct ssm *ssm, const struct jval *root,
                                   struct strbuf *answer, struct error *err)
{
    const char *output = jval_text(root, "StandardOutputContent");
    size_t length = strcspn(output, "\n");
    if (strcmp(jval_text(root, "Status"), "Success") != 0)
        return tell_end(root, ssm->instance_id, err);
    if (length >= OUTPUT_MAX || output[length] == '\0')
        return error_set(err, ERR_UNREACHABLE, "SSM has cut the answer off");
    strbuf_add(answer, output, length);
    return strbuf_check(answer, err);
}

/* An invocation that does not exist yet, and a poll that fails for now, are asked for again. */
static enum error_code poll_once(struct ssm *ssm, const struct strbuf *json, struct strbuf *answer,
                                 bool *over, struct error *err)
{
    CLEANUP_JVAL struct jval *root = NULL;
    enum error_code code = ask(ssm->client, "AmazonSSM.GetCommandInvocation", json, &root, err);
    *over = false;
    if (code == ERR_TRANSIENT || code == ERR_THROTTLED || code == ERR_UNREACHABLE ||
        (code != ERR_NONE && client_was_refused(ssm->client, "InvocationDoesNotExist")))
        return ERR_NONE;
    TRY(code);
    if (is_under_way(jval_text(root, "Status")))
        return ERR_NONE;
    *over = true;
    return take_output(ssm, root, answer, err);
}

static enum error_code wire_ask(void *self, const char *line, int64_t limit_ms,
                                struct strbuf *answer, struct error *err)
{
    struct ssm *ssm = self;
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    char command_id[COMMAND_ID_SIZE];
    int64_t end_us = clock_mono_us() + limit_ms * 1000;
    bool over = false;
    TRY(make_key(ssm, err));
    TRY(send_command(ssm, line, command_id, err));
    strbuf_puts(&json, "{\"CommandId\":");
    jval_quote(&json, command_id);
    strbuf_puts(&json, ",\"InstanceId\":");
    jval_quote(&json, ssm->instance_id);
    strbuf_puts(&json, "}");
    while (!over) {
        if (clock_mono_us() >= end_us)
            return error_set(err, ERR_TIMEOUT, "no answer over SSM in time");
        (void)poll(NULL, 0, POLL_MS);
        TRY(poll_once(ssm, &json, answer, &over, err));
    }
    return ERR_NONE;
}

/* Whoever keeps the conversation there would end by itself, but minutes later. */
static void wire_close(void *self)
{
    struct ssm *ssm = self;
    CLEANUP_STRBUF struct strbuf unused = {.max_bytes = WIRE_LINE_MAX};
    struct error ignored;
    if (ssm->talking && wire_ask(ssm, "bye", BYE_MS, &unused, &ignored) != ERR_NONE) {
        /* It ends by itself. */
    }
    ssm->talking = false;
}

struct wire ssm_wire(struct ssm *ssm)
{
    return (struct wire){.self = ssm, .ask = wire_ask, .close = wire_close};
}

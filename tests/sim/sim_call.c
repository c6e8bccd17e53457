#include "tests/sim/sim_call.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_rights.h"
#include "tests/sim/sim_xml_out.h"

#define TAGS_MAX            50
#define TAG_KEY_MAX_CHARS   127
#define TAG_VALUE_MAX_CHARS 256

static const struct {
    const char *prefix;
    const char *malformed;
    bool prefix_is_value_error; /* a wrong prefix is reported as a bad value, not as malformed */
} id_kinds[] = {
    [SIM_ID_VOLUME] = {"vol-", "InvalidVolumeID.Malformed", true},
    [SIM_ID_SNAPSHOT] = {"snap-", "InvalidSnapshotID.Malformed", true},
    [SIM_ID_INSTANCE] = {"i-", "InvalidInstanceID.Malformed", false},
};

/* AWS names parameters in its messages as the SDKs do: "VolumeId" is "volumeId". */
static const char *spoken(const char *name, char text[64])
{
    snprintf(text, 64, "%s", name);
    text[0] = (char)tolower((unsigned char)text[0]);
    return text;
}

bool sim_call_need(struct sim_call *call, const char *name, const char **value)
{
    char text[64];
    const char *found = sim_query_get(&call->query, "%s", name);
    if (found == NULL || *found == '\0') {
        return refuse(&call->refusal, "MissingParameter",
                      "The request must contain the parameter %s", spoken(name, text));
    }
    *value = found;
    return true;
}

bool sim_call_int(struct sim_call *call, const char *name, int64_t *value)
{
    char text[64];
    char *end = NULL;
    const char *found = sim_query_get(&call->query, "%s", name);
    if (found == NULL)
        return true;
    errno = 0;
    long long number = strtoll(found, &end, 10);
    if (errno != 0 || end == found || *end != '\0' || isspace((unsigned char)*found)) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter %s is invalid. Expected an integer", found,
                      spoken(name, text));
    }
    *value = number;
    return true;
}

bool sim_call_bool(struct sim_call *call, const char *name, bool *value)
{
    char text[64];
    const char *found = sim_query_get(&call->query, "%s", name);
    if (found == NULL)
        return true;
    if (strcmp(found, "true") != 0 && strcmp(found, "false") != 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter %s is invalid. Expected 'true' or 'false'", found,
                      spoken(name, text));
    }
    *value = strcmp(found, "true") == 0;
    return true;
}

bool sim_call_check_id(struct sim_call *call, enum sim_id_kind kind, const char *name,
                       const char *id)
{
    char text[64];
    const char *prefix = id_kinds[kind].prefix;
    bool has_prefix = strncmp(id, prefix, strlen(prefix)) == 0;

    if (!has_prefix && id_kinds[kind].prefix_is_value_error) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter %s is invalid. Expected: '%s...'.", id,
                      spoken(name, text), prefix);
    }
    size_t digits = has_prefix ? strspn(id + strlen(prefix), "0123456789abcdef") : 0;
    if ((digits != 8 && digits != 17) || id[strlen(prefix) + digits] != '\0') {
        return refuse(&call->refusal, id_kinds[kind].malformed,
                      "Invalid id: \"%s\" (expecting \"%s...\")", id, prefix);
    }
    return true;
}

bool sim_call_need_id(struct sim_call *call, enum sim_id_kind kind, const char *name,
                      const char **id)
{
    return sim_call_need(call, name, id) && sim_call_check_id(call, kind, name, *id);
}

bool sim_call_id(struct sim_call *call, enum sim_id_kind kind, const char *name, const char **id)
{
    *id = sim_query_get(&call->query, "%s", name);
    return *id == NULL || sim_call_check_id(call, kind, name, *id);
}

bool sim_call_id_list(struct sim_call *call, enum sim_id_kind kind, const char *name, size_t *count)
{
    const char *id;
    *count = 0;
    while ((id = sim_query_get(&call->query, "%s.%zu", name, *count + 1)) != NULL) {
        if (!sim_call_check_id(call, kind, name, id))
            return false;
        (*count)++;
    }
    return true;
}

bool sim_call_list_takes(struct sim_call *call, const char *name, const char *value)
{
    const char *entry;
    size_t n = 1;
    for (; (entry = sim_query_get(&call->query, "%s.%zu", name, n)) != NULL; n++) {
        if (strcmp(entry, value) == 0)
            return true;
    }
    return n == 1;
}

static size_t count_chars(const char *utf8)
{
    size_t count = 0;
    for (; *utf8 != '\0'; utf8++)
        count += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return count;
}

static bool check_tag(struct sim_call *call, const struct sim_tags *tags, const char *key,
                      const char *value)
{
    struct refusal *refusal = &call->refusal;
    if (*key == '\0')
        return refuse(refusal, "InvalidParameterValue", "Tag key cannot be empty.");
    if (count_chars(key) > TAG_KEY_MAX_CHARS) {
        return refuse(refusal, "InvalidParameterValue",
                      "Tag key exceeds the maximum length of %d characters", TAG_KEY_MAX_CHARS);
    }
    if (count_chars(value) > TAG_VALUE_MAX_CHARS) {
        return refuse(refusal, "InvalidParameterValue",
                      "Tag value exceeds the maximum length of %d characters", TAG_VALUE_MAX_CHARS);
    }
    if (strncasecmp(key, "aws:", 4) == 0) {
        return refuse(refusal, "InvalidParameterValue",
                      "Tag keys starting with 'aws:' are reserved for internal use");
    }
    if (tags_get(tags, key) != NULL) {
        return refuse(refusal, "InvalidParameterValue", "Duplicate tag key '%.100s' specified.",
                      key);
    }
    if (tags->count == TAGS_MAX) {
        return refuse(refusal, "TagLimitExceeded",
                      "More than %d tags specified. The maximum number of tags is %d.", TAGS_MAX,
                      TAGS_MAX);
    }
    return true;
}

bool sim_call_tags(struct sim_call *call, const char *name, struct sim_tags *tags)
{
    for (size_t n = 1; sim_query_has(&call->query, "%s.%zu", name, n); n++) {
        const char *key = sim_query_get(&call->query, "%s.%zu.Key", name, n);
        const char *value = sim_query_get(&call->query, "%s.%zu.Value", name, n);
        value = value == NULL ? "" : value;
        if (!check_tag(call, tags, key == NULL ? "" : key, value))
            return false;
        tags_set(tags, key, value);
    }
    return true;
}

bool sim_call_tag_specifications(struct sim_call *call, const char *type, struct sim_tags *tags)
{
    char name[64];
    for (size_t n = 1; sim_query_has(&call->query, "TagSpecification.%zu", n); n++) {
        const char *given = sim_query_get(&call->query, "TagSpecification.%zu.ResourceType", n);
        if (given == NULL || strcmp(given, type) != 0) {
            return refuse(&call->refusal, "InvalidParameterValue",
                          "'%s' is not a valid taggable resource type for this operation.",
                          given == NULL ? "" : given);
        }
        snprintf(name, sizeof(name), "TagSpecification.%zu.Tag", n);
        if (!sim_query_has(&call->query, "%s", name)) {
            return refuse(&call->refusal, "InvalidParameterValue",
                          "Tag specification must have at least one tag");
        }
        if (!sim_call_tags(call, name, tags))
            return false;
    }
    return true;
}

bool sim_call_ready(struct sim_call *call)
{
    bool dry_run = false;
    if (!sim_call_bool(call, "DryRun", &dry_run))
        return false;
    const char *unknown = sim_query_unknown(&call->query);
    if (unknown != NULL) {
        return refuse(&call->refusal, "UnknownParameter", "The parameter %.100s is not recognized",
                      unknown);
    }
    call->ready = true;
    if (!sim_rights_check(call))
        return false;
    if (dry_run) {
        return refuse(&call->refusal, "DryRunOperation",
                      "Request would have succeeded, but DryRun flag is set.");
    }
    return true;
}

void sim_call_write_tags(struct sim_call *call, const struct sim_tags *tags)
{
    if (tags == NULL || tags->count == 0) {
        strbuf_puts(call->out, "<tagSet/>");
        return;
    }
    sim_xml_open(call->out, "tagSet");
    for (size_t i = 0; i < tags->count; i++) {
        sim_xml_open(call->out, "item");
        sim_xml_text(call->out, "key", tags->items[i].key);
        sim_xml_text(call->out, "value", tags->items[i].value);
        sim_xml_close(call->out, "item");
    }
    sim_xml_close(call->out, "tagSet");
}

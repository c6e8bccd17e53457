#include "core/aws/ec2_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/aws/sigv4.h"

#define MAX_FORM_BYTES   (256u << 10)
#define MAX_ANSWER_BYTES (32u << 20)
#define NAME_SIZE        160

static const char *const versions[] = {
    [ENDPOINT_EC2] = "2016-11-15",
    [ENDPOINT_STS] = "2011-06-15",
    [ENDPOINT_CLOUDWATCH] = "2010-08-01",
};

void form_init(struct form *form, enum endpoint_service service, const char *action)
{
    *form =
        (struct form){.text = {.max_bytes = MAX_FORM_BYTES}, .service = service, .action = action};
    strbuf_printf(&form->text, "Action=%s&Version=%s", action, versions[service]);
}

void form_done(struct form *form)
{
    strbuf_done(&form->text);
}

void form_add(struct form *form, const char *name, const char *value)
{
    strbuf_printf(&form->text, "&%s=", name);
    sigv4_encode(value, strlen(value), &form->text);
}

void form_add_given(struct form *form, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        form_add(form, name, value);
}

void form_add_int(struct form *form, const char *name, int64_t value)
{
    strbuf_printf(&form->text, "&%s=%" PRId64, name, value);
}

void form_add_item(struct form *form, const char *name, size_t number, const char *value)
{
    char full[NAME_SIZE];
    (void)snprintf(full, sizeof(full), "%s.%zu", name, number);
    form_add(form, full, value);
}

void form_add_filter(struct form *form, const char *filter, const char *value)
{
    char full[NAME_SIZE];
    form->filter_count++;
    (void)snprintf(full, sizeof(full), "Filter.%d.Name", form->filter_count);
    form_add(form, full, filter);
    (void)snprintf(full, sizeof(full), "Filter.%d.Value.1", form->filter_count);
    form_add(form, full, value);
}

/* In filter values '*' and '?' are wildcards and '\' takes their meaning away (EC2 user guide,
 * "Filter your resources"): a tag must match as it was written. */
static void quote_wildcards(const char *value, char *quoted, size_t size)
{
    size_t length = 0;
    for (; *value != '\0' && length + 2 < size; value++) {
        if (strchr("*?\\", *value) != NULL)
            quoted[length++] = '\\';
        quoted[length++] = *value;
    }
    quoted[length] = '\0';
}

void form_add_tag_filter(struct form *form, const char *key, const char *value)
{
    struct cloud_tag sizes;
    char name[sizeof(sizes.key) + 8];
    char quoted[2 * sizeof(sizes.value) + 2];
    if (value == NULL) {
        form_add_filter(form, "tag-key", key);
        return;
    }
    (void)snprintf(name, sizeof(name), "tag:%s", key);
    quote_wildcards(value, quoted, sizeof(quoted));
    form_add_filter(form, name, quoted);
}

static void add_tag(struct form *form, const char *prefix, size_t number,
                    const struct cloud_tag *tag)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%sTag.%zu.Key", prefix, number);
    form_add(form, name, tag->key);
    (void)snprintf(name, sizeof(name), "%sTag.%zu.Value", prefix, number);
    form_add(form, name, tag->value);
}

void form_add_tag_specification(struct form *form, const char *resource_type,
                                const struct cloud_tags *tags)
{
    if (tags == NULL || tags->count == 0)
        return;
    form_add(form, "TagSpecification.1.ResourceType", resource_type);
    for (size_t i = 0; i < tags->count; i++)
        add_tag(form, "TagSpecification.1.", i + 1, &tags->items[i]);
}

void form_add_tags(struct form *form, const struct cloud_tags *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        add_tag(form, "", i + 1, &tags->items[i]);
}

enum error_code form_check(const struct form *form, struct error *err)
{
    return strbuf_check(&form->text, err);
}

enum error_code form_end(const struct client *client, struct form *form, struct error *err)
{
    bool reads = form->service != ENDPOINT_EC2 || strncmp(form->action, "Describe", 8) == 0;
    if (client->asks_only && !reads)
        form_add(form, "DryRun", "true");
    return form_check(form, err);
}

/* A page of something in between may be well-formed too, and would pass for an empty list. */
static enum error_code parse_answer(const struct form *form, const struct http_response *response,
                                    struct xml *xml, struct error *err)
{
    static const char ending[] = "Response";
    size_t length = strlen(form->action);
    TRY(xml_parse(xml, strbuf_text(&response->body), response->body.length, err));
    const char *root = xml_name(xml, 0);
    if (strncmp(root, form->action, length) == 0 && strcmp(root + length, ending) == 0)
        return ERR_NONE;
    return error_set(err, ERR_PROTOCOL, "it is a <%.40s>", root);
}

enum error_code form_read_answer(const struct form *form, bool creates,
                                 const struct http_response *response, struct xml *xml,
                                 struct error *err)
{
    enum error_code code = parse_answer(form, response, xml, err);
    if (code == ERR_NONE)
        return ERR_NONE;
    (void)error_prefix(err, "answer to %s", form->action);
    return creates ? (err->code = ERR_AMBIGUOUS) : code;
}

enum error_code form_send(struct client *client, struct form *form, bool creates, struct xml *xml,
                          struct error *err)
{
    TRY(form_end(client, form, err));
    const struct client_call call = {
        .service = form->service, .action = form->action, .form = &form->text, .creates = creates};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    TRY(client_send(client, &call, &response, err));
    return form_read_answer(form, creates, &response, xml, err);
}

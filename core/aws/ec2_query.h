/* ec2_query.h: a form of AWS's Query protocol, as EC2, STS and CloudWatch take it.
 *
 * Names carry their own structure ("Filter.1.Value.1"); values are percent-encoded so that the same
 * text serves as a body and, for CopySnapshot, as the query of a presigned address. */
#ifndef CORE_AWS_EC2_QUERY_H
#define CORE_AWS_EC2_QUERY_H

#include <stdint.h>

#include "core/aws/client.h"
#include "core/aws/xml.h"
#include "core/cloud.h"
#include "model/error.h"
#include "model/strbuf.h"

/* Hand back with form_done(). Failed appends are kept for form_check(). */
struct form {
    struct strbuf text;
    enum endpoint_service service;
    const char *action; /* borrowed */
    int filter_count;
};

/* Begins a form with its Action and the service's Version; action is borrowed. */
void form_init(struct form *form, enum endpoint_service service, const char *action);

/* Frees what *form owns. Harmless on a zeroed one. */
void form_done(struct form *form);
#define CLEANUP_FORM CLEANUP(form_done)

/* Adds a parameter, also when the value is empty. */
void form_add(struct form *form, const char *name, const char *value);

/* Adds a parameter unless the value is NULL or empty. */
void form_add_given(struct form *form, const char *name, const char *value);

/* Adds a whole number. */
void form_add_int(struct form *form, const char *name, int64_t value);

/* Adds "name.N", N counting from 1. */
void form_add_item(struct form *form, const char *name, size_t number, const char *value);

/* Adds one more filter with one value: "Filter.N.Name=...&Filter.N.Value.1=...". */
void form_add_filter(struct form *form, const char *filter, const char *value);

/* Adds a filter on a tag: its value, or only its presence when value is NULL. */
void form_add_tag_filter(struct form *form, const char *key, const char *value);

/* Adds tags to set in the same call, for a resource type ("snapshot"); nothing if there are
 * none. */
void form_add_tag_specification(struct form *form, const char *resource_type,
                                const struct cloud_tags *tags);

/* Adds "Tag.N.Key" and "Tag.N.Value". */
void form_add_tags(struct form *form, const struct cloud_tags *tags);

/* Ends a form: adds DryRun to one that would change something, if the client only asks.
 * Errors: as form_check(). */
MUST_CHECK enum error_code form_end(const struct client *client, struct form *form,
                                    struct error *err);

/* Tells whether every append succeeded. Errors: ERR_NO_MEMORY; ERR_INVALID if too long. */
MUST_CHECK enum error_code form_check(const struct form *form, struct error *err);

/* Ends a form, sends it and reads the answer. creates: it makes something and has no client token; then an
 * answer that cannot be read is ERR_AMBIGUOUS too. *xml must be empty.
 * Errors: those of core/cloud.h. */
MUST_CHECK enum error_code form_send(struct client *client, struct form *form, bool creates,
                                     struct xml *xml, struct error *err);

/* Reads the answer of a form that was sent otherwise; as form_send() does. */
MUST_CHECK enum error_code form_read_answer(const struct form *form, bool creates,
                                            const struct http_response *response, struct xml *xml,
                                            struct error *err);

#endif

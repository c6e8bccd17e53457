#include "cli/facts_file.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/json_out.h"
#include "cli/whole_file.h"

#define SCHEMA "ebshift.machine.1"

static const struct {
    const char *name;
    size_t offset;
} members[] = {
    {"kernel", offsetof(struct machine_facts, kernel)},
    {"architecture", offsetof(struct machine_facts, architecture)},
    {"glibc", offsetof(struct machine_facts, glibc)},
    {"icu", offsetof(struct machine_facts, icu)},
    {"postgres", offsetof(struct machine_facts, postgres)},
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static void print(const void *context, FILE *out)
{
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", SCHEMA);
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        json_out_text(document, members[i].name, (const char *)context + members[i].offset);
    json_out_print(document, out);
}

enum error_code facts_file_write(const char *path, struct error *err)
{
    struct machine_facts facts;
    machine_facts_read(&facts);
    return whole_file_write(path, print, &facts, err);
}

static void put(struct json_object **root)
{
    (void)json_object_put(*root);
}

/* The text of a member, "" if it is missing or none. */
static const char *text_of(struct json_object *root, const char *name)
{
    struct json_object *member = NULL;
    if (!json_object_object_get_ex(root, name, &member) ||
        !json_object_is_type(member, json_type_string))
        return "";
    return json_object_get_string(member);
}

enum error_code facts_file_read(const char *path, struct machine_facts *facts, struct error *err)
{
    CLEANUP(put) struct json_object *root = json_object_from_file(path);
    struct machine_facts read = {0};
    if (root == NULL || strcmp(text_of(root, "schema"), SCHEMA) != 0) {
        return error_set(err, ERR_CONFIG, "'%s' is no file of 'ebshift preflight --facts'", path);
    }
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        (void)snprintf((char *)&read + members[i].offset, MACHINE_TEXT_SIZE, "%s",
                       text_of(root, members[i].name));
    }
    *facts = read;
    return ERR_NONE;
}

#include "tests/sim/world_iam.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/sim/world_inner.h"

struct iam_document {
    char principal[SIM_ARN_SIZE];
    char name[129];
    struct json_object *root; /* owned */
};

void iam_context_add(struct iam_context *context, const char *key, const char *tag,
                     const char *value)
{
    if (value == NULL || context->count == IAM_FACTS_MAX)
        return;
    context->facts[context->count].key = key;
    context->facts[context->count].tag = tag;
    context->facts[context->count++].value = value;
}

bool iam_fits(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return iam_fits(pattern + 1, text) || (*text != '\0' && iam_fits(pattern, text + 1));
    return *pattern == *text && iam_fits(pattern + 1, text + 1);
}

/* ---- texts and lists of texts, which IAM takes for one another ---- */

static size_t text_count(struct json_object *value)
{
    return json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 1;
}

static const char *text_at(struct json_object *value, size_t index)
{
    if (json_object_is_type(value, json_type_array))
        value = json_object_array_get_idx(value, index);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static bool are_texts(struct json_object *value)
{
    if (text_count(value) == 0)
        return false;
    for (size_t i = 0; i < text_count(value); i++) {
        if (text_at(value, i) == NULL)
            return false;
    }
    return true;
}

static bool any_fits(struct json_object *patterns, const char *text)
{
    for (size_t i = 0; i < text_count(patterns); i++) {
        if (iam_fits(text_at(patterns, i), text))
            return true;
    }
    return false;
}

static bool any_equals(struct json_object *texts, const char *text)
{
    for (size_t i = 0; i < text_count(texts); i++) {
        if (strcmp(text_at(texts, i), text) == 0)
            return true;
    }
    return false;
}

/* ---- conditions ---- */

static bool is_listed(const char *const *list, const char *text)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, text) == 0)
            return true;
    }
    return false;
}

static bool is_known_key(const char *key)
{
    static const char *const whole[] = {"aws:RequestedRegion",
                                        "aws:TagKeys",
                                        "ec2:CreateAction",
                                        "ec2:Add/userId",
                                        "ec2:Remove/userId",
                                        "kms:ViaService",
                                        "kms:GrantIsForAWSResource",
                                        "kms:GranteePrincipal",
                                        NULL};
    return is_listed(whole, key) || (strncmp(key, "aws:RequestTag/", 15) == 0 && key[15] != '\0') ||
           (strncmp(key, "aws:ResourceTag/", 16) == 0 && key[16] != '\0');
}

bool iam_condition_is_known(struct json_object *condition)
{
    static const char *const tests[] = {"StringEquals", "StringLike", "Bool",
                                        "ForAllValues:StringEquals", NULL};
    if (condition == NULL)
        return true;
    if (!json_object_is_type(condition, json_type_object))
        return false;
    json_object_object_foreach(condition, test, keys)
    {
        if (!is_listed(tests, test) || !json_object_is_type(keys, json_type_object))
            return false;
        json_object_object_foreach(keys, key, values)
        {
            if (!is_known_key(key) || !are_texts(values))
                return false;
        }
    }
    return true;
}

static bool is_fact_of(const struct iam_context *context, size_t index, const char *key)
{
    const char *name = context->facts[index].key;
    const char *tag = context->facts[index].tag;
    if (tag == NULL)
        return strcmp(name, key) == 0;
    return strncmp(name, key, strlen(name)) == 0 && strcmp(tag, key + strlen(name)) == 0;
}

/* A key that the request does not have fails every test but ForAllValues. */
static bool key_holds(const char *test, const char *key, struct json_object *values,
                      const struct iam_context *context)
{
    bool for_all = strncmp(test, "ForAllValues:", 13) == 0;
    bool is_like = strcmp(test, "StringLike") == 0;
    bool found = false;
    for (size_t i = 0; i < context->count; i++) {
        if (!is_fact_of(context, i, key))
            continue;
        const char *value = context->facts[i].value;
        bool holds = is_like ? any_fits(values, value) : any_equals(values, value);
        if (for_all && !holds)
            return false;
        found = found || holds;
    }
    return for_all || found;
}

bool iam_condition_holds(struct json_object *condition, const struct iam_context *context)
{
    if (condition == NULL)
        return true;
    json_object_object_foreach(condition, test, keys)
    {
        json_object_object_foreach(keys, key, values)
        {
            if (!key_holds(test, key, values, context))
                return false;
        }
    }
    return true;
}

/* ---- documents ---- */

static bool is_statement(struct json_object *statement)
{
    static const char *const members[] = {"Sid", "Effect", "Action", "Resource", "Condition", NULL};
    if (!json_object_is_type(statement, json_type_object))
        return false;
    json_object_object_foreach(statement, name, unused)
    {
        (void)unused;
        if (!is_listed(members, name))
            return false;
    }
    struct json_object *effect = json_object_object_get(statement, "Effect");
    const char *word = json_object_is_type(effect, json_type_string) ? text_at(effect, 0) : "";
    return (strcmp(word, "Allow") == 0 || strcmp(word, "Deny") == 0) &&
           are_texts(json_object_object_get(statement, "Action")) &&
           are_texts(json_object_object_get(statement, "Resource")) &&
           iam_condition_is_known(json_object_object_get(statement, "Condition"));
}

static bool is_document(struct json_object *root)
{
    struct json_object *statements = json_object_object_get(root, "Statement");
    const char *version = text_at(json_object_object_get(root, "Version"), 0);
    bool good = json_object_is_type(root, json_type_object) &&
                json_object_is_type(statements, json_type_array) && version != NULL &&
                strcmp(version, "2012-10-17") == 0 && json_object_object_length(root) == 2;
    for (size_t i = 0; good && i < json_object_array_length(statements); i++)
        good = is_statement(json_object_array_get_idx(statements, i));
    return good;
}

static struct iam_document *find(struct world *world, const char *principal, const char *name)
{
    for (size_t i = 0; i < world->document_count; i++) {
        struct iam_document *document = &world->documents[i];
        if (strcmp(document->principal, principal) == 0 && strcmp(document->name, name) == 0)
            return document;
    }
    return NULL;
}

bool world_iam_put(struct world *world, const char *principal_arn, const char *name,
                   const char *document, struct refusal *refusal)
{
    struct json_object *root = json_tokener_parse(document);
    if (root == NULL || !is_document(root)) {
        (void)json_object_put(root);
        return refuse(refusal, "MalformedPolicyDocument",
                      "The policy is malformed, or says what is not simulated");
    }
    struct iam_document *at = find(world, principal_arn, name);
    if (at == NULL) {
        world->documents =
            world_grow(world->documents, world->document_count, sizeof(*world->documents));
        at = &world->documents[world->document_count++];
        world_text(at->principal, sizeof(at->principal), principal_arn);
        world_text(at->name, sizeof(at->name), name);
    }
    (void)json_object_put(at->root);
    at->root = root;
    world->dirty = true;
    return true;
}

bool world_iam_delete(struct world *world, const char *principal_arn, const char *name,
                      struct refusal *refusal)
{
    struct iam_document *at = find(world, principal_arn, name);
    if (at == NULL)
        return refuse(refusal, "NoSuchEntity", "The policy %.100s cannot be found.", name);
    (void)json_object_put(at->root);
    *at = world->documents[--world->document_count];
    world->dirty = true;
    return true;
}

void world_free_documents(struct world *world)
{
    for (size_t i = 0; i < world->document_count; i++)
        (void)json_object_put(world->documents[i].root);
    free(world->documents);
}

/* ---- judging ---- */

static bool is_of(const struct iam_document *document, const struct caller *caller)
{
    char role[SIM_ARN_SIZE];
    if (caller->arn[0] == '\0')
        return false;
    world_role_of(caller->arn, role);
    return strcmp(document->principal, role[0] != '\0' ? role : caller->arn) == 0;
}

bool world_iam_is_limited(const struct world *world, const struct caller *caller)
{
    for (size_t i = 0; i < world->document_count; i++) {
        if (is_of(&world->documents[i], caller))
            return true;
    }
    return false;
}

static enum iam_verdict document_says(struct json_object *root, const char *action,
                                      const char *resource, const struct iam_context *context)
{
    struct json_object *statements = json_object_object_get(root, "Statement");
    enum iam_verdict verdict = IAM_SILENT;
    for (size_t i = 0; i < json_object_array_length(statements); i++) {
        struct json_object *statement = json_object_array_get_idx(statements, i);
        bool speaks = any_fits(json_object_object_get(statement, "Action"), action) &&
                      any_fits(json_object_object_get(statement, "Resource"), resource) &&
                      iam_condition_holds(json_object_object_get(statement, "Condition"), context);
        if (!speaks)
            continue;
        if (strcmp(text_at(json_object_object_get(statement, "Effect"), 0), "Deny") == 0)
            return IAM_DENIED;
        verdict = IAM_ALLOWED;
    }
    return verdict;
}

enum iam_verdict world_iam_says(const struct world *world, const struct caller *caller,
                                const char *action, const char *resource,
                                const struct iam_context *context)
{
    enum iam_verdict verdict = IAM_SILENT;
    if (!world_iam_is_limited(world, caller))
        return IAM_ALLOWED;
    for (size_t i = 0; i < world->document_count && verdict != IAM_DENIED; i++) {
        if (!is_of(&world->documents[i], caller))
            continue;
        enum iam_verdict said = document_says(world->documents[i].root, action, resource, context);
        verdict = said == IAM_SILENT ? verdict : said;
    }
    return verdict;
}

/* ---- the stored form ---- */

struct json_object *world_documents_out(const struct world *world)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < world->document_count; i++) {
        const struct iam_document *from = &world->documents[i];
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "principal", json_object_new_string(from->principal));
        json_object_object_add(item, "name", json_object_new_string(from->name));
        json_object_object_add(item, "document", json_object_get(from->root));
        json_object_array_add(list, item);
    }
    return list;
}

void world_documents_in(struct world *world, struct json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        struct refusal unused;
        bool put = world_iam_put(
            world, json_object_get_string(json_object_object_get(item, "principal")),
            json_object_get_string(json_object_object_get(item, "name")),
            json_object_get_string(json_object_object_get(item, "document")), &unused);
        assert(put);
    }
}

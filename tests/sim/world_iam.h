/* world_iam.h: what users and roles are allowed by the policy documents they carry.
 *
 * Strict and small: only the conditions listed in world_iam.c are simulated, and a document that says
 * anything else is refused when it is put. A principal without documents may do everything in its
 * account, as the administrators of a new world do. */
#ifndef TESTS_SIM_WORLD_IAM_H
#define TESTS_SIM_WORLD_IAM_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/world.h"

#define IAM_FACTS_MAX 64

/* What a request says beside action and resource; a key may come more than once. Borrows. */
struct iam_context {
    struct {
        const char *key; /* "aws:RequestTag/Name" is key "aws:RequestTag/" and this tag */
        const char *tag; /* NULL where the key is whole */
        const char *value;
    } facts[IAM_FACTS_MAX];
    size_t count;
};

/* Adds a fact; one without a value is none. */
void iam_context_add(struct iam_context *context, const char *key, const char *tag,
                     const char *value);

enum iam_verdict { IAM_SILENT, IAM_ALLOWED, IAM_DENIED };

/* What the documents of the caller's user or role say; without any they allow. */
enum iam_verdict world_iam_says(const struct world *world, const struct caller *caller,
                                const char *action, const char *resource,
                                const struct iam_context *context);

/* True if the caller's user or role carries a document. */
bool world_iam_is_limited(const struct world *world, const struct caller *caller);

/* Puts a document on "user/NAME" or "role/NAME" of an account, in place of one of that name.
 * Refusals: MalformedPolicyDocument, also for what is not simulated. */
bool world_iam_put(struct world *world, const char *principal_arn, const char *name,
                   const char *document, struct refusal *refusal);

/* Takes one away. Refusals: NoSuchEntity. */
bool world_iam_delete(struct world *world, const char *principal_arn, const char *name,
                      struct refusal *refusal);

struct json_object;

/* For other documents with conditions: whether a condition is simulated, and whether it holds. */
bool iam_condition_is_known(struct json_object *condition);
bool iam_condition_holds(struct json_object *condition, const struct iam_context *context);

/* A pattern, where '*' stands for any text. */
bool iam_fits(const char *pattern, const char *text);

#endif

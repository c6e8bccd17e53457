/* render_policy.h: rights as the policies of IAM and of keys, in JSON. */
#ifndef CLI_RENDER_POLICY_H
#define CLI_RENDER_POLICY_H

#include "cli/json_out.h"
#include "core/engine/rights.h"

/* What a policy speaks of beside its rights. Borrows all. */
struct policy_facts {
    const struct config *config;
    const char *principals[2]; /* ARN by enum right_side */
    const char *lent_to;       /* who gets grants */
};

/* Fills `document` with an IAM policy for one side. The keys of the rights must be ARNs, or patterns
 * of some. What deletes or undoes has statements of its own, "EbshiftUndo...". */
void render_policy(const struct policy_facts *facts, const struct rights *rights,
                   enum right_side side, struct json_out *document);

/* Fills `document` with one policy per key, by its ARN: statements for a key whose own policy does
 * not leave its use to IAM. */
void render_key_policies(const struct policy_facts *facts, const struct rights *rights,
                         struct json_out *document);

#endif

/* world_key.h: the keys of the simulated cloud, and who may do what with them.
 *
 * Every region of each account has alias/aws/ebs (managed by AWS: what lies under it cannot be
 * shared), alias/data (a customer key whose policy lets the other account use it) and alias/closed
 * (one whose policy does not). A right comes from the key's policy (statements that allow and
 * deny, by principal and action) or from a grant; a principal's own IAM policy is not simulated. */
#ifndef TESTS_SIM_WORLD_KEY_H
#define TESTS_SIM_WORLD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/world.h"

#define SIM_POLICY_SIZE 32768 /* the longest key policy */

enum sim_key_state { KEY_ENABLED, KEY_DISABLED, KEY_PENDING_DELETION };

/* The wire words: "Enabled", "Disabled", "PendingDeletion". */
const char *sim_key_state_text(enum sim_key_state state);

struct sim_grant {
    char id[65];
    char name[SIM_TEXT_SIZE]; /* empty: none */
    char principal[SIM_ARN_SIZE];
    char operations[512]; /* " Decrypt DescribeKey ", a blank around each */
    int64_t created_ms;
    int64_t usable_ms; /* a grant takes some seconds to be known everywhere */
};

struct sim_key {
    char id[40]; /* UUID form */
    char arn[SIM_ARN_SIZE];
    char alias[64]; /* "alias/data" */
    char account[SIM_ACCOUNT_SIZE];
    char region[SIM_REGION_SIZE];
    bool aws_managed;
    enum sim_key_state state;
    int64_t deletion_ms;      /* while pending deletion */
    char *policy;             /* JSON; owned by the world */
    struct sim_grant *grants; /* owned by the world */
    size_t grant_count;
};

/* The key of that id, alias or alias ARN in the caller's account and region, or of that key ARN in
 * the caller's region, whoever's it is; NULL if there is none. Borrowed. */
struct sim_key *world_key(struct world *world, const struct caller *caller, const char *name);

/* The next key of the caller's account and region from *cursor (start with 0), or NULL. */
struct sim_key *world_next_key(struct world *world, const struct caller *caller, size_t *cursor);

/* Who acts on a key: the caller itself, or EBS in the caller's name. */
enum sim_key_actor { KEY_ACTOR_SELF, KEY_ACTOR_EBS };

/* One use of a key. */
struct key_use {
    const char *action; /* "kms:CreateGrant" */
    enum sim_key_actor actor;
    const char *grantee; /* of a grant asked for; NULL: none is */
};

/* Tells whether the key's policy, its grants and the caller's own documents allow a use. */
bool world_key_allows_use(const struct world *world, const struct caller *caller,
                          const struct sim_key *key, const struct key_use *use);

/* The same of an action ("kms:Decrypt") that names no grantee. */
bool world_key_allows(const struct world *world, const struct caller *caller,
                      const struct sim_key *key, const char *action, enum sim_key_actor actor);

/* What EBS does with a key for a caller: reads what lies under it, or puts something under it. */
enum sim_key_use { KEY_USE_READ, KEY_USE_WRITE };

/* Tells whether EBS can do so for the caller: the key is enabled and every right is there. */
bool world_key_serves(const struct world *world, const struct caller *caller,
                      const struct sim_key *key, enum sim_key_use use);

/* Replaces the key's policy. Refusals: MalformedPolicyDocumentException, also for what is not
 * simulated. */
bool world_key_set_policy(struct world *world, struct sim_key *key, const char *policy,
                          struct refusal *refusal);

struct grant_request {
    const char *principal;
    const char *operations; /* as in struct sim_grant */
    const char *name;       /* NULL: none */
};

/* Adds a grant, or finds the equal one of the same name. *grant is borrowed until the next.
 * Refusals: none; the door checks rights and state. */
const struct sim_grant *world_key_grant(struct world *world, struct sim_key *key,
                                        const struct grant_request *request);

/* Takes a grant away. Refusals: NotFoundException. */
bool world_key_revoke(struct world *world, struct sim_key *key, const char *grant_id,
                      struct refusal *refusal);

#endif

#include "cli/cmd.h"
#include "cli/json_out.h"
#include "core/preflight/identity.h"
#include "model/instant.h"

/* One side of a move, as far as it could be found out. */
struct side {
    const char *name;
    const struct cloud *cloud;
    struct cloud_identity identity;
    enum error_code code;
    struct error err;
};

static void ask(const struct session *session, struct side *side)
{
    side->code =
        identity_ask(side->cloud, &session->clock, &session->log, &side->identity, &side->err);
}

static void print_side(const struct side *side)
{
    const struct cloud_identity *identity = &side->identity;
    char expires[INSTANT_TEXT_SIZE];
    if (side->code != ERR_NONE) {
        (void)printf("%-8s  %s: %s\n", side->name, side->cloud->region, side->err.message);
        return;
    }
    (void)printf("%-8s  account %s, region %s\n", side->name, identity->account_id,
                 side->cloud->region);
    (void)printf("  name    %s\n", identity->arn);
    for (size_t i = 0; i < identity->link_count; i++) {
        (void)printf("  %s  %s '%s'\n", i == 0 ? "keys  " : "  with", identity->links[i].provider,
                     identity->links[i].detail);
    }
    const char *until =
        identity->temporary ? "their session ends, which they do not tell" : "revoked";
    if (identity->expires_ms != 0)
        until = instant_text(identity->expires_ms, expires);
    (void)printf("  until   %s%s\n", until,
                 identity->temporary ? "; nothing here can renew them" : "");
}

static void add_side(struct json_out *document, const struct side *side)
{
    struct json_out *object = json_out_object(document, side->name);
    json_out_text(object, "region", side->cloud->region);
    if (side->code != ERR_NONE) {
        json_out_text(object, "error", side->err.message);
        return;
    }
    json_out_text(object, "account_id", side->identity.account_id);
    json_out_text(object, "arn", side->identity.arn);
    json_out_instant(object, "expires_at", side->identity.expires_ms);
    json_out_bool(object, "temporary", side->identity.temporary);
    struct json_out *links = json_out_array(object, "credentials");
    for (size_t i = 0; i < side->identity.link_count; i++) {
        struct json_out *item = json_out_item(links);
        json_out_text(item, "provider", side->identity.links[i].provider);
        json_out_text(item, "detail", side->identity.links[i].detail);
    }
}

static void show(const struct session *session, const struct side *sides, size_t count)
{
    if (!session->options.json) {
        for (size_t i = 0; i < count; i++)
            print_side(&sides[i]);
        return;
    }
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift.whoami.1");
    for (size_t i = 0; i < count; i++)
        add_side(document, &sides[i]);
    json_out_print(document, stdout);
}

enum error_code cmd_whoami(struct session *session, struct error *err)
{
    TRY(session_configure(session, true, err));
    TRY(session_open_clouds(session, err));
    struct side sides[] = {{.name = "source", .cloud = &session->source},
                           {.name = "target", .cloud = &session->target}};
    size_t count = sizeof(sides) / sizeof(sides[0]);
    for (size_t i = 0; i < count; i++)
        ask(session, &sides[i]);
    TRY(clock_check_stop(err));
    show(session, sides, count);
    for (size_t i = 0; i < count; i++) {
        if (sides[i].code != ERR_NONE) {
            *err = sides[i].err;
            return error_prefix(err, "%s", sides[i].name);
        }
    }
    return ERR_NONE;
}

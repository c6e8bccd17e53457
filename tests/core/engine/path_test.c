#include "core/engine/path.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* No pointers in here: each row is run in a process image of its own. A path is written as its
 * copies: side and region, '!' where one crosses into the other account, its key. */
struct path_case {
    char source[16];
    char target[16];
    char via[16];
    bool other_account;
    char want[96];
};

ParameterizedTestParameters(path, make)
{
    static struct path_case cases[] = {
        {"us-east-1", "us-east-1", "", false, ""},
        {"us-east-1", "eu-west-1", "", false, "to:eu-west-1 T;"},
        {"us-east-1", "us-east-1", "us-east-1", true, "to:us-east-1! T;"},
        {"us-east-1", "eu-west-1", "eu-west-1", true, "from:eu-west-1 V;to:eu-west-1! T;"},
        {"us-east-1", "eu-west-1", "us-east-1", true,
         "to:us-east-1! alias/aws/ebs;to:eu-west-1 T;"},
        {"us-east-1", "us-east-1", "eu-west-1", true,
         "from:eu-west-1 V;to:eu-west-1! alias/aws/ebs;to:us-east-1 T;"},
    };
    return cr_make_param_array(struct path_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static struct cloud cloud_in(const char *region)
{
    struct cloud cloud = {0};
    (void)snprintf(cloud.region, sizeof(cloud.region), "%s", region);
    return cloud;
}

ParameterizedTest(struct path_case *c, path, make)
{
    const struct cloud source = cloud_in(c->source);
    const struct cloud target = cloud_in(c->target);
    const struct cloud via_source = cloud_in(c->via);
    const struct cloud via_target = cloud_in(c->via);
    const struct path_ends ends = {.source = &source,
                                   .target = &target,
                                   .target_key = "T",
                                   .account_id = c->other_account ? "444455556666" : "",
                                   .via_source = &via_source,
                                   .via_target = &via_target,
                                   .via_key = "V"};
    struct path path = path_make(&ends);
    char text[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < path.count; i++) {
        const struct hop *hop = &path.hops[i];
        bool at_source = hop->to == &source || hop->to == &via_source;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s:%s%s %s;",
                                 at_source ? "from" : "to", hop->to->region,
                                 hop->crosses ? "!" : "", hop->key_id);
        cr_expect(i == 0 ? hop->from == &source
                         : strcmp(hop->from->region, path.hops[i - 1].to->region) == 0);
    }
    cr_expect_str_eq(text, c->want);
    cr_expect(path.count == 0 || path.hops[path.count - 1].to == &target, "it ends at the target");
    cr_expect(path.count == 0 || path_kind(&path, path.count - 1) == OBJECT_COPY);
    cr_expect(path.count == 0 || path_source_kind(&path, 0) == OBJECT_SNAPSHOT);
}

/* The places of a path in words. */
static void write_places(const struct path *path, char text[256])
{
    text[0] = '\0';
    for (size_t i = 0, used = 0; i < path->count; i++) {
        char place[PATH_PLACE_SIZE];
        path_place(path, i, place);
        used += (size_t)snprintf(text + used, 256 - used, "%s; ", place);
    }
}

/* Two of three copies are made in the region where the snapshots change hands. */
Test(path, place)
{
    const struct cloud here = cloud_in("us-east-1");
    const struct cloud there = cloud_in("us-west-2");
    const struct cloud via = cloud_in("eu-west-1");
    struct path_ends ends = {.source = &here,
                             .target = &there,
                             .target_key = "",
                             .account_id = "",
                             .via_source = &via,
                             .via_target = &via,
                             .via_key = ""};
    char text[256];
    struct path path = path_make(&ends);
    write_places(&path, text);
    cr_expect_str_eq(text, "us-west-2; ", "one account needs no name");
    ends.account_id = "444455556666";
    path = path_make(&ends);
    write_places(&path, text);
    cr_expect_str_eq(text, "eu-west-1 in the source's account; eu-west-1 in account 444455556666; "
                           "us-west-2 in account 444455556666; ");
}

/* What is not encrypted stays so until a hop names a key that somebody chose. */
Test(path, encryption)
{
    const struct cloud here = cloud_in("us-east-1");
    const struct cloud there = cloud_in("us-east-1");
    const struct cloud via_here = cloud_in("eu-west-1");
    const struct cloud via_there = cloud_in("eu-west-1");
    struct path_ends ends = {.source = &here,
                             .target = &there,
                             .target_key = "T",
                             .account_id = "444455556666",
                             .via_source = &via_here,
                             .via_target = &via_there,
                             .via_key = ""};
    struct path path = path_make(&ends);
    cr_assert_eq(path.count, 3);
    cr_expect_not(path_encrypts(&path, 0, false));
    cr_expect_not(path_encrypts(&path, 1, false), "the passing key is nobody's choice");
    cr_expect(path_encrypts(&path, 2, false));
    cr_expect(path_encrypts(&path, 0, true));
    ends.via_key = "V";
    path = path_make(&ends);
    cr_expect(path_encrypts(&path, 1, false));
}

#include "tests/sim/world_iam.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/sim/fake_cloud.h"

#define DOCUMENT(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define USER                 "arn:aws:iam::111122223333:user/operator"

static const struct caller caller = {"111122223333", "us-east-1", USER};

/* Whether a document is taken, and what it says of DeleteSnapshot on a snapshot tagged ebshift:run. */
struct says_case {
    char why[40];
    bool taken;
    enum iam_verdict want;
    char document[400];
};

ParameterizedTestParameters(iam, says)
{
    static struct says_case cases[] = {
        {"plain", true, IAM_ALLOWED,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"ec2:Delete*\",\"Resource\":\"*\"}")},
        {"another action", true, IAM_SILENT,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":[\"ec2:Copy*\"],\"Resource\":\"*\"}")},
        {"another resource", true, IAM_SILENT,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"ec2:*\","
                  "\"Resource\":\"arn:aws:ec2:us-east-1:*:volume/*\"}")},
        {"a tag that is there", true, IAM_ALLOWED,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"ec2:*\",\"Resource\":\"*\",\"Condition\":"
                  "{\"StringLike\":{\"aws:ResourceTag/ebshift:run\":\"*\"}}}")},
        {"a tag that is not", true, IAM_SILENT,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"ec2:*\",\"Resource\":\"*\",\"Condition\":"
                  "{\"StringLike\":{\"aws:ResourceTag/other\":\"*\"}}}")},
        {"all values, none there", true, IAM_ALLOWED,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"ec2:*\",\"Resource\":\"*\",\"Condition\":"
                  "{\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"x\"]}}}")},
        {"deny outweighs", true, IAM_DENIED,
         DOCUMENT("{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"},"
                  "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}")},
        {"NotAction", false, IAM_ALLOWED,
         DOCUMENT("{\"Effect\":\"Allow\",\"NotAction\":\"ec2:*\",\"Resource\":\"*\"}")},
        {"a test not simulated", false, IAM_ALLOWED,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
                  "{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}}")},
        {"a key not simulated", false, IAM_ALLOWED,
         DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
                  "{\"StringEquals\":{\"aws:username\":\"x\"}}}")},
        {"no version", false, IAM_ALLOWED, "{\"Statement\":[]}"},
        {"no JSON", false, IAM_ALLOWED, "{"},
    };
    return cr_make_param_array(struct says_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct says_case *c, iam, says)
{
    CLEANUP_FAKE_WORLD struct fake_world fake;
    struct refusal refusal = {0};
    struct iam_context context = {.count = 0};
    struct error err;
    cr_assert_eq(fake_world_open(&fake, 3, NULL, &err), ERR_NONE);
    iam_context_add(&context, "aws:ResourceTag/", "ebshift:run", "20261123");
    cr_expect_eq(world_iam_put(fake.world, USER, "p", c->document, &refusal), c->taken, "%s",
                 c->why);
    cr_expect_eq(world_iam_says(fake.world, &caller, "ec2:DeleteSnapshot",
                                "arn:aws:ec2:us-east-1::snapshot/snap-1", &context),
                 c->want, "%s", c->why);
    cr_expect_eq(world_iam_is_limited(fake.world, &caller), c->taken);
}

Test(iam, a_document_binds_its_principal_until_it_goes)
{
    CLEANUP_FAKE_WORLD struct fake_world fake;
    const struct caller session = {"111122223333", "us-east-1",
                                   "arn:aws:sts::111122223333:assumed-role/mover/s"};
    static const char role[] = "arn:aws:iam::111122223333:role/mover";
    struct refusal refusal = {0};
    struct error err;
    cr_assert_eq(fake_world_open(&fake, 3, NULL, &err), ERR_NONE);
    cr_expect(world_iam_put(fake.world, role, "p", DOCUMENT(""), &refusal));
    cr_expect(world_iam_is_limited(fake.world, &session));
    cr_expect_not(world_iam_is_limited(fake.world, &caller));
    cr_expect_not(world_iam_delete(fake.world, role, "q", &refusal));
    cr_expect_str_eq(refusal.code, "NoSuchEntity");
    cr_expect(world_iam_delete(fake.world, role, "p", &refusal));
    cr_expect_not(world_iam_is_limited(fake.world, &session));
}

#include "core/aws/endpoint.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static void expect(const struct endpoint_rules *rules, enum endpoint_service service,
                   const char *base, const char *host, const char *prefix)
{
    struct endpoint endpoint = {0};
    struct error err = {0};
    cr_assert_eq(endpoint_resolve(rules, service, "eu-west-1", &endpoint, &err), ERR_NONE, "%s",
                 err.message);
    cr_expect_str_eq(endpoint.base, base);
    cr_expect_str_eq(endpoint.host, host);
    cr_expect_str_eq(endpoint.prefix, prefix);
}

Test(endpoint, defaults)
{
    const struct aws_env env = {0};
    const struct endpoint_rules rules = {.env = &env};
    struct endpoint endpoint = {0};
    struct error err = {0};
    expect(&rules, ENDPOINT_EC2, "https://ec2.eu-west-1.amazonaws.com",
           "ec2.eu-west-1.amazonaws.com", "");
    expect(&rules, ENDPOINT_CLOUDWATCH, "https://monitoring.eu-west-1.amazonaws.com",
           "monitoring.eu-west-1.amazonaws.com", "");
    cr_assert_eq(endpoint_resolve(&rules, ENDPOINT_EBS, "cn-north-1", &endpoint, &err), ERR_NONE);
    cr_expect_str_eq(endpoint.host, "ebs.cn-north-1.amazonaws.com.cn");
}

Test(endpoint, order_of_overrides)
{
    struct aws_env env = {.endpoint_url = "http://a:1", .endpoint_url_ec2 = "http://b:2/x/"};
    struct endpoint_rules rules = {.env = &env, .profile_url = "http://c:3"};
    expect(&rules, ENDPOINT_EC2, "http://b:2", "b:2", "/x");
    expect(&rules, ENDPOINT_STS, "http://a:1", "a:1", "");
    env.endpoint_url = NULL;
    expect(&rules, ENDPOINT_STS, "http://c:3", "c:3", "");
    rules.profile_service_urls[ENDPOINT_STS] = "http://e:5";
    expect(&rules, ENDPOINT_STS, "http://e:5", "e:5", "");
    expect(&rules, ENDPOINT_EBS, "http://c:3", "c:3", "");
    rules.ignore_profile = true;
    expect(&rules, ENDPOINT_EBS, "https://ebs.eu-west-1.amazonaws.com",
           "ebs.eu-west-1.amazonaws.com", "");
    rules.url = "http://{region}.d:4";
    expect(&rules, ENDPOINT_EC2, "http://eu-west-1.d:4", "eu-west-1.d:4", "");
}

Test(endpoint, configured_overrides_can_be_ignored)
{
    const struct aws_env env = {.endpoint_url = "http://a:1", .ignore_endpoint_urls = "true"};
    struct endpoint_rules rules = {.env = &env};
    expect(&rules, ENDPOINT_EC2, "https://ec2.eu-west-1.amazonaws.com",
           "ec2.eu-west-1.amazonaws.com", "");
    rules.url = "http://d:4";
    expect(&rules, ENDPOINT_EC2, "http://d:4", "d:4", "");
}

Test(endpoint, default_port_is_not_signed)
{
    const struct aws_env env = {.endpoint_url = "https://a:443", .endpoint_url_ec2 = "http://b:80"};
    const struct endpoint_rules rules = {.env = &env};
    expect(&rules, ENDPOINT_STS, "https://a:443", "a", "");
    expect(&rules, ENDPOINT_EC2, "http://b:80", "b", "");
}

struct bad_case {
    char why[24];
    char url[64];
    char region[40];
};

ParameterizedTestParameters(endpoint, refuses)
{
    static struct bad_case cases[] = {
        {"scheme", "ftp://a", "eu-west-1"},
        {"no scheme", "localhost:4566", "eu-west-1"},
        {"no host", "http:///x", "eu-west-1"},
        {"query", "http://a/?x=1", "eu-west-1"},
        {"user", "http://u@a", "eu-west-1"},
        {"region with a dot", "", "eu-west-1.evil"},
        {"region with a slash", "", "eu/west"},
        {"empty region", "", ""},
        {"long region", "", "abcdefghijklmnopqrstuvwxyz0123456789"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, endpoint, refuses)
{
    const struct aws_env env = {0};
    const struct endpoint_rules rules = {.env = &env, .url = c->url};
    struct endpoint endpoint = {0};
    struct error err = {0};
    cr_assert_eq(endpoint_resolve(&rules, ENDPOINT_EC2, c->region, &endpoint, &err), ERR_CONFIG,
                 "%s", c->why);
}

Test(endpoint, order_of_regions)
{
    struct aws_env env = {.region = "us-east-1", .default_region = "us-east-2"};
    char region[ENDPOINT_REGION_SIZE];
    struct error err = {0};
    cr_assert_eq(endpoint_region(&env, "us-west-1", "us-west-2", region, &err), ERR_NONE);
    cr_expect_str_eq(region, "us-west-1");
    cr_assert_eq(endpoint_region(&env, NULL, "us-west-2", region, &err), ERR_NONE);
    cr_expect_str_eq(region, "us-east-1");
    env.region = NULL;
    cr_assert_eq(endpoint_region(&env, NULL, "us-west-2", region, &err), ERR_NONE);
    cr_expect_str_eq(region, "us-east-2");
    env.default_region = NULL;
    cr_assert_eq(endpoint_region(&env, "", "us-west-2", region, &err), ERR_NONE);
    cr_expect_str_eq(region, "us-west-2");
    cr_expect_eq(endpoint_region(&env, NULL, "", region, &err), ERR_NOT_FOUND);
}

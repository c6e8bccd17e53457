#include "core/aws/metadata.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct url_case {
    char relative[32];
    char full[64];
    enum error_code want;
    char url[64];
};

ParameterizedTestParameters(metadata, container_url)
{
    static struct url_case cases[] = {
        {"", "", ERR_NOT_FOUND, ""},
        {"/v2/credentials/x", "", ERR_NONE, "http://169.254.170.2/v2/credentials/x"},
        {"/a", "http://evil", ERR_NONE, "http://169.254.170.2/a"},
        {"", "http://localhost:8080/get?x=1", ERR_NONE, "http://localhost:8080/get?x=1"},
        {"", "http://127.9.0.1/get", ERR_NONE, "http://127.9.0.1/get"},
        {"", "http://[::1]:81/get", ERR_NONE, "http://[::1]:81/get"},
        {"", "http://169.254.170.23/v1/credentials", ERR_NONE,
         "http://169.254.170.23/v1/credentials"},
        {"", "http://[fd00:ec2::23]/v1", ERR_NONE, "http://[fd00:ec2::23]/v1"},
        {"", "https://vault.example/creds", ERR_NONE, "https://vault.example/creds"},
        {"", "http://vault.example/creds", ERR_CONFIG, ""},
        {"", "http://127.evil.example/", ERR_CONFIG, ""},
        {"", "http://127.0.0.1@evil.example/", ERR_CONFIG, ""},
        {"", "http://localhost.evil.example/", ERR_CONFIG, ""},
        {"", "http://169.254.169.254/", ERR_CONFIG, ""},
        {"", "ftp://localhost/", ERR_CONFIG, ""},
        {"", "localhost", ERR_CONFIG, ""},
    };
    return cr_make_param_array(struct url_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct url_case *c, metadata, container_url)
{
    CLEANUP_STRBUF struct strbuf url = {.max_bytes = 256};
    const struct aws_env env = {.container_relative_uri =
                                    c->relative[0] == '\0' ? NULL : c->relative,
                                .container_full_uri = c->full[0] == '\0' ? NULL : c->full};
    struct error err = {0};
    cr_assert_eq(metadata_container_url(&env, &url, &err), c->want, "%s%s", c->relative, c->full);
    if (c->want == ERR_NONE)
        cr_expect_str_eq(strbuf_text(&url), c->url);
}

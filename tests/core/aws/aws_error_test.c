#include "core/aws/aws_error.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct error_case {
    char service_code[64];
    int status;
    enum error_code want;
    bool definite;
};

ParameterizedTestParameters(aws_error, codes)
{
    static struct error_case cases[] = {
        {"RequestLimitExceeded", 503, ERR_THROTTLED, true},
        {"ThrottlingException", 400, ERR_THROTTLED, true},
        {"com.amazonaws.ebs#RequestThrottledException", 400, ERR_THROTTLED, true},
        {"ValidationException:http://internal/x/", 400, ERR_INVALID, true},
        {"SnapshotCreationPerVolumeRateExceeded", 400, ERR_THROTTLED, true},
        {"ConcurrentSnapshotLimitExceeded", 400, ERR_LIMIT, true},
        {"ResourceLimitExceeded", 400, ERR_LIMIT, true},
        {"InvalidSnapshot.NotFound", 400, ERR_NOT_FOUND, true},
        {"ResourceNotFoundException", 404, ERR_NOT_FOUND, true},
        {"IncorrectState", 400, ERR_STATE, true},
        {"UnauthorizedOperation", 403, ERR_ACCESS, true},
        {"AccessDenied", 403, ERR_ACCESS, true},
        {"ExpiredTokenException", 400, ERR_ACCESS, true},
        {"InternalError", 500, ERR_TRANSIENT, false},
        {"Unavailable", 503, ERR_TRANSIENT, false},
        {"InternalServerException", 500, ERR_TRANSIENT, false},
        {"", 502, ERR_TRANSIENT, false},
        {"", 503, ERR_TRANSIENT, false},
        {"", 429, ERR_THROTTLED, true},
        {"", 404, ERR_NOT_FOUND, true},
        {"", 403, ERR_ACCESS, true},
        {"", 301, ERR_CLOUD, true},
        {"NeverHeardOf", 400, ERR_CLOUD, true},
        {"NeverHeardOf", 500, ERR_TRANSIENT, false},
    };
    return cr_make_param_array(struct error_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct error_case *c, aws_error, codes)
{
    struct error err = {0};
    const struct aws_refusal refusal = {.action = "CreateSnapshot",
                                        .status = c->status,
                                        .service_code = c->service_code,
                                        .message = "",
                                        .request_id = ""};
    cr_expect_eq(aws_error_set(&refusal, &err), c->want, "%s", c->service_code);
    cr_expect_eq(err.code, c->want);
    cr_expect_eq(aws_error_is_definite(&refusal), c->definite, "%s", c->service_code);
}

Test(aws_error, message)
{
    struct error err = {0};
    const struct aws_refusal refusal = {.action = "DeleteSnapshot",
                                        .status = 400,
                                        .service_code = "InvalidSnapshot.InUse",
                                        .message = "The snapshot is in use.",
                                        .request_id = "ea966190"};
    (void)aws_error_set(&refusal, &err);
    cr_expect_str_eq(err.message,
                     "DeleteSnapshot refused: 'The snapshot is in use.' (InvalidSnapshot.InUse, "
                     "HTTP 400, request ea966190); deregister the image that uses it first");
}

Test(aws_error, long_texts_are_cut)
{
    struct error err = {0};
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    const struct aws_refusal refusal = {
        .action = "A", .status = 400, .service_code = text, .message = text, .request_id = text};
    cr_expect_eq(aws_error_set(&refusal, &err), ERR_CLOUD);
    cr_expect_not_null(strstr(err.message, "HTTP 400"));
}

#include "core/aws/credential_process.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* Expected words are joined with '|'. What python3 -c 'import shlex; ...' says, but for comments. */
struct split_case {
    char line[64];
    char want[64];
};

ParameterizedTestParameters(credential_process, split)
{
    static struct split_case cases[] = {
        {"prog", "prog"},
        {"  prog\t a  b ", "prog|a|b"},
        {"'/opt/my tools/x' \"a b\"", "/opt/my tools/x|a b"},
        {"a\\ b c\\\\d", "a b|c\\d"},
        {"\"a\\\"b\\c\\\\\"", "a\"b\\c\\"},
        {"'a\\b' x'y'\"z\"", "a\\b|xyz"},
        {"a '' \"\" b", "a|||b"},
        {"$HOME `ls` | > & ; *", "$HOME|`ls`|||>|&|;|*"},
    };
    return cr_make_param_array(struct split_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct split_case *c, credential_process, split)
{
    char *words[CREDENTIAL_PROCESS_WORDS_MAX + 1];
    char found[128] = "";
    char line[64];
    struct error err = {0};
    memcpy(line, c->line, sizeof(line));
    cr_assert_eq(credential_process_split(line, words, &err), ERR_NONE, "%s", err.message);
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t length = strlen(found);
        (void)snprintf(found + length, sizeof(found) - length, "%s%s", i == 0 ? "" : "|", words[i]);
    }
    cr_expect_str_eq(found, c->want, "%s", c->line);
}

ParameterizedTestParameters(credential_process, bad_lines)
{
    static struct split_case cases[] = {
        {"", ""}, {"   ", ""}, {"a 'b", ""}, {"a \"b", ""}, {"a \\", ""},
    };
    return cr_make_param_array(struct split_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct split_case *c, credential_process, bad_lines)
{
    char *words[CREDENTIAL_PROCESS_WORDS_MAX + 1];
    struct error err = {0};
    cr_expect_eq(credential_process_split(c->line, words, &err), ERR_CONFIG, "'%s'", c->line);
}

/* What a program prints between the quotes of printf. */
struct output_case {
    char text[200];
    enum error_code want;
    int64_t expires_ms;
};

ParameterizedTestParameters(credential_process, output)
{
    static struct output_case cases[] = {
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"SessionToken\":\"T\","
         "\"Expiration\":\"2026-08-07T18:00:00+02:00\"}",
         ERR_NONE, INT64_C(1786118400000)},
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":null}",
         ERR_NONE, 0},
        {"{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}", ERR_ACCESS, 0},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}", ERR_ACCESS, 0},
        {"{\"Version\":1,\"AccessKeyId\":\"A\"}", ERR_ACCESS, 0},
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}",
         ERR_ACCESS, 0},
        {"export AWS_ACCESS_KEY_ID=A", ERR_ACCESS, 0},
        {"", ERR_ACCESS, 0},
    };
    return cr_make_param_array(struct output_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct output_case *c, credential_process, output)
{
    CLEANUP_CREDENTIALS struct credentials keys = {0};
    char line[300];
    struct error err = {0};
    (void)snprintf(line, sizeof(line), "printf %%s '%s'", c->text);
    cr_assert_eq(credential_process_run(line, 10000, &keys, &err), c->want, "%s: %s", c->text,
                 err.message);
    cr_expect_eq(keys.expires_ms, c->expires_ms);
    cr_expect_str_eq(keys.access_key_id, c->want == ERR_NONE ? "A" : "");
    cr_expect_null(strstr(err.message, "SecretAccessKey\":\"S"), "no output in a message");
}

Test(credential_process, is_ended_in_time)
{
    CLEANUP_CREDENTIALS struct credentials keys = {0};
    struct error err = {0};
    cr_expect_eq(credential_process_run("sh -c 'exec sleep 600'", 1, &keys, &err), ERR_TIMEOUT);
    cr_expect_eq(credential_process_run("sh -c 'exec >&-; exec sleep 600'", 1, &keys, &err),
                 ERR_TIMEOUT);
}

#include "core/host/words.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/host/hold_answer.h"

struct word_case {
    char why[40];
    char word[80];
    char coded[120];
};

ParameterizedTestParameters(words, there_and_back)
{
    static struct word_case cases[] = {
        {"nothing to code", "/var/lib/pg-15_a.b:c,d+e@f", "/var/lib/pg-15_a.b:c,d+e@f"},
        {"nothing", "", "%"},
        {"space and newline", "a b\nc", "a%20b%0Ac"},
        {"what a shell would run", "x;$(touch y)`z`&|", "x%3B%24%28touch%20y%29%60z%60%26%7C"},
        {"quotes and a backslash", "'\"\\", "%27%22%5C"},
        {"globs and a home", "~*?[!]{}", "%7E%2A%3F%5B%21%5D%7B%7D"},
        {"its own sign", "100%", "100%25"},
        {"more than ASCII", "d\xc3\xa9j\xc3\xa0", "d%C3%A9j%C3%A0"},
        {"an assignment", "PATH=x", "PATH%3Dx"},
    };
    return cr_make_param_array(struct word_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct word_case *row, words, there_and_back)
{
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = 500};
    const char *words[WORDS_MAX];
    size_t count = 0;
    struct error err = {0};
    char text[512];
    words_add(&line, "place");
    words_add(&line, row->word);
    (void)snprintf(text, sizeof(text), "place %s", row->coded);
    cr_expect_str_eq(strbuf_text(&line), text, "%s", row->why);
    cr_assert_eq(words_split(text, words, &count, &err), ERR_NONE, "%s: %s", row->why, err.message);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(words[1], row->word, "%s", row->why);
}

struct bad_case {
    char why[40];
    char line[80];
};

ParameterizedTestParameters(words, refused)
{
    static struct bad_case cases[] = {
        {"no word", ""},
        {"a space too many", "a  b"},
        {"one at the end", "a "},
        {"half a code", "a%2"},
        {"no code", "a%zz"},
        {"small letters", "a%3b"},
        {"the end of a string", "a%00b"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *row, words, refused)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    struct error err = {0};
    cr_expect_eq(words_split(row->line, words, &count, &err), ERR_PROTOCOL, "%s", row->why);
}

Test(words, too_many)
{
    char line[4 * WORDS_MAX] = "a";
    const char *words[WORDS_MAX];
    size_t count = 0;
    struct error err = {0};
    for (int i = 1; i < WORDS_MAX; i++)
        (void)snprintf(line + strlen(line), 3, " a");
    char longer[sizeof(line) + 3];
    (void)snprintf(longer, sizeof(longer), "%s a", line);
    cr_expect_eq(words_split(line, words, &count, &err), ERR_NONE);
    cr_expect_eq(words_split(longer, words, &count, &err), ERR_PROTOCOL);
}

struct answer_case {
    char question[80];
    char answer[160];
};

/* What ebshift-hold says to questions that change nothing. */
ParameterizedTestParameters(hold_talk, answers)
{
    static struct answer_case cases[] = {
        {"hello", "ok " HOLD_VERSION},
        {"freeze", "no state nothing%20is%20prepared%20here"},
        {"thaw", "no state nothing%20is%20prepared%20here"},
        {"settle", "ok 0 0 0 0 0 0 0"},
        {"thawed", "ok"},
        {"prepare 0 /", "no invalid %270%27%20is%20no%20limit"},
        {"place x", "no protocol %27place%27%20with%201%20words%20means%20nothing%20here"},
        {"rm -rf", "no protocol %27rm%27%20with%201%20words%20means%20nothing%20here"},
        {"%ZZ", "no protocol cannot%20read%20word%201%20of%20a%20line"},
        {"server /nowhere", "no not-found "
                            "no%20server%20runs%20in%20%27/nowhere%27:%20No%20such%20file%20or%"
                            "20directory"},
    };
    return cr_make_param_array(struct answer_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct answer_case *row, hold_talk, answers)
{
    static struct hold_talk talk;
    CLEANUP_STRBUF struct strbuf answer = {.max_bytes = 4096};
    char line[sizeof(row->question)];
    (void)snprintf(line, sizeof(line), "%s", row->question);
    hold_talk_answer(&talk, line, &answer);
    cr_expect_str_eq(strbuf_text(&answer), row->answer);
    hold_talk_done(&talk);
}

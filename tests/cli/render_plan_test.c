#include "cli/render_plan.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* What is printed of an outlook on a move of its volumes inside a region; heap. */
static char *text_of(const struct config *config, const struct outlook *outlook)
{
    struct cloud source = {.region = "us-east-1"};
    struct path path = {.account_id = ""};
    struct outlook_request request = {.config = config, .source = &source, .path = &path};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert_not_null(out);
    render_plan_text(&request, outlook, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

/* A volume without a past beside one that may have one. */
struct origin_case {
    bool first_learned;
    size_t first_volumes;
    size_t second_volumes;
    char want[80];
    char also[80];
};

ParameterizedTestParameters(render_plan, origin)
{
    static struct origin_case cases[] = {
        {true, 0, 0, "general experience alone, until a second snapshot: vol-b\n", ""},
        {true, 0, 4, "judged by 4 others of the account, until a second snapshot: vol-b\n", ""},
        {false, 5, 3, "by 3 others of the account, until a second snapshot: vol-a, vol-b\n", ""},
        {false, 0, 3, "general experience alone, until a second snapshot: vol-a\n",
         "judged by 3 others of the account, until a second snapshot: vol-b\n"},
    };
    return cr_make_param_array(struct origin_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct origin_case *c, render_plan, origin)
{
    struct config *config = calloc(1, sizeof(*config));
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    cr_assert(config != NULL && outlook != NULL);
    outlook->member_count = 2;
    (void)snprintf(config->volumes[0], CLOUD_ID_SIZE, "vol-a");
    (void)snprintf(config->volumes[1], CLOUD_ID_SIZE, "vol-b");
    outlook->models[0].prior_only = !c->first_learned;
    outlook->models[0].prior.snapshot_volumes = c->first_volumes;
    outlook->models[1].prior_only = true;
    outlook->models[1].prior.snapshot_volumes = c->second_volumes;
    outlook->plan.prior_only = true;
    outlook->plan.point_of_no_return = "hand over";
    char *text = text_of(config, outlook);
    cr_expect_not_null(strstr(text, c->want), "'%s' is not in: %s", c->want, text);
    cr_expect_not_null(strstr(text, c->also), "'%s' is not in: %s", c->also, text);
    free(text);
    free(outlook);
    free(config);
}

/* Each with the progress that it told, if it told any. */
Test(render_plan, what_others_have_in_flight)
{
    struct config *config = calloc(1, sizeof(*config));
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    cr_assert(config != NULL && outlook != NULL);
    outlook->member_count = 2;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(config->volumes[i], CLOUD_ID_SIZE, "vol-%zu", i);
        (void)snprintf(outlook->foreign_ids[i], CLOUD_ID_SIZE, "snap-%zu", i);
        outlook->members[i].foreign_ms = INT64_C(1772409600000);
        outlook->members[i].foreign_percent = i == 0 ? 37 : -1;
    }
    outlook->plan.point_of_no_return = "hand over";
    char *text = text_of(config, outlook);
    cr_expect_not_null(strstr(text, "waits for snap-0 of vol-0, in flight since "
                                    "2026-03-02T00:00:00Z, at 37 %\n"),
                       "%s", text);
    cr_expect_not_null(strstr(text, "waits for snap-1 of vol-1, in flight since "
                                    "2026-03-02T00:00:00Z\n"),
                       "%s", text);
    free(text);
    free(outlook);
    free(config);
}

#include "cli/render_plan.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

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
    struct cloud source = {.region = "us-east-1"};
    struct path path = {.account_id = ""};
    struct outlook_request request = {.config = config, .source = &source, .path = &path};
    char *text = NULL;
    size_t size = 0;
    outlook->member_count = 2;
    (void)snprintf(config->volumes[0], CLOUD_ID_SIZE, "vol-a");
    (void)snprintf(config->volumes[1], CLOUD_ID_SIZE, "vol-b");
    outlook->models[0].prior_only = !c->first_learned;
    outlook->models[0].prior.snapshot_volumes = c->first_volumes;
    outlook->models[1].prior_only = true;
    outlook->models[1].prior.snapshot_volumes = c->second_volumes;
    outlook->plan.prior_only = true;
    outlook->plan.point_of_no_return = "hand over";
    FILE *out = open_memstream(&text, &size);
    cr_assert_not_null(out);
    render_plan_text(&request, outlook, out);
    cr_assert_eq(fclose(out), 0);
    cr_expect_not_null(strstr(text, c->want), "'%s' is not in: %s", c->want, text);
    cr_expect_not_null(strstr(text, c->also), "'%s' is not in: %s", c->also, text);
    free(text);
    free(outlook);
    free(config);
}

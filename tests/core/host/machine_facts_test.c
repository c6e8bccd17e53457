#include "core/host/machine_facts.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct kernel_case {
    char release[32];
    int major;
    int minor;
    bool want;
};

ParameterizedTestParameters(machine_facts, kernel)
{
    static struct kernel_case cases[] = {
        {"6.1.0-18-amd64", 5, 19, true}, {"5.19.17", 5, 19, true},      {"5.4.0-1", 5, 10, false},
        {"4.14.350-266", 4, 9, true},    {"3.10.0-1160", 3, 15, false}, {"", 2, 6, false},
        {"linux", 2, 6, false},
    };
    return cr_make_param_array(struct kernel_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct kernel_case *c, machine_facts, kernel)
{
    cr_expect_eq(kernel_is_at_least(c->release, c->major, c->minor), c->want, "'%s'", c->release);
}

Test(machine_facts, a_list_holds_whole_numbers)
{
    cr_expect(machine_has("13 15", 15));
    cr_expect(machine_has("13 15", 13));
    cr_expect_not(machine_has("13 15", 1));
    cr_expect_not(machine_has("", 15));
}

#include "core/cloud.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

Test(cloud_tags, a_key_is_set_once_and_replaced)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    struct error err = {0};
    cr_assert_eq(cloud_tags_set(&tags, "Name", "data", &err), ERR_NONE);
    cr_assert_eq(cloud_tags_set(&tags, "ebshift:run", "r-1", &err), ERR_NONE);
    cr_assert_eq(cloud_tags_set(&tags, "Name", "wal", &err), ERR_NONE);
    cr_expect_eq(tags.count, 2);
    cr_expect_str_eq(cloud_tags_get(&tags, "Name"), "wal");
    cr_expect_null(cloud_tags_get(&tags, "name"), "keys know upper and lower case");
}

Test(cloud_tags, the_limits_are_those_of_EC2)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    struct error err = {0};
    char key[140];
    char value[270];
    memset(key, 'k', sizeof(key));
    memset(value, 'v', sizeof(value));
    key[128] = '\0';
    cr_expect_eq(cloud_tags_set(&tags, key, "x", &err), ERR_INVALID, "a key of 128");
    key[127] = '\0';
    cr_expect_eq(cloud_tags_set(&tags, key, "x", &err), ERR_NONE, "a key of 127");
    value[257] = '\0';
    cr_expect_eq(cloud_tags_set(&tags, "a", value, &err), ERR_INVALID, "a value of 257");
    value[256] = '\0';
    cr_expect_eq(cloud_tags_set(&tags, "a", value, &err), ERR_NONE, "a value of 256");
    for (int i = 0; i < 48; i++) {
        (void)snprintf(key, sizeof(key), "key %d", i);
        cr_assert_eq(cloud_tags_set(&tags, key, "x", &err), ERR_NONE);
    }
    cr_expect_eq(cloud_tags_set(&tags, "one more", "x", &err), ERR_INVALID, "51 tags");
    cr_expect_eq(cloud_tags_set(&tags, "key 7", "y", &err), ERR_NONE, "replacing still works");
}

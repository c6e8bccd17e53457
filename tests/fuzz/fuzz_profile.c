/* fuzz_profile.c: any bytes as one of AWS's shared files, read for the profile they name and for the
 * default: a profile or a refusal, and no word of a file in the text of the refusal. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/aws/profile.h"
#include "tests/fuzz/memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(const struct aws_env *env, const char *name)
{
    CLEANUP_PROFILE struct profile profile = {0};
    struct error err = {0};
    char url[PROFILE_URL_SIZE];
    if (profile_read(env, name, &profile, &err) != ERR_NONE)
        assert(strstr(err.message, "s3cr3t") == NULL);
    (void)!profile_service_url(env, name, "ec2", url, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct memory_file file = memory_file_open(data, size);
    const struct aws_env as_config = {.config_file = file.path, .credentials_file = "/dev/null"};
    const struct aws_env as_keys = {.config_file = "/dev/null", .credentials_file = file.path};
    const struct aws_env as_both = {.config_file = file.path, .credentials_file = file.path};
    read_one(&as_config, "default");
    read_one(&as_config, "night");
    read_one(&as_keys, "default");
    read_one(&as_both, "night");
    memory_file_close(&file);
    return 0;
}

#include "core/aws/aws_env.h"

#include <stddef.h>
#include <stdlib.h>

static const char *read_one(const char *name)
{
    /* Read before any thread could start. */
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
    return value == NULL || value[0] == '\0' ? NULL : value;
}

struct aws_env aws_env_read(void)
{
    return (struct aws_env){
#define AWS_ENV_READ(member, name) .member = read_one(name),
        AWS_ENV_TABLE(AWS_ENV_READ)
#undef AWS_ENV_READ
    };
}

#include "core/preflight/target.h"

#include <string.h>

#include "core/engine/attempt.h"

#define ZONES_MAX 32

static struct attempt begin(const struct target_check *check, const char *what)
{
    return attempt_begin(check->clock, check->log, what, PATIENCE_AT_A_PROMPT_MS);
}

static enum error_code check_zone(const struct target_check *check, struct error *err)
{
    const struct config *config = check->config;
    const struct cloud *cloud = check->cloud;
    char zones[ZONES_MAX][CLOUD_ZONE_SIZE];
    size_t count = 0;
    enum error_code code = ERR_NONE;
    struct attempt attempt = begin(check, "list the zones");
    do {
        code = cloud->get_zones(cloud->self, zones, ZONES_MAX, &count, err);
    } while (attempt_again(&attempt, &code, err));
    TRY(code);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(zones[i], config->target_zone) == 0)
            return ERR_NONE;
    }
    return error_set(err, ERR_CONFIG, "zone '%s' is not in region '%s'", config->target_zone,
                     config->target_region);
}

static enum error_code get_instance(const struct target_check *check,
                                    struct cloud_instance *instance, struct error *err)
{
    const struct cloud *cloud = check->cloud;
    enum error_code code = ERR_NONE;
    struct attempt attempt = begin(check, "describe the target instance");
    do {
        code = cloud->get_instance(cloud->self, check->config->target_instance, instance, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static enum error_code check_instance(const struct target_check *check, struct error *err)
{
    const struct config *config = check->config;
    struct cloud_instance instance = {0};
    enum error_code code = get_instance(check, &instance, err);
    if (code == ERR_NOT_FOUND) {
        return error_set(err, ERR_CONFIG, "target instance '%s' does not exist in region '%s'",
                         config->target_instance, config->target_region);
    }
    TRY(code);
    if (strcmp(instance.state, "terminated") == 0 || strcmp(instance.state, "shutting-down") == 0) {
        return error_set(err, ERR_CONFIG, "target instance '%s' is %s", instance.id,
                         instance.state);
    }
    if (config->target_zone[0] != '\0' && strcmp(instance.zone, config->target_zone) != 0) {
        return error_set(err, ERR_CONFIG, "target instance '%s' is in zone '%s', not in '%s'",
                         instance.id, instance.zone, config->target_zone);
    }
    return ERR_NONE;
}

enum error_code target_check(const struct target_check *check, struct error *err)
{
    if (check->config->target_zone[0] != '\0')
        TRY(check_zone(check, err));
    if (check->config->target_instance[0] != '\0')
        TRY(check_instance(check, err));
    return ERR_NONE;
}

#include "core/aws/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *host_name; /* also the name that is signed */
    const char *config_name;
    size_t env_offset; /* of the override in struct aws_env */
} services[ENDPOINT_SERVICES] = {
    [ENDPOINT_EC2] = {"ec2", "ec2", offsetof(struct aws_env, endpoint_url_ec2)},
    [ENDPOINT_EBS] = {"ebs", "ebs", offsetof(struct aws_env, endpoint_url_ebs)},
    [ENDPOINT_STS] = {"sts", "sts", offsetof(struct aws_env, endpoint_url_sts)},
    [ENDPOINT_CLOUDWATCH] = {"monitoring", "cloudwatch",
                             offsetof(struct aws_env, endpoint_url_cloudwatch)},
    [ENDPOINT_SSM] = {"ssm", "ssm", offsetof(struct aws_env, endpoint_url_ssm)},
    [ENDPOINT_SERVICE_QUOTAS] = {"servicequotas", "service_quotas",
                                 offsetof(struct aws_env, endpoint_url_service_quotas)},
    [ENDPOINT_KMS] = {"kms", "kms", offsetof(struct aws_env, endpoint_url_kms)},
};

/* Domains of the partitions that do not use the common one, by the start of the region's name. */
static const struct {
    const char *region_start;
    const char *domain;
} domains[] = {
    {"cn-", "amazonaws.com.cn"},
    {"eusc-", "amazonaws.eu"},
    {"", "amazonaws.com"},
};

const char *endpoint_signing_name(enum endpoint_service service)
{
    return services[service].host_name;
}

const char *endpoint_config_name(enum endpoint_service service)
{
    return services[service].config_name;
}

static enum error_code check_region(const char *region, struct error *err)
{
    size_t length = strlen(region);
    bool is_plain = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
    if (length == 0 || length >= ENDPOINT_REGION_SIZE || !is_plain)
        return error_set(err, ERR_CONFIG, "'%s' is no name of a region", region);
    return ERR_NONE;
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static const char *override_of(const struct endpoint_rules *rules, enum endpoint_service service)
{
    const struct aws_env *env = rules->env;
    if (is_set(rules->url))
        return rules->url;
    bool ignored = env->ignore_endpoint_urls != NULL
                       ? strcasecmp(env->ignore_endpoint_urls, "true") == 0
                       : rules->ignore_profile;
    if (ignored)
        return NULL;
    const char *own = *(const char *const *)((const char *)env + services[service].env_offset);
    if (is_set(own))
        return own;
    if (is_set(env->endpoint_url))
        return env->endpoint_url;
    if (is_set(rules->profile_service_urls[service]))
        return rules->profile_service_urls[service];
    return is_set(rules->profile_url) ? rules->profile_url : NULL;
}

static void default_url(enum endpoint_service service, const char *region, char *url, size_t size)
{
    size_t i = 0;
    while (strncmp(region, domains[i].region_start, strlen(domains[i].region_start)) != 0)
        i++;
    (void)snprintf(url, size, "https://%s.%s.%s", services[service].host_name, region,
                   domains[i].domain);
}

/* Puts the region's name where the override says "{region}", once at most. */
static enum error_code fill_url(const char *override, const char *region, char *url, size_t size,
                                struct error *err)
{
    static const char mark[] = "{region}";
    const char *place = strstr(override, mark);
    int length = place == NULL ? snprintf(url, size, "%s", override)
                               : snprintf(url, size, "%.*s%s%s", (int)(place - override), override,
                                          region, place + sizeof(mark) - 1);
    if (length < 0 || (size_t)length >= size)
        return error_set(err, ERR_CONFIG, "endpoint '%.80s...' is too long", override);
    return ERR_NONE;
}

/* A host with the scheme's own port is sent, and so must be signed, without it. */
static void drop_default_port(char *host, bool is_tls)
{
    const char *ending = is_tls ? ":443" : ":80";
    size_t length = strlen(host);
    size_t ending_length = strlen(ending);
    if (length > ending_length && strcmp(host + length - ending_length, ending) == 0)
        host[length - ending_length] = '\0';
}

static enum error_code split_url(const char *url, struct endpoint *endpoint, struct error *err)
{
    bool is_tls = strncmp(url, "https://", 8) == 0;
    if (!is_tls && strncmp(url, "http://", 7) != 0)
        return error_set(err, ERR_CONFIG, "endpoint '%s' begins neither http:// nor https://", url);
    const char *host = url + (is_tls ? 8 : 7);
    size_t host_length = strcspn(host, "/");
    if (host_length == 0 || strpbrk(url, "?#@ ") != NULL)
        return error_set(err, ERR_CONFIG, "endpoint '%s' is no plain address", url);

    size_t prefix_length = strlen(host + host_length);
    while (prefix_length > 0 && host[host_length + prefix_length - 1] == '/')
        prefix_length--;
    if (prefix_length >= sizeof(endpoint->prefix))
        return error_set(err, ERR_CONFIG, "path of endpoint '%.80s...' is too long", url);
    (void)snprintf(endpoint->host, sizeof(endpoint->host), "%.*s", (int)host_length, host);
    drop_default_port(endpoint->host, is_tls);
    (void)snprintf(endpoint->base, sizeof(endpoint->base), "%.*s",
                   (int)(host - url) + (int)host_length, url);
    (void)snprintf(endpoint->prefix, sizeof(endpoint->prefix), "%.*s", (int)prefix_length,
                   host + host_length);
    return ERR_NONE;
}

enum error_code endpoint_resolve(const struct endpoint_rules *rules, enum endpoint_service service,
                                 const char *region, struct endpoint *endpoint, struct error *err)
{
    TRY(check_region(region, err));
    char url[sizeof(endpoint->base)];
    const char *override = override_of(rules, service);
    if (override == NULL) {
        default_url(service, region, url, sizeof(url));
    } else {
        TRY(fill_url(override, region, url, sizeof(url), err));
    }
    return split_url(url, endpoint, err);
}

enum error_code endpoint_region(const struct aws_env *env, const char *chosen,
                                const char *profile_region, char region[ENDPOINT_REGION_SIZE],
                                struct error *err)
{
    const char *const names[] = {chosen, env->region, env->default_region, profile_region};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!is_set(names[i]))
            continue;
        TRY(check_region(names[i], err));
        (void)snprintf(region, ENDPOINT_REGION_SIZE, "%s", names[i]);
        return ERR_NONE;
    }
    return error_set(err, ERR_NOT_FOUND, "no region given: set AWS_REGION or name one");
}

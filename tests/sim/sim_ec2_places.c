#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_ec2.h"
#include "tests/sim/sim_listing.h"
#include "tests/sim/sim_xml_out.h"

#define RUNNING_CODE "16"

/* ---- DescribeInstances ---- */

/* The n-th volume attached to the instance, counting from 0, or NULL. */
static const struct sim_volume *attached_volume(const struct sim_call *call,
                                                const struct sim_instance *instance, size_t n)
{
    const struct sim_volume *volume;
    size_t cursor = 0;
    while ((volume = world_next_volume(call->world, &call->caller, &cursor)) != NULL) {
        if (volume->attachment != ATTACHMENT_NONE &&
            strcmp(volume->instance_id, instance->id) == 0 && n-- == 0)
            return volume;
    }
    return NULL;
}

#define INSTANCE_FIELD(name, expression)                                                           \
    static const char *field_##name(const struct sim_call *call, const void *item, size_t n,       \
                                    char buffer[SIM_TEXT_SIZE])                                    \
    {                                                                                              \
        const struct sim_instance *instance = item;                                                \
        (void)call;                                                                                \
        (void)instance;                                                                            \
        (void)buffer;                                                                              \
        return n > 0 ? NULL : (expression);                                                        \
    }

/* One signature serves every field: NOLINTBEGIN(readability-non-const-parameter) */
INSTANCE_FIELD(instance_id, instance->id)
INSTANCE_FIELD(state_name, "running")
INSTANCE_FIELD(state_code, RUNNING_CODE)
INSTANCE_FIELD(zone, instance->zone)
INSTANCE_FIELD(type, instance->type)
INSTANCE_FIELD(owner_id, instance->account)
INSTANCE_FIELD(root_device, instance->root_device)

static const char *field_volume_id(const struct sim_call *call, const void *item, size_t n,
                                   char buffer[SIM_TEXT_SIZE])
{
    (void)buffer;
    const struct sim_volume *volume = attached_volume(call, item, n);
    return volume == NULL ? NULL : volume->id;
}

static const char *field_device(const struct sim_call *call, const void *item, size_t n,
                                char buffer[SIM_TEXT_SIZE])
{
    (void)buffer;
    const struct sim_volume *volume = attached_volume(call, item, n);
    return volume == NULL ? NULL : volume->device;
}

/* NOLINTEND(readability-non-const-parameter) */

static const struct sim_filter instance_filters[] = {
    {"instance-id", field_instance_id},
    {"instance-state-name", field_state_name},
    {"instance-state-code", field_state_code},
    {"availability-zone", field_zone},
    {"instance-type", field_type},
    {"owner-id", field_owner_id},
    {"root-device-name", field_root_device},
    {"block-device-mapping.volume-id", field_volume_id},
    {"block-device-mapping.device-name", field_device},
    {0},
};

static void write_device(struct sim_call *call, const struct sim_volume *volume)
{
    struct strbuf *out = call->out;
    sim_xml_open(out, "item");
    sim_xml_text(out, "deviceName", volume->device);
    sim_xml_open(out, "ebs");
    sim_xml_text(out, "volumeId", volume->id);
    sim_xml_text(out, "status", sim_attachment_text(volume->attachment));
    sim_xml_time(out, "attachTime", volume->attach_ms);
    sim_xml_bool(out, "deleteOnTermination", volume->delete_on_termination);
    sim_xml_close(out, "ebs");
    sim_xml_close(out, "item");
}

static void write_instance(struct sim_call *call, const struct sim_instance *instance)
{
    struct strbuf *out = call->out;
    const struct sim_volume *volume;

    sim_xml_text(out, "instanceId", instance->id);
    strbuf_puts(out, "<instanceState><code>" RUNNING_CODE "</code><name>running</name>"
                     "</instanceState>");
    sim_xml_text(out, "instanceType", instance->type);
    sim_xml_time(out, "launchTime", instance->launched_ms);
    sim_xml_open(out, "placement");
    sim_xml_text(out, "availabilityZone", instance->zone);
    strbuf_puts(out, "<groupName/><tenancy>default</tenancy></placement>");
    sim_xml_text(out, "rootDeviceType", "ebs");
    sim_xml_text(out, "rootDeviceName", instance->root_device);
    sim_xml_open(out, "blockDeviceMapping");
    for (size_t n = 0; (volume = attached_volume(call, instance, n)) != NULL; n++)
        write_device(call, volume);
    sim_xml_close(out, "blockDeviceMapping");
    sim_call_write_tags(call, &instance->tags);
}

/* Every instance stands in a reservation of its own, named after it. */
static void write_reservation(struct sim_call *call, const struct sim_instance *instance)
{
    struct strbuf *out = call->out;
    char id[SIM_ID_SIZE + 2];
    snprintf(id, sizeof(id), "r-%s", instance->id + strlen("i-"));
    sim_xml_open(out, "item");
    sim_xml_text(out, "reservationId", id);
    sim_xml_text(out, "ownerId", instance->account);
    strbuf_puts(out, "<groupSet/><instancesSet><item>");
    write_instance(call, instance);
    strbuf_puts(out, "</item></instancesSet></item>");
}

static bool ids_exist(struct sim_call *call, size_t id_count)
{
    for (size_t n = 1; n <= id_count; n++) {
        const char *id = sim_query_get(&call->query, "InstanceId.%zu", n);
        const struct sim_instance *instance;
        size_t cursor = 0;
        do {
            instance = world_next_instance(call->world, &call->caller, &cursor);
        } while (instance != NULL && strcmp(instance->id, id) != 0);
        if (instance == NULL) {
            return refuse(&call->refusal, "InvalidInstanceID.NotFound",
                          "The instance ID '%s' does not exist", id);
        }
    }
    return true;
}

bool sim_ec2_describe_instances(struct sim_call *call)
{
    CLEANUP_SIM_LISTING struct sim_listing listing = {0};
    const struct sim_instance *instance;
    size_t cursor = 0;
    size_t id_count;

    if (!sim_call_id_list(call, SIM_ID_INSTANCE, "InstanceId", &id_count) ||
        !sim_filters_check(call, instance_filters) || !sim_listing_read(call, id_count, &listing) ||
        !sim_call_ready(call) || !ids_exist(call, id_count))
        return false;
    while ((instance = world_next_instance(call->world, &call->caller, &cursor)) != NULL) {
        if (sim_call_list_takes(call, "InstanceId", instance->id) &&
            sim_filters_pass(call, instance_filters, instance, &instance->tags))
            sim_listing_add(&listing, instance, instance->launched_ms, instance->id);
    }
    sim_listing_cut(&listing);
    sim_xml_open(call->out, "reservationSet");
    for (size_t i = listing.first; i < listing.end; i++)
        write_reservation(call, listing.items[i].item);
    sim_xml_close(call->out, "reservationSet");
    sim_listing_write_next(call, &listing);
    return true;
}

/* ---- DescribeAvailabilityZones, DescribeRegions ---- */

#define ZONE_FIELD(name, expression)                                                               \
    static const char *field_##name(const struct sim_call *call, const void *item, size_t n,       \
                                    char buffer[SIM_TEXT_SIZE])                                    \
    {                                                                                              \
        const struct sim_zone *zone = item;                                                        \
        (void)call;                                                                                \
        (void)zone;                                                                                \
        (void)buffer;                                                                              \
        return n > 0 ? NULL : (expression);                                                        \
    }

static const char *endpoint_of(const char *region, char buffer[SIM_TEXT_SIZE])
{
    snprintf(buffer, SIM_TEXT_SIZE, "ec2.%s.amazonaws.com", region);
    return buffer;
}

/* One signature serves every field: NOLINTBEGIN(readability-non-const-parameter) */
ZONE_FIELD(zone_name, zone->name)
ZONE_FIELD(zone_id, zone->id)
ZONE_FIELD(region_name, zone->region)
ZONE_FIELD(zone_state, "available")
ZONE_FIELD(zone_type, "availability-zone")
ZONE_FIELD(opt_in, "opt-in-not-required")
ZONE_FIELD(endpoint, endpoint_of(zone->region, buffer))
/* NOLINTEND(readability-non-const-parameter) */

static const struct sim_filter zone_filters[] = {
    {"zone-name", field_zone_name},     {"zone-id", field_zone_id},
    {"region-name", field_region_name}, {"state", field_zone_state},
    {"zone-type", field_zone_type},     {"opt-in-status", field_opt_in},
    {"group-name", field_region_name},  {0},
};

static const struct sim_filter region_filters[] = {
    {"region-name", field_region_name},
    {"opt-in-status", field_opt_in},
    {"endpoint", field_endpoint},
    {0},
};

static bool is_zone_of(const struct sim_call *call, const char *name, bool by_id)
{
    const struct sim_zone *zone;
    for (size_t i = 0; (zone = world_zone_at(i)) != NULL; i++) {
        if (strcmp(zone->region, call->caller.region) == 0 &&
            strcmp(by_id ? zone->id : zone->name, name) == 0)
            return true;
    }
    return false;
}

static bool zones_exist(struct sim_call *call, const char *list, bool by_id)
{
    const char *name;
    for (size_t n = 1; (name = sim_query_get(&call->query, "%s.%zu", list, n)) != NULL; n++) {
        if (!is_zone_of(call, name, by_id)) {
            return refuse(&call->refusal, "InvalidParameterValue",
                          "Invalid availability zone: [%s]", name);
        }
    }
    return true;
}

static void write_zone(struct sim_call *call, const struct sim_zone *zone)
{
    struct strbuf *out = call->out;
    sim_xml_open(out, "item");
    sim_xml_text(out, "optInStatus", "opt-in-not-required");
    sim_xml_text(out, "zoneName", zone->name);
    sim_xml_text(out, "zoneId", zone->id);
    sim_xml_text(out, "zoneState", "available");
    sim_xml_text(out, "regionName", zone->region);
    sim_xml_text(out, "groupName", zone->region);
    sim_xml_text(out, "networkBorderGroup", zone->region);
    sim_xml_text(out, "zoneType", "availability-zone");
    strbuf_puts(out, "<messageSet/>");
    sim_xml_close(out, "item");
}

bool sim_ec2_describe_availability_zones(struct sim_call *call)
{
    const struct sim_zone *zone;
    bool all;

    if (!zones_exist(call, "ZoneName", false) || !zones_exist(call, "ZoneId", true) ||
        !sim_call_bool(call, "AllAvailabilityZones", &all) ||
        !sim_filters_check(call, zone_filters) || !sim_call_ready(call))
        return false;
    sim_xml_open(call->out, "availabilityZoneInfo");
    for (size_t i = 0; (zone = world_zone_at(i)) != NULL; i++) {
        if (strcmp(zone->region, call->caller.region) == 0 &&
            sim_call_list_takes(call, "ZoneName", zone->name) &&
            sim_call_list_takes(call, "ZoneId", zone->id) &&
            sim_filters_pass(call, zone_filters, zone, NULL))
            write_zone(call, zone);
    }
    sim_xml_close(call->out, "availabilityZoneInfo");
    return true;
}

static bool regions_exist(struct sim_call *call)
{
    const char *name;
    for (size_t n = 1; (name = sim_query_get(&call->query, "RegionName.%zu", n)) != NULL; n++) {
        if (!world_region_exists(name))
            return refuse(&call->refusal, "InvalidParameterValue", "Invalid region: [%s]", name);
    }
    return true;
}

static void write_region(struct sim_call *call, const char *region)
{
    char endpoint[SIM_TEXT_SIZE];
    sim_xml_open(call->out, "item");
    sim_xml_text(call->out, "regionName", region);
    sim_xml_text(call->out, "regionEndpoint", endpoint_of(region, endpoint));
    sim_xml_text(call->out, "optInStatus", "opt-in-not-required");
    sim_xml_close(call->out, "item");
}

bool sim_ec2_describe_regions(struct sim_call *call)
{
    const struct sim_zone *zone;
    const char *last = "";
    bool all;

    if (!regions_exist(call) || !sim_call_bool(call, "AllRegions", &all) ||
        !sim_filters_check(call, region_filters) || !sim_call_ready(call))
        return false;
    sim_xml_open(call->out, "regionInfo");
    /* The zones of a region follow each other. */
    for (size_t i = 0; (zone = world_zone_at(i)) != NULL; i++) {
        if (strcmp(zone->region, last) != 0 &&
            sim_call_list_takes(call, "RegionName", zone->region) &&
            sim_filters_pass(call, region_filters, zone, NULL))
            write_region(call, zone->region);
        last = zone->region;
    }
    sim_xml_close(call->out, "regionInfo");
    return true;
}

#include "tests/sim/sim_ec2.h"

#include <stdio.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_query_service.h"
#include "tests/sim/sim_xml_out.h"

#define EC2_VERSION   "2016-11-15"
#define EC2_NAMESPACE "http://ec2.amazonaws.com/doc/2016-11-15/"
#define XML_HEAD      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

static const struct sim_action actions[] = {
    {"CreateSnapshot", sim_ec2_create_snapshot, true},
    {"CreateSnapshots", sim_ec2_create_snapshots, true},
    {"DescribeSnapshots", sim_ec2_describe_snapshots, false},
    {"DeleteSnapshot", sim_ec2_delete_snapshot, true},
    {"CopySnapshot", sim_ec2_copy_snapshot, true},
    {"ModifySnapshotAttribute", sim_ec2_modify_snapshot_attribute, true},
    {"DescribeSnapshotAttribute", sim_ec2_describe_snapshot_attribute, false},
    {"ResetSnapshotAttribute", sim_ec2_reset_snapshot_attribute, true},
    {"CreateVolume", sim_ec2_create_volume, true},
    {"DescribeVolumes", sim_ec2_describe_volumes, false},
    {"DescribeVolumeStatus", sim_ec2_describe_volume_status, false},
    {"AttachVolume", sim_ec2_attach_volume, true},
    {"DetachVolume", sim_ec2_detach_volume, true},
    {"DeleteVolume", sim_ec2_delete_volume, true},
    {"DescribeInstances", sim_ec2_describe_instances, false},
    {"DescribeAvailabilityZones", sim_ec2_describe_availability_zones, false},
    {"DescribeRegions", sim_ec2_describe_regions, false},
    {"CreateTags", sim_ec2_create_tags, true},
    {"DeleteTags", sim_ec2_delete_tags, true},
    {0},
};

void sim_ec2_write_true(struct sim_call *call)
{
    sim_xml_bool(call->out, "return", true);
}

const char *sim_ec2_zone_id(const char *zone)
{
    const struct sim_zone *found;
    for (size_t i = 0; (found = world_zone_at(i)) != NULL; i++) {
        if (strcmp(found->name, zone) == 0)
            return found->id;
    }
    return "";
}

const char *sim_ec2_time_text(int64_t instant_ms, char buffer[SIM_TEXT_SIZE])
{
    struct civil at = instant_to_civil(instant_ms);
    snprintf(buffer, SIM_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.year, at.month,
             at.day, at.hour, at.minute, at.second, (int)(instant_ms % MS_PER_SECOND));
    return buffer;
}

/* The root element bears the action's name, which is known only once the action is found; so the
 * content is written first and then wrapped. */
static bool run(struct sim_call *call)
{
    CLEANUP_STRBUF struct strbuf content = {.max_bytes = call->reply->body.max_bytes};
    struct strbuf *body = call->out;

    call->reply->content_type = "text/xml;charset=UTF-8";
    call->out = &content;
    bool done = sim_query_service_run(call, actions, EC2_VERSION);
    call->out = body;
    if (!done)
        return false;
    strbuf_printf(body, XML_HEAD "<%sResponse xmlns=\"" EC2_NAMESPACE "\">", call->action);
    sim_xml_text(body, "requestId", call->request_id);
    strbuf_add(body, strbuf_text(&content), content.length);
    strbuf_printf(body, "</%sResponse>", call->action);
    return true;
}

static void write_error(struct sim_call *call)
{
    call->reply->content_type = "text/xml;charset=UTF-8";
    strbuf_puts(call->out, XML_HEAD "<Response><Errors><Error>");
    sim_xml_text(call->out, "Code", call->refusal.code);
    sim_xml_text(call->out, "Message", call->refusal.message);
    strbuf_puts(call->out, "</Error></Errors>");
    sim_xml_text(call->out, "RequestID", call->request_id);
    strbuf_puts(call->out, "</Response>");
}

static const char *const auth_codes[SIM_AUTH_FAULTS] = {
    [SIM_AUTH_MISSING] = "MissingAuthenticationToken",
    [SIM_AUTH_INCOMPLETE] = "IncompleteSignature",
    [SIM_AUTH_UNKNOWN_KEY] = "AuthFailure",
    [SIM_AUTH_SIGNATURE] = "AuthFailure",
    [SIM_AUTH_EXPIRED] = "RequestExpired",
    [SIM_AUTH_TOKEN_EXPIRED] = "RequestExpired",
    [SIM_AUTH_REGION] = "AuthFailure",
};

const struct sim_service sim_ec2_service = {
    .name = "ec2",
    .auth_codes = auth_codes,
    .run = run,
    .write_error = write_error,
};

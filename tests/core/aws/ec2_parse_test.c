/* Answers as the EC2 API reference shows them, without the whitespace that EC2 no longer sends. */
#include "core/aws/ec2_parse.h"

#include <string.h>

#include <criterion/criterion.h>

#define NS " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

static void parse(struct xml *xml, const char *text)
{
    struct error err = {0};
    cr_assert_eq(xml_parse(xml, text, strlen(text), &err), ERR_NONE, "%s", err.message);
}

Test(ec2_parse, created_snapshot)
{
    CLEANUP_XML struct xml xml = {0};
    struct cloud_snapshot snapshot = {0};
    struct error err = {0};
    parse(
        &xml,
        "<CreateSnapshotResponse" NS "><requestId>59dbff89</requestId><snapshotId>snap-0aaa"
        "</snapshotId><volumeId>vol-0bbb</volumeId><status>pending</status><startTime>"
        "2026-08-07T10:00:00.000Z</startTime><progress/><ownerId>011122223333</ownerId><volumeSize>"
        "500</volumeSize><description>run-42 step-3</description><encrypted>true</encrypted><tagSet>"
        "<item><key>op-id</key><value>run-42-3</value></item></tagSet></CreateSnapshotResponse>");
    cr_assert_eq(ec2_parse_snapshot(&xml, 0, &snapshot, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(snapshot.id, "snap-0aaa");
    cr_expect_str_eq(snapshot.volume_id, "vol-0bbb");
    cr_expect_str_eq(snapshot.owner_id, "011122223333", "account ids keep their zero");
    cr_expect_eq(snapshot.state, CLOUD_SNAPSHOT_PENDING);
    cr_expect_eq(snapshot.started_ms, INT64_C(1786096800000));
    cr_expect_eq(snapshot.completed_ms, 0);
    cr_expect_eq(snapshot.progress_percent, -1);
    cr_expect_eq(snapshot.volume_bytes, UINT64_C(536870912000));
    cr_expect(snapshot.encrypted);
    cr_expect_str_eq(cloud_tags_get(&snapshot.tags, "op-id"), "run-42-3");
    cloud_tags_done(&snapshot.tags);
}

Test(ec2_parse, snapshot_list)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
    struct error err = {0};
    parse(
        &xml,
        "<DescribeSnapshotsResponse" NS "><requestId/><snapshotSet><item><snapshotId>snap-0aaa"
        "</snapshotId><volumeId>vol-0bbb</volumeId><status>completed</status><startTime>"
        "2026-08-07T10:00:00.000Z</startTime><completionTime>2026-08-07T10:41:12.345Z"
        "</completionTime><progress>100%</progress><futureThing><deep>1</deep></futureThing>"
        "<kmsKeyId>arn:aws:kms:us-west-2:111122223333:key/..</kmsKeyId><dataEncryptionKeyId>DEK-.."
        "</dataEncryptionKeyId><fullSnapshotSizeInBytes>214748364800</fullSnapshotSizeInBytes>"
        "<storageTier>standard</storageTier></item><item><snapshotId>snap-0ccc</snapshotId><status>"
        "error</status><statusMessage>Given key ID is not accessible</statusMessage><storageTier>"
        "archive</storageTier></item><item><snapshotId>snap-0ddd</snapshotId><status>recoverable"
        "</status></item></snapshotSet><nextToken>opaque</nextToken></DescribeSnapshotsResponse>");
    int set = xml_child(&xml, 0, "snapshotSet");
    cr_assert_eq(ec2_parse_snapshots(&xml, set, &list, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(list.count, 3);
    cr_expect_eq(list.items[0].completed_ms - list.items[0].started_ms, INT64_C(2472345));
    cr_expect_eq(list.items[0].progress_percent, 100);
    cr_expect_eq(list.items[0].full_bytes, UINT64_C(214748364800));
    cr_expect_str_eq(list.items[0].data_key_id, "DEK-..");
    cr_expect_eq(list.items[1].state, CLOUD_SNAPSHOT_ERROR);
    cr_expect_str_eq(list.items[1].state_message, "Given key ID is not accessible");
    cr_expect(list.items[1].archived);
    cr_expect_eq(list.items[2].state, CLOUD_SNAPSHOT_OTHER);
}

Test(ec2_parse, snapshot_set_says_state)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
    struct error err = {0};
    parse(&xml,
          "<CreateSnapshotsResponse" NS "><snapshotSet><item><snapshotId>snap-0aaa</snapshotId>"
          "<volumeId>vol-0bbb</volumeId><state>completed</state><tagSet/></item></snapshotSet>"
          "</CreateSnapshotsResponse>");
    cr_assert_eq(ec2_parse_snapshots(&xml, xml_child(&xml, 0, "snapshotSet"), &list, &err),
                 ERR_NONE);
    cr_expect_eq(list.items[0].state, CLOUD_SNAPSHOT_COMPLETED);
}

Test(ec2_parse, empty_and_absent_sets)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
    struct error err = {0};
    parse(&xml, "<R><snapshotSet/><nextToken>more</nextToken></R>");
    cr_expect_eq(ec2_parse_snapshots(&xml, xml_child(&xml, 0, "snapshotSet"), &list, &err),
                 ERR_NONE);
    cr_expect_eq(ec2_parse_snapshots(&xml, XML_NONE, &list, &err), ERR_NONE);
    cr_expect_eq(list.count, 0);
}

Test(ec2_parse, snapshot_without_id)
{
    CLEANUP_XML struct xml xml = {0};
    struct cloud_snapshot snapshot = {0};
    struct error err = {0};
    parse(&xml, "<R><status>pending</status><tagSet><item><key>a</key></item></tagSet></R>");
    cr_expect_eq(ec2_parse_snapshot(&xml, 0, &snapshot, &err), ERR_PROTOCOL);
}

Test(ec2_parse, volume_in_use)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes list = {0};
    struct error err = {0};
    parse(&xml,
          "<R><volumeSet><item><volumeId>vol-0bbb</volumeId><size>500</size><snapshotId/>"
          "<availabilityZone>eu-central-1a</availabilityZone><status>in-use</status><createTime>"
          "2026-08-07T11:00:00.000Z</createTime><volumeType>gp3</volumeType><iops>6000</iops>"
          "<throughput>500</throughput><encrypted>true</encrypted><attachmentSet><item><volumeId>"
          "vol-0bbb</volumeId><instanceId>i-0eee</instanceId><device>/dev/sdf</device><status>"
          "attached</status><deleteOnTermination>false</deleteOnTermination></item></attachmentSet>"
          "</item><item><volumeId>vol-0ccc</volumeId><size>1</size><status>available</status>"
          "<volumeType>standard</volumeType><attachmentSet/></item></volumeSet></R>");
    cr_assert_eq(ec2_parse_volumes(&xml, xml_child(&xml, 0, "volumeSet"), &list, &err), ERR_NONE,
                 "%s", err.message);
    cr_assert_eq(list.count, 2);
    const struct cloud_volume *v = &list.items[0];
    cr_expect_eq(v->state, CLOUD_VOLUME_IN_USE);
    cr_expect_eq(v->iops, 6000);
    cr_expect_eq(v->throughput_mibs, 500);
    cr_expect_str_eq(v->instance_id, "i-0eee");
    cr_expect_str_eq(v->device, "/dev/sdf");
    cr_expect_eq(v->attachment, CLOUD_ATTACHED);
    cr_expect_eq(list.items[1].attachment, CLOUD_DETACHED);
    cr_expect_eq(list.items[1].iops, 0);
}

Test(ec2_parse, negative_size)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes list = {0};
    struct error err = {0};
    parse(&xml, "<R><item><volumeId>vol-0bbb</volumeId><size>-1</size></item></R>");
    cr_expect_eq(ec2_parse_volumes(&xml, 0, &list, &err), ERR_PROTOCOL);
}

Test(ec2_parse, instance)
{
    CLEANUP_XML struct xml xml = {0};
    struct cloud_instance instance = {0};
    struct error err = {0};
    parse(
        &xml,
        "<item><instanceId>i-0eee</instanceId><instanceState><code>16</code><name>running</name>"
        "</instanceState><placement><availabilityZone>us-west-2a</availabilityZone></placement>"
        "<rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/sdf"
        "</deviceName><ebs><volumeId>vol-0bbb</volumeId></ebs></item><item><deviceName>/dev/xvda"
        "</deviceName><ebs><volumeId>vol-0aaa</volumeId></ebs></item></blockDeviceMapping></item>");
    cr_assert_eq(ec2_parse_instance(&xml, 0, &instance, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(instance.zone, "us-west-2a");
    cr_expect_str_eq(instance.state, "running");
    cr_expect_str_eq(instance.root_volume_id, "vol-0aaa");
    cr_expect_eq(instance.device_count, 2);
}

Test(ec2_parse, instance_with_too_many_volumes)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 65536};
    CLEANUP_XML struct xml xml = {0};
    struct cloud_instance instance = {0};
    struct error err = {0};
    strbuf_puts(&text, "<item><instanceId>i-0eee</instanceId><blockDeviceMapping>");
    for (int i = 0; i < CLOUD_SET_MAX + 3; i++)
        strbuf_printf(&text, "<item><deviceName>d%d</deviceName><ebs/></item>", i);
    strbuf_puts(&text, "</blockDeviceMapping></item>");
    parse(&xml, text.text);
    cr_expect_eq(ec2_parse_instance(&xml, 0, &instance, &err), ERR_LIMIT);
    cr_expect_eq(instance.device_count, 0, "outputs stay untouched");
}

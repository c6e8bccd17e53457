"""What boto3 sees in cloudsim: run by any Python with boto3, old or new, in cloudsim's environment.

usage: sdk_rows.py quick|seeded|old. Prints a line per expectation; ends with 1 if one failed."""

import base64
import contextlib
import datetime
import hashlib
import importlib
import os
import sys
import time
import types
import unittest.mock
import urllib.error
import urllib.request

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

URL = os.environ["AWS_ENDPOINT_URL"]
ZONE = "us-east-1a"
FAILED = []


def check(holds, what):
    print(("ok: " if holds else "FAILED: ") + what, flush=True)
    if not holds:
        FAILED.append(what)


def client(service, region="us-east-1", key=None, secret=None, token=None, **config):
    return boto3.client(service, endpoint_url=URL, region_name=region,
                        aws_access_key_id=key or os.environ["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=secret or os.environ["AWS_SECRET_ACCESS_KEY"],
                        aws_session_token=token,
                        config=Config(retries={"max_attempts": 0}, **config))


def as_b(service, region="us-east-1"):
    return client(service, region, os.environ["CLOUDSIM_B_KEY"], os.environ["CLOUDSIM_B_SECRET"])


def refused(code, call, what, status=None, **arguments):
    """The call must fail with this code (and HTTP status)."""
    try:
        call(**arguments)
        check(False, f"{what}: {code}, but it was done")
    except ClientError as error:
        found = error.response["Error"]["Code"]
        http = error.response["ResponseMetadata"]["HTTPStatusCode"]
        check(found == code and status in (None, http), f"{what}: {found}, HTTP {http}")


def waits(ec2, name, **ids):
    ec2.get_waiter(name).wait(WaiterConfig={"Delay": 1, "MaxAttempts": 120}, **ids)
    check(True, f"waiter {name}")


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def spec(kind, **pairs):
    return [{"ResourceType": kind, "Tags": tags(**pairs)}]


# ---- what is made, listed and found ----

def make_volumes(ec2, count):
    """Volumes of 1 GiB and up, each with a completed snapshot; both tagged n and even."""
    volumes, snapshots = [], []
    for n in range(count):
        pairs = {"n": str(n), "even": str(n % 2 == 0).lower(), "run": "a b*c"}
        volumes.append(ec2.create_volume(
            AvailabilityZone=ZONE, Size=n + 1, VolumeType="gp3",
            TagSpecifications=spec("volume", **pairs))["VolumeId"])
    waits(ec2, "volume_available", VolumeIds=volumes)
    for n, volume in enumerate(volumes):
        pairs = {"n": str(n), "even": str(n % 2 == 0).lower()}
        made = ec2.create_snapshot(VolumeId=volume, Description=f"number {n}",
                                   TagSpecifications=spec("snapshot", **pairs))
        check(made["State"] == "pending" and made["Progress"] == "", f"snapshot {n} is pending")
        snapshots.append(made["SnapshotId"])
    waits(ec2, "snapshot_completed", SnapshotIds=snapshots)
    return volumes, snapshots


NUMBERED = [{"Name": "tag-key", "Values": ["n"]}]
PAGED = (("describe_volumes", "Volumes", "VolumeId", {"Filters": NUMBERED}),
         ("describe_snapshots", "Snapshots", "SnapshotId", {"OwnerIds": ["self"]}))


def check_pages(ec2, count):
    for call, member, name, arguments in PAGED:
        pages = list(ec2.get_paginator(call).paginate(PaginationConfig={"PageSize": 5},
                                                      **arguments))
        ids = [item[name] for page in pages for item in page[member]]
        check(len(pages) == -(-count // 5) and len(ids) == len(set(ids)) == count,
              f"{call}: {len(ids)} in {len(pages)} pages")
        check("NextToken" not in pages[-1], f"{call}: no token after the last page")


# filters as (name, values...), and the numbers n that they leave of seven
FILTERED = (
    ([("tag:n", "1")], [1]),
    ([("tag:n", "1", "4", "9")], [1, 4]),
    ([("tag:n", "1", "4"), ("tag:even", "true")], [4]),
    ([("tag-key", "even")], [0, 1, 2, 3, 4, 5, 6]),
    ([("tag-key", "odd")], []),
    ([("tag:even", "t*")], [0, 2, 4, 6]),
    ([("tag:even", "?rue"), ("tag:n", "*")], [0, 2, 4, 6]),
    ([("tag:even", "TRUE")], []),
    ([("description", "number ?")], [0, 1, 2, 3, 4, 5, 6]),
    ([("description", "*5", "*6")], [5, 6]),
    ([("status", "completed"), ("volume-size", "3", "4")], [2, 3]),
    ([("status", "pending")], []),
    ([("owner-id", "111122223333"), ("progress", "100%"), ("tag:n", "0")], [0]),
)


def check_filters(ec2):
    for rows, wanted in FILTERED:
        found = ec2.describe_snapshots(
            OwnerIds=["self"], Filters=[{"Name": n, "Values": v} for n, *v in rows])["Snapshots"]
        numbers = sorted(int(s["Description"].rsplit(" ", 1)[1]) for s in found)
        check(numbers == wanted, f"filter {rows}: {numbers}")
    found = ec2.describe_volumes(Filters=[{"Name": "tag:run", "Values": ["a b\\*c"]}])["Volumes"]
    check(len(found) == 7, "an escaped wildcard is itself")
    refused("InvalidParameterValue", ec2.describe_volumes, "a filter that is not known",
            Filters=[{"Name": "colour", "Values": ["red"]}])


def check_dry_runs(ec2, volume, snapshot):
    instance = os.environ["CLOUDSIM_INSTANCE"]
    rows = (("create_snapshot", {"VolumeId": volume}),
            ("create_snapshots", {"InstanceSpecification": {"InstanceId": instance}}),
            ("delete_snapshot", {"SnapshotId": snapshot}),
            ("copy_snapshot", {"SourceRegion": "us-east-1", "SourceSnapshotId": snapshot}),
            ("modify_snapshot_attribute", {"SnapshotId": snapshot,
                                           "Attribute": "createVolumePermission",
                                           "OperationType": "add", "UserIds": ["444455556666"]}),
            ("reset_snapshot_attribute", {"SnapshotId": snapshot,
                                          "Attribute": "createVolumePermission"}),
            ("create_volume", {"AvailabilityZone": ZONE, "Size": 1}),
            ("attach_volume", {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdx"}),
            ("detach_volume", {"VolumeId": volume}),
            ("delete_volume", {"VolumeId": volume}),
            ("create_tags", {"Resources": [volume], "Tags": tags(x="1")}),
            ("delete_tags", {"Resources": [volume], "Tags": tags(n="0")}),
            ("describe_volumes", {}), ("describe_volume_status", {}), ("describe_instances", {}),
            ("describe_availability_zones", {}), ("describe_regions", {}),
            ("describe_snapshots", {"OwnerIds": ["self"]}),
            ("describe_snapshot_attribute", {"SnapshotId": snapshot,
                                             "Attribute": "createVolumePermission"}))
    before = len(ec2.describe_volumes()["Volumes"])
    for call, arguments in rows:
        if call in ("create_snapshots", "detach_volume"):
            # Here the answer is another truth: nothing is attached yet.
            with contextlib.suppress(ClientError):
                getattr(ec2, call)(DryRun=True, **arguments)
            continue
        refused("DryRunOperation", getattr(ec2, call), f"dry run of {call}", 412, DryRun=True,
                **arguments)
    check(len(ec2.describe_volumes()["Volumes"]) == before, "and nothing was made or removed")


def check_client_token(ec2):
    first = ec2.create_volume(AvailabilityZone=ZONE, Size=2, ClientToken="once")["VolumeId"]
    again = ec2.create_volume(AvailabilityZone=ZONE, Size=2, ClientToken="once")["VolumeId"]
    check(first == again, "the same token and parameters give the same volume")
    refused("IdempotentParameterMismatch", ec2.create_volume, "the same token, another size",
            AvailabilityZone=ZONE, Size=3, ClientToken="once")
    other = ec2.create_volume(AvailabilityZone=ZONE, Size=2, ClientToken="twice")["VolumeId"]
    check(first != other, "another token gives another")
    for volume in (first, other):
        waits(ec2, "volume_available", VolumeIds=[volume])
        ec2.delete_volume(VolumeId=volume)
        waits(ec2, "volume_deleted", VolumeIds=[volume])


def check_tag_limits(ec2, snapshot):
    fifty = tags(**{f"k{n}": "" for n in range(48)})
    ec2.create_tags(Resources=[snapshot], Tags=fifty)
    found = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Tags"]
    check(len(found) == 50, "fifty tags, with empty values")
    refused("TagLimitExceeded", ec2.create_tags, "the 51st", Resources=[snapshot],
            Tags=tags(more="1"))
    ec2.create_tags(Resources=[snapshot], Tags=tags(k0="new"))
    ec2.delete_tags(Resources=[snapshot], Tags=[{"Key": t["Key"]} for t in fifty])
    found = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Tags"]
    check(len(found) == 2, "and all deleted by their keys")
    for what, pairs in (("a key of 128 characters", tags(**{"k" * 128: ""})),
                        ("a value of 257", tags(k="v" * 257)),
                        ("a reserved key", [{"Key": "aws:x", "Value": ""}]),
                        ("an empty key", [{"Key": "", "Value": ""}])):
        refused("InvalidParameterValue", ec2.create_tags, what, Resources=[snapshot], Tags=pairs)


UNKNOWN = "0123456789abcdef0"


def check_ids(ec2, volume, snapshot):
    rows = (
        ("describe_snapshots", {"SnapshotIds": ["snap-xyz"]}, "InvalidSnapshotID.Malformed"),
        ("describe_snapshots", {"SnapshotIds": ["snap-" + UNKNOWN]}, "InvalidSnapshot.NotFound"),
        ("describe_snapshots", {"SnapshotIds": [volume]}, "InvalidParameterValue"),
        ("describe_volumes", {"VolumeIds": ["vol-12"]}, "InvalidVolumeID.Malformed"),
        ("describe_volumes", {"VolumeIds": ["vol-" + UNKNOWN]}, "InvalidVolume.NotFound"),
        ("describe_volumes", {"VolumeIds": [snapshot]}, "InvalidParameterValue"),
        ("describe_instances", {"InstanceIds": ["i-x"]}, "InvalidInstanceID.Malformed"),
        ("describe_instances", {"InstanceIds": ["i-" + UNKNOWN]}, "InvalidInstanceID.NotFound"),
        ("create_snapshot", {"VolumeId": "vol-" + UNKNOWN}, "InvalidVolume.NotFound"),
        ("delete_snapshot", {"SnapshotId": "snap-" + UNKNOWN}, "InvalidSnapshot.NotFound"),
        ("delete_snapshot", {"SnapshotId": "snapshot"}, "InvalidParameterValue"),
        ("delete_volume", {"VolumeId": "vol-" + UNKNOWN}, "InvalidVolume.NotFound"),
        ("create_volume", {"AvailabilityZone": ZONE, "SnapshotId": "snap-" + UNKNOWN},
         "InvalidSnapshot.NotFound"),
        ("create_volume", {"AvailabilityZone": ZONE, "Size": 1, "VolumeType": "gp9"},
         "UnknownVolumeType"),
        ("attach_volume", {"VolumeId": volume, "InstanceId": "i-" + UNKNOWN,
                           "Device": "/dev/sdf"}, "InvalidInstanceID.NotFound"),
        ("create_tags", {"Resources": ["snap-" + UNKNOWN], "Tags": tags(a="b")},
         "InvalidSnapshot.NotFound"),
    )
    for call, arguments, code in rows:
        refused(code, getattr(ec2, call), f"{call} {list(arguments.values())[0]}", 400,
                **arguments)


# ---- other regions, other accounts ----

def check_copy(snapshot):
    there = client("ec2", "eu-west-1")
    copy = there.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot,
                               Encrypted=True, KmsKeyId="alias/data", Description="by boto3",
                               TagSpecifications=spec("snapshot", of="copy"))["SnapshotId"]
    waits(there, "snapshot_completed", SnapshotIds=[copy])
    found = there.describe_snapshots(SnapshotIds=[copy])["Snapshots"][0]
    check(found["Encrypted"] and found["VolumeId"] != "" and found["Tags"] == tags(of="copy"),
          "a copy to another region, with the URL that boto3 signed")
    refused("InvalidSnapshot.NotFound", client("ec2").describe_snapshots, "it is not at the source",
            SnapshotIds=[copy])
    west = client("ec2", "us-west-2")
    west.meta.events.register_last(
        "before-call.ec2.CopySnapshot",
        lambda params, **_: params["body"].update(
            PresignedUrl=params["body"]["PresignedUrl"][:-4] + "0000"))
    forged = west.copy_snapshot(SourceRegion="eu-west-1", SourceSnapshotId=copy)["SnapshotId"]
    for _ in range(60):
        state = west.describe_snapshots(SnapshotIds=[forged])["Snapshots"][0]["State"]
        if state != "pending":
            break
        time.sleep(0.5)
    check(state == "error", "a copy whose URL is forged ends in error")


def check_sharing(ec2, snapshot):
    other = as_b("ec2")
    share = {"SnapshotId": snapshot, "Attribute": "createVolumePermission",
             "UserIds": ["444455556666"]}
    refused("InvalidSnapshot.NotFound", other.describe_snapshots, "another account sees nothing",
            SnapshotIds=[snapshot])
    ec2.modify_snapshot_attribute(OperationType="add", **share)
    attribute = ec2.describe_snapshot_attribute(SnapshotId=snapshot,
                                                Attribute="createVolumePermission")
    check(attribute["CreateVolumePermissions"] == [{"UserId": "444455556666"}], "who may use it")
    for what, arguments in (("by id", {"SnapshotIds": [snapshot]}),
                            ("as restorable", {"RestorableByUserIds": ["self"]}),
                            ("by owner", {"OwnerIds": ["111122223333"]})):
        found = other.describe_snapshots(**arguments)["Snapshots"]
        check(snapshot in [s["SnapshotId"] for s in found], f"once shared it is seen {what}")
    found = other.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    check(found["OwnerId"] == "111122223333" and not found.get("Tags"), "but without its tags")
    check(other.describe_snapshots(OwnerIds=["self"])["Snapshots"] == [], "and is not its own")
    copy = other.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot)["SnapshotId"]
    waits(other, "snapshot_completed", SnapshotIds=[copy])
    volume = other.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot)["VolumeId"]
    waits(other, "volume_available", VolumeIds=[volume])
    try:
        other.delete_snapshot(SnapshotId=snapshot)
        check(False, "only the owner deletes it")
    except ClientError as error:
        check(True, f"only the owner deletes it: {error.response['Error']['Code']}")
    ec2.reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    refused("InvalidSnapshot.NotFound", other.describe_snapshots, "no longer shared",
            SnapshotIds=[snapshot])


def check_roles():
    sts = client("sts")
    keys = sts.assume_role(RoleArn=os.environ["CLOUDSIM_ROLE_B"], RoleSessionName="boto3",
                           DurationSeconds=900)["Credentials"]
    who = client("sts", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"],
                 token=keys["SessionToken"]).get_caller_identity()
    check(who["Account"] == "444455556666" and who["Arn"].endswith("/boto3"), "AssumeRole")
    refused("InvalidClientTokenId", client("sts", key=keys["AccessKeyId"],
                                           secret=keys["SecretAccessKey"]).get_caller_identity,
            "temporary keys without their token", 403)
    refused("AccessDenied", sts.assume_role, "a role that is not there", 403,
            RoleArn="arn:aws:iam::444455556666:role/nobody", RoleSessionName="boto3")
    refused("ValidationError", sts.assume_role, "a role for ten seconds and a day",
            RoleArn=os.environ["CLOUDSIM_ROLE_B"], RoleSessionName="boto3",
            DurationSeconds=86410)
    external = os.environ.get("CLOUDSIM_ROLE_B_EXTERNAL")
    if external:
        role = {"RoleArn": external, "RoleSessionName": "boto3"}
        sts.assume_role(ExternalId=os.environ["CLOUDSIM_EXTERNAL_ID"], **role)
        refused("AccessDenied", sts.assume_role, "no external id", 403, **role)
        refused("AccessDenied", sts.assume_role, "a wrong one", 403, ExternalId="other", **role)


def check_keys():
    kms, other = client("kms"), as_b("kms")
    own = kms.describe_key(KeyId="alias/data")["KeyMetadata"]
    check((own["KeyManager"], own["KeyState"]) == ("CUSTOMER", "Enabled"), "a key of the customer")
    managed = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
    check(managed["KeyManager"] == "AWS", "and one that AWS manages")
    refused("NotFoundException", kms.describe_key, "a key that is not there", 400,
            KeyId="alias/nothing")
    shared = other.describe_key(KeyId=own["Arn"])["KeyMetadata"]
    check(shared["Arn"] == own["Arn"], "another account sees a key whose policy lets it")
    refused("AccessDeniedException", other.describe_key, "but not another", 400,
            KeyId=kms.describe_key(KeyId="alias/closed")["KeyMetadata"]["Arn"])
    grant = kms.create_grant(KeyId=own["Arn"], Operations=["Decrypt", "CreateGrant"], Name="once",
                             GranteePrincipal="arn:aws:iam::444455556666:root")
    again = kms.create_grant(KeyId=own["Arn"], Operations=["Decrypt", "CreateGrant"], Name="once",
                             GranteePrincipal="arn:aws:iam::444455556666:root")
    check(grant["GrantId"] == again["GrantId"], "a grant, and the same by its name")
    listed = [g["GrantId"] for g in kms.list_grants(KeyId=own["Arn"])["Grants"]]
    check(grant["GrantId"] in listed, "it is listed")
    kms.revoke_grant(KeyId=own["Arn"], GrantId=grant["GrantId"])
    listed = [g["GrantId"] for g in kms.list_grants(KeyId=own["Arn"])["Grants"]]
    check(grant["GrantId"] not in listed, "and revoked")


def check_quotas():
    quotas = client("service-quotas")
    gp3 = {"ServiceCode": "ebs", "QuotaCode": "L-7A658B76"}
    told = quotas.get_service_quota(**gp3)["Quota"]
    usual = quotas.get_aws_default_service_quota(**gp3)["Quota"]
    check(told["Value"] >= usual["Value"] > 0 and told["Adjustable"], f"a quota: {told['Value']}")
    listed = [q["QuotaCode"] for page in quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode="ebs") for q in page["Quotas"]]
    check(gp3["QuotaCode"] in listed, "it is listed")
    asked = quotas.request_service_quota_increase(DesiredValue=told["Value"] + 1, **gp3)
    check(asked["RequestedQuota"]["DesiredValue"] == told["Value"] + 1
          and quotas.get_service_quota(**gp3)["Quota"]["Value"] == told["Value"] + 1,
          "more is asked for, and granted")
    refused("IllegalArgumentException", quotas.request_service_quota_increase, "less", 400,
            DesiredValue=1.0, **gp3)
    refused("NoSuchResourceException", quotas.get_service_quota, "a quota that is not there", 400,
            ServiceCode="ebs", QuotaCode="L-00000000")
    refused("NoSuchResourceException", quotas.list_service_quotas, "another service", 400,
            ServiceCode="ec2")


# ---- who is let in ----

@contextlib.contextmanager
def clock_off_by(minutes):
    """Lets botocore sign by another clock, which it reads in one of three ways."""
    now = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
    fake = types.SimpleNamespace(**vars(datetime))
    fake.datetime = type("Off", (datetime.datetime,), {"utcnow": classmethod(lambda cls: now)})
    with contextlib.ExitStack() as stack:
        for module in ("botocore.auth", "botocore.crt.auth"):
            with contextlib.suppress(ImportError):
                loaded = importlib.import_module(module)
                if hasattr(loaded, "get_current_datetime"):
                    stack.enter_context(unittest.mock.patch.object(
                        loaded, "get_current_datetime", lambda *_, **__: now))
                else:
                    stack.enter_context(unittest.mock.patch.object(loaded, "datetime", fake))
        yield


def check_entry():
    ec2, sts = client("ec2"), client("sts")
    unsigned = {"signature_version": botocore.UNSIGNED}
    refused("MissingAuthenticationToken", client("ec2", **unsigned).describe_regions,
            "EC2 unsigned", 403)
    refused("MissingAuthenticationToken", client("sts", **unsigned).get_caller_identity,
            "STS unsigned", 403)
    refused("AuthFailure", client("ec2", secret="wrong").describe_regions, "EC2, wrong secret",
            401)
    refused("SignatureDoesNotMatch", client("sts", secret="wrong").get_caller_identity,
            "STS, wrong secret", 403)
    refused("AuthFailure", client("ec2", key="AKIANOBODY").describe_regions, "EC2, unknown key",
            401)
    refused("InvalidClientTokenId", client("sts", key="AKIANOBODY").get_caller_identity,
            "STS, unknown key", 403)
    url = ec2.generate_presigned_url("describe_regions", ExpiresIn=1, HttpMethod="GET")
    with urllib.request.urlopen(url) as answer:
        check(answer.status == 200, "a presigned URL")
    time.sleep(2.1)
    try:
        urllib.request.urlopen(url).close()
        check(False, "a presigned URL past its end")
    except urllib.error.HTTPError as error:
        body = error.read().decode()
        check("RequestExpired" in body or "SignatureDoesNotMatch" in body,
              f"a presigned URL past its end: HTTP {error.code}")
    for minutes in (-25, 2000):
        with clock_off_by(minutes):
            refused("RequestExpired", ec2.describe_regions, f"a clock off by {minutes} minutes")
    with clock_off_by(-10):
        ec2.describe_regions()
        check(True, "a clock off by 10 minutes may pass")
    with clock_off_by(-25):
        refused("RequestExpired", sts.get_caller_identity, "the same at STS")


# ---- blocks and metrics of the seeded world ----

def neighbours(ec2, volume):
    """Two snapshots of the volume, one after the other."""
    mine = [{"Name": "volume-id", "Values": [volume]}]
    snapshots = sorted(ec2.describe_snapshots(OwnerIds=["self"], Filters=mine)["Snapshots"],
                       key=lambda s: s["StartTime"])
    return snapshots[-3]["SnapshotId"], snapshots[-2]["SnapshotId"]


def changed_blocks(ebs, first, second):
    pages, blocks, token = 0, [], {}
    while True:
        page = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second,
                                       MaxResults=100, **token)
        pages += 1
        blocks += page["ChangedBlocks"]
        if not page.get("NextToken") or pages == 40:
            return pages, blocks, page
        token = {"NextToken": page["NextToken"]}


def check_blocks(ec2, ebs, volume):
    first, second = neighbours(ec2, volume)
    pages, blocks, page = changed_blocks(ebs, first, second)
    indexes = [block["BlockIndex"] for block in blocks]
    check(pages > 1 and indexes == sorted(set(indexes)), f"{len(blocks)} changed in {pages} pages")
    check(page["BlockSize"] == 524288 and page["ExpiryTime"].year > 2020, "blocks of 512 KiB")
    block = next(b for b in blocks if "SecondBlockToken" in b)
    read = ebs.get_snapshot_block(SnapshotId=second, BlockIndex=block["BlockIndex"],
                                  BlockToken=block["SecondBlockToken"])
    data = read["BlockData"].read()
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    check(len(data) == read["DataLength"] == 524288 and read["Checksum"] == digest and
          read["ChecksumAlgorithm"] == "SHA256", "a block and its checksum")
    for what, arguments in (
            ("a token of another block", {"BlockIndex": block["BlockIndex"] + 1}),
            ("a token of another snapshot", {"SnapshotId": first}),
            ("a forged token", {"BlockToken": "AAAA" + block["SecondBlockToken"][4:]})):
        refused("ValidationException", ebs.get_snapshot_block, what, 400,
                **{"SnapshotId": second, "BlockIndex": block["BlockIndex"],
                   "BlockToken": block["SecondBlockToken"], **arguments})
    refused("ResourceNotFoundException", ebs.list_snapshot_blocks, "blocks of a snapshot unknown",
            404, SnapshotId="snap-" + UNKNOWN)
    refused("ValidationException", ebs.list_snapshot_blocks, "a page token of nobody", 400,
            SnapshotId=second, NextToken="AAAA")
    listed = ebs.list_snapshot_blocks(SnapshotId=second, MaxResults=100)
    check(0 < len(listed["Blocks"]) <= 100 and listed["VolumeSize"] > 2000, "all blocks, by pages")
    refused("ResourceNotFoundException", as_b("ebs").list_snapshot_blocks,
            "blocks of another account's", 404, SnapshotId=second)


def metric(volume, stat="Sum"):
    return [{"Id": "w", "MetricStat": {"Stat": stat, "Period": 300, "Metric": {
        "Namespace": "AWS/EBS", "MetricName": "VolumeWriteBytes",
        "Dimensions": [{"Name": "VolumeId", "Value": volume}]}}}]


def check_metrics(ec2, volume):
    watch = client("cloudwatch")
    newest = max(s["StartTime"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
    now = newest.replace(minute=newest.minute // 5 * 5, second=0, microsecond=0)
    span = {"StartTime": now - datetime.timedelta(hours=6), "EndTime": now,
            "ScanBy": "TimestampAscending"}
    whole = watch.get_metric_data(MetricDataQueries=metric(volume), **span)["MetricDataResults"][0]
    check(whole["StatusCode"] == "Complete" and len(whole["Values"]) == 72,
          f"{len(whole['Values'])} periods of five minutes in six hours")
    pages = list(watch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=metric(volume), MaxDatapoints=30, **span))
    times = [t for page in pages for r in page["MetricDataResults"] for t in r["Timestamps"]]
    check(len(pages) == 3 and times == whole["Timestamps"], f"the same in {len(pages)} pages")
    try:
        watch.get_metric_data(MetricDataQueries=metric(volume), StartTime=now, EndTime=now)
        check(False, "a span of no length")
    except ClientError as error:
        check("Validation" in error.response["Error"]["Code"] or
              "InvalidParameter" in error.response["Error"]["Code"],
              f"a span of no length: {error.response['Error']['Code']}")


# ---- blocks that are written, and devices that show them ----

def digest_of(data):
    return hashlib.sha256(data).digest()


def text_of(digest):
    return base64.b64encode(digest).decode()


def put(ebs, snapshot, index, data, **changed):
    return ebs.put_snapshot_block(**{
        "SnapshotId": snapshot, "BlockIndex": index, "BlockData": data, "DataLength": len(data),
        "Checksum": text_of(digest_of(data)), "ChecksumAlgorithm": "SHA256", **changed})


def complete(ebs, snapshot, blocks):
    """With the LINEAR checksum: the digest of the raw digests."""
    linear = text_of(digest_of(b"".join(digest_of(data) for data in blocks)))
    return ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(blocks), Checksum=linear,
                                 ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR")


def block_of(text):
    return (text.encode() * (524288 // len(text) + 1))[:524288]


ONE, TWO, THREE = block_of("one "), block_of("two "), block_of("three ")


def check_start(ebs, key):
    """What a snapshot is begun with; then one without a parent, of two blocks."""
    arguments = {"VolumeSize": 2, "ClientToken": "once", "Description": "written",
                 "Timeout": 4320, "Tags": tags(by="sdk")}
    made = ebs.start_snapshot(**arguments)
    check((made["Status"], made["VolumeSize"], made["BlockSize"], made["Tags"]) ==
          ("pending", 2, 524288, tags(by="sdk")) and made["StartTime"].year > 2020, "StartSnapshot")
    check(ebs.start_snapshot(**arguments)["SnapshotId"] == made["SnapshotId"], "the same token again")
    refused("ConflictException", ebs.start_snapshot, "the same token, another size", 409,
            **{**arguments, "VolumeSize": 3})
    refused("ResourceNotFoundException", ebs.start_snapshot, "an unknown parent", 404, VolumeSize=2,
            ParentSnapshotId="snap-" + UNKNOWN)
    refused("ValidationException", ebs.start_snapshot, "a parent that is pending", 400, VolumeSize=2,
            ParentSnapshotId=made["SnapshotId"])
    refused("ValidationException", ebs.start_snapshot, "a key, not encrypted", 400, VolumeSize=2,
            KmsKeyArn=key)
    crypt = ebs.start_snapshot(VolumeSize=1, Encrypted=True, KmsKeyArn=key)
    check(crypt["KmsKeyArn"] == key, "an encrypted one")
    return made["SnapshotId"]


def check_puts(ebs, snapshot):
    done = put(ebs, snapshot, 7, ONE)
    check((done["Checksum"], done["ChecksumAlgorithm"]) == (text_of(digest_of(ONE)), "SHA256"),
          "PutSnapshotBlock")
    put(ebs, snapshot, 3, ONE)
    put(ebs, snapshot, 3, TWO)
    check(True, "a block twice: the last one counts")
    for what, arguments in (("a wrong checksum", {"Checksum": text_of(digest_of(TWO))}),
                            ("a length that is none", {"DataLength": 4096}),
                            ("a block past the end", {"BlockIndex": 2 * 2048})):
        refused("ValidationException", put, what, 400,
                **{"ebs": ebs, "snapshot": snapshot, "index": 7, "data": ONE, **arguments})
    refused("ResourceNotFoundException", put, "a block of another account's", 404, ebs=as_b("ebs"),
            snapshot=snapshot, index=1, data=ONE)


def check_completion(ec2, ebs, snapshot):
    refused("ValidationException", ebs.complete_snapshot, "a wrong count of blocks", 400,
            SnapshotId=snapshot, ChangedBlocksCount=3)
    refused("ValidationException", complete, "a LINEAR checksum in another order", 400, ebs=ebs,
            snapshot=snapshot, blocks=(ONE, TWO))
    check(complete(ebs, snapshot, (TWO, ONE))["Status"] == "pending", "CompleteSnapshot, LINEAR")
    waits(ec2, "snapshot_completed", SnapshotIds=[snapshot])
    refused("ValidationException", put, "a block after the end", 400, ebs=ebs, snapshot=snapshot,
            index=1, data=ONE)
    listed = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
    check([block["BlockIndex"] for block in listed] == [3, 7], "its blocks are listed")


def check_child(ec2, ebs, parent):
    """A snapshot on top of it: one block more, one changed, one inherited."""
    child = ebs.start_snapshot(VolumeSize=2, ParentSnapshotId=parent,
                               Timeout=4320)["SnapshotId"]
    put(ebs, child, 3, THREE)
    put(ebs, child, 9, ONE)
    complete(ebs, child, (THREE, ONE))
    waits(ec2, "snapshot_completed", SnapshotIds=[child])
    changed = ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)
    check([block["BlockIndex"] for block in changed["ChangedBlocks"]] == [3, 9],
          "what differs from its parent")
    tokens = {block["BlockIndex"]: block["BlockToken"]
              for block in ebs.list_snapshot_blocks(SnapshotId=child)["Blocks"]}
    read = ebs.get_snapshot_block(SnapshotId=child, BlockIndex=7, BlockToken=tokens[7])
    check(sorted(tokens) == [3, 7, 9] and read["BlockData"].read() == ONE, "and what it inherits")
    return child


def device_of(volume):
    """The block device of an attached volume, as on an instance."""
    link = os.path.join(os.environ["EBSHIFT_DEVICE_DIR"],
                        "nvme-Amazon_Elastic_Block_Store_" + volume.replace("-", ""))
    for _ in range(100):
        if os.path.exists(link):
            return os.path.realpath(link)
        time.sleep(0.05)
    raise AssertionError(f"no device of {volume}")


def check_devices(ec2, snapshot):
    """Volumes of it, attached: their devices hold the blocks; then one cut of both, and away again."""
    instance = os.environ["CLOUDSIM_INSTANCE"]
    volumes = [ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot, VolumeType="gp3",
                                 TagSpecifications=spec("volume", n=str(n)))["VolumeId"]
               for n in range(2)]
    waits(ec2, "volume_available", VolumeIds=volumes)
    for n, volume in enumerate(volumes):
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=f"/dev/sd{'fg'[n]}")
    refused("VolumeInUse", ec2.attach_volume, "a volume in use", 400, VolumeId=volumes[0],
            InstanceId=instance, Device="/dev/sdh")
    waits(ec2, "volume_in_use", VolumeIds=volumes)
    with open(device_of(volumes[1]), "rb") as device:
        device.seek(3 * 524288)
        check(device.read(524288) == THREE, "the device holds what was written through EBS direct")
    made = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": instance, "ExcludeBootVolume": True},
        Description="both", CopyTagsFromSource="volume")["Snapshots"]
    check({s["VolumeId"] for s in made} == set(volumes) and len({s["StartTime"] for s in made}) == 1,
          "CreateSnapshots: one instant for both")
    check(sorted(tag["Value"] for s in made for tag in s["Tags"]) == ["0", "1"], "with their tags")
    for volume in volumes:
        ec2.detach_volume(VolumeId=volume)
    waits(ec2, "volume_available", VolumeIds=volumes)
    refused("IncorrectState", ec2.detach_volume, "a volume that is not attached", 400,
            VolumeId=volumes[0])
    ec2.delete_volume(VolumeId=volumes[0])
    waits(ec2, "volume_deleted", VolumeIds=volumes[:1])


def check_late(ec2, ebs):
    """One that is not completed in time goes to error."""
    late = ebs.start_snapshot(VolumeSize=1, Timeout=10)["SnapshotId"]
    for _ in range(300):
        seen = ec2.describe_snapshots(SnapshotIds=[late])["Snapshots"][0]
        if seen["State"] != "pending":
            break
        time.sleep(0.1)
    check(seen["State"] == "error" and "in time" in seen["StateMessage"], "one never completed")


def check_writes(ec2):
    if os.geteuid() != 0:
        print("SKIP: bytes and devices need root")
        return
    ebs = client("ebs")
    key = client("kms").describe_key(KeyId="alias/data")["KeyMetadata"]["Arn"]
    snapshot = check_start(ebs, key)
    check_puts(ebs, snapshot)
    check_completion(ec2, ebs, snapshot)
    check_devices(ec2, check_child(ec2, ebs, snapshot))
    check_late(ec2, ebs)


# ---- commands ----

def run_command(ssm, command, **parameters):
    instance = os.environ["CLOUDSIM_INSTANCE"]
    sent = ssm.send_command(
        InstanceIds=[instance], DocumentName="AWS-RunShellScript", TimeoutSeconds=30,
        Parameters={"commands": [command], **parameters})["Command"]
    return {"CommandId": sent["CommandId"], "InstanceId": instance}


def end_of(ssm, invocation):
    """The invocation, once it is over."""
    for _ in range(300):
        with contextlib.suppress(ssm.exceptions.InvocationDoesNotExist):
            seen = ssm.get_command_invocation(**invocation)
            if seen["Status"] not in ("Pending", "InProgress", "Delayed", "Cancelling"):
                return seen["Status"], seen["StatusDetails"], seen["StandardOutputContent"]
        time.sleep(0.1)
    raise AssertionError("the command never ends")


def check_commands():
    ssm = client("ssm")
    sent = run_command(ssm, "echo seen; id -u")
    refused("InvocationDoesNotExist", ssm.get_command_invocation, "at first there is no invocation",
            400, **sent)
    ssm.get_waiter("command_executed").wait(WaiterConfig={"Delay": 1}, **sent)
    check(end_of(ssm, sent) == ("Success", "Success", f"seen\n{os.geteuid()}\n"), "a command")
    check(end_of(ssm, run_command(ssm, "echo half; exit 3")) == ("Failed", "Failed", "half\n"),
          "one that fails")
    late = run_command(ssm, "echo begun; sleep 60", executionTimeout=["1"])
    check(end_of(ssm, late) == ("TimedOut", "ExecutionTimedOut", "begun\n"), "one that takes too long")
    stopped = run_command(ssm, "echo begun; sleep 60")
    time.sleep(0.7)
    ssm.cancel_command(CommandId=stopped["CommandId"])
    check(end_of(ssm, stopped)[:2] == ("Cancelled", "Cancelled"), "one that is cancelled")
    early = run_command(ssm, "sleep 60")
    ssm.cancel_command(CommandId=early["CommandId"])
    check(end_of(ssm, early) == ("Cancelled", "Cancelled", ""), "one cancelled before it began")
    refused("InvalidCommandId", ssm.cancel_command, "no such command", 400,
            CommandId="00000000-0000-4000-8000-000000000000")
    refused("InvalidInstanceId", ssm.send_command, "no such instance", 400,
            InstanceIds=["i-" + UNKNOWN], DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["true"]})
    wanted = [{"Key": "InstanceIds", "Values": [os.environ["CLOUDSIM_INSTANCE"]]}]
    answering = ssm.describe_instance_information(Filters=wanted)["InstanceInformationList"]
    check([(i["InstanceId"], i["PingStatus"]) for i in answering] ==
          [(os.environ["CLOUDSIM_INSTANCE"], "Online")], "which instance answers")


def quick():
    """An empty world: everything but bytes."""
    ec2 = client("ec2")
    volumes, snapshots = make_volumes(ec2, 7)
    check_pages(ec2, 7)
    check_filters(ec2)
    check_dry_runs(ec2, volumes[0], snapshots[0])
    check_client_token(ec2)
    check_tag_limits(ec2, snapshots[1])
    check_ids(ec2, volumes[0], snapshots[0])
    check_copy(snapshots[2])
    check_sharing(ec2, snapshots[3])
    check_roles()
    check_keys()
    check_quotas()
    check_entry()
    check_writes(ec2)
    check_commands()


def seeded():
    """A world with a past: blocks and metrics."""
    ec2, volume = client("ec2"), os.environ["CLOUDSIM_VOLUME"]
    check_blocks(ec2, client("ebs"), volume)
    check_metrics(ec2, volume)


def old():
    """A world where a week passes in seconds: tokens end."""
    ec2, ebs = client("ec2"), client("ebs")
    first, second = neighbours(ec2, os.environ["CLOUDSIM_VOLUME"])
    pair = {"FirstSnapshotId": first, "SecondSnapshotId": second, "MaxResults": 100}
    page = ebs.list_changed_blocks(**pair)
    block = page["ChangedBlocks"][0]
    time.sleep(16)
    refused("ValidationException", ebs.list_changed_blocks, "a page token after a week", 400,
            NextToken=page["NextToken"], **pair)
    refused("ValidationException", ebs.get_snapshot_block, "a block token after a week", 400,
            SnapshotId=second, BlockIndex=block["BlockIndex"],
            BlockToken=block.get("SecondBlockToken") or block["FirstBlockToken"])


if __name__ == "__main__":
    print(f"boto3 {boto3.__version__}")
    {"quick": quick, "seeded": seeded, "old": old}[sys.argv[1]]()
    sys.exit(1 if FAILED else 0)

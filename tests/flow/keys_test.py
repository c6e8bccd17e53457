"""Debian's botocore judges cloudsim's keys: what AWS shows and refuses of KMS, of sharing under keys,
of roles with an external id, and what the other account then sees.

usage: keys_test.py PATH-TO-CLOUDSIM
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

try:
    import botocore.config
    import botocore.exceptions
    import botocore.session
except ImportError:
    print("SKIP: needs Debian's python3-botocore")
    sys.exit(77)

A, B = "111122223333", "444455556666"
EBS_OPERATIONS = ["Decrypt", "DescribeKey", "CreateGrant", "GenerateDataKeyWithoutPlaintext",
                  "ReEncryptFrom", "ReEncryptTo"]


def check(condition, message):
    if not condition:
        raise AssertionError(message)
    print(f"ok: {message}", flush=True)


def refused(code, call, *words, **parameters):
    """The call must fail with that error code."""
    try:
        call(*words, **parameters)
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]["Code"]
        check(found == code, f"{call.__name__} is refused with {code} {'' if found == code else found}")
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def until(message, probe):
    for _ in range(300):
        if probe():
            check(True, message)
            return
        time.sleep(0.1)
    raise AssertionError(f"never: {message}")


class Account:
    """Clients of one principal, by service and region."""

    def __init__(self, endpoint, key, secret, token=None):
        self.endpoint, self.keys = endpoint, (key, secret, token)
        self.session = botocore.session.Session()

    def client(self, service, region="us-east-1"):
        key, secret, token = self.keys
        return self.session.create_client(
            service, region_name=region, endpoint_url=self.endpoint, aws_access_key_id=key,
            aws_secret_access_key=secret, aws_session_token=token,
            config=botocore.config.Config(retries={"max_attempts": 0}))


def environment(cloudsim, state):
    text = subprocess.run([cloudsim, "env", "--state", state], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    lines = [line.removeprefix("export ").partition("=") for line in text.splitlines()]
    return {name: value.strip("'") for name, _, value in lines}


def test_roles(env, a):
    sts = a.client("sts")
    role, external = env["CLOUDSIM_ROLE_B_EXTERNAL"], env["CLOUDSIM_EXTERNAL_ID"]
    got = sts.assume_role(RoleArn=role, RoleSessionName="check", ExternalId=external)
    check(got["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{B}:assumed-role/ebshift-external"),
          "a role is assumed with its external id")
    refused("AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="check")
    refused("AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="check",
            ExternalId="contract-43")


def test_describe(a, b):
    kms, other = a.client("kms"), b.client("kms")
    managed = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
    check((managed["KeyManager"], managed["KeyState"], managed["KeySpec"], managed["AWSAccountId"])
          == ("AWS", "Enabled", "SYMMETRIC_DEFAULT", A), "alias/aws/ebs is managed by AWS")
    aliases = {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]}
    check(aliases == {"alias/aws/ebs", "alias/closed", "alias/data"}, "aliases are listed")
    arns = {name: kms.describe_key(KeyId="alias/" + name)["KeyMetadata"]["Arn"]
            for name in ("data", "closed")}
    check(other.describe_key(KeyId=arns["data"])["KeyMetadata"]["KeyManager"] == "CUSTOMER",
          "an open key is described to the other account")
    refused("AccessDeniedException", other.describe_key, KeyId=arns["closed"])
    refused("AccessDeniedException", other.describe_key, KeyId=managed["Arn"])
    refused("NotFoundException", kms.describe_key, KeyId="alias/none")
    refused("NotFoundException", a.client("kms", "eu-west-1").describe_key, KeyId=arns["data"])
    return arns


class Copies:
    """Snapshots under keys, and copies of them by either account."""

    def __init__(self, a, b):
        self.a, self.b = a.client("ec2"), b.client("ec2")
        volume = self.a.create_volume(Size=1, AvailabilityZone="us-east-1a")["VolumeId"]
        until("a volume is made",
              lambda: self.a.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
        self.plain = self.a.create_snapshot(VolumeId=volume)["SnapshotId"]
        self.wait(self.a, self.plain, "completed", "its snapshot completes")

    @staticmethod
    def look(ec2, snapshot):
        return ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]

    def wait(self, ec2, snapshot, state, message):
        until(message, lambda: self.look(ec2, snapshot)["State"] != "pending")
        seen = self.look(ec2, snapshot)
        check(seen["State"] == state, f"{message}: {state}")
        return seen

    @staticmethod
    def copy(ec2, snapshot, key=None, source="us-east-1"):
        words = {"Encrypted": True} if key else {}
        if key and key != "default":
            words["KmsKeyId"] = key
        return ec2.copy_snapshot(SourceRegion=source, SourceSnapshotId=snapshot, **words)["SnapshotId"]

    def share(self, snapshot):
        self.a.modify_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission",
                                         CreateVolumePermission={"Add": [{"UserId": B}]})


def test_sharing(copies, kms, other_kms, b, closed):
    a_ec2, b_ec2 = copies.a, copies.b
    managed = copies.copy(a_ec2, copies.plain, "default")
    copies.wait(a_ec2, managed, "completed", "a copy without a key name falls under the managed key")
    refused("OperationNotPermitted", a_ec2.modify_snapshot_attribute, SnapshotId=managed,
            Attribute="createVolumePermission",
            CreateVolumePermission={"Add": [{"UserId": B}]})
    secret = copies.copy(a_ec2, copies.plain, "alias/closed")
    copies.wait(a_ec2, secret, "completed", "a copy under a customer key")
    refused("InvalidSnapshot.NotFound", b_ec2.copy_snapshot, SourceRegion="us-east-1",
            SourceSnapshotId=secret, Encrypted=True, KmsKeyId="alias/data")
    copies.share(secret)
    blind = copies.wait(b_ec2, copies.copy(b_ec2, secret, "alias/data"), "error",
                        "shared, under a key that is not")
    check(blind["StateMessage"] == "Given key ID is not accessible", "and the snapshot says why")

    words = {"KeyId": closed, "Name": "run-1", "GranteePrincipal": f"arn:aws:iam::{B}:root",
             "Operations": EBS_OPERATIONS}
    grant = kms.create_grant(**words)
    check(kms.create_grant(**words)["GrantId"] == grant["GrantId"], "a grant of one name is made once")
    listed = kms.list_grants(KeyId=closed)["Grants"]
    check([g["GranteePrincipal"] for g in listed] == [words["GranteePrincipal"]], "it is listed")

    def known():
        try:
            return other_kms.describe_key(KeyId=closed)
        except botocore.exceptions.ClientError:
            return None
    until("after some seconds it is known", known)
    copies.wait(b_ec2, copies.copy(b_ec2, secret, "alias/data"), "completed", "a copy by the grant")
    far = b.client("ec2", "eu-west-1")
    copies.wait(far, copies.copy(far, secret, "alias/data"), "error",
                "nobody promises account and region in one step")
    kms.revoke_grant(KeyId=closed, GrantId=grant["GrantId"])
    refused("NotFoundException", kms.revoke_grant, KeyId=closed, GrantId=grant["GrantId"])
    refused("AccessDeniedException", other_kms.describe_key, KeyId=closed)
    return secret


def test_states(copies, kms, closed, secret):
    kms.disable_key(KeyId=closed)
    facts = kms.describe_key(KeyId=closed)["KeyMetadata"]
    check((facts["KeyState"], facts["Enabled"]) == ("Disabled", False), "a disabled key says so")
    refused("DisabledException", kms.create_grant, KeyId=closed, Operations=["Decrypt"],
            GranteePrincipal=f"arn:aws:iam::{B}:root")
    copies.wait(copies.a, copies.copy(copies.a, secret, "alias/data"), "error",
                "nothing can be read under a disabled key")
    kms.enable_key(KeyId=closed)
    check(kms.schedule_key_deletion(KeyId=closed, PendingWindowInDays=7)["KeyState"]
          == "PendingDeletion", "a key waits for its deletion")
    refused("KMSInvalidStateException", kms.create_grant, KeyId=closed, Operations=["Decrypt"],
            GranteePrincipal=f"arn:aws:iam::{B}:root")
    kms.cancel_key_deletion(KeyId=closed)
    kms.enable_key(KeyId=closed)


def test_policies(copies, kms, closed, secret):
    policy = json.loads(kms.get_key_policy(KeyId=closed, PolicyName="default")["Policy"])
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "kms:ReEncrypt*",
                                "Resource": "*"})
    kms.put_key_policy(KeyId=closed, PolicyName="default", Policy=json.dumps(policy))
    copies.wait(copies.a, copies.copy(copies.a, secret, "alias/data"), "error",
                "a policy denies its owner a right")
    refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=closed,
            PolicyName="default", Policy='{"Statement": {}}')
    volume = copies.a.create_volume(SnapshotId=secret, AvailabilityZone="us-east-1a")["VolumeId"]
    mine = [{"Name": "volume-id", "Values": [volume]}]
    until("a volume that may not use its key vanishes",
          lambda: not copies.a.describe_volumes(Filters=mine)["Volumes"])


def run(cloudsim, state):
    env = environment(cloudsim, state)
    endpoint = env["AWS_ENDPOINT_URL"]
    a = Account(endpoint, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    b = Account(endpoint, env["CLOUDSIM_B_KEY"], env["CLOUDSIM_B_SECRET"])
    kms = a.client("kms")
    test_roles(env, a)
    arns = test_describe(a, b)
    copies = Copies(a, b)
    secret = test_sharing(copies, kms, b.client("kms"), b, arns["closed"])
    test_states(copies, kms, arns["closed"], secret)
    test_policies(copies, kms, arns["closed"], secret)


def main(cloudsim):
    os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/nonexistent",
                      AWS_SHARED_CREDENTIALS_FILE="/nonexistent")
    with tempfile.TemporaryDirectory() as place:
        state = pathlib.Path(place) / "state"
        server = subprocess.Popen([cloudsim, "--listen", "127.0.0.1:0", "--state", state,
                                   "--time-scale", "600", "--seed", "42"])
        try:
            run(cloudsim, state)
        finally:
            server.terminate()
            server.wait()
            subprocess.run([cloudsim, "clean", "--state", state], check=False)


if __name__ == "__main__":
    main(sys.argv[1])

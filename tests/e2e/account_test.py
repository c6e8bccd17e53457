"""A live PostgreSQL moves to another account: in its region, to another one at once, from under a
key that cannot be shared, and against a missing right. Every time its bytes are read on the other
side, and nothing stays lent."""

import copy
import json

import harness as h
from scene import Scene

A, B = "111122223333", "444455556666"


class Owner:
    """What one account sees, asked by awscli in its name."""

    def __init__(self, cloud, key, secret):
        self.cloud = copy.copy(cloud)
        self.cloud.env = {**cloud.env, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def ask(self, region, *words):
        return self.cloud.aws(*words, region=region)

    def key_arn(self, alias, region):
        return self.ask(region, "kms", "describe-key", "--key-id", alias)["KeyMetadata"]["Arn"]


class Move:
    """A scene with two accounts, and how it is moved into the other one."""

    def __init__(self, place, key):
        self.scene = Scene(place, time_scale=3000, key=key)
        cloud, env = self.scene.cloud, self.scene.cloud.env
        self.cloud = cloud
        self.a = Owner(cloud, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        self.b = Owner(cloud, env["CLOUDSIM_B_KEY"], env["CLOUDSIM_B_SECRET"])
        self.scene.init()
        self.ledger = h.Ledger(self.scene.server)
        self.ledger.wait_for(50)

    def target(self, region, *more):
        """The options of a move into account B."""
        env = self.cloud.env
        instance = env["CLOUDSIM_B_INSTANCE" if region == "us-east-1"
                       else "CLOUDSIM_B_TARGET_INSTANCE"]
        return ["--config", self.scene.config, "--to-account", B, "--to-region", region,
                "--to-zone", region + "a", "--to-instance", instance, *more]

    def plan(self, target):
        out, _ = self.cloud.ebshift("plan", *target, "--window", self.scene.window(), "--json",
                                    "--confidence", "0.5")
        return h.last_document(out)

    def run(self, target, code=0):
        return self.cloud.ebshift("migrate", *target, "--no-fence", "--json", "--force",
                                  "--window", self.scene.window(after_hours=1), code=code)

    def check_bytes(self, summary, before):
        """The server starts on the copies and has every row acknowledged before; then back."""
        scene = self.scene
        self.ledger.stop()
        h.check(all(volume["instance_id"] for volume in summary["volumes"]),
                "the volumes are attached to the other account's instance")
        scene.start_on_copies(summary)
        lost = set(self.ledger.acknowledged[:before]) - h.rows_of(scene.server)
        h.check(not lost, f"all {before} rows acknowledged before the run are there")
        scene.server.stop("fast")
        h.check("Bad checksums:  0" in scene.server.checksums(), "pg_checksums finds nothing")
        scene.start_on(scene.volumes)
        self.ledger.go_on()

    def migrate(self, target):
        before = len(self.ledger.acknowledged)
        out, _ = self.run(target)
        summary = h.last_document(out)
        h.check(summary["state"] == "done", "the run is done")
        self.check_bytes(summary, before)
        return summary

    def world(self):
        """The truth of the simulator, as it stores it."""
        return json.loads((self.cloud.state / "state.json").read_text())

    def check_nothing_lent(self):
        world = self.world()
        h.check(not [s["id"] for s in world["snapshots"] if s["shared_with"] and not s["gone"]],
                "no share is left")
        h.check(not [key["arn"] for key in world["keys"] if key["grants"]], "no grant is left")

    def copies(self, account, region):
        """The copies in a place, oldest first."""
        return [s for s in self.world()["snapshots"] if s["is_copy"] and not s["gone"]
                and (s["account"], s["region"]) == (account, region)]

    def check_increments(self, account, region, key):
        """The first copy of each volume is full, the others are not, all under one key."""
        copies = self.copies(account, region)
        parts = [round(s["moved_bytes"] / s["full_size_bytes"], 2) for s in copies]
        h.check(len(parts) >= 4 and parts[:2] == [1, 1] and max(parts[2:]) < 0.8,
                f"copies in {account}/{region} are incremental after the first: {parts}")
        owner = self.a if account == A else self.b
        h.check({s["key_arn"] for s in copies} == {owner.key_arn(key, region)}, f"and under {key}")


def test_region(move):
    """Another account, same region; the key is lent by a grant, the role asks for an external id."""
    target = move.target("us-east-1", "--to-role", move.cloud.env["CLOUDSIM_ROLE_B_EXTERNAL"],
                         "--kms-key-id", move.b.key_arn("alias/data", "us-east-1"))
    _, told = move.cloud.ebshift("plan", *target, "--window", move.scene.window(), code=6)
    h.check("AssumeRole" in told, "without its external id the role is refused")
    target += ["--external-id", move.cloud.env["CLOUDSIM_EXTERNAL_ID"]]
    plan = move.plan(target)
    h.check(plan["final"]["copy_seconds"]["p50"] > 0, "the plan counts the copy into the account")
    summary = move.migrate(target)
    h.check(len(summary["rounds"]) >= 2, f"{len(summary['rounds'])} rounds, the final one included")
    move.check_nothing_lent()
    move.check_increments(B, "us-east-1", "alias/data")
    return plan


def test_both(move, near):
    """Account and region at once: the source account copies across, the target account over."""
    target = move.target("eu-west-1", "--to-role", move.cloud.env["CLOUDSIM_ROLE_B"],
                         "--kms-key-id", move.b.key_arn("alias/data", "eu-west-1"))
    _, told = move.cloud.ebshift("plan", *target, "--window", move.scene.window(), code=2)
    h.check("via.kms_key_id" in told, "the key on the way has to be named")
    target += ["--via-kms-key-id", move.a.key_arn("alias/closed", "eu-west-1")]
    plan = move.plan(target)
    hops = [(hop["region"], hop["account_id"]) for hop in plan["copies"]]
    h.check(hops == [("eu-west-1", ""), ("eu-west-1", B)], f"the plan names the copies: {hops}")
    # Of the first rounds, which carry everything, the run in between has taught something.
    h.check(plan["final"]["copy_seconds"]["p50"] > 1.3 * near["final"]["copy_seconds"]["p50"],
            "the forecast knows of two copies")
    move.migrate(target)
    move.check_nothing_lent()
    move.check_increments(A, "eu-west-1", "alias/closed")
    move.check_increments(B, "eu-west-1", "alias/data")


def deny(owner, region, alias, principal, action):
    """Adds a statement to the key's policy; gives back how to undo it."""
    arn = owner.key_arn(alias, region)
    name = ("--key-id", arn, "--policy-name", "default")
    old = owner.ask(region, "kms", "get-key-policy", *name)["Policy"]
    policy = json.loads(old)
    policy["Statement"].append({"Effect": "Deny", "Principal": {"AWS": principal},
                                "Action": action, "Resource": "*"})
    owner.ask(region, "kms", "put-key-policy", *name, "--policy", json.dumps(policy))
    return lambda: owner.ask(region, "kms", "put-key-policy", *name, "--policy", old)


def test_missing_right(move):
    """A right that can be asked about is missed beforehand, one that cannot is named afterwards."""
    role = move.cloud.env["CLOUDSIM_ROLE_B"]
    key = move.b.key_arn("alias/data", "us-east-1")
    target = move.target("us-east-1", "--to-role", role, "--kms-key-id", key)
    before = [owner.cloud.objects("us-east-1") for owner in (move.a, move.b)]

    undo = deny(move.b, "us-east-1", "alias/data", role, "kms:GenerateDataKeyWithoutPlaintext")
    _, told = move.cloud.ebshift("plan", *target, "--window", move.scene.window(), code=6)
    h.check("ebshift-target" in told and "kms:GenerateDataKeyWithoutPlaintext" in told
            and key in told, "plan names right, key and principal")
    undo()

    source_key = move.a.key_arn("alias/closed", "us-east-1")
    undo = deny(move.a, "us-east-1", "alias/closed", role, "kms:Decrypt")
    _, told = move.run(target, code=6)
    h.check("ebshift-target" in told and "kms:Decrypt" in told and source_key in told,
            "a copy that fails afterwards names right, key and principal")
    out, _ = move.cloud.ebshift("status", "--config", move.scene.config)
    h.check(f"us-east-1 -> us-east-1 in account {B}" in out, "status names the other account")
    move.cloud.ebshift("abort", "--config", move.scene.config)
    h.check(True, "abort knows the role that the run began with")
    move.check_nothing_lent()
    after = [owner.cloud.objects("us-east-1") for owner in (move.a, move.b)]
    h.check(before == after, "abort leaves nothing behind in either account")
    undo()


def test_customer_key(place):
    move = Move(place, "alias/closed")
    near = test_region(move)
    test_both(move, near)
    test_missing_right(move)
    move.ledger.stop()
    move.scene.check_integrity()


def test_managed_key(place):
    """Under alias/aws/ebs nothing can be shared: the way leads through another region."""
    move = Move(place, "alias/aws/ebs")
    target = move.target("us-east-1", "--to-role", move.cloud.env["CLOUDSIM_ROLE_B"],
                         "--kms-key-id", move.b.key_arn("alias/data", "us-east-1"))
    _, told = move.cloud.ebshift("plan", *target, "--window", move.scene.window(), code=2)
    h.check("cannot be shared" in told and "--via-region" in told,
            "plan says that the managed key is in the way, and what helps")
    target += ["--via-region", "eu-west-1",
               "--via-kms-key-id", move.a.key_arn("alias/closed", "eu-west-1")]
    move.migrate(target)
    move.check_nothing_lent()
    move.check_increments(A, "eu-west-1", "alias/closed")
    move.check_increments(B, "eu-west-1", "alias/aws/ebs")
    move.check_increments(B, "us-east-1", "alias/data")
    move.ledger.stop()


if __name__ == "__main__":
    h.main(test_customer_key)
    h.main(test_managed_key)

"""Whole moves with exactly the rights that `ebshift policy` prints, and what happens without one: every
right that can be asked about is missed by preflight, which names it and its side.

usage: policy_test.py [--all]   every right taken away in turn, into another account too
"""

import json
import sys

import harness as h
from account_test import A, B, Owner
from scene import Scene

SOURCE_ROLE = f"arn:aws:iam::{A}:role/ebshift-source"
TARGET_ROLE = f"arn:aws:iam::{B}:role/ebshift-target"
# What EBS uses in the principal's name, and what only an instance shows: nobody can ask.
UNASKED = {"kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant/ByEbs"}

# What only preflight looks at: without it, it warns (tests/flow/quota_test.py).
AHEAD = {"servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"}


class World:
    """A scene whose ebshift acts as a role that may do nothing until it is given something."""

    def __init__(self, place, target_account, region=None):
        self.scene = Scene(place, time_scale=3000, key="alias/closed")
        self.scene.init()
        self.cloud, self.env = self.scene.cloud, self.scene.cloud.env
        self.a = Owner(self.cloud, self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"])
        self.b = Owner(self.cloud, self.env["CLOUDSIM_B_KEY"], self.env["CLOUDSIM_B_SECRET"])
        profiles = place.path / "aws-config"
        profiles.write_text(f"[profile mover]\nrole_arn = {SOURCE_ROLE}\n"
                            "credential_source = Environment\n")
        self.as_role = {"AWS_CONFIG_FILE": str(profiles)}
        self.move = ["--config", self.scene.config]
        self.holder = (self.a, SOURCE_ROLE)
        self.one_role = target_account == A
        if target_account == A:
            self.move += ["--kms-key-id", self.a.key_arn("alias/data", "eu-west-1")]
        else:
            self.holder = (self.b, TARGET_ROLE)
            self.move += self.account_options(region)
        # Printed by somebody who may look, for somebody who may nothing yet.
        out, _ = self.cloud.ebshift("policy", *self.move, "--principal", SOURCE_ROLE)
        self.policies = json.loads(out)
        h.check(self.policies["schema"] == "ebshift.policy.1", "policies are printed")
        self.give_all()

    def account_options(self, region):
        """Of a move to account B, in the source's region or at once to another one."""
        words = ["--to-account", B, "--to-role", TARGET_ROLE]
        if region is None:
            return words + ["--to-region", "us-east-1", "--to-zone", "us-east-1a", "--to-instance",
                            self.env["CLOUDSIM_B_INSTANCE"],
                            "--kms-key-id", self.b.key_arn("alias/data", "us-east-1")]
        return words + ["--to-region", region, "--to-zone", region + "a", "--to-instance",
                        self.env["CLOUDSIM_B_TARGET_INSTANCE"],
                        "--kms-key-id", self.b.key_arn("alias/data", region),
                        "--via-kms-key-id", self.a.key_arn("alias/closed", region)]

    def close_key(self, arn, lost=None):
        """Puts the printed statements on a key, and nothing else but how to change them back: it leaves
        it no more to IAM who uses it. `lost` is a statement's Sid and an action taken out of it."""
        _, _, _, region, account, _ = arn.split(":", 5)
        policy = json.loads(json.dumps(self.policies["keys"][arn]))
        for statement in policy["Statement"]:
            statement["Action"] = [a for a in statement["Action"] if (statement["Sid"], a) != lost]
        policy["Statement"] = [{"Sid": "Admin", "Effect": "Allow", "Resource": "*",
                                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                                "Action": ["kms:GetKeyPolicy", "kms:PutKeyPolicy"]},
                               *[s for s in policy["Statement"] if s["Action"]]]
        (self.a if account == A else self.b).ask(
            region, "kms", "put-key-policy", "--key-id", arn, "--policy-name", "default",
            "--policy", json.dumps(policy))

    def give(self, side, policy):
        owner, role = (self.a, SOURCE_ROLE) if side in ("source", "watcher") else self.holder
        owner.ask("us-east-1", "iam", "put-role-policy", "--role-name", role.split("/")[1],
                  "--policy-name", side, "--policy-document", json.dumps(policy))

    def give_all(self):
        self.give("source", self.policies["source"])
        self.give("target", self.policies["target"])

    def ebshift(self, verb, *words, code=0):
        return self.cloud.ebshift(verb, *self.move, "--profile", "mover", *words, code=code,
                                  env=self.as_role)

    def migrate(self, code=0):
        return self.ebshift("migrate", "--no-fence", "--json", "--force", "--window",
                            self.scene.window(after_hours=1), code=code)

    def rights(self):
        """Side and action of every right, those of EBS's own grants apart."""
        found = []
        for side in ("source", "target"):
            for statement in self.policies[side]["Statement"]:
                for action in statement["Action"]:
                    mark = "/ByEbs" if "GrantByEbs" in statement["Sid"] else ""
                    if (side, action + mark) not in found:
                        found.append((side, action + mark))
        return found

    def without(self, side, action):
        """The policy of a side less one action."""
        name, _, mark = action.partition("/")
        policy = json.loads(json.dumps(self.policies[side]))
        for statement in policy["Statement"]:
            if name == "kms:CreateGrant" and ("GrantByEbs" in statement["Sid"]) != bool(mark):
                continue
            statement["Action"] = [a for a in statement["Action"] if a != name]
        policy["Statement"] = [s for s in policy["Statement"] if s["Action"]]
        return policy


def is_any(resources):
    return "*" in resources


def check_documents(policies):
    """Nothing is wider than IAM makes it, and what undoes stands apart."""
    statements = [s for side in ("source", "target", "watcher")
                  for s in policies[side]["Statement"]]
    wide = [s for s in statements if is_any(s["Resource"])]
    h.check(all("aws:RequestedRegion" in s["Condition"]["StringEquals"] for s in wide),
            "what has no resources is bound to regions")
    actions = {a for s in wide for a in s["Action"]}
    h.check(all(":Describe" in a or a == "cloudwatch:GetMetricData" or a in AHEAD for a in actions),
            f"only lists name no resource: {sorted(actions)}")
    apart = [s["Sid"] for s in statements
             if any(word in a for a in s["Action"] for word in (":Delete", ":Detach", ":Revoke"))]
    h.check(apart and all(sid.startswith("EbshiftUndo") for sid in apart),
            "what deletes has statements of its own")
    changes = [a for s in policies["watcher"]["Statement"] for a in s["Action"]
               if a.split(":")[1].startswith(("Create", "Delete", "Copy", "Modify", "Attach"))]
    h.check(not changes, "a watcher changes nothing")


def test_taken_away(world, share, rights=None):
    """Each right in turn: preflight says no-go, names it and whose it is. Where one role is both sides,
    it loses the right on both."""
    missed = 0
    world.ebshift("preflight")
    for side, action in (rights or world.rights())[::share]:
        if action in UNASKED | AHEAD:
            continue
        sides = ("source", "target") if world.one_role else (side,)
        for each in sides:
            world.give(each, world.without(each, action))
        try:
            out, told = world.ebshift("preflight", "--json", code=3)
        except AssertionError as error:
            raise AssertionError(f"without {side}'s {action}") from error
        world.give_all()
        # Who may not become the target's principal is told so before any right is asked about.
        named = action if action == "sts:AssumeRole" else f"the {side} lacks {action}"
        if named not in out + told:
            raise AssertionError(f"without {side}'s {action} preflight says:\n{out}{told}")
        missed += 1
    h.check(missed > 0, f"preflight finds and names each of {missed} rights taken away")


def test_canary(world):
    """What nobody can ask about, a canary finds out; it has rights of its own."""
    out, _ = world.cloud.ebshift("policy", *world.move, "--canary", "--principal", SOURCE_ROLE)
    plain, world.policies = world.policies, json.loads(out)
    world.give_all()
    world.ebshift("preflight", "--canary")
    found = [right for right in world.rights() if right[1] in UNASKED]
    for side, action in found:
        sides = ("source", "target") if world.one_role else (side,)
        for each in sides:
            world.give(each, world.without(each, action))
        try:
            out, told = world.ebshift("preflight", "--json", "--canary", code=3)
        except AssertionError as error:
            raise AssertionError(f"a canary without {side}'s {action}") from error
        world.give_all()
        h.check("kms:" in out + told or "key" in out + told,
                f"the canary dies without {side}'s {action}")
    world.policies = plain
    world.give_all()
    h.check(found, f"a canary finds {len(found)} rights that cannot be asked about")


def test_migrate_without(world):
    """Where nobody asked beforehand, the run says what was not allowed, and abort removes the rest."""
    world.give("target", world.without("target", "ec2:CreateVolume"))
    _, told = world.migrate(code=6)
    h.check("CreateVolume" in told and "policy" in told, "migrate names the call and the remedy")
    world.give_all()
    world.ebshift("abort")
    snapshots, volumes = world.scene.made()
    h.check(not snapshots and not volumes, "abort needs no more than the printed rights")


def test_watcher(world):
    """Whoever only looks can look, and not move."""
    owner, _ = world.holder
    owner.ask("us-east-1", "iam", "delete-role-policy", "--role-name", "ebshift-source",
              "--policy-name", "target")
    owner.ask("us-east-1", "iam", "delete-role-policy", "--role-name", "ebshift-source",
              "--policy-name", "source")
    world.give("watcher", world.policies["watcher"])
    world.ebshift("history")
    world.ebshift("plan", "--window", world.scene.window(), "--confidence", "0.5")
    world.ebshift("status")
    world.migrate(code=6)
    h.check(True, "a watcher sees history, plan and status, and cannot migrate")


def test_region(place):
    world = World(place, A)
    check_documents(world.policies)
    out, _ = world.migrate()
    h.check(h.last_document(out)["state"] == "done", "the printed rights are enough for a region")
    test_taken_away(world, 1 if "--all" in sys.argv else 7)
    if "--all" in sys.argv:
        test_canary(world)
    test_migrate_without(world)
    test_watcher(world)


def test_account(place):
    world = World(place, B)
    check_documents(world.policies)
    out, _ = world.migrate()
    h.check(h.last_document(out)["state"] == "done", "the printed rights are enough for an account")
    test_taken_away(world, 1)
    test_canary(world)


def test_keys_taken_away(world):
    """The same for what the policies of keys say, but for what EBS does itself or a grant gives."""
    missed = 0
    for arn, policy in world.policies["keys"].items():
        for statement in policy["Statement"]:
            lent = B in statement["Principal"]["AWS"] and f":{A}:" in arn
            for action in statement["Action"]:
                if "ByEbs" in statement["Sid"] or lent or "OfBlocks" in statement["Sid"]:
                    continue
                world.close_key(arn, (statement["Sid"], action))
                out, told = world.ebshift("preflight", "--json", code=3)
                world.close_key(arn)
                if action not in out + told:
                    raise AssertionError(f"without {statement['Sid']} {action} on {arn}:\n{out}{told}")
                missed += 1
    h.check(missed >= 6, f"preflight misses each of {missed} actions taken off a key")


def test_both(place):
    """Account and region at once, with the printed rights, under keys whose policies say what was
    printed and no more."""
    world = World(place, B, region="eu-west-1")
    check_documents(world.policies)
    h.check(len(world.policies["keys"]) == 3, "there are statements for the keys of all hops")
    for arn in world.policies["keys"]:
        world.close_key(arn)
    world.ebshift("preflight")
    ledger = h.Ledger(world.scene.server)
    ledger.wait_for(50)
    before = len(ledger.acknowledged)
    out, _ = world.migrate()
    ledger.stop()
    summary = h.last_document(out)
    h.check(summary["state"] == "done",
            "the printed rights are enough for account and region, and those of the keys")
    world.scene.start_on_copies(summary)
    h.check(not set(ledger.acknowledged[:before]) - h.rows_of(world.scene.server),
            f"all {before} rows acknowledged before are there")
    world.scene.start_on(world.scene.volumes)
    if "--all" in sys.argv:
        test_keys_taken_away(world)
        test_taken_away(world, 3, [right for right in world.rights() if "kms:" not in right[1]])


if __name__ == "__main__":
    h.main(test_region)
    if "--all" in sys.argv:
        h.main(test_account)
        h.main(test_both)

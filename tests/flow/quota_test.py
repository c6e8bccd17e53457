"""What an account may have is asked of Service Quotas before the night: a volume that does not fit
would be refused by the last call of a series. Debian's awscli is the judge of the service."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position

GP3, IO2_IOPS, SNAPSHOTS = "L-7A658B76", "L-8D977E7E", "L-309BACF6"
ROLE = "ebshift-source"
B = "444455556666"


class Account:
    """A cloud with a large volume and little room elsewhere, and preflight of its move."""

    def __init__(self, place):
        self.place = place
        self.cloud = h.Cloud(place, world="seeded", options=[
            "--quota", f"eu-west-1:{GP3}=2", "--quota", f"us-east-1:{SNAPSHOTS}=50"])
        self.profiles = place.path / "aws-config"
        self.profiles.write_text(
            f"[profile limited]\nrole_arn = arn:aws:iam::111122223333:role/{ROLE}\n"
            "credential_source = Environment\n")
        self.config = place.path / "ebshift.conf"
        env = self.cloud.env
        self.config.write_text(
            f"[source]\nregion = us-east-1\ninstance = {env['CLOUDSIM_INSTANCE']}\n"
            f"volume = {env['CLOUDSIM_VOLUME']}\n[target]\nregion = eu-west-1\nzone = eu-west-1a\n"
            f"[store]\ndirectory = {place.path}/store\n")

    def quotas(self, verb, code, region, *words):
        return self.cloud.aws("service-quotas", verb, "--service-code", "ebs", "--quota-code", code,
                              *words, region=region)

    def preflight(self, code, *words):
        out, _ = self.cloud.ebshift("preflight", "--config", self.config, "--no-fence", "--json",
                                    *words, code=code, env={"AWS_CONFIG_FILE": str(self.profiles)})
        document = json.loads(out.splitlines()[0])
        return {row["name"]: row for row in document["checks"]}

    def allow(self, *without):
        """Gives the role what the printed policies say, less some actions."""
        for side in ("source", "target"):
            out, _ = self.cloud.ebshift("policy", "--config", self.config, "--side", side)
            policy = json.loads(out)
            for statement in policy["Statement"]:
                statement["Action"] = [a for a in statement["Action"] if a not in without]
            policy["Statement"] = [s for s in policy["Statement"] if s["Action"]]
            self.cloud.aws("iam", "put-role-policy", "--role-name", ROLE, "--policy-name", side,
                           "--policy-document", json.dumps(policy))


def check_service(account):
    told = account.quotas("get-service-quota", GP3, "eu-west-1")["Quota"]
    h.check((told["Value"], told["QuotaCode"]) == (2.0, GP3) and "gp3" in told["QuotaName"],
            "awscli reads a quota that was set")
    told = account.quotas("get-aws-default-service-quota", GP3, "eu-west-1")["Quota"]
    h.check(told["Value"] == 50.0, "and AWS's default of it")
    told = account.quotas("get-service-quota", GP3, "us-east-1")["Quota"]
    h.check(told["Value"] == 50.0, "which holds in other regions")
    listed = account.cloud.aws("service-quotas", "list-service-quotas", "--service-code", "ebs")
    h.check(SNAPSHOTS in {q["QuotaCode"] for q in listed["Quotas"]}, "it lists them")
    for code, region in ((SNAPSHOTS, "eu-west-1"), ("L-00000000", "eu-west-1")):
        try:
            account.quotas("get-service-quota", code, region)
            raise RuntimeError(f"{code} in {region} is told")
        except AssertionError as refused:
            h.check("NoSuchResourceException" in str(refused), f"{code} has no value in {region}")
    try:
        account.cloud.aws("ec2", "create-volume", "--availability-zone", "eu-west-1a", "--size",
                          "2049", "--volume-type", "gp3", region="eu-west-1")
        raise RuntimeError("a volume beyond the quota is made")
    except AssertionError as refused:
        h.check("VolumeLimitExceeded" in str(refused), "EC2 refuses a volume beyond it")


def check_places(account):
    """Two copies into one region count in two accounts, with quotas of their own: whose is told."""
    found = account.preflight(3, "--to-account", B, "--to-role",
                              account.cloud.env["CLOUDSIM_ROLE_B"])
    for name in ("copies-in-flight", "snapshot-quota", "lineage"):
        told = found[name]["finding"]
        h.check("eu-west-1 in the source's account" in told and f"eu-west-1 in account {B}" in told,
                f"{name}: {told}")


def test(place):
    account = Account(place)
    check_service(account)
    found = account.preflight(3)
    failed = {name for name, row in found.items() if row["verdict"] == "fail"}
    h.check("volume-quota" in failed and "2.0 TiB" in found["volume-quota"]["finding"],
            f"preflight: {found['volume-quota']['finding']}")
    h.check(failed == {"volume-quota", "snapshot-quota"} and
            "81 of 50" in found["snapshot-quota"]["finding"],
            f"and {found['snapshot-quota']['finding']}")
    account.quotas("request-service-quota-increase", GP3, "eu-west-1", "--desired-value", "60")
    account.quotas("request-service-quota-increase", SNAPSHOTS, "us-east-1", "--desired-value",
                   "200000")
    found = account.preflight(0)
    h.check("60.0 TiB" in found["volume-quota"]["finding"], "more was asked for, and is enough: " +
            found["volume-quota"]["finding"])

    check_places(account)
    account.allow()
    found = account.preflight(0, "--profile", "limited")
    h.check("assumed" not in found["volume-quota"]["finding"], "the printed rights are enough to ask")
    for lost in ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"):
        account.allow(lost)
        found = account.preflight(0, "--profile", "limited")
        h.check(found["rights"]["verdict"] == "warn" and lost in found["rights"]["finding"] and
                "assumed" in found["snapshot-quota"]["finding"],
                f"without {lost}: {found['snapshot-quota']['finding']}")


def main():
    if not (h.BIN / "ebshift").exists() or not h.os.path.exists(h.AWS):
        h.skip("needs ebshift and awscli")
    with h.Place() as place:
        test(place)


if __name__ == "__main__":
    main()

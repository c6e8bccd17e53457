"""A whole migration of many hours whose source is signed with keys of one hour, from the instance's
metadata, and from a container whose token is rotated: they are renewed in the middle of rounds, before
they end. The target has keys for ever."""

import datetime
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position
import stand_ins  # noqa: E402  pylint: disable=wrong-import-position

LIFE_SECONDS = 3600


class Minter:
    """Hands out sessions of an hour of simulated time, and remembers when they began."""

    def __init__(self, cloud):
        import boto3  # pylint: disable=import-outside-toplevel
        self.env = cloud.env
        self.began = []
        self.sts = boto3.client("sts", endpoint_url=cloud.env["AWS_ENDPOINT_URL"],
                                region_name="us-east-1", aws_access_key_id="none",
                                aws_secret_access_key="none")

    def __call__(self):
        keys = self.sts.assume_role_with_web_identity(
            RoleArn=self.env["CLOUDSIM_WEB_ROLE"], RoleSessionName="instance",
            WebIdentityToken=self.env["CLOUDSIM_WEB_TOKEN"],
            DurationSeconds=LIFE_SECONDS)["Credentials"]
        self.began.append(keys["Expiration"].timestamp() - LIFE_SECONDS)
        return (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"],
                keys["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"))


def by_instance(place, minter):
    """The variables by which the instance's service is asked."""
    instance = stand_ins.instance(minter)
    place.callback(instance.close)
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url,
            "AWS_EC2_METADATA_DISABLED": "false", "AWS_METADATA_SERVICE_TIMEOUT": "30"}


def by_container(place, minter):
    """Those of a container whose authorization token is another one for each question."""
    path = place.path / "token"

    def rotate():
        keys = minter()
        container.token = f"Bearer {len(minter.began)}"
        path.write_text(container.token)
        return keys

    container = stand_ins.container(rotate, token="Bearer 0")
    path.write_text(container.token)
    place.callback(container.close)
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url + "/v2/credentials/7",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(path)}


def migrate(place, service):
    """Moves a volume over many hours with keys that a service hands out; who minted them."""
    cloud = h.Cloud(place, world="seeded", time_scale=2000)
    minter = Minter(cloud)
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(place.path),
           "AWS_PROFILE": "", **service(place, minter)}
    (place.path / ".aws").mkdir()
    (place.path / ".aws/credentials").write_text(
        f"[lasting]\naws_access_key_id = {cloud.env['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {cloud.env['AWS_SECRET_ACCESS_KEY']}\n")
    start = cloud.now() + datetime.timedelta(hours=24)
    out, err = cloud.ebshift(
        "migrate", "--json", "--verbose", "--no-fence", "--store", place.path / "store",
        "--region", "us-east-1", "--instance", cloud.env["CLOUDSIM_INSTANCE"],
        "--volume", cloud.env["CLOUDSIM_VOLUME"], "--to-region", "eu-west-1", "--to-profile", "lasting",
        "--to-zone", "eu-west-1a", "--window", h.rfc3339(start) + "/12h", env=env, timeout=800)
    summary = h.last_document(out)
    h.check(summary["state"] == "done", f"the migration is {summary['state']}")
    h.check(not any(secret in out + err for secret in ("FwoG", "SecretAccessKey", "Bearer")),
            "nothing of them is told")
    return minter


def check_renewals(minter):
    hours = (minter.began[-1] - minter.began[0]) / 3600
    gaps = [b - a for a, b in zip(minter.began, minter.began[1:])]
    h.check(hours > 12, f"it took more than {hours:.1f} h, with {len(minter.began)} sessions")
    h.check(min(gaps) >= LIFE_SECONDS - 601, "keys are not fetched long before their end")
    # A refusal would be healed by fresh keys too, but only after the end of the old ones; and while
    # the target copies for hours nobody asks for the source's.
    early = [gap for gap in gaps if gap < LIFE_SECONDS]
    h.check(len(early) >= 2, f"{len(early)} of {len(gaps)} renewals were before their end")


def main():
    if not (h.BIN / "ebshift").exists():
        h.skip("needs ebshift")
    try:
        import boto3  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        h.skip("needs boto3 (python3-boto3), which mints the keys")
    for service in (by_instance, by_container):
        print(f"-- {service.__name__}")
        with h.Place() as place:
            check_renewals(migrate(place, service))


if __name__ == "__main__":
    main()

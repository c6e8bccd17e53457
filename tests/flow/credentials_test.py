"""Every link of the chain of credentials, through `ebshift whoami`, against a local stand-in of its
real protocol; Debian's botocore says what the order is.

As root it runs in a network namespace of its own, where the fixed addresses of instance and
container are on the loopback."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position
import stand_ins  # noqa: E402  pylint: disable=wrong-import-position

INSTANCE_ADDRESS, CONTAINER_ADDRESS = "169.254.169.254", "169.254.170.2"
NAMESPACE = "EBSHIFT_TEST_NAMESPACE"
ARBITER = """
import boto3, sys
session = boto3.Session(profile_name=sys.argv[2] or None)
sts = session.client("sts", endpoint_url=sys.argv[1], region_name="us-east-1")
print(sts.get_caller_identity()["Arn"])
"""


def newer_python():
    """The interpreter of a boto3 that knows AWS_ENDPOINT_URL, if this machine has one."""
    probe = ("import sys, boto3; assert tuple(map(int, boto3.__version__.split('.')[:2])) >= (1, 28)"
             "; print(sys.executable)")
    done = subprocess.run(["python3", "-c", probe], text=True, capture_output=True, check=False)
    return done.stdout.strip() or None


def enter_namespace():
    """Starts this program again with a loopback of its own; it goes away with its last process."""
    if os.geteuid() != 0 or NAMESPACE in os.environ:
        return NAMESPACE in os.environ
    probe = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    if probe.returncode != 0:
        return False
    os.environ[NAMESPACE] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


class Chain:
    """A cloud, the stand-ins, a directory for the shared files, and who is asked with them."""

    def __init__(self, place, own_network):
        import boto3  # pylint: disable=import-outside-toplevel
        self.place = place
        self.cloud = h.Cloud(place, time_scale=1)
        self.url = self.cloud.env["AWS_ENDPOINT_URL"]
        self.sts = boto3.client("sts", endpoint_url=self.url, region_name="us-east-1",
                                aws_access_key_id="none", aws_secret_access_key="none")
        self.instance = stand_ins.instance(lambda: self.mint("instance"))
        self.container = stand_ins.container(lambda: self.mint("container"), token="Bearer x/y=")
        self.closed = h.free_port()
        if own_network:
            self.fixed = [stand_ins.instance(lambda: self.mint("instance"), (INSTANCE_ADDRESS, 80)),
                          stand_ins.container(lambda: self.mint("task"),
                                              address=(CONTAINER_ADDRESS, 80))]
        for name, text in (("token", self.cloud.env["CLOUDSIM_WEB_TOKEN"]), ("wrong", "a.b.c"),
                           ("bearer", "Bearer x/y=")):
            (place.path / name).write_text(text)
        helper = place.path / "my helper"
        helper.write_text("#!/usr/bin/python3\nimport json, sys\n"
                          f"keys = {self.program_keys()!r}\n"
                          "assert sys.argv[1:] == ['$HOME', 'a b', '*'], sys.argv\n"
                          "print(json.dumps(keys))\n")
        helper.chmod(0o700)

    def mint(self, session, seconds=3600):
        """Keys of account A's pod role, told apart by the session's name."""
        keys = self.sts.assume_role_with_web_identity(
            RoleArn=self.cloud.env["CLOUDSIM_WEB_ROLE"], RoleSessionName=session,
            WebIdentityToken=self.cloud.env["CLOUDSIM_WEB_TOKEN"],
            DurationSeconds=seconds)["Credentials"]
        return (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"],
                keys["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"))

    def program_keys(self):
        key_id, secret, token, expiration = self.mint("program")
        return {"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": secret,
                "SessionToken": token, "Expiration": expiration}

    def own_keys(self, name):
        """Lines of a profile with keys of a session of that name."""
        key_id, secret, token, _ = self.mint(name)
        return (f"aws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
                f"aws_session_token = {token}\n")

    def environ(self, env):
        """Nothing of the caller's, nothing of cloudsim's keys but what the case says."""
        path = self.place.path
        kept = {n: os.environ[n] for n in ("PATH", "EBSHIFT_BIN_DIR") if n in os.environ}
        base = {"HOME": str(path), "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_METADATA_SERVICE_TIMEOUT": "5",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{self.closed}",
                # Debian's botocore must not look for an instance elsewhere.
                "http_proxy": f"http://127.0.0.1:{self.closed}", "no_proxy": "127.0.0.1"}
        merged = {**kept, **base, **env}
        return {name: value for name, value in merged.items() if value is not None}

    def write(self, credentials, config):
        (self.place.path / ".aws").mkdir(exist_ok=True)
        (self.place.path / ".aws/credentials").write_text(credentials)
        (self.place.path / ".aws/config").write_text(config)

    def whoami(self, env, *words, code=0):
        done = subprocess.run([h.BIN / "ebshift", "whoami", "--json", *words], text=True,
                              capture_output=True, env=self.environ(env), timeout=120, check=False)
        if done.returncode != code:
            raise AssertionError(f"whoami ended with {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout.splitlines()[0]), done.stderr

    def arbiter(self, python, env, profile):
        """The name that a botocore finds in the same place."""
        done = subprocess.run([python, "-c", ARBITER, self.url, profile], text=True,
                              capture_output=True, env=self.environ(env), timeout=120, check=False)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    # ---- the cases ----

    def variables(self):
        """Groups of variables, by the letters that a case is written with."""
        env, path = self.cloud.env, self.place.path
        key_id, secret, token, _ = self.mint("variables")
        return {
            "keys": {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret,
                     "AWS_SESSION_TOKEN": token},
            "old-token": {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret,
                          "AWS_SECURITY_TOKEN": token},
            "web": {"AWS_WEB_IDENTITY_TOKEN_FILE": str(path / "token"),
                    "AWS_ROLE_ARN": env["CLOUDSIM_WEB_ROLE"], "AWS_ROLE_SESSION_NAME": "web-env"},
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI":
                          self.container.url + "/v2/credentials/7",
                          "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer x/y="},
            "token-file": {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(path / "bearer"),
                           "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"},
            "instance": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.instance.url},
            "disabled": {"AWS_EC2_METADATA_DISABLED": "true"},
        }

    def files(self):
        env, path = self.cloud.env, self.place.path
        role = f"role_arn = {env['CLOUDSIM_ROLE_B']}\nrole_session_name = %s\n"
        program = f"credential_process = \"{path}/my helper\" $HOME 'a b' *\n"
        credentials = (f"[default]\n{self.own_keys('file')}[both]\n{self.own_keys('file-both')}"
                       f"[own]\n{self.own_keys('file-own')}")
        config = (f"[default]\nregion = us-west-2\n[profile both]\n{program}"
                  f"{self.own_keys('config-both')}"
                  f"[profile process]\n{program}{self.own_keys('config-process')}"
                  f"[profile config]\n{self.own_keys('config')}"
                  f"[profile empty]\nregion = eu-west-1\n"
                  f"[profile role]\n{role % 'by-file'}source_profile = both\n"
                  f"[profile own]\n{role % 'by-own'}source_profile = own\n"
                  f"[profile env]\n{role % 'by-env'}credential_source = Environment\n"
                  f"[profile ecs]\n{role % 'by-ecs'}credential_source = EcsContainer\n"
                  f"[profile ec2]\n{role % 'by-ec2'}credential_source = Ec2InstanceMetadata\n"
                  f"[profile pod]\nrole_arn = {env['CLOUDSIM_WEB_ROLE']}\n"
                  f"role_session_name = pod\nweb_identity_token_file = {path}/token\n"
                  f"[profile wrong]\nrole_arn = {env['CLOUDSIM_WEB_ROLE']}\n"
                  f"web_identity_token_file = {path}/wrong\n"
                  f"[profile long]\n{role % 'by-pod'}source_profile = pod\n"
                  f"[profile foreign]\nrole_arn = arn:aws:iam::444455556666:role/nobody\n"
                  "source_profile = both\n"
                  "[profile local]\nservices = stand-in\nregion = eu-west-1\n"
                  f"{self.own_keys('local')}endpoint_url = http://127.0.0.1:{self.closed}\n"
                  f"[services stand-in]\nsts =\n  endpoint_url = {self.url}\n")
        return credentials, config


# name, groups of variables, AWS_PROFILE, --profile, providers, session, and whether Debian's botocore
# can be asked: it would assume a role of the chain at AWS itself, a newer one does it here
CASES = [
    ("keys of the environment", "keys", None, None, "environment", "variables", True),
    ("its old token variable", "old-token", None, None, "environment", "variables", True),
    ("AWS_PROFILE does not outrank them", "keys", "both", None, "environment", "variables", True),
    ("a profile by name does", "keys", None, "both", "credentials-file", "file-both", True),
    ("the default profile", "", None, None, "credentials-file", "file", True),
    ("the credentials file first", "", "both", None, "credentials-file", "file-both", True),
    ("then the program, without a shell", "", "process", None, "credential-process", "program",
     True),
    ("then keys of the config file", "", "config", None, "config-file", "config", True),
    ("keys outrank container and instance", "container instance", None, None, "credentials-file",
     "file", True),
    ("a profile without keys passes on", "container instance", "empty", None, "container",
     "container", True),
    ("so does one by name", "instance", None, "empty", "instance-metadata", "instance", True),
    ("a token in a file wins", "container token-file", "empty", None, "container", "container",
     False),
    ("a web identity outranks keys of a file", "web", None, None, "web-identity", "web-env", False),
    ("but not for a profile by name", "web", None, "both", "credentials-file", "file-both", False),
    ("a web identity of a profile", "", "pod", None, "web-identity", "pod", False),
    ("a role by a profile", "", "role", None, "profile-role credentials-file", "by-file", False),
    ("a role by the profile itself", "", "own", None, "profile-role credentials-file", "by-own",
     False),
    ("a role by the environment", "keys", None, "env", "profile-role environment", "by-env", False),
    ("a role by the container", "container", "ecs", None, "profile-role container", "by-ecs",
     False),
    ("a role by the instance", "instance", "ec2", None, "profile-role instance-metadata", "by-ec2",
     False),
    ("a role by a role", "", "long", None, "profile-role web-identity", "by-pod", False),
]

# name, groups, AWS_PROFILE, exit code, words of the message
REFUSALS = [
    ("nothing anywhere", "disabled", "empty", 6, "AWS_EC2_METADATA_DISABLED"),
    ("no instance answers", "", "empty", 6, "no instance metadata service answers"),
    ("a profile that is not there", "", "nobody", 2, "no profile 'nobody'"),
    ("a token of nobody", "", "wrong", 6, "InvalidIdentityToken"),
    ("a role that does not trust us", "", "foreign", 6, "AccessDenied"),
    ("credential_source without its service", "", "ecs", 6, "'EcsContainer' of profile 'ecs'"),
]


# name, lines of a config file, AWS_PROFILE, exit code, words that must be in the message
TRAPS = [
    ("profiles in a circle", "[profile a]\nrole_arn = {role}\nsource_profile = b\n"
     "[profile b]\nrole_arn = {role}\nsource_profile = a\n", "a", 2, "never ends"),
    ("a profile that is its own source, without keys",
     "[profile a]\nrole_arn = {role}\nsource_profile = a\n", "a", 2, "gives no keys"),
    ("a source that is not there", "[profile a]\nrole_arn = {role}\nsource_profile = gone\n", "a",
     2, "no profile 'gone'"),
    ("a program that is not there", "[profile a]\ncredential_process = /nonexistent/x --y\n", "a", 2,
     "cannot run"),
    ("a program whose shell finds nothing", "[profile a]\ncredential_process = sh -c 'exit 127'\n",
     "a", 2, "127"),
    ("a program that fails", "[profile a]\ncredential_process = sh -c 'echo reason >&2; exit 3'\n",
     "a", 6, "reason"),
    ("a program that prints no JSON", "[profile a]\ncredential_process = echo s3cret garbage\n", "a",
     6, "'echo': its output"),
    ("a program that prints nothing", "[profile a]\ncredential_process = true\n", "a", 6,
     "'true': its output"),
    ("a program of another version", "[profile a]\ncredential_process = echo '{{\"Version\": 2}}'\n",
     "a", 6, "Version"),
    ("a program that is killed", "[profile a]\ncredential_process = sh -c 'kill -9 $$'\n", "a", 6,
     "signal 9"),
    ("a program that writes without end", "[profile a]\ncredential_process = yes\n", "a", 6,
     "more than 65536 bytes"),
    ("an open quote", "[profile a]\ncredential_process = x 'y\n", "a", 2, "open '"),
    ("a sign-on session", "[profile a]\nsso_session = corp\nsso_account_id = 1\n"
     "[sso-session corp]\nsso_region = x\n", "a", 2, "export-credentials"),
    ("a sign-on of the old kind", "[profile a]\nsso_start_url = https://x\n", "a", 2,
     "export-credentials"),
    ("a source that signs on", "[profile a]\nrole_arn = {role}\nsource_profile = b\n"
     "[profile b]\nsso_session = corp\n", "a", 2, "profile 'b' signs on"),
    ("a code that somebody types", "[profile a]\nrole_arn = {role}\nsource_profile = default\n"
     "mfa_serial = arn:x\n", "a", 2, "mfa_serial"),
    ("half a key", "[profile a]\naws_access_key_id = AKIDEXAMPLE\n", "a", 2, "aws_secret_access_key"),
    ("both sources", "[profile a]\nrole_arn = {role}\nsource_profile = a\n"
     "credential_source = Environment\n", "a", 2, "both source_profile and"),
    ("services of nowhere", "[profile a]\nservices = nowhere\nregion = us-east-1\n", "a", 2,
     "[services nowhere]"),
]


def merge(groups, names):
    merged = {}
    for name in names.split():
        merged.update(groups[name])
    return merged


def check_cases(chain, groups):
    newer = newer_python()
    print("note: also judged by a newer botocore" if newer else "note: no newer botocore here")
    for name, letters, profile, by_name, providers, session, asked in CASES:
        env = {**merge(groups, letters), "AWS_PROFILE": profile}
        words = ("--profile", by_name) if by_name else ()
        told, _ = chain.whoami(env, *words)
        found = " ".join(link["provider"] for link in told["source"]["credentials"])
        h.check((found, told["source"]["arn"].rsplit("/", 1)[1]) == (providers, session),
                f"{name}: {found} {told['source']['arn']}")
        h.check((told["source"]["expires_at"] is None) == (providers.split()[0] in (
            "environment", "credentials-file", "config-file")), "  and when they end")
        for python in ([sys.executable] if asked else []) + ([newer] if newer else []):
            theirs = chain.arbiter(python, env, by_name or "")
            h.check(theirs == told["source"]["arn"], f"  botocore finds the same ({theirs})")


def check_refusals(chain, groups):
    for name, letters, profile, code, words in REFUSALS:
        env = {**merge(groups, letters), "AWS_PROFILE": profile}
        _, err = chain.whoami(env, code=code)
        h.check(words in err, f"exit {code}, {name}: {err.splitlines()[0]}")


def check_traps(chain):
    role = chain.cloud.env["CLOUDSIM_ROLE_B"]
    trap = chain.place.path / "trap"
    for name, lines, profile, code, words in TRAPS:
        trap.write_text(lines.format(role=role))
        _, err = chain.whoami({"AWS_CONFIG_FILE": str(trap), "AWS_PROFILE": profile}, code=code)
        h.check(words in err and "s3cret" not in err,
                f"exit {code}, {name}: {' | '.join(err.splitlines())[:230]}")


def check_strange_files(chain):
    """As other systems' editors write them, and where other systems' shells do not look."""
    strange = chain.place.path / "strange"
    lines = f"[default]\nregion = eu-west-1\n{chain.own_keys('strange')}"
    strange.write_bytes(b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    env = {"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": str(strange),
           "AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    told, _ = chain.whoami(env)
    h.check((told["source"]["arn"].rsplit("/", 1)[1], told["source"]["region"]) ==
            ("strange", "eu-west-1"), "a byte order mark and carriage returns")
    told, _ = chain.whoami({**env, "AWS_CONFIG_FILE": "~/strange"})
    h.check(told["source"]["arn"].endswith("/strange"), "a tilde that no shell has replaced")
    _, err = chain.whoami({**env, "AWS_CONFIG_FILE": str(chain.place.path)}, code=1)
    h.check("cannot read" in err, "a folder: " + err.splitlines()[0])


def check_hanging_program(chain):
    trap = chain.place.path / "trap"
    trap.write_text("[profile a]\ncredential_process = sh -c 'sleep 99 & wait'\n")
    process = subprocess.Popen([h.BIN / "ebshift", "whoami"], text=True, stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, env=chain.environ(
                                   {"AWS_CONFIG_FILE": str(trap), "AWS_PROFILE": "a"}))
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    h.check(process.returncode == 130, f"Ctrl-C ends a program that hangs: {err.splitlines()[0]}")


def check_temporary(chain):
    """Keys of a session that nobody here can renew are told as such, and never as lasting."""
    key_id, secret, token, expiration = chain.mint("pasted")
    env = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token,
           "AWS_PROFILE": None}
    told, _ = chain.whoami(env)
    h.check(told["source"]["temporary"] and told["source"]["expires_at"] is None,
            "keys of a session that tell no end")
    told, _ = chain.whoami({**env, "AWS_CREDENTIAL_EXPIRATION": expiration})
    h.check(told["source"]["temporary"] and told["source"]["expires_at"] is not None,
            "and those that do, as 'aws configure export-credentials' prints them")
    out = subprocess.run([h.BIN / "ebshift", "whoami"], text=True, capture_output=True, check=True,
                         env=chain.environ(env)).stdout
    h.check("until   their session ends" in out and "revoked" not in out, out.splitlines()[3].strip())
    told, _ = chain.whoami({"AWS_PROFILE": "pod"})
    h.check(not told["source"]["temporary"], "a role that can be assumed again is not temporary")
    told, _ = chain.whoami({"AWS_PROFILE": "role"})
    h.check(told["source"]["temporary"], "but one that hangs on such keys is")


def check_instance(chain, groups):
    env = {**merge(groups, "instance"), "AWS_PROFILE": "empty"}
    service = chain.instance
    service.forgets = True
    chain.whoami(env)
    h.check(service.asked.count(("PUT", "/latest/api/token", 200)) >= 2,
            "a token that has ended is fetched again")
    service.only_version_1 = True
    service.asked.clear()
    _, err = chain.whoami(env, code=6)
    h.check("HTTP 405" in err and all(word == "PUT" for word, _, _ in service.asked),
            "nothing is asked of a service that knows only version 1")
    service.only_version_1 = False
    service.only_version_1 = False
    service.deaf = True
    _, err = chain.whoami(env, code=6)
    h.check("HTTP 401" in err, f"one that takes no token: {err.splitlines()[0]}")
    service.deaf, service.late_seconds = False, 2
    _, err = chain.whoami({**env, "AWS_METADATA_SERVICE_TIMEOUT": "1"}, code=6)
    h.check("no instance metadata service answers" in err, "one that is slower than it may be")
    chain.whoami({**env, "AWS_METADATA_SERVICE_TIMEOUT": "8"})
    h.check(True, "and that is waited for if AWS_METADATA_SERVICE_TIMEOUT says so")
    service.late_seconds = 0
    service.role = ""
    _, err = chain.whoami(env, code=6)
    h.check("no AWS credentials" in err, "an instance without a role")
    service.role = "pod-of-the-test"
    told, _ = chain.whoami({**merge(groups, "instance keys"), "AWS_REGION": None,
                            "AWS_DEFAULT_REGION": None, "AWS_CONFIG_FILE": "/nonexistent"})
    h.check(told["source"]["region"] == "eu-central-1", "the region of the instance, if no other")


def check_container(chain, groups):
    env = {**merge(groups, "container"), "AWS_PROFILE": "empty"}
    chain.container.broken = 2
    chain.whoami(env)
    h.check(True, "a container's service that stumbles twice is asked a third time")
    for token, code, words in (("Bearer z", 6, "HTTP 401"), (None, 6, "HTTP 401"),
                               ("Bearer x\r\nX-Evil: 1", 2, "line break")):
        _, err = chain.whoami({**env, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}, code=code)
        h.check(words in err and "Bearer" not in err, f"authorization {token!r}: {err.splitlines()[0]}")
    _, err = chain.whoami({**env, "AWS_CONTAINER_CREDENTIALS_FULL_URI":
                           "http://keys.example/v2/credentials/7"}, code=2)
    h.check("only this machine" in err, "no token is sent in the clear to another machine")


def check_fixed_addresses(chain):
    none = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": None, "AWS_PROFILE": "empty",
            "http_proxy": f"http://127.0.0.1:{chain.closed}", "no_proxy": "127.0.0.1"}
    told, _ = chain.whoami(none)
    h.check(told["source"]["arn"].endswith("/instance"),
            f"{INSTANCE_ADDRESS} is asked, and not through the proxy")
    told, _ = chain.whoami({**none, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/7"})
    h.check(told["source"]["arn"].endswith("/task"), f"{CONTAINER_ADDRESS} is asked")


def check_two_sides(chain):
    told, _ = chain.whoami({"AWS_PROFILE": "both"}, "--to-profile", "role")
    source, target = told["source"], told["target"]
    h.check((source["account_id"], target["account_id"]) == ("111122223333", "444455556666"),
            "the target has a profile of its own")
    h.check(target["region"] == "us-east-1", "its region is the source's if it names none")
    told, _ = chain.whoami({"AWS_PROFILE": "both"}, "--to-profile", "local")
    h.check((told["source"]["region"], told["target"]["region"]) == ("us-east-1", "eu-west-1"),
            "and its own if it does, whatever AWS_REGION says of the source")
    told, err = chain.whoami({"AWS_PROFILE": "both"}, "--to-profile", "foreign", code=6)
    h.check(told["source"]["account_id"] == "111122223333" and "error" in told["target"] and
            "target:" in err, "one side may fail and the other is still told")


def check_files_and_addresses(chain):
    told, _ = chain.whoami({"AWS_ENDPOINT_URL": None, "AWS_PROFILE": "local", "AWS_REGION": None,
                            "AWS_DEFAULT_REGION": None})
    h.check(told["source"]["region"] == "eu-west-1" and told["source"]["arn"].endswith("/local"),
            "region and [services] section of a profile")
    other = chain.place.path / "other"
    other.write_text(f"[odd]\n{chain.own_keys('other-file')}")
    told, _ = chain.whoami({"AWS_SHARED_CREDENTIALS_FILE": str(other), "AWS_PROFILE": "odd",
                            "AWS_CONFIG_FILE": "/nonexistent"})
    h.check(told["source"]["arn"].endswith("/other-file"), "AWS_SHARED_CREDENTIALS_FILE")


def main():
    own_network = enter_namespace()
    for program in (h.BIN / "ebshift", h.BIN / "cloudsim"):
        if not program.exists():
            h.skip(f"needs {program.name}")
    try:
        import boto3  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        h.skip("needs boto3 (python3-boto3), the judge of the order")
    if own_network:
        h.run("ip", "link", "set", "lo", "up")
        for address in (INSTANCE_ADDRESS, CONTAINER_ADDRESS):
            h.run("ip", "address", "add", address + "/32", "dev", "lo")
    with h.Place() as place:
        chain = Chain(place, own_network)
        chain.write(*chain.files())
        groups = chain.variables()
        check_cases(chain, groups)
        check_refusals(chain, groups)
        check_traps(chain)
        check_strange_files(chain)
        check_hanging_program(chain)
        check_temporary(chain)
        check_instance(chain, groups)
        check_container(chain, groups)
        check_two_sides(chain)
        check_files_and_addresses(chain)
        if own_network:
            check_fixed_addresses(chain)
        else:
            print("note: the fixed addresses need root and a network namespace")


if __name__ == "__main__":
    main()

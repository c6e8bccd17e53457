"""Bad input: one clear line with a hint, the right exit code, nothing left behind."""

import datetime

import harness as h


def expect(cloud, code, words, *arguments, env=()):
    _, err = cloud.ebshift(*arguments, code=code, env=env)
    lines = err.strip().splitlines()
    told = [line for line in lines if line.startswith("ebshift: ")]
    h.check(len(told) == 1 and words in told[0], f"exit {code}: {told[0] if told else err!r}")


def closed_streams(cloud, base):
    """What would have been printed reaches no socket of ours, and a reader may leave early."""
    words = " ".join(str(word) for word in (h.BIN / "ebshift", "whoami", *base))
    for shell, code in ((words + " <&- >&- 2>&-", 1), (words + " >/dev/full 2>/dev/null", 1),
                        (f"{words} | true; exit ${{PIPESTATUS[0]}}", 0)):
        done = h.subprocess.run(["bash", "-c", shell], env=cloud.environ(), text=True,
                                stderr=h.subprocess.PIPE)
        h.check((done.returncode, done.stderr) == (code, ""), f"exit {code}:{shell[len(words):]}")


def lost_patience(cloud, base, window):
    """A service that accepts and never answers, and somebody who presses Ctrl-C: it ends at once, and
    with no result that was half asked for."""
    for words in (("history",), ("plan", *window), ("whoami",), ("preflight",), ("policy",)):
        with h.socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(60)
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            process = h.subprocess.Popen(
                [h.BIN / "ebshift", *words, *base, "--endpoint-url", address], text=True,
                env=cloud.environ(), stdout=h.subprocess.PIPE, stderr=h.subprocess.PIPE)
            asked, _ = silent.accept()
            asked.recv(1)
            process.send_signal(h.signal.SIGINT)
            out, err = process.communicate(timeout=15)
            asked.close()
        h.check((process.returncode, out) == (130, "") and "stopped by signal 2" in err,
                f"Ctrl-C ends {words[0]}: {err.splitlines()[-2]}")


def test(place):
    cloud = h.Cloud(place)
    volume = cloud.new_volume(1, "/dev/sdf")
    before = cloud.objects(), cloud.objects("eu-west-1")
    store = place.path / "store"
    later = h.rfc3339(cloud.now() + datetime.timedelta(hours=1))
    base = ("--store", store, "--region", "us-east-1", "--volume", volume, "--to-region",
            "eu-west-1")
    window = ("--window", later + "/8h")

    expect(cloud, 2, "unknown option", "plan", "--windwo", "x")
    expect(cloud, 2, "--window START/END is needed", "plan", *base)
    expect(cloud, 2, "in the past", "plan", *base, "--window",
           "2020-01-01T00:00Z/2020-01-01T04:00Z")
    expect(cloud, 2, "zone", "plan", *base, "--window", "2030-01-01T00:00/4h")
    expect(cloud, 5, "", "plan", *base, "--window", later + "/1m")
    expect(cloud, 5, "", "migrate", *base, "--no-fence", "--to-zone", "eu-west-1a", "--window",
           later + "/1m")
    expect(cloud, 6, "vol-0123456789abcdef0", "plan", "--store", store, "--region", "us-east-1",
           "--volume", "vol-0123456789abcdef0", *window)
    expect(cloud, 6, "AuthFailure", "plan", *base, *window,
           env={"AWS_SECRET_ACCESS_KEY": "wrong"})
    expect(cloud, 2, "not in region", "migrate", *base, *window, "--no-fence", "--to-zone",
           "us-west-2a")
    expect(cloud, 2, "i-0123456789abcdef0' does not exist", "plan", *base, *window, "--to-zone",
           "eu-west-1a", "--to-instance", "i-0123456789abcdef0")
    expect(cloud, 2, "is in zone 'eu-west-1a', not in 'eu-west-1b'", "migrate", *base, *window,
           "--no-fence", "--to-zone", "eu-west-1b", "--to-instance",
           cloud.env["CLOUDSIM_TARGET_INSTANCE"])
    expect(cloud, 7, "cannot", "plan", *base, *window, "--endpoint-url", "http://127.0.0.1:1")

    typo = place.path / "typo.conf"
    typo.write_text("[source]\nregion = us-east-1\nvolum = vol-0123456789abcdef0\n")
    expect(cloud, 2, "typo.conf:3: unknown key 'volum'", "plan", "--config", typo, *window)
    expect(cloud, 2, "cannot read the config", "plan", "--config", place.path / "none.conf")
    expect(cloud, 2, "Is a directory", "plan", "--config", place.path)
    expect(cloud, 2, "is not the data directory", "init", "--config", place.path / "new.conf",
           "--data-directory", place.path)

    full = place.path / "full"
    full.mkdir()
    h.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", full)
    place.callback(h.run, "umount", full)
    expect(cloud, 1, "store", "plan", "--store", full / "store", *base[2:], *window)

    closed_streams(cloud, base)
    lost_patience(cloud, base, window)

    after = cloud.objects(), cloud.objects("eu-west-1")
    h.check(after == before, "nothing was made at the service")
    out, _ = cloud.ebshift("status", "--store", store, code=1)
    h.check(out == "", "and no run was begun")


if __name__ == "__main__":
    h.main(test)

#!/bin/sh
# Freezes a real ext4 and a real xfs on loop devices and kills, stops and delays whoever did it.
# usage: freeze_e2e.sh FREEZE_PROBE WATCHDOG      (as root; cleans up after itself in any case)
set -u
probe=$1 watchdog=$2
if [ "$(id -u)" != 0 ]; then
    echo "skip: needs root"
    exit 77
fi

dir=$(mktemp -d)
group=
one=$dir/one two=$dir/two record=$dir/run
mkdir "$one" "$two" "$record"
held=
cleanup() {
    [ -n "$held" ] && kill -KILL "$held" 2>/dev/null
    exec 9>&- 2>/dev/null
    fsfreeze -u "$one" 2>/dev/null
    fsfreeze -u "$two" 2>/dev/null
    umount "$one" "$two" 2>/dev/null
    [ -n "$group" ] && rmdir "$group"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

truncate -s 64M "$dir/one.img"
truncate -s 300M "$dir/two.img"
mkfs.ext4 -q -F "$dir/one.img" && mkfs.xfs -q "$dir/two.img" || exit 1
for name in one two; do
    mount -o loop "$dir/$name.img" "$dir/$name" || exit 1
done

failures=0
check() { # check WHY COMMAND...
    why=$1
    shift
    if "$@"; then
        echo "ok    $why"
    else
        echo "FAIL  $why"
        failures=$((failures + 1))
    fi
}
# FIFREEZE itself tells: it refuses what is frozen already.
is_frozen() { if fsfreeze -f "$1" 2>/dev/null; then fsfreeze -u "$1"; return 1; fi; }
thawed_within() { # thawed_within TENTHS_OF_SECONDS MOUNT...
    left=$1
    shift
    for mount in "$@"; do
        while is_frozen "$mount"; do
            left=$((left - 1))
            [ "$left" -gt 0 ] || return 1
            sleep 0.1
        done
    done
}
refused() { # refused PATTERN COMMAND...
    pattern=$1
    shift
    "$@" >"$dir/out" 2>&1 && return 1
    grep -q "$pattern" "$dir/out" || { cat "$dir/out"; return 1; }
}
in_group() { # in_group GROUP COMMAND...: replaces the shell; no group if it is empty
    [ -n "$1" ] && exec sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$@"
    shift
    exec "$@"
}
hold() { # hold LIMIT_MS [GROUP]: starts a process that holds both mounts frozen
    rm -f "$dir/in"
    mkfifo "$dir/in"
    : >"$dir/out"
    in_group "${2:-}" "$probe" hold "$watchdog" "$1" "$record" "$one" "$two" <"$dir/in" >"$dir/out" 2>&1 &
    held=$!
    exec 9>"$dir/in"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -q frozen "$dir/out" && return 0
        sleep 0.1
    done
    cat "$dir/out"
    return 1
}
release() {
    exec 9>&-
    wait "$held" 2>/dev/null
    held=
}

"$probe" cycle "$watchdog" 5000 "$record" "$one" "$two" >"$dir/out" 2>&1
check "freezes and thaws two mounts" grep -q "fired=0 stolen=0" "$dir/out"
check "leaves nothing frozen" thawed_within 1 "$one" "$two"
check "leaves no record" [ -z "$(ls "$record")" ]

hold 5000
check "both are frozen while held" is_frozen "$one"
check "the record is there" [ -n "$(ls "$record")" ]
kill -KILL "$held"
check "thawed after SIGKILL of the parent" thawed_within 20 "$one" "$two"
release
check "the record tells what is left" "$probe" thaw "$record"
check "thaw removes the record" [ -z "$(ls "$record")" ]

hold 1000
kill -STOP "$held"
check "still frozen below the limit" is_frozen "$two"
check "thawed after SIGSTOP and the limit" thawed_within 30 "$one" "$two"
fsfreeze -f "$one"
sleep 0.3
check "who freezes after that is left alone" is_frozen "$one"
fsfreeze -u "$one"
kill -CONT "$held"
release
check "the parent learns that the watchdog fired" grep -q "fired=1 stolen=1" "$dir/out"

# A control group is killed or paused as a whole, but for the watchdog, which has left it
for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ -e "$root/cgroup.controllers" ] && mkdir "$root/ebshift-test-$$" 2>/dev/null &&
        group=$root/ebshift-test-$$ && break
done
if [ -n "$group" ]; then
    hold 5000 "$group"
    echo 1 >"$group/cgroup.kill"
    check "thawed after a kill of the control group" thawed_within 20 "$one" "$two"
    release
    hold 1000 "$group"
    echo 1 >"$group/cgroup.freeze"
    check "thawed after a pause of the control group and the limit" thawed_within 30 "$one" "$two"
    echo 1 >"$group/cgroup.kill"
    release
    "$probe" thaw "$record" >/dev/null
else
    echo "no control group can be made here: its kill is not tested"
fi

# What ebshift says may go through a pipe to a log on the frozen filesystem: nobody reads it then
mkfifo "$dir/log"
cat "$dir/log" >>"$one/log" &
logger=$!
rm -f "$dir/in"
mkfifo "$dir/in"
"$probe" hold "$watchdog" 1000 "$record" "$one" "$two" <"$dir/in" >"$dir/log" 2>&1 &
held=$!
exec 9>"$dir/in"
sleep 0.5
check "frozen while its log is" is_frozen "$one"
check "thawed at the limit although its log is frozen" thawed_within 30 "$one" "$two"
release
wait "$logger"
check "the log is whole after the thaw" grep -q "fired=1" "$one/log"

hold 60000
watchers=$(pgrep -P "$held")
kill -TERM $watchers; kill -INT $watchers; kill -HUP $watchers
check "the watchdog ignores polite signals" kill -0 $watchers
kill -KILL $watchers "$held"
release
check "frozen when both were killed" is_frozen "$one"
"$probe" thaw "$record" >"$dir/out"
check "thaw finds both" [ "$(grep -c "^thawed" "$dir/out")" = 2 ]
check "thaw has thawed" thawed_within 1 "$one" "$two"

# A filesystem that is unmounted while frozen stays frozen
hold_and_kill_both() {
    hold 60000
    watchers=$(pgrep -P "$held")
    kill -KILL $watchers "$held"
    release
}
hold_and_kill_both
umount "$one"
check "an unmounted one is not forgotten" refused "is mounted nowhere and still held" \
    "$probe" thaw "$record"
mkdir "$dir/elsewhere"
mount "$(losetup -n -O NAME -j "$dir/one.img")" "$dir/elsewhere"
check "still frozen where it is mounted next" is_frozen "$dir/elsewhere"
"$probe" thaw "$record" >"$dir/out"
check "thaw finds it there" grep -q "^thawed $dir/elsewhere" "$dir/out"
check "and has thawed it" thawed_within 1 "$dir/elsewhere" "$two"
umount "$dir/elsewhere"
mount -o loop "$dir/one.img" "$one"

# Another disk may have the number of one that is gone
hold_and_kill_both
fsfreeze -u "$one"
device=$(losetup -n -O NAME -j "$dir/one.img")
umount "$one"
truncate -s 64M "$dir/other.img"
mkfs.ext4 -q -F "$dir/other.img"
losetup "$device" "$dir/other.img" && mount "$device" "$one" || echo "FAIL  cannot reuse $device"
fsfreeze -f "$one"
"$probe" thaw "$record" >"$dir/out"
check "a disk that is gone holds nothing" grep -q "^not-frozen $one" "$dir/out"
check "and one with its number is somebody else's" is_frozen "$one"
fsfreeze -u "$one"
umount "$one" && losetup -d "$device"
mount -o loop "$dir/one.img" "$one"

hold_and_kill_both
sed -i "s/^boot.*/boot 00000000-0000-0000-0000-000000000000/" "$record"/frozen.*
"$probe" thaw "$record" >"$dir/out"
check "a record from before the reboot is dropped" [ -z "$(cat "$dir/out"; ls "$record")" ]
fsfreeze -u "$one"; fsfreeze -u "$two"

fsfreeze -f "$two"
check "a foreign freeze is refused by name" refused "two' is frozen already" \
    "$probe" cycle "$watchdog" 5000 "$record" "$one" "$two"
check "the partial freeze was undone" thawed_within 1 "$one"
check "the foreign freeze is left alone" is_frozen "$two"
fsfreeze -u "$two"

check "refuses the root" refused "root filesystem" \
    "$probe" cycle "$watchdog" 5000 "$record" /
check "refuses a path that is no mount point" refused "root filesystem\|not a mount point" \
    "$probe" cycle "$watchdog" 5000 "$record" "$dir"
mkdir "$one/sub"
check "refuses a directory on a mount" refused "not a mount point" \
    "$probe" cycle "$watchdog" 5000 "$record" "$one/sub"
check "refuses the mount of its own record" refused "our file" \
    "$probe" cycle "$watchdog" 5000 "$one/run" "$one"
mkdir "$one/cwd"
in_cwd() { (cd "$one/cwd" && "$@"); }
check "refuses the mount of its working directory" refused "working directory" \
    in_cwd "$probe" cycle "$watchdog" 5000 "$record" "$one"
log_on_mount() { "$probe" cycle "$watchdog" 5000 "$record" "$one" >>"$one/log"; }
check "refuses the mount of its output" refused "our open file" log_on_mount
cp "$watchdog" "$one/watchdog"
check "refuses the mount of its watchdog" refused "our file" \
    "$probe" cycle "$one/watchdog" 5000 "$record" "$one"
check "needs a watchdog" refused "cannot start watchdog" \
    "$probe" cycle "$dir/none" 5000 "$record" "$one"
check "nothing stays frozen" thawed_within 1 "$one" "$two"

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }

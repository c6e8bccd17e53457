#!/bin/sh
# A real PostgreSQL 15 under pgbench, its data and WAL on two loop devices: backup mode, fence and
# freeze through the local quiesce.
# usage: quiesce_e2e.sh QUIESCE_PROBE WATCHDOG      (as root; cleans up after itself in any case)
set -u
probe=$1 watchdog=$2
bin=/usr/lib/postgresql/15/bin
if [ "$(id -u)" != 0 ] || [ ! -x $bin/postgres ]; then
    echo "skip: needs root and PostgreSQL 15"
    exit 77
fi

dir=$(mktemp -d)
chmod 755 "$dir"
data_mount=$dir/data wal_mount=$dir/wal run=$dir/run
pgdata=$data_mount/pg copydata=$dir/copy-data/pg
export PGHOST=$run PGPORT=54329 PGUSER=postgres
export LC_ALL=C
mkdir "$data_mount" "$wal_mount" "$run" "$dir/copy-data" "$dir/copy-wal" "$dir/space" "$dir/archive"
chown postgres "$run" "$dir/space" "$dir/archive"
touch "$dir/server.log"
chown postgres "$dir/server.log"
bench= pooler=
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
start() { # start PGDATA [OPTIONS]
    as_postgres $bin/pg_ctl -D "$1" -l "$dir/server.log" -w -o "-p $PGPORT -k $run -h '' ${2:-}" start >/dev/null
}
stop() { as_postgres $bin/pg_ctl -D "$1" -m "${2:-fast}" -w stop >/dev/null 2>&1; }
cleanup() {
    fsfreeze -u "$data_mount" 2>/dev/null
    fsfreeze -u "$wal_mount" 2>/dev/null
    [ -n "$bench" ] && kill "$bench" 2>/dev/null
    [ -n "$pooler" ] && kill "$pooler" 2>/dev/null
    [ -n "${server:-}" ] && kill -CONT "$server" 2>/dev/null
    stop "$pgdata" immediate
    stop "$copydata" immediate
    umount "$data_mount" "$wal_mount" "$dir/copy-data" "$dir/copy-wal" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

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
not() { ! "$@" >/dev/null 2>&1; }
sql() { # sql DATABASE STATEMENT [ROLE]
    psql -X -q -A -t -v ON_ERROR_STOP=1 -U "${3:-postgres}" -d "$1" -c "$2" 2>&1
}
says() { # says PATTERN FILE
    grep -q "$1" "$2" || { cat "$2"; return 1; }
}
q() { # q MOUNTS ACTION...: the probe against the server, output in $dir/out
    mounts=$1
    shift
    "$probe" "host=$run port=$PGPORT user=postgres" "$watchdog" "$dir/records" "$mounts" "$@" \
        >"$dir/out" 2>&1
}
settings() {
    grep -v '^#' "$pgdata/postgresql.auto.conf" | sort
    sql template1 "SELECT datname, datallowconn, datconnlimit FROM pg_database ORDER BY 1"
}
start_bench() {
    pgbench -n -c 2 -T 120 -d shop >"$dir/bench.log" 2>&1 &
    bench=$!
    sleep 1
}
stop_bench() {
    kill "$bench" 2>/dev/null
    wait "$bench" 2>/dev/null
    bench=
}

for name in data wal; do
    truncate -s 400M "$dir/$name.img"
    mkfs.ext4 -q -F "$dir/$name.img" && mount -o loop "$dir/$name.img" "$dir/$name" || exit 1
    chown postgres "$dir/$name"
done
as_postgres $bin/initdb -D "$pgdata" -X "$wal_mount/pg_wal" -A trust -k -N >/dev/null || exit 1
cat >>"$pgdata/postgresql.conf" <<CONF
logging_collector = off
max_wal_size = 128MB
min_wal_size = 32MB
CONF
start "$pgdata" || { cat "$dir/server.log"; exit 1; }
sql postgres "CREATE DATABASE shop" && sql postgres "CREATE DATABASE \"Odd name\" CONNECTION LIMIT 7" &&
    sql postgres "CREATE DATABASE closed ALLOW_CONNECTIONS false" &&
    sql postgres "CREATE ROLE app LOGIN" &&
    sql postgres "CREATE TABLESPACE spare LOCATION '$dir/space'" || exit 1
pgbench -i -q -s 2 -d shop >/dev/null 2>&1 || exit 1

# Facts
q - facts
check "facts: data directory" says "place 0 data directory $pgdata\$" "$dir/out"
check "facts: pg_wal link followed" says "place 1 pg_wal $wal_mount/pg_wal\$" "$dir/out"
check "facts: tablespace" says "place 2 spare $dir/space\$" "$dir/out"
check "facts: config inside the data directory is no place" not grep -q hba_file "$dir/out"
check "facts: state" says "superuser 1 checksums 1 recovery 0 archive 0/0 backups 0" "$dir/out"

# Freeze under load; the copy of both disks starts and has every row acknowledged before the cut
start_bench
sql shop "CREATE TABLE ledger AS SELECT 20240229 AS n"
q "$data_mount:$wal_mount" cut "cp --sparse=always $dir/data.img $dir/data2.img; cp --sparse=always $dir/wal.img $dir/wal2.img"
check "a cut under load is labelled frozen" says "^cut frozen fired 0" "$dir/out"
cat "$dir/out"
check "the server goes on after the cut" sql shop "INSERT INTO ledger VALUES (1)"
check "no record is left" [ -z "$(ls "$dir/records")" ]

# The same in backup mode, and with a limit that passes
q "$data_mount:$wal_mount" backup-begin cut true backup-end "$dir/label" label
check "a backup is labelled backup after its end" says "^label backup" "$dir/out"
check "before its end it is only frozen" says "^cut frozen" "$dir/out"
check "both LSNs, and no archive to wait for" says "^backup [0-9A-F]*/[0-9A-F]* to [0-9A-F]*/[0-9A-F]* archived 0" "$dir/out"
check "the label came back" says "^LABEL: a label with 'quotes'" "$dir/label"
check "the map names the tablespace" says "map [1-9]" "$dir/out"
PROBE_LIMIT_MS=300 q "$data_mount:$wal_mount" cut "sleep 1"
check "thawed by the watchdog means crash" says "^cut crash fired 1" "$dir/out"
check "and the freeze lasted no longer than its limit" says " held_us [12][0-9][0-9][0-9][0-9][0-9] thaw" "$dir/out"
q - backup-begin wait backup-end "$dir/label" </dev/null
check "backup mode alone" says "^backup" "$dir/out"
q - backup-end "$dir/label"
check "no backup to end" says "^state: no backup is on" "$dir/out"
"$probe" "host=$run port=$PGPORT user=postgres" "$watchdog" "$dir/records" "$data_mount:$wal_mount" \
    backup-begin cut "psql -X -q -o /dev/null -d postgres -c \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ebshift'\" || :" \
    label backup-end "$dir/label" >"$dir/out" 2>&1
check "a lost session means no backup" says "^postgres: .*session.* lost" "$dir/out"
check "and the label stays frozen" says "^label frozen" "$dir/out"
stop_bench

# A pooler in between, and a server that does not answer
python3 "$(dirname "$0")/pooler.py" "$run/.s.PGSQL.$PGPORT" "$run/.s.PGSQL.54330" &
pooler=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S "$run/.s.PGSQL.54330" ] || sleep 0.2; done
"$probe" "host=$run port=54330 user=postgres" "$watchdog" "$dir/records" - lsn >"$dir/out" 2>&1
check "a pooler is refused" says "pooler" "$dir/out"
kill "$pooler"
pooler=
server=$(head -1 "$pgdata/postmaster.pid")
kill -STOP "$server"
q - lsn
kill -CONT "$server"
check "a server that does not answer is given up" says "^postgres: PostgreSQL does not answer" "$dir/out"

# Archive: bounded wait, both ways
sql postgres "ALTER SYSTEM SET archive_mode = on" && sql postgres "ALTER SYSTEM SET archive_command = 'cp %p $dir/archive/%f'"
stop "$pgdata"
start "$pgdata"
q - backup-begin backup-end "$dir/label"
check "the last WAL is archived" says "archived 1" "$dir/out"
sql postgres "ALTER SYSTEM SET archive_command = 'false'"
sql postgres "SELECT pg_reload_conf()" >/dev/null
sql shop "INSERT INTO ledger VALUES (2)"
q - backup-begin backup-end "$dir/label"
check "a broken archive does not hang the end" says "archived 0" "$dir/out"
q - facts
check "facts: archive fails" says "archive 1/1" "$dir/out"
sql postgres "ALTER SYSTEM RESET archive_mode"
sql postgres "ALTER SYSTEM RESET archive_command"
stop "$pgdata"
start "$pgdata"

# Fence
sql postgres "ALTER SYSTEM SET autovacuum = 'on'"
settings >"$dir/before"
start_bench
stubborn() { # a superuser who sets it off and writes again and again
    while [ -e "$dir/records" ]; do
        sql shop "SET default_transaction_read_only = off; INSERT INTO ledger VALUES (99)" >/dev/null
    done
}
stubborn &
stubborn=$!
q - record "$dir/undo" fence wait lsn </dev/null
check "the fence stands and WAL too" says "^fenced at" "$dir/out"
check "the position has not moved since" [ "$(sed -n 's/^fenced at //p' "$dir/out")" = "$(sed -n 's/^lsn //p' "$dir/out")" ]
check "pgbench was thrown out" says "terminating connection\|aborted\|not currently accepting" "$dir/bench.log"
rows=$($bin/pg_controldata "$pgdata" | grep -c "in production")
check "the server runs" [ "$rows" = 1 ]
check "a superuser cannot come in" not sql shop "INSERT INTO ledger VALUES (3)"
check "nor by setting it off" not sql shop "SET default_transaction_read_only = off; INSERT INTO ledger VALUES (3)"
check "nor to another database" not sql "Odd name" "SELECT 1"
check "an ordinary role cannot enter the control database" not sql template1 "SELECT 1" app
q - record "$dir/undo2"
check "a second record is refused" says "fenced already" "$dir/out"
q - fence
check "fencing twice is harmless" says "^fenced at" "$dir/out"
stop "$pgdata"
start "$pgdata"
check "after a restart a superuser still cannot come in" not sql shop "INSERT INTO ledger VALUES (3)"
q - lsn
one=$(cat "$dir/out")
sleep 2
q - lsn
check "after a restart WAL stands still" [ "$one" = "$(cat "$dir/out")" ]
rm -r "$dir/records"
wait "$stubborn"
stop_bench
q - unfence "$dir/undo"
check "unfence" [ ! -s "$dir/out" ]
q - unfence "$dir/undo"
check "unfencing twice is harmless" [ ! -s "$dir/out" ]
settings >"$dir/after"
check "everything is as it was" diff "$dir/before" "$dir/after"
check "writers are back" sql shop "INSERT INTO ledger VALUES (4)"
q - record "$dir/undo" fence
check "fenced once more" says "^fenced at" "$dir/out"
check "the record is SQL for psql" psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d template1 -f "$dir/undo"
settings >"$dir/after"
check "and brings all back too" diff "$dir/before" "$dir/after"

# Refusals
"$probe" "host=$run port=1 user=postgres" "$watchdog" "$dir/records" - lsn >"$dir/out" 2>&1
check "nobody listens: one clear line" says "^postgres: cannot connect" "$dir/out"
"$probe" "host=$run port=$PGPORT user=app" "$watchdog" "$dir/records" - record "$dir/x" fence >"$dir/out" 2>&1
check "an ordinary role may not fence" says "^postgres: .*superuser" "$dir/out"

# Stopped
stop "$pgdata"
"$probe" "$pgdata" "$watchdog" "$dir/records" "$data_mount:$wal_mount" cut true >"$dir/out" 2>&1
check "a stopped server is labelled stopped" says "^cut stopped" "$dir/out"

# The copy made while frozen
mount -o loop "$dir/data2.img" "$dir/copy-data" && mount -o loop "$dir/wal2.img" "$dir/copy-wal"
ln -sfn "$dir/copy-wal/pg_wal" "$copydata/pg_wal"
rm -f "$copydata/postmaster.pid"
check "the copy starts" start "$copydata"
check "it holds the acknowledged row and none later" [ "$(sql shop "SELECT string_agg(n::text, ',') FROM ledger")" = 20240229 ]
stop "$copydata"
sums_are_right() { as_postgres $bin/pg_checksums --check -D "$copydata" >"$dir/out" 2>&1; }
check "its page checksums are right" sums_are_right

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }

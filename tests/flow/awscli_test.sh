#!/bin/sh
# An independent client judges the simulator: Debian's awscli creates, lists, copies, shares,
# restores, attaches and deletes against cloudsim, and reads its refusals.
#
# usage: awscli_test.sh PATH-TO-CLOUDSIM
# Prints a line for each check; ends with 1 if any failed, with 77 if awscli is not installed.
set -u

CLOUDSIM=$1
AWS=/usr/bin/aws
[ -x "$AWS" ] || { echo "skip: $AWS is not installed"; exit 77; }

dir=$(mktemp -d) || exit 1
pid=
failed=0

clean_up() {
    trap - EXIT INT TERM
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    fi
    "$CLOUDSIM" clean --state "$dir/state" >/dev/null 2>&1
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# is WHAT WANTED FOUND
is() {
    if [ "$2" = "$3" ]; then
        echo "ok: $1"
    else
        echo "FAILED: $1: wanted '$2', found '$3'"
        failed=1
    fi
}

# like WHAT PATTERN FOUND (a case pattern)
like() {
    # shellcheck disable=SC2254
    case $3 in
    $2) echo "ok: $1" ;;
    *)
        echo "FAILED: $1: wanted '$2', found '$3'"
        failed=1
        ;;
    esac
}

# The client, with its answer as text; what it says on stderr is kept for refused().
ec2() {
    "$AWS" --output text ec2 "$@" 2>"$dir/stderr"
}

# refused WHAT CODE COMMAND...: the command must fail with that error code.
refused() {
    what=$1
    code=$2
    shift 2
    : >"$dir/stderr"
    "$@" >"$dir/stdout" 2>"$dir/stderr.refused"
    found=$(sed -n 's/.*An error occurred (\([A-Za-z0-9.]*\)).*/\1/p' \
        "$dir/stderr" "$dir/stderr.refused" 2>/dev/null | head -n 1)
    is "$what" "$code" "$found"
}

# until_is WHAT WANTED COMMAND...: asks again for some seconds.
until_is() {
    what=$1
    wanted=$2
    shift 2
    tries=0
    while found=$("$@"); [ "$found" != "$wanted" ] && [ $tries -lt 40 ]; do
        tries=$((tries + 1))
        sleep 0.5
    done
    is "$what" "$wanted" "$found"
}

start() {
    "$CLOUDSIM" --listen 127.0.0.1:0 --state "$dir/state" --time-scale 120 --seed 42 \
        >"$dir/cloudsim.log" 2>&1 &
    pid=$!
    tries=0
    until grep -q 'listening on' "$dir/cloudsim.log"; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
            echo "FAILED: cloudsim did not start:"
            cat "$dir/cloudsim.log"
            exit 1
        fi
        sleep 0.1
    done
    eval "$("$CLOUDSIM" env --state "$dir/state")"
    # awscli 2.9 does not know AWS_ENDPOINT_URL.
    mkdir -p "$dir/bin"
    printf '#!/bin/sh\nexec %s --endpoint-url %s "$@"\n' "$AWS" "$AWS_ENDPOINT_URL" >"$dir/bin/aws"
    chmod +x "$dir/bin/aws"
    AWS=$dir/bin/aws
}

# ---- the caller's own environment must not reach the client ----
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_CA_BUNDLE HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
export AWS_CONFIG_FILE="$dir/none" AWS_SHARED_CREDENTIALS_FILE="$dir/none"
export AWS_EC2_METADATA_DISABLED=true AWS_PAGER= AWS_MAX_ATTEMPTS=1 PYTHONUTF8=1
mkdir "$dir/state"
start

# ---- who am I ----
is "GetCallerIdentity" 111122223333 "$("$AWS" --output text sts get-caller-identity --query Account)"
like "DescribeAvailabilityZones" '*us-east-1a*' \
    "$(ec2 describe-availability-zones --query 'AvailabilityZones[].ZoneName')"
like "DescribeRegions" '*eu-west-1*' "$(ec2 describe-regions --query 'Regions[].RegionName')"
is "DescribeInstances by id" "running us-east-1a" \
    "$(ec2 describe-instances --instance-ids "$CLOUDSIM_INSTANCE" \
        --query 'Reservations[].Instances[].[State.Name,Placement.AvailabilityZone]' | tr '\t' ' ')"

# ---- a volume ----
volume=$(ec2 create-volume --size 3 --volume-type gp3 --iops 4000 --throughput 200 \
    --availability-zone us-east-1a --client-token token-1 --query VolumeId \
    --tag-specifications 'ResourceType=volume,Tags=[{Key=op-id,Value=run 42/a+b}]')
like "CreateVolume" 'vol-?????????????????' "$volume"
again=$(ec2 create-volume --size 3 --volume-type gp3 --iops 4000 --throughput 200 \
    --availability-zone us-east-1a --client-token token-1 --query VolumeId \
    --tag-specifications 'ResourceType=volume,Tags=[{Key=op-id,Value=run 42/a+b}]')
is "CreateVolume with the same token" "$volume" "$again"
refused "CreateVolume, same token, other size" IdempotentParameterMismatch \
    ec2 create-volume --size 4 --availability-zone us-east-1a --client-token token-1
is "DescribeVolumes by tag" "$volume" \
    "$(ec2 describe-volumes --filters 'Name=tag:op-id,Values=run 42/*' 'Name=size,Values=1,3' \
        --query 'Volumes[].VolumeId')"
until_is "the volume becomes available" available \
    ec2 describe-volumes --volume-ids "$volume" --query 'Volumes[].State'
is "DescribeVolumeStatus" ok "$(ec2 describe-volume-status --volume-ids "$volume" \
    --query 'VolumeStatuses[].VolumeStatus.Status')"

# ---- snapshots: create, list by pages, filter, tag ----
n=1
while [ $n -le 12 ]; do
    snapshot=$(ec2 create-snapshot --volume-id "$volume" --description "number $n" \
        --query '[SnapshotId,State]' \
        --tag-specifications "ResourceType=snapshot,Tags=[{Key=n,Value=$n},{Key=op-id,Value=run}]" |
        tr '\t' ' ')
    like "CreateSnapshot $n" 'snap-????????????????? pending' "$snapshot"
    snapshot=${snapshot% *}
    [ $n -eq 1 ] && first=$snapshot
    until_is "snapshot $n completes" completed \
        ec2 describe-snapshots --snapshot-ids "$snapshot" --query 'Snapshots[].State'
    n=$((n + 1))
done
is "DescribeSnapshots in pages of 5" 12 \
    "$(ec2 describe-snapshots --owner-ids self --page-size 5 --query 'Snapshots[].SnapshotId' |
        tr '\t' '\n' | sort -u | grep -c snap-)"
is "one page and its token" "5 1" "$(ec2 describe-snapshots --owner-ids self --max-results 5 \
    --no-paginate --query '[length(Snapshots), length(not_null(NextToken, ``)) > `9` && `1` || `0`]' |
    tr '\t' ' ')"
is "filters: AND of names, OR of values, wildcards" "number 11" \
    "$(ec2 describe-snapshots --filters 'Name=tag:n,Values=1*,3' 'Name=description,Values=*11' \
        'Name=status,Values=completed' --query 'Snapshots[].Description')"
is "tag-key filter" 12 "$(ec2 describe-snapshots --filters Name=tag-key,Values=n \
    --query 'length(Snapshots)')"
like "progress and completion time" '100% 20*' \
    "$(ec2 describe-snapshots --snapshot-ids "$first" \
        --query 'Snapshots[].[Progress,StartTime]' | tr '\t' ' ')"
ec2 create-tags --resources "$first" "$volume" \
    --tags '[{"Key":"later","Value":"<&> é"}]' >/dev/null
is "CreateTags" '<&> é' "$(ec2 describe-snapshots --snapshot-ids "$first" \
    --query 'Snapshots[].Tags[?Key==`later`].Value[]')"
ec2 delete-tags --resources "$first" --tags Key=later >/dev/null
is "DeleteTags" 0 "$(ec2 describe-snapshots --filters Name=tag-key,Values=later \
    --query 'length(Snapshots)')"

# ---- what AWS refuses ----
refused "bad snapshot id" InvalidSnapshotID.Malformed ec2 describe-snapshots --snapshot-ids snap-xyz
refused "unknown snapshot" InvalidSnapshot.NotFound \
    ec2 describe-snapshots --snapshot-ids snap-0123456789abcdef0
refused "an id of another kind" InvalidParameterValue \
    ec2 describe-snapshots --snapshot-ids "$volume"
refused "unknown volume" InvalidVolume.NotFound \
    ec2 create-snapshot --volume-id vol-0123456789abcdef0
refused "malformed instance" InvalidInstanceID.Malformed ec2 describe-instances --instance-ids i-1
refused "unknown filter" InvalidParameterValue ec2 describe-snapshots --filters Name=colour,Values=red
refused "ids with MaxResults" InvalidParameterCombination \
    ec2 describe-snapshots --snapshot-ids "$first" --max-results 5
refused "page too small" InvalidParameterValue \
    ec2 describe-snapshots --owner-ids self --max-results 4
refused "forged page token" InvalidNextToken \
    ec2 describe-snapshots --owner-ids self --max-results 5 --next-token AAAA --no-paginate
refused "dry run" DryRunOperation ec2 create-snapshot --volume-id "$volume" --dry-run
refused "reserved tag" InvalidParameterValue \
    ec2 create-tags --resources "$volume" --tags Key=aws:x,Value=1
refused "unknown zone" InvalidZone.NotFound \
    ec2 create-volume --size 1 --availability-zone us-east-1z
refused "gp3 with too many IOPS" InvalidParameterValue \
    ec2 create-volume --size 1 --volume-type gp3 --iops 90000 --availability-zone us-east-1a
refused "neither size nor snapshot" MissingParameter \
    ec2 create-volume --availability-zone us-east-1a
refused "unknown type" UnknownVolumeType \
    ec2 create-volume --size 1 --volume-type gp9 --availability-zone us-east-1a
refused "wrong secret" AuthFailure env AWS_SECRET_ACCESS_KEY=wrong "$AWS" ec2 describe-volumes
refused "unknown key at EC2" AuthFailure \
    env AWS_ACCESS_KEY_ID=AKIAAAAAAAAAAAAAAAAA "$AWS" ec2 describe-volumes
refused "unknown key at STS" InvalidClientTokenId \
    env AWS_ACCESS_KEY_ID=AKIAAAAAAAAAAAAAAAAA "$AWS" sts get-caller-identity
refused "wrong secret at STS" SignatureDoesNotMatch \
    env AWS_SECRET_ACCESS_KEY=wrong "$AWS" sts get-caller-identity
refused "a call that is not served" InvalidAction ec2 describe-vpcs

# ---- copy to another region; the client signs the URL for the source by itself ----
copy=$(ec2 --region eu-west-1 copy-snapshot --source-region us-east-1 \
    --source-snapshot-id "$first" --description 'nightly copy' --query SnapshotId \
    --tag-specifications 'ResourceType=snapshot,Tags=[{Key=op-id,Value=copy}]')
like "CopySnapshot" 'snap-?????????????????' "$copy"
refused "the copy is not in the source region" InvalidSnapshot.NotFound \
    ec2 describe-snapshots --snapshot-ids "$copy"
until_is "the copy completes" completed \
    ec2 --region eu-west-1 describe-snapshots --snapshot-ids "$copy" --query 'Snapshots[].State'
is "tags of the copy are those of the call" copy \
    "$(ec2 --region eu-west-1 describe-snapshots --snapshot-ids "$copy" \
        --query 'Snapshots[].Tags[].Value')"
secret=$(ec2 --region eu-west-1 copy-snapshot --source-region eu-west-1 --encrypted \
    --kms-key-id alias/data --source-snapshot-id "$copy" --query SnapshotId)
until_is "an encrypted copy completes" completed \
    ec2 --region eu-west-1 describe-snapshots --snapshot-ids "$secret" --query 'Snapshots[].State'
moved=$(ec2 --region us-west-2 copy-snapshot --source-region eu-west-1 --encrypted \
    --kms-key-id alias/data --source-snapshot-id "$secret" --query SnapshotId)
until_is "a copy of an encrypted source (PresignedUrl)" completed \
    ec2 --region us-west-2 describe-snapshots --snapshot-ids "$moved" --query 'Snapshots[].State'
forged=$(ec2 --region us-west-2 copy-snapshot --source-region eu-west-1 \
    --source-snapshot-id "$secret" --query SnapshotId --presigned-url \
    "http://127.0.0.1/?Action=CopySnapshot&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0")
until_is "a copy with a forged PresignedUrl ends in error" error \
    ec2 --region us-west-2 describe-snapshots --snapshot-ids "$forged" --query 'Snapshots[].State'

# ---- restore, attach, detach, delete ----
restored=$(ec2 --region eu-west-1 create-volume --snapshot-id "$copy" --volume-type gp3 \
    --availability-zone eu-west-1a --query VolumeId)
until_is "a volume from the copy" available \
    ec2 --region eu-west-1 describe-volumes --volume-ids "$restored" --query 'Volumes[].State'
refused "attach across zones" InvalidVolume.ZoneMismatch ec2 --region eu-west-1 attach-volume \
    --volume-id "$(ec2 --region eu-west-1 create-volume --size 1 --availability-zone eu-west-1b \
        --query VolumeId; sleep 1)" --instance-id "$CLOUDSIM_TARGET_INSTANCE" --device /dev/sdg
if [ "$(id -u)" -eq 0 ]; then
    is "AttachVolume" attaching "$(ec2 --region eu-west-1 attach-volume --volume-id "$restored" \
        --instance-id "$CLOUDSIM_TARGET_INSTANCE" --device /dev/sdf --query State)"
    until_is "the volume is in use" in-use \
        ec2 --region eu-west-1 describe-volumes --volume-ids "$restored" --query 'Volumes[].State'
    link=$EBSHIFT_DEVICE_DIR/nvme-Amazon_Elastic_Block_Store_$(echo "$restored" | tr -d -)
    is "its device is there" yes "$([ -b "$link" ] && echo yes)"
    is "DescribeInstances shows it" "$restored" "$(ec2 --region eu-west-1 describe-instances \
        --filters "Name=block-device-mapping.volume-id,Values=$restored" --query \
        'Reservations[].Instances[].BlockDeviceMappings[?DeviceName==`/dev/sdf`].Ebs.VolumeId[]')"
    refused "attach twice" VolumeInUse ec2 --region eu-west-1 attach-volume --volume-id "$restored" \
        --instance-id "$CLOUDSIM_TARGET_INSTANCE" --device /dev/sdh
    # Bytes written before the call are in the snapshot, those written after it are not.
    head -c 524288 /dev/urandom >"$dir/written"
    dd if="$dir/written" of="$link" bs=512k seek=5 conv=notrunc,fsync 2>/dev/null
    cut=$(ec2 --region eu-west-1 create-snapshots --copy-tags-from-source volume \
        --instance-specification "InstanceId=$CLOUDSIM_TARGET_INSTANCE,ExcludeBootVolume=true" \
        --query 'Snapshots[?State==`pending`].SnapshotId')
    like "CreateSnapshots" 'snap-?????????????????' "$cut"
    dd if=/dev/zero of="$link" bs=512k seek=5 count=1 conv=notrunc,fsync 2>/dev/null
    until_is "the set completes" completed \
        ec2 --region eu-west-1 describe-snapshots --snapshot-ids "$cut" --query 'Snapshots[].State'
    token=$("$AWS" --region eu-west-1 --output text ebs list-snapshot-blocks --snapshot-id "$cut" \
        --query 'Blocks[?BlockIndex==`5`].BlockToken')
    "$AWS" --region eu-west-1 ebs get-snapshot-block --snapshot-id "$cut" --block-index 5 \
        --block-token "$token" "$dir/block" >"$dir/block.json"
    is "GetSnapshotBlock gives the bytes of the instant" same \
        "$(cmp "$dir/written" "$dir/block" && echo same)"
    is "and their checksum" "$(openssl dgst -sha256 -binary "$dir/written" | base64)" \
        "$(sed -n 's/.*"Checksum": "\(.*\)",*/\1/p' "$dir/block.json")"
    refused "delete while attached" VolumeInUse \
        ec2 --region eu-west-1 delete-volume --volume-id "$restored"
    is "DetachVolume" detaching "$(ec2 --region eu-west-1 detach-volume --volume-id "$restored" \
        --query State)"
    until_is "it is available again" available \
        ec2 --region eu-west-1 describe-volumes --volume-ids "$restored" --query 'Volumes[].State'
    is "its device is gone" yes "$([ -e "$link" ] || echo yes)"
fi
refused "detach what is not attached" IncorrectState \
    ec2 --region eu-west-1 detach-volume --volume-id "$restored"
ec2 --region eu-west-1 delete-volume --volume-id "$restored" >/dev/null
refused "a deleted volume" InvalidVolume.NotFound \
    ec2 --region eu-west-1 attach-volume --volume-id "$restored" \
    --instance-id "$CLOUDSIM_TARGET_INSTANCE" --device /dev/sdf

# ---- sharing with another account, and its role ----
as_b() {
    AWS_ACCESS_KEY_ID=$CLOUDSIM_B_KEY AWS_SECRET_ACCESS_KEY=$CLOUDSIM_B_SECRET "$@"
}
refused "another account does not see it" InvalidSnapshot.NotFound \
    as_b ec2 describe-snapshots --snapshot-ids "$first"
ec2 modify-snapshot-attribute --snapshot-id "$first" --attribute createVolumePermission \
    --operation-type add --user-ids 444455556666 >/dev/null
is "DescribeSnapshotAttribute" 444455556666 "$(ec2 describe-snapshot-attribute \
    --snapshot-id "$first" --attribute createVolumePermission \
    --query 'CreateVolumePermissions[].UserId')"
is "now it does, without the tags" "111122223333 0" "$(as_b ec2 describe-snapshots \
    --snapshot-ids "$first" --query 'Snapshots[].[OwnerId,length(not_null(Tags,`[]`))]' | tr '\t' ' ')"
is "but does not own it" 0 \
    "$(as_b ec2 describe-snapshots --owner-ids self --query 'length(Snapshots)')"
ec2 reset-snapshot-attribute --snapshot-id "$first" --attribute createVolumePermission >/dev/null
refused "unshared again" InvalidSnapshot.NotFound \
    as_b ec2 describe-snapshots --snapshot-ids "$first"
refused "account that is no account" InvalidUserID.Malformed ec2 modify-snapshot-attribute \
    --snapshot-id "$first" --attribute createVolumePermission --operation-type add --user-ids me

# shellcheck disable=SC2046
set -- $("$AWS" --output text sts assume-role --role-arn "$CLOUDSIM_ROLE_B" \
    --role-session-name check-1 --duration-seconds 43200 \
    --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]')
as_role() {
    AWS_ACCESS_KEY_ID=$role_key AWS_SECRET_ACCESS_KEY=$role_secret AWS_SESSION_TOKEN=$role_token "$@"
}
role_key=${1:-} role_secret=${2:-} role_token=${3:-}
like "AssumeRole" 'arn:aws:sts::444455556666:assumed-role/*/check-1' \
    "$(as_role "$AWS" --output text sts get-caller-identity --query Arn)"
role_token=
refused "a role's key without its token" AuthFailure as_role ec2 describe-volumes
refused "a role that is not mine" AccessDenied "$AWS" sts assume-role \
    --role-arn arn:aws:iam::444455556666:role/other --role-session-name check-1

# ---- EBS direct and CloudWatch ----
is "ListSnapshotBlocks" 524288 "$("$AWS" --output text ebs list-snapshot-blocks \
    --snapshot-id "$first" --query BlockSize)"
second=$(ec2 describe-snapshots --filters Name=tag:n,Values=2 --query 'Snapshots[].SnapshotId')
is "ListChangedBlocks of idle days" 0 "$("$AWS" --output text ebs list-changed-blocks \
    --first-snapshot-id "$first" --second-snapshot-id "$second" --query 'length(ChangedBlocks)')"
refused "snapshot of no one" ResourceNotFoundException "$AWS" ebs list-snapshot-blocks \
    --snapshot-id snap-0123456789abcdef0
refused "forged block token" ValidationException "$AWS" ebs get-snapshot-block --snapshot-id "$first" \
    --block-index 0 --block-token AAAA "$dir/block"
is "GetMetricData" Complete "$("$AWS" --output text cloudwatch get-metric-data \
    --start-time 2026-01-01T00:00:00Z --end-time 2026-01-01T01:00:00Z --metric-data-queries \
    "[{\"Id\":\"w\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/EBS\",\"MetricName\":\
\"VolumeWriteBytes\",\"Dimensions\":[{\"Name\":\"VolumeId\",\"Value\":\"$volume\"}]},\
\"Period\":60,\"Stat\":\"Sum\"}}]" --query 'MetricDataResults[0].StatusCode')"

refused "StartSnapshot beyond the largest volume" ValidationException \
    "$AWS" ebs start-snapshot --volume-size 65537
written=$("$AWS" --output text ebs start-snapshot --volume-size 1 --query SnapshotId)
head -c 524288 /dev/zero | tr '\0' 'x' >"$dir/block"
sum=$(openssl dgst -sha256 -binary "$dir/block" | base64)
is "PutSnapshotBlock" "$sum" "$("$AWS" --output text ebs put-snapshot-block --snapshot-id "$written" \
    --block-index 7 --block-data "$dir/block" --data-length 524288 --checksum "$sum" \
    --checksum-algorithm SHA256 --query Checksum)"
is "CompleteSnapshot" pending "$("$AWS" --output text ebs complete-snapshot \
    --snapshot-id "$written" --changed-blocks-count 1 --query Status)"

# ---- keys and policies ----
kms() {
    "$AWS" --output text kms "$@" 2>"$dir/stderr"
}
key=$(kms list-aliases --query "Aliases[?AliasName=='alias/data'].TargetKeyId")
is "DescribeKey" "$key" "$(kms describe-key --key-id alias/data --query KeyMetadata.KeyId)"
grant=$(kms create-grant --key-id "$key" --operations Decrypt \
    --grantee-principal arn:aws:iam::444455556666:root --query GrantId)
like "CreateGrant, ListGrants" "*$grant*" "$(kms list-grants --key-id "$key" --query 'Grants[].GrantId')"
kms revoke-grant --key-id "$key" --grant-id "$grant"
refused "RevokeGrant again" NotFoundException kms revoke-grant --key-id "$key" --grant-id "$grant"
like "GetKeyPolicy" '*"Statement"*' "$(kms get-key-policy --key-id "$key" --policy-name default)"
kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7 >/dev/null
kms cancel-key-deletion --key-id "$key" >/dev/null
is "ScheduleKeyDeletion, CancelKeyDeletion" Disabled \
    "$(kms describe-key --key-id "$key" --query KeyMetadata.KeyState)"
kms enable-key --key-id "$key"
iam() {
    "$AWS" --output text iam "$@" 2>"$dir/stderr"
}
iam put-user-policy --user-name operator --policy-name none --policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:CreateVolume","Resource":"*"},
    {"Effect":"Allow","Action":["ec2:*","iam:*"],"Resource":"*"}]}'
refused "PutUserPolicy" UnauthorizedOperation ec2 create-volume --size 1 \
    --availability-zone us-east-1a
iam delete-user-policy --user-name operator --policy-name none
like "DeleteUserPolicy" 'vol-*' "$(ec2 create-volume --size 1 --availability-zone us-east-1a \
    --query VolumeId)"

# ---- remove ----
ec2 delete-snapshot --snapshot-id "$first" >/dev/null
refused "DeleteSnapshot" InvalidSnapshot.NotFound ec2 delete-snapshot --snapshot-id "$first"

kill -0 "$pid" 2>/dev/null || { echo "FAILED: cloudsim died:"; failed=1; }
[ $failed -eq 0 ] || tail -n 40 "$dir/cloudsim.log"
exit $failed

// What the AWS SDK for JavaScript sees in cloudsim; run in its environment, with a seeded world.
// Prints a line per expectation; ends with 1 if one failed.
import { createHash } from 'node:crypto';
import * as ec2 from '@aws-sdk/client-ec2';
import * as ebs from '@aws-sdk/client-ebs';
import * as sts from '@aws-sdk/client-sts';
import * as kms from '@aws-sdk/client-kms';
import * as ssm from '@aws-sdk/client-ssm';
import { closeSync, openSync, readSync, realpathSync } from 'node:fs';
import * as cw from '@aws-sdk/client-cloudwatch';

const env = process.env;
const keys = { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY };
const keysOfB = { accessKeyId: env.CLOUDSIM_B_KEY, secretAccessKey: env.CLOUDSIM_B_SECRET };
const options = (credentials = keys, region = 'us-east-1') =>
  ({ endpoint: env.AWS_ENDPOINT_URL, region, credentials, maxAttempts: 1 });
let failed = false;

function check(holds, what) {
  console.log(`${holds ? 'ok' : 'FAILED'}: ${what}`);
  failed ||= !holds;
}

async function refused(code, status, promise, what) {
  try {
    await promise;
    check(false, `${what}: ${code}, but it was done`);
  } catch (error) {
    const found = error.Code ?? error.name;
    const http = error.$metadata?.httpStatusCode;
    check((found === code || error.name === code) && http === status, `${what}: ${found}, HTTP ${http}`);
  }
}

async function volumesAndSnapshots(here) {
  const made = [];
  for (let n = 0; n < 6; n++) {
    const Tags = [{ Key: 'n', Value: String(n) }, { Key: 'by', Value: 'js & <xml> é' }];
    made.push(await here.send(new ec2.CreateVolumeCommand({
      AvailabilityZone: 'us-east-1a', Size: 1 + n, VolumeType: 'gp3',
      TagSpecifications: [{ ResourceType: 'volume', Tags }] })));
  }
  const VolumeIds = made.map((volume) => volume.VolumeId);
  await ec2.waitUntilVolumeAvailable({ client: here, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { VolumeIds });
  const Filters = [{ Name: 'tag:by', Values: ['js*'] }];
  const found = [];
  let pages = 0;
  for await (const page of ec2.paginateDescribeVolumes({ client: here, pageSize: 5 }, { Filters })) {
    pages++;
    found.push(...page.Volumes);
  }
  check(pages === 2 && found.length === 6, `${found.length} volumes in ${pages} pages`);
  check(found[0].Tags.some((tag) => tag.Value === 'js & <xml> é'), 'a tag with its characters');
  const one = await here.send(new ec2.DescribeVolumesCommand({
    Filters: [...Filters, { Name: 'tag:n', Values: ['2', '4'] }, { Name: 'size', Values: ['5'] }] }));
  check(one.Volumes.length === 1 && one.Volumes[0].Size === 5, 'filters: AND of names, OR of values');
  const snapshot = await here.send(new ec2.CreateSnapshotCommand({
    VolumeId: VolumeIds[0], Description: 'of js',
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'by', Value: 'js' }] }] }));
  check(snapshot.State === 'pending' && snapshot.StartTime instanceof Date, 'a pending snapshot');
  await ec2.waitUntilSnapshotCompleted({ client: here, maxWaitTime: 90, minDelay: 1, maxDelay: 1 },
    { SnapshotIds: [snapshot.SnapshotId] });
  return [VolumeIds[0], snapshot.SnapshotId];
}

async function refusals(here, volume, snapshot) {
  const dry = (Command, input) => here.send(new Command({ ...input, DryRun: true }));
  await refused('DryRunOperation', 412, dry(ec2.CreateSnapshotCommand, { VolumeId: volume }), 'dry run');
  await refused('DryRunOperation', 412, dry(ec2.DeleteSnapshotCommand, { SnapshotId: snapshot }), 'dry run');
  await refused('InvalidSnapshotID.Malformed', 400, here.send(
    new ec2.DescribeSnapshotsCommand({ SnapshotIds: ['snap-xyz'] })), 'a malformed id');
  await refused('InvalidSnapshot.NotFound', 400, here.send(
    new ec2.DescribeSnapshotsCommand({ SnapshotIds: ['snap-0123456789abcdef0'] })), 'an unknown id');
  const create = (Size) => here.send(new ec2.CreateVolumeCommand(
    { AvailabilityZone: 'us-east-1a', Size, ClientToken: 'js' }));
  const [first, again] = [await create(1), await create(1)];
  check(first.VolumeId === again.VolumeId, 'a client token');
  await refused('IdempotentParameterMismatch', 400, create(2), 'the same token, another size');
  const wrong = { ...keys, secretAccessKey: 'wrong' };
  await refused('AuthFailure', 401, new ec2.EC2Client(options(wrong)).send(
    new ec2.DescribeRegionsCommand({})), 'a wrong secret');
  const late = new ec2.EC2Client({ ...options(), systemClockOffset: -25 * 60 * 1000 });
  await refused('RequestExpired', 400, late.send(new ec2.DescribeRegionsCommand({})), 'a clock 25 minutes late');
}

async function copyAndShare(here, snapshot) {
  const there = new ec2.EC2Client(options(keys, 'eu-west-1'));
  const copy = await there.send(new ec2.CopySnapshotCommand({
    SourceRegion: 'us-east-1', SourceSnapshotId: snapshot, Encrypted: true, KmsKeyId: 'alias/data' }));
  await ec2.waitUntilSnapshotCompleted({ client: there, maxWaitTime: 90, minDelay: 1, maxDelay: 1 },
    { SnapshotIds: [copy.SnapshotId] });
  check(true, 'a copy to another region, with the URL that the SDK signed');
  const other = new ec2.EC2Client(options(keysOfB));
  const look = () => other.send(new ec2.DescribeSnapshotsCommand({ SnapshotIds: [snapshot] }));
  await refused('InvalidSnapshot.NotFound', 400, look(), 'not shared yet');
  await here.send(new ec2.ModifySnapshotAttributeCommand({
    SnapshotId: snapshot, Attribute: 'createVolumePermission', OperationType: 'add', UserIds: ['444455556666'] }));
  check((await look()).Snapshots[0].OwnerId === '111122223333', 'shared, another account sees it');
}

async function blocks(here) {
  const reader = new ebs.EBSClient(options());
  const all = await here.send(new ec2.DescribeSnapshotsCommand({
    OwnerIds: ['self'], Filters: [{ Name: 'volume-id', Values: [env.CLOUDSIM_VOLUME] }] }));
  const ids = all.Snapshots.sort((a, b) => a.StartTime - b.StartTime).map((s) => s.SnapshotId);
  const [FirstSnapshotId, SecondSnapshotId] = ids.slice(-3, -1);
  const page = await reader.send(new ebs.ListChangedBlocksCommand({ FirstSnapshotId, SecondSnapshotId, MaxResults: 100 }));
  const block = page.ChangedBlocks.find((entry) => entry.SecondBlockToken);
  check(page.BlockSize === 524288 && page.NextToken, `${page.ChangedBlocks.length} changed blocks, and more`);
  const read = await reader.send(new ebs.GetSnapshotBlockCommand({
    SnapshotId: SecondSnapshotId, BlockIndex: block.BlockIndex, BlockToken: block.SecondBlockToken }));
  const data = await read.BlockData.transformToByteArray();
  check(createHash('sha256').update(data).digest('base64') === read.Checksum, 'a block and its checksum');
  await refused('ValidationException', 400, reader.send(new ebs.GetSnapshotBlockCommand({
    SnapshotId: FirstSnapshotId, BlockIndex: block.BlockIndex, BlockToken: block.SecondBlockToken })), 'a token of another snapshot');
}

const sha = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function writes(here) {
  const writer = new ebs.EBSClient(options());
  const parts = new Map([[3, Buffer.alloc(524288, 'js ')], [9, Buffer.alloc(524288, 'sdk ')]]);
  const begun = await writer.send(new ebs.StartSnapshotCommand({ VolumeSize: 1, Description: 'by js', ClientToken: 'js', Timeout: 4320 }));
  const { SnapshotId } = begun;
  check(begun.Status === 'pending' && begun.BlockSize === 524288 && begun.StartTime instanceof Date, 'StartSnapshot');
  const put = (BlockIndex, data, Checksum = sha(data).toString('base64')) => writer.send(new ebs.PutSnapshotBlockCommand({
    SnapshotId, BlockIndex, BlockData: data, DataLength: data.length, Checksum, ChecksumAlgorithm: 'SHA256' }));
  for (const [index, data] of parts) await put(index, data);
  await refused('ValidationException', 400, put(3, parts.get(9), sha(parts.get(3)).toString('base64')), 'a wrong checksum');
  const complete = (order) => writer.send(new ebs.CompleteSnapshotCommand({
    SnapshotId, ChangedBlocksCount: 2, ChecksumAlgorithm: 'SHA256', ChecksumAggregationMethod: 'LINEAR',
    Checksum: sha(...order.map((index) => sha(parts.get(index)))).toString('base64') }));
  await refused('ValidationException', 400, complete([9, 3]), 'a LINEAR checksum in another order');
  check((await complete([3, 9])).Status === 'pending', 'CompleteSnapshot, LINEAR');
  await ec2.waitUntilSnapshotCompleted({ client: here, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { SnapshotIds: [SnapshotId] });
  return [SnapshotId, parts.get(9)];
}

async function devices(here, SnapshotId, data) {
  const waiting = { client: here, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  const made = await here.send(new ec2.CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', SnapshotId }));
  const VolumeIds = [made.VolumeId];
  await ec2.waitUntilVolumeAvailable(waiting, { VolumeIds });
  await here.send(new ec2.AttachVolumeCommand({ VolumeId: made.VolumeId, InstanceId: env.CLOUDSIM_INSTANCE, Device: '/dev/sdk' }));
  await ec2.waitUntilVolumeInUse(waiting, { VolumeIds });
  const link = `${env.EBSHIFT_DEVICE_DIR}/nvme-Amazon_Elastic_Block_Store_${made.VolumeId.replace('-', '')}`;
  for (let n = 0; n < 100; n++) {
    try { realpathSync(link); break; } catch { await sleep(50); }
  }
  const read = Buffer.alloc(524288);
  const device = openSync(realpathSync(link));
  readSync(device, read, 0, read.length, 9 * 524288);
  closeSync(device);
  check(read.equals(data), 'a volume of it, attached, holds the bytes');
  const set = await here.send(new ec2.CreateSnapshotsCommand({
    InstanceSpecification: { InstanceId: env.CLOUDSIM_INSTANCE, ExcludeBootVolume: true } }));
  check(set.Snapshots.some((s) => s.VolumeId === made.VolumeId), `CreateSnapshots of ${set.Snapshots.length} volumes`);
  await here.send(new ec2.DetachVolumeCommand({ VolumeId: made.VolumeId }));
  await ec2.waitUntilVolumeAvailable(waiting, { VolumeIds });
  await here.send(new ec2.DeleteVolumeCommand({ VolumeId: made.VolumeId }));
  await ec2.waitUntilVolumeDeleted(waiting, { VolumeIds });
  check(true, 'detached and deleted');
}

async function commands() {
  const client = new ssm.SSMClient(options());
  const InstanceId = env.CLOUDSIM_INSTANCE;
  const send = (command, more) => client.send(new ssm.SendCommandCommand({
    InstanceIds: [InstanceId], DocumentName: 'AWS-RunShellScript', Parameters: { commands: [command], ...more } }));
  const endOf = async (sent) => {
    for (;;) {
      await sleep(200);
      const seen = await client.send(new ssm.GetCommandInvocationCommand({ CommandId: sent.Command.CommandId, InstanceId }));
      if (!['Pending', 'InProgress', 'Cancelling'].includes(seen.Status)) return seen;
    }
  };
  const done = await endOf(await send('echo seen'));
  check(done.Status === 'Success' && done.StandardOutputContent === 'seen\n', 'a command');
  check((await endOf(await send('sleep 60', { executionTimeout: ['1'] }))).StatusDetails === 'ExecutionTimedOut', 'one that takes too long');
  const stopped = await send('sleep 60');
  await client.send(new ssm.CancelCommandCommand({ CommandId: stopped.Command.CommandId }));
  check((await endOf(stopped)).Status === 'Cancelled', 'one that is cancelled');
  const { InstanceInformationList } = await client.send(new ssm.DescribeInstanceInformationCommand({}));
  check(InstanceInformationList.some((i) => i.InstanceId === InstanceId && i.PingStatus === 'Online'), 'which instances answer');
}

async function tagsAndStates(here, volume, snapshot) {
  const tags = async () => (await here.send(new ec2.DescribeVolumesCommand({ VolumeIds: [volume] }))).Volumes[0].Tags.map((tag) => tag.Key);
  await here.send(new ec2.CreateTagsCommand({ Resources: [volume], Tags: [{ Key: 'later', Value: '1' }] }));
  check((await tags()).includes('later'), 'CreateTags');
  await here.send(new ec2.DeleteTagsCommand({ Resources: [volume], Tags: [{ Key: 'later' }] }));
  check(!(await tags()).includes('later'), 'DeleteTags');
  const Attribute = 'createVolumePermission';
  const shared = async () => (await here.send(new ec2.DescribeSnapshotAttributeCommand({ SnapshotId: snapshot, Attribute }))).CreateVolumePermissions ?? [];
  check((await shared()).some((grant) => grant.UserId === '444455556666'), 'DescribeSnapshotAttribute');
  await here.send(new ec2.ResetSnapshotAttributeCommand({ SnapshotId: snapshot, Attribute }));
  check((await shared()).length === 0, 'ResetSnapshotAttribute');
  const zones = await here.send(new ec2.DescribeAvailabilityZonesCommand({}));
  check(zones.AvailabilityZones.some((zone) => zone.ZoneName === 'us-east-1a'), 'zones');
  const found = await here.send(new ec2.DescribeInstancesCommand({ InstanceIds: [env.CLOUDSIM_INSTANCE] }));
  check(found.Reservations[0].Instances[0].InstanceId === env.CLOUDSIM_INSTANCE, 'an instance');
  const status = await here.send(new ec2.DescribeVolumeStatusCommand({ VolumeIds: [volume] }));
  check(status.VolumeStatuses[0].VolumeStatus.Status === 'ok', 'the status of a volume');
  const listed = await new ebs.EBSClient(options()).send(new ebs.ListSnapshotBlocksCommand({ SnapshotId: snapshot }));
  check(listed.VolumeSize === 1, 'ListSnapshotBlocks');
}

async function kmsKeys() {
  const client = new kms.KMSClient(options());
  const { KeyMetadata: { Arn: KeyId } } = await client.send(new kms.DescribeKeyCommand({ KeyId: 'alias/data' }));
  const aliases = await client.send(new kms.ListAliasesCommand({}));
  check(aliases.Aliases.some((alias) => alias.AliasName === 'alias/data'), 'ListAliases');
  const { GrantId } = await client.send(new kms.CreateGrantCommand({
    KeyId, GranteePrincipal: 'arn:aws:iam::444455556666:root', Operations: ['Decrypt', 'DescribeKey'] }));
  const grants = async () => (await client.send(new kms.ListGrantsCommand({ KeyId }))).Grants.map((grant) => grant.GrantId);
  check((await grants()).includes(GrantId), 'CreateGrant, ListGrants');
  await client.send(new kms.RevokeGrantCommand({ KeyId, GrantId }));
  check(!(await grants()).includes(GrantId), 'RevokeGrant');
  await refused('DryRunOperationException', 400, client.send(new kms.GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_256', DryRun: true })), 'a data key, asked for only');
  const { Policy } = await client.send(new kms.GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
  await client.send(new kms.PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy }));
  check(JSON.parse(Policy).Statement.length > 0, 'GetKeyPolicy, PutKeyPolicy');
  const state = async () => (await client.send(new kms.DescribeKeyCommand({ KeyId }))).KeyMetadata.KeyState;
  const seen = [];
  for (const step of [new kms.DisableKeyCommand({ KeyId }), new kms.EnableKeyCommand({ KeyId }),
    new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }), new kms.CancelKeyDeletionCommand({ KeyId }), new kms.EnableKeyCommand({ KeyId })]) {
    await client.send(step);
    seen.push(await state());
  }
  check(seen.join() === 'Disabled,Enabled,PendingDeletion,Disabled,Enabled', `states of a key: ${seen}`);
}

async function metrics(here) {
  const now = await here.send(new ec2.DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'volume-id', Values: [env.CLOUDSIM_VOLUME] }] }));
  const newest = Math.max(...now.Snapshots.map((s) => +s.StartTime));
  const EndTime = new Date(newest - newest % 300000);
  const result = await new cw.CloudWatchClient(options()).send(new cw.GetMetricDataCommand({
    StartTime: new Date(+EndTime - 3600000), EndTime, ScanBy: 'TimestampAscending',
    MetricDataQueries: [{ Id: 'w', MetricStat: { Period: 300, Stat: 'Sum', Metric: {
      Namespace: 'AWS/EBS', MetricName: 'VolumeWriteBytes', Dimensions: [{ Name: 'VolumeId', Value: env.CLOUDSIM_VOLUME }] } } }] }));
  const [series] = result.MetricDataResults;
  check(series.Values.length === 12 && series.Timestamps[0] instanceof Date, `${series.Values.length} periods of metrics`);
}

async function identities() {
  const client = new sts.STSClient(options());
  const role = await client.send(new sts.AssumeRoleCommand({
    RoleArn: env.CLOUDSIM_ROLE_B_EXTERNAL, RoleSessionName: 'js', ExternalId: env.CLOUDSIM_EXTERNAL_ID }));
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = role.Credentials;
  const who = await new sts.STSClient(options({ accessKeyId, secretAccessKey, sessionToken })).send(new sts.GetCallerIdentityCommand({}));
  check(who.Account === '444455556666' && who.Arn.endsWith('/js'), 'a role with an external id');
  await refused('AccessDenied', 403, client.send(new sts.AssumeRoleCommand({
    RoleArn: env.CLOUDSIM_ROLE_B_EXTERNAL, RoleSessionName: 'js', ExternalId: 'other' })), 'a wrong external id');
  const pod = await client.send(new sts.AssumeRoleWithWebIdentityCommand({
    RoleArn: env.CLOUDSIM_WEB_ROLE, RoleSessionName: 'js', WebIdentityToken: env.CLOUDSIM_WEB_TOKEN }));
  check(pod.AssumedRoleUser.Arn.endsWith('/js'), 'a web identity, unsigned');
  const key = await new kms.KMSClient(options()).send(new kms.DescribeKeyCommand({ KeyId: 'alias/data' }));
  check(key.KeyMetadata.KeyManager === 'CUSTOMER', 'a key');
}

const here = new ec2.EC2Client(options());
const [volume, snapshot] = await volumesAndSnapshots(here);
await refusals(here, volume, snapshot);
await copyAndShare(here, snapshot);
await tagsAndStates(here, volume, snapshot);
await blocks(here);
await metrics(here);
await identities();
await kmsKeys();
await commands();
if (process.getuid() === 0) {
  await devices(here, ...await writes(here));
} else {
  console.log('SKIP: bytes and devices need root');
}
process.exit(failed ? 1 : 0);

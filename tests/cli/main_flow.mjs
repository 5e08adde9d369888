// The main flow with the AWS SDK for JavaScript: project, dataset, describe, pages, update, distribute, errors, delete.
// ENDPOINT, REGION, BUCKET and the usual AWS_ variables say where; the last line printed is `done`.
import assert from 'node:assert/strict';
import {
  CreateDatasetCommand, CreateProjectCommand, DeleteDatasetCommand, DeleteProjectCommand, DescribeDatasetCommand,
  DescribeProjectsCommand, DetectLabelsCommand, DistributeDatasetEntriesCommand, ListTagsForResourceCommand,
  RekognitionClient, ResourceNotFoundException, TagResourceCommand, UntagResourceCommand, UpdateDatasetEntriesCommand,
  paginateDescribeProjects, paginateListDatasetEntries, paginateListDatasetLabels,
} from '@aws-sdk/client-rekognition';

const { ENDPOINT, REGION, BUCKET } = process.env;
const client = new RekognitionClient({ endpoint: ENDPOINT, region: REGION, maxAttempts: 1 });
const ask = (command) => client.send(command);
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

async function waitWhile(DatasetArn, status) {
  for (;;) {
    const { DatasetDescription } = await ask(new DescribeDatasetCommand({ DatasetArn }));
    if (DatasetDescription.Status !== status) return DatasetDescription;
    await pause();
  }
}

async function collect(pages, member) {
  const items = [];
  for await (const page of pages) items.push(...page[member]);
  return items;
}

async function createDataset(ProjectArn, DatasetType, DatasetSource) {
  const { DatasetArn } = await ask(new CreateDatasetCommand({ ProjectArn, DatasetType, DatasetSource }));
  const description = await waitWhile(DatasetArn, 'CREATE_IN_PROGRESS');
  assert.equal(description.Status, 'CREATE_COMPLETE', description.StatusMessage);
  return [DatasetArn, description];
}

const { ProjectArn } = await ask(new CreateProjectCommand({ ProjectName: 'js', Tags: { made: 'here' } }));
assert.deepEqual((await ask(new ListTagsForResourceCommand({ ResourceArn: ProjectArn }))).Tags, { made: 'here' });
await ask(new TagResourceCommand({ ResourceArn: ProjectArn, Tags: { größe: '1' } }));
await ask(new UntagResourceCommand({ ResourceArn: ProjectArn, TagKeys: ['made'] }));
assert.deepEqual((await ask(new ListTagsForResourceCommand({ ResourceArn: ProjectArn }))).Tags, { größe: '1' });

const source = { GroundTruthManifest: { S3Object: { Bucket: BUCKET, Name: 'train.manifest' } } };
const [train, description] = await createDataset(ProjectArn, 'TRAIN', source);
assert.deepEqual(description.DatasetStats, { LabeledEntries: 20, TotalEntries: 20, TotalLabels: 2, ErrorEntries: 0 });
assert.ok(description.CreationTimestamp instanceof Date);
assert.ok(Math.abs(Date.now() - description.CreationTimestamp) < 600_000);

const entries = await collect(
  paginateListDatasetEntries({ client, pageSize: 3 }, { DatasetArn: train, ContainsLabels: ['cat'] }), 'DatasetEntries');
assert.equal(entries.length, 10);
const labels = await collect(
  paginateListDatasetLabels({ client, pageSize: 1 }, { DatasetArn: train }), 'DatasetLabelDescriptions');
assert.deepEqual(labels.map((label) => label.LabelName), ['cat', 'dog']);

const changed = JSON.parse(entries[0]);
changed['attribute-0-metadata']['class-name'] = 'emu';
await ask(new UpdateDatasetEntriesCommand({
  DatasetArn: train, Changes: { GroundTruth: new TextEncoder().encode(`${JSON.stringify(changed)}\n`) } }));
assert.equal((await waitWhile(train, 'UPDATE_IN_PROGRESS')).DatasetStats.TotalLabels, 3);
await ask(new UpdateDatasetEntriesCommand({
  DatasetArn: train, Changes: { GroundTruth: new TextEncoder().encode(`${entries[0]}\n`) } }));
assert.equal((await waitWhile(train, 'UPDATE_IN_PROGRESS')).Status, 'UPDATE_COMPLETE');

const [test] = await createDataset(ProjectArn, 'TEST', undefined);
await ask(new DistributeDatasetEntriesCommand({ Datasets: [{ Arn: train }, { Arn: test }] }));
assert.equal((await waitWhile(train, 'UPDATE_IN_PROGRESS')).DatasetStats.TotalEntries, 16);
assert.equal((await waitWhile(test, 'UPDATE_IN_PROGRESS')).DatasetStats.TotalEntries, 4);

const projects = await collect(paginateDescribeProjects({ client }, {}), 'ProjectDescriptions');
assert.deepEqual(projects.map((project) => project.Datasets.length), [2]);

await assert.rejects(ask(new DescribeDatasetCommand({ DatasetArn: `${train}1` })), ResourceNotFoundException);
await assert.rejects(ask(new DescribeDatasetCommand({ DatasetArn: 'x'.repeat(30) })), { name: 'ValidationException' });
await assert.rejects(ask(new DetectLabelsCommand({ Image: { Bytes: new Uint8Array(8) } })),
  { name: 'UnknownOperationException' });
const stranger = new RekognitionClient({ endpoint: ENDPOINT, region: REGION, maxAttempts: 1,
  credentials: { accessKeyId: 'AKIDUNKNOWN000000000', secretAccessKey: 'x' } });
await assert.rejects(stranger.send(new DescribeProjectsCommand({})), { name: 'UnrecognizedClientException' });

for (const DatasetArn of [train, test]) {
  await ask(new DeleteDatasetCommand({ DatasetArn }));
  await assert.rejects(waitWhile(DatasetArn, 'DELETE_IN_PROGRESS'), ResourceNotFoundException);
}
assert.equal((await ask(new DeleteProjectCommand({ ProjectArn }))).Status, 'DELETING');
while ((await ask(new DescribeProjectsCommand({ ProjectNames: ['js'] }))).ProjectDescriptions.length > 0) await pause();
console.log('done');

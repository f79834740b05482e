import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectGrpc } from "../base/grpc/client.ts";
import { implement, serveGrpc } from "../base/grpc/server.ts";
import { csi } from "./protocol.ts";

test("a driver is called with nested messages, secrets and a choice of content, and answers with wrappers and times", async () => {
  const directory = await mkdtemp(join(tmpdir(), "csi-"));
  const path = join(directory, "csi.sock");
  const asked: unknown[] = [];
  await using _server = await serveGrpc(
    path,
    implement(csi, {
      Probe: async () => ({ ready: { value: true } }),
      async CreateSnapshot(request) {
        asked.push(request);
        return { snapshot: { snapshotId: "s", sizeBytes: 2 ** 40, creationTime: { seconds: 1_800_000_000, nanos: 5 }, readyToUse: true } };
      },
      async NodeStageVolume({ volumeCapability, secrets }) {
        asked.push(volumeCapability?.mount?.mountFlags, volumeCapability?.accessMode?.mode, { ...secrets });
        return {};
      },
    }),
  );
  await using client = connectGrpc(path, csi);
  assert.equal((await client.call("Probe", {})).ready?.value, true);
  const { snapshot } = await client.call("CreateSnapshot", { sourceVolumeId: "v", name: "n", parameters: { a: "b" } });
  assert.deepEqual({ ...snapshot?.creationTime }, { seconds: 1_800_000_000, nanos: 5 });
  assert.equal(snapshot?.sizeBytes, 2 ** 40);
  await client.call("NodeStageVolume", {
    volumeCapability: { mount: { mountFlags: ["ro"] }, accessMode: { mode: "MULTI_NODE_READER_ONLY" } },
    secrets: { key: "value" },
  });
  assert.deepEqual(asked.slice(1), [["ro"], "MULTI_NODE_READER_ONLY", { key: "value" }]);
  await rm(directory, { recursive: true });
});

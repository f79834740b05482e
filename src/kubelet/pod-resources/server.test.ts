import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { systemClock, VirtualClock } from "../../base/clock.ts";
import { connectGrpc } from "../../base/grpc/client.ts";
import { devicesOf, podResources, servePodResources } from "./server.ts";

test("agents of the node hear what pods were given, sidecars among them, and are slowed down when they ask too often", async () => {
  const directory = await mkdtemp(join(tmpdir(), "resources-"));
  const socket = join(directory, "below", "kubelet.sock");
  const pod = {
    metadata: { name: "p", namespace: "n", uid: "u" },
    spec: { initContainers: [{ name: "init" }, { name: "side", restartPolicy: "Always" }], containers: [{ name: "c" }] },
  } as unknown as Pod;
  const clock = new VirtualClock();
  await using _server = await servePodResources({
    socket,
    clock,
    pods: () => [pod],
    resourcesOf: (_, container) =>
      container.name === "c"
        ? {
            devices: devicesOf([
              { resource: "example.com/r", id: "a", nodes: [0, 1] },
              { resource: "example.com/r", id: "b", nodes: [] },
            ]),
            cpuIds: [1, 5],
          }
        : {},
    allocatable: () => ({ cpuIds: [1, 2, 5, 6], memory: [{ memoryType: "memory", size: 2 ** 33, topology: { nodes: [{ ID: 0 }] } }] }),
  });
  await using client = connectGrpc(socket, podResources, systemClock);
  const { podResources: listed } = await client.call("List", {});
  assert.deepEqual(
    listed[0]?.containers.map((c) => c.name),
    ["side", "c"],
  );
  const given = (await client.call("Get", { podName: "p", podNamespace: "n" })).podResources?.containers[1];
  assert.deepEqual(given?.cpuIds, [1, 5]);
  assert.deepEqual(
    given?.devices.map((d) => [d.deviceIds[0], d.topology?.nodes[0]?.ID]),
    [
      ["a", 0],
      ["a", 1],
      ["b", undefined],
    ],
  );
  assert.equal((await client.call("GetAllocatableResources", {})).memory[0]?.size, 2 ** 33);
  await assert.rejects(client.call("Get", { podName: "q", podNamespace: "n" }), { message: "rpc error: code = Unknown desc = pod q in namespace n not found" });
  for (let i = 0; i < 6; i++) await client.call("List", {});
  await assert.rejects(client.call("List", {}), { message: "rpc error: code = ResourceExhausted desc = rejected by rate limit" });
  await clock.advance(10);
  await client.call("List", {});
  await rm(directory, { recursive: true });
});

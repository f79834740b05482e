import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, VolumeMount } from "../api/types/core-v1.gen.ts";
import { type ContainerMountsInput, containerMounts } from "./container-mounts.ts";
import type { MountedVolume } from "./volumes/plugin.ts";

const pod = { metadata: { name: "p", namespace: "n", uid: "u" }, spec: { containers: [] } } as unknown as Pod;
function input(mount: Partial<VolumeMount>, volume: Partial<MountedVolume> = {}, supported = false): ContainerMountsInput {
  return {
    pod,
    container: { name: "c", volumeMounts: [{ name: "v", mountPath: "/m", ...mount }] } as unknown as Container,
    podDirectory: "/pods/u",
    volumes: new Map([["v", { path: "/host", readOnly: false, ...volume }]]),
    env: new Map([["A", "x"]]),
    hosts: undefined,
    supportsRecursiveReadOnly: async () => supported,
    startName: "s",
  };
}

test("a volume is mounted as it says itself and as the container says", async () => {
  const [mount] = await containerMounts(input({ readOnly: true, mountPropagation: "HostToContainer" }));
  assert.deepEqual(mount, {
    containerPath: "/m",
    hostPath: "/host",
    readonly: true,
    propagation: "PROPAGATION_HOST_TO_CONTAINER",
    recursiveReadOnly: false,
  });
});

test("what is mounted below is read-only too where the runtime can do that, and refused where it has to be", async () => {
  const of = async (mount: Partial<VolumeMount>, supported: boolean) =>
    (await containerMounts(input({ readOnly: true, ...mount }, {}, supported)))[0]?.recursiveReadOnly;
  assert.equal(await of({ recursiveReadOnly: "Enabled" }, true), true);
  assert.equal(await of({ recursiveReadOnly: "IfPossible" }, false), false);
  const asked = /failed to resolve recursive read-only mode: volume "v" requested recursive read-only mode, but it is not /;
  await assert.rejects(of({ recursiveReadOnly: "Enabled" }, false), asked);
  await assert.rejects(of({ recursiveReadOnly: "Enabled", readOnly: false }, true), asked);
  await assert.rejects(of({ recursiveReadOnly: "Enabled", mountPropagation: "Bidirectional" }, true), asked);
});

test("an image is left to the runtime, with its sub-path", async () => {
  const image = { image: "example.com/data" };
  assert.deepEqual(await containerMounts(input({ subPathExpr: "d/$(A)" }, { path: "", image })), [
    { containerPath: "/m", readonly: true, image, imageSubPath: "d/x" },
  ]);
});

test("paths that lead out, variables that are not there and devices are refused in upstream's words", async () => {
  await assert.rejects(containerMounts(input({ subPath: "/etc" })), /error SubPath `\/etc` must not be an absolute path/);
  await assert.rejects(containerMounts(input({ subPath: "a/../../b" })), /unable to provision SubPath `a\/..\/..\/b`: must not contain '..'/);
  await assert.rejects(containerMounts(input({ subPathExpr: "$(MISSING)" })), /missing value for "MISSING"/);
  await assert.rejects(containerMounts(input({}, { block: true })), /cannot find volume "v" to mount into container "c"/);
});

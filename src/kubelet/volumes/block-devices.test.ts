import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "../../api/types/core-v1.gen.ts";
import { blockDevices } from "./block-devices.ts";

const container = (devicePath: string): Container => ({ name: "c", volumeDevices: [{ name: "disk", devicePath }] }) as unknown as Container;

test("a block volume becomes a device that may be written unless the claim says otherwise", () => {
  const volumes = new Map([["disk", { path: "/p", readOnly: true, block: true }]]);
  assert.deepEqual(blockDevices(container("/dev/x"), volumes).devices, [{ hostPath: "/p", containerPath: "/dev/x", permissions: "r" }]);
  assert.throws(() => blockDevices(container("x"), volumes), /error DevicePath `x` must be an absolute path/);
  assert.throws(
    () => blockDevices(container("/x"), new Map([["disk", { path: "/p", readOnly: false }]])),
    /cannot find volume "disk" to pass into container "c"/,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { readDevices, writeDevices } from "./checkpoint.ts";

// Written by upstream v1.36.3.
const full =
  '{"Data":{"PodDeviceEntries":[{"PodUID":"pod-1","ContainerName":"c1","ResourceName":"example.com/resource","DeviceIDs":{"-1":["Dev-1"],"0":["Dev-2","Dev-3"],"10":["x"],"2":["y"]},"AllocResp":"EgQKAP8="},{"PodUID":"pod-2","ContainerName":"c1","ResourceName":"example.com/other","DeviceIDs":{},"AllocResp":""}],"RegisteredDevices":{"example.com/other":[],"example.com/resource":["Dev-1","Dev-2"]}},"Checksum":3955055926}';
const empty = '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}},"Checksum":3467439661}';

test("what upstream's kubelet wrote is read, and written with the same sum", () => {
  for (const text of [full, empty]) assert.deepEqual(JSON.parse(writeDevices(readDevices(text))), JSON.parse(text));
  assert.deepEqual(readDevices(full).PodDeviceEntries?.[0]?.DeviceIDs?.["0"], ["Dev-2", "Dev-3"]);
});

test("a changed, cut or odd file is refused", () => {
  assert.throws(() => readDevices(full.replace("Dev-3", "Dev-4")), /^Error: checkpoint is corrupted$/);
  assert.throws(() => readDevices(full.slice(0, 100)), SyntaxError);
  for (const odd of ["null", "{}", "[]", '"x"', '{"Data":{"PodDeviceEntries":[1]},"Checksum":1}'])
    assert.throws(() => readDevices(odd), /^Error: checkpoint is corrupted$/);
});

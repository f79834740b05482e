import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "./wire.ts";

test("a message with nested messages, lists, maps and enums survives the wire", () => {
  const config = {
    metadata: { name: "p", uid: "u", namespace: "n", attempt: 3 },
    hostname: "h",
    logDirectory: "/l",
    dnsConfig: { servers: ["10.0.0.1"], searches: ["a", "b"], options: [] },
    portMappings: [{ protocol: "UDP", containerPort: 53, hostPort: 5353, hostIp: "" }],
    labels: { a: "b" },
    annotations: {},
    linux: {
      cgroupParent: "/x",
      securityContext: { namespaceOptions: { network: "NODE", pid: "CONTAINER", ipc: "POD" }, supplementalGroups: [1, 2000, 4294967295] },
    },
  };
  const back = decode("PodSandboxConfig", encode("PodSandboxConfig", config)) as typeof config;
  assert.deepEqual(back.metadata, config.metadata);
  assert.deepEqual(back.dnsConfig, config.dnsConfig);
  assert.deepEqual(back.portMappings, config.portMappings);
  assert.equal(back.labels.a, "b");
  assert.deepEqual(back.linux.securityContext.supplementalGroups, [1, 2000, 4294967295]);
  assert.equal(back.linux.securityContext.namespaceOptions.pid, "CONTAINER");
});

test("the bytes are those of protobuf", () => {
  assert.equal(encode("Int64Value", { value: 300 }).toString("hex"), "08ac02");
  assert.equal(encode("Int64Value", { value: 0 }).toString("hex"), "");
  assert.equal(encode("Int64Value", { value: -1 }).toString("hex"), "08ffffffffffffffffff01");
  assert.equal(encode("KeyValue", { key: "a", value: Buffer.from("b") }).toString("hex"), "0a0161120162");
});

test("negative and large numbers are read back", () => {
  for (const value of [-1, -997, 2 ** 40, 1_700_000_000_000_000_000]) assert.equal(decode("Int64Value", encode("Int64Value", { value })).value, value);
});

test("fields that a newer runtime sends are skipped", () => {
  assert.deepEqual({ ...decode("Int64Value", Buffer.from("f8070108050a0161", "hex").subarray(0, 5)) }, { value: 5 });
});

test("a misspelt field or enum value is refused, and so are cut bytes", () => {
  assert.throws(() => encode("Int64Value", { valeu: 1 }), /Int64Value has no field valeu/);
  assert.throws(() => encode("NamespaceOption", { network: "HOST" }), /NamespaceMode has no value "HOST"/);
  assert.throws(() => decode("KeyValue", Buffer.from("0a05", "hex")), /longer than its message/);
});

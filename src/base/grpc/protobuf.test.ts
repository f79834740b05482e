import assert from "node:assert/strict";
import { test } from "node:test";
import { Protobuf, type ProtoFacts } from "./protobuf.ts";

const facts: ProtoFacts = {
  package: "test.v1",
  services: {},
  enums: { NamespaceMode: { POD: 0, CONTAINER: 1, NODE: 2 }, Protocol: { TCP: 0, UDP: 1 } },
  messages: {
    Int64Value: [[1, "value", "int64", "one"]],
    KeyValue: [
      [1, "key", "string", "one"],
      [2, "value", "bytes", "one"],
    ],
    Metadata: [
      [1, "name", "string", "one"],
      [4, "attempt", "uint32", "one"],
    ],
    NamespaceOption: [
      [1, "network", "NamespaceMode", "one"],
      [2, "pid", "NamespaceMode", "one"],
    ],
    PortMapping: [
      [1, "protocol", "Protocol", "one"],
      [2, "containerPort", "int32", "one"],
      [4, "hostIp", "string", "one"],
    ],
    Device: [
      [1, "name", "string", "one"],
      [5, "shareId", "string", "optional"],
    ],
    Config: [
      [1, "metadata", "Metadata", "one"],
      [3, "portMappings", "PortMapping", "many"],
      [6, "labels", "string", "map"],
      [7, "annotations", "string", "map"],
      [8, "namespaceOptions", "NamespaceOption", "one"],
      [9, "supplementalGroups", "int64", "many"],
      [10, "devices", "Device", "map"],
    ],
  },
};
const protobuf = new Protobuf(facts);
const encode = protobuf.encode.bind(protobuf);
const decode = protobuf.decode.bind(protobuf);

test("a message with nested messages, lists, maps and enums survives the wire", () => {
  const config = {
    metadata: { name: "p", attempt: 3 },
    portMappings: [{ protocol: "UDP", containerPort: 53, hostIp: "" }],
    labels: { a: "b" },
    annotations: {},
    namespaceOptions: { network: "NODE", pid: "CONTAINER" },
    supplementalGroups: [1, 2000, 4294967295],
    devices: { d: { name: "n" } },
  };
  const back = decode("Config", encode("Config", config)) as typeof config;
  assert.deepEqual(JSON.parse(JSON.stringify(back)), config);
});

test("an optional field tells its zero from its absence", () => {
  assert.equal(encode("Device", { shareId: "" }).toString("hex"), "2a00");
  assert.deepEqual({ ...decode("Device", Buffer.from("2a00", "hex")) }, { name: "", shareId: "" });
  assert.deepEqual({ ...decode("Device", Buffer.alloc(0)) }, { name: "" });
});

test("a message that a map's entry leaves out is the empty message", () => {
  assert.deepEqual({ ...(decode("Config", Buffer.from("52030a0164", "hex")).devices as object) }, { d: { name: "" } });
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

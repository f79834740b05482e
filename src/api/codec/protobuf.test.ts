import assert from "node:assert/strict";
import { test } from "node:test";
import { typeByName, typeOfKind } from "../schema/schema.ts";
import { decodeObject } from "./decode.ts";
import { DecodeError } from "./decode-error.ts";
import { decodeProtobuf, encodeProtobuf } from "./protobuf.ts";
import { decodeWatchFrame, encodeWatchFrame, unwrapEnvelope } from "./protobuf-envelope.ts";
import { ProtoReader, ProtoWriter } from "./protobuf-wire.ts";

const media = "application/vnd.kubernetes.protobuf";
const pod = typeOfKind("v1", "Pod");
assert.ok(pod);
const object = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name: "p", generation: 2n ** 62n, creationTimestamp: "2020-02-03T04:05:06Z", labels: { b: "é", a: "", __proto__x: "1" } },
  spec: { containers: [{ name: "c", resources: { limits: { cpu: "100m" } }, securityContext: { runAsUser: -1 } }] },
  status: {},
};

test("every prefix of a message is refused or read, never anything else", () => {
  const bytes = encodeProtobuf(pod, object, "v1", "Pod");
  const decoded = decodeObject(bytes, media, pod).object;
  assert.equal((decoded.metadata as { generation: bigint }).generation, 2n ** 62n);
  for (let end = 0; end < bytes.length; end++) {
    try {
      decodeObject(bytes.subarray(0, end), media, pod);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${end}: ${error}`);
    }
  }
});

test("every single flipped byte is refused or read, never anything else", () => {
  const bytes = encodeProtobuf(pod, object, "v1", "Pod");
  for (let i = 4; i < bytes.length; i++) {
    const broken = Uint8Array.from(bytes);
    broken[i] = (broken[i] as number) ^ 0xff;
    try {
      decodeObject(broken, media, pod);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${i}: ${error}`);
    }
  }
});

test("what is no envelope is refused in upstream's words", () => {
  assert.throws(() => unwrapEnvelope(new Uint8Array()), { message: "empty data" });
  assert.throws(() => unwrapEnvelope(Buffer.from("{}")), {
    message: "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
  });
  assert.throws(() => unwrapEnvelope(Buffer.from("k8s\0")), { message: "empty body" });
});

test("the sizes that varints have are written and read back", () => {
  const values = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 42, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER, -1, -(2 ** 31), -(2 ** 40)];
  for (const value of values) {
    const writer = new ProtoWriter(1);
    writer.varint(value);
    assert.equal(new ProtoReader(writer.finish(), "X").int64(), value, String(value));
  }
  for (const value of [2n ** 63n - 1n, -(2n ** 63n)]) {
    const writer = new ProtoWriter(1);
    writer.varint64(value);
    assert.equal(new ProtoReader(writer.finish(), "X").int64(), value);
  }
});

test("a watch frame carries its length and gives its event back", () => {
  const inner = encodeProtobuf(pod, object, "v1", "Pod");
  const frame = Buffer.from(encodeWatchFrame("ADDED", inner));
  assert.equal(frame.readUInt32BE(0), frame.length - 4);
  const event = decodeWatchFrame(frame.subarray(4));
  assert.equal(event.type, "ADDED");
  assert.deepEqual(Buffer.from(event.object), Buffer.from(inner));
});

test("what is broken is told in gogo's words, with Go's names", () => {
  const configMap = typeByName("core/v1.ConfigMap");
  const read = (...raw: number[]) => {
    const bytes = [0x6b, 0x38, 0x73, 0, 0x12, raw.length, ...raw];
    return decodeProtobuf(Uint8Array.from(bytes), () => configMap);
  };
  const refused: [bytes: number[], message: string][] = [
    [[0x80], "unexpected EOF"],
    [[2, 0], "proto: ConfigMap: illegal tag 0 (wire type 2)"],
    [[0x0c], "proto: ConfigMap: wiretype end group for non-group"],
    [[0xfe, 1], "proto: illegal wireType 6"],
    [[0x08, 1], "proto: wrong wireType = 0 for field ObjectMeta"],
    [[0x0a, 2, 0x28, 1], "proto: wrong wireType = 0 for field UID"],
    [[0x0a, 2, 0x42, 1], "unexpected EOF"],
    [[0x0a, 4, 0x42, 2, 0x0a, 0], "proto: wrong wireType = 2 for field Seconds"],
    [[0xfa, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "proto: negative length found during unmarshaling"],
    [[0xf8, 1, ...Array.from({ length: 10 }, () => 0xff)], "proto: integer overflow"],
  ];
  for (const [bytes, message] of refused) assert.throws(() => read(...bytes), { message }, bytes.join());
});

test("unknown fields are passed over, and a message that comes twice goes on", () => {
  const configMap = typeByName("core/v1.ConfigMap");
  const unknown = [0xfa, 1, 3, 1, 2, 3, 0xfb, 1, 0x0b, 0x10, 5, 0x0c, 0xfc, 1];
  const raw = [0x0a, 3, 0x0a, 1, 0x61, ...unknown, 0x0a, 3, 0x1a, 1, 0x62];
  const { metadata } = decodeProtobuf(Uint8Array.from([0x6b, 0x38, 0x73, 0, 0x12, raw.length, ...raw]), () => configMap);
  assert.deepEqual(metadata, { name: "a", namespace: "b" });
});

import assert from "node:assert/strict";
import test from "node:test";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { checkLogOptions, checkPorts, kubeletOf, logPath, streamPath } from "./location.ts";

const pod = (nodeName?: string): Pod =>
  ({ metadata: { name: "p", namespace: "d" }, spec: { containers: [{ name: "a" }, { name: "b" }], ...(nodeName ? { nodeName } : {}) } }) as unknown as Pod;
const query = (text: string): URLSearchParams => new URLSearchParams(text);

test("log options that mean nothing are refused before the pod is looked for", () => {
  assert.throws(() => checkLogOptions("p", query("tailLines=-1&limitBytes=0")), {
    message:
      'PodLogOptions "p" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, limitBytes: Invalid value: 0: must be greater than 0]',
  });
  assert.throws(() => checkLogOptions("p", query("sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z")), {
    message: /at most one of `sinceTime` or `sinceSeconds`/,
  });
  assert.throws(() => checkLogOptions("p", query("tailLines=x")), { message: 'strconv.ParseInt: parsing "x": invalid syntax' });
  assert.throws(() => checkLogOptions("p", query("limitBytes=")), { message: 'strconv.ParseInt: parsing "": invalid syntax' });
  assert.throws(() => checkLogOptions("p", query("sinceTime=2026-13-02T03:04:05Z")), { message: 'parsing time "2026-13-02T03:04:05Z": month out of range' });
  assert.throws(() => checkLogOptions("p", query("stream=Stdout")), { message: /stream: Forbidden: may not be specified/ });
  checkLogOptions("p", query("tailLines=0&sinceTime=2026-01-02T03:04:05Z"));
});

test("ports to forward are numbers of 16 bits", () => {
  checkPorts(new URLSearchParams("ports=80,443&ports=65535"));
  const refused = (ports: string, why: string): void =>
    assert.throws(() => checkPorts(new URLSearchParams({ ports })), { message: `cannot convert to []int32: strconv.ParseUint: parsing ${why}` });
  refused("80,x", '"x": invalid syntax');
  refused("", '"": invalid syntax');
  refused("65536", '"65536": value out of range');
});

test("a container that is not there is missed before the node is", () => {
  assert.throws(() => streamPath("exec", pod(), query("container=x")), { message: "container x is not valid for pod p" });
  assert.throws(() => streamPath("exec", pod(), query("container=a")), { message: "pod p does not have a host assigned" });
  assert.equal(logPath(pod(), query("container=a")), undefined);
});

test("a node without an address cannot be reached, through no fault of the request", () => {
  assert.throws(() => kubeletOf({ metadata: { name: "n" }, status: {} } as Node), { message: "no preferred addresses found; known addresses: []", code: 500 });
});

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { type AuditEvent, type AuditInfo, Auditor } from "./auditor.ts";
import { AuditLog } from "./log.ts";
import { parseAuditPolicy } from "./policy.ts";

const head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
const request = (more: Partial<ApiRequest> = {}): ApiRequest => ({
  method: "POST",
  path: "/api/v1/namespaces/a/secrets",
  query: new URLSearchParams("dryRun=All"),
  headers: { "user-agent": "kubectl", "audit-id": "id-1" },
  remoteAddress: "10.0.0.1",
  signal: new AbortController().signal,
  ...more,
});
const info: AuditInfo = {
  isResource: true,
  verb: "create",
  path: "/api/v1/namespaces/a/secrets",
  group: "",
  version: "v1",
  resource: "secrets",
  subresource: "",
  namespace: "a",
  name: "",
};
const user = { name: "jane", groups: ["g"] };

test("the first rule that matches decides", () => {
  const policy = parseAuditPolicy(
    `${head}omitStages: [RequestReceived]
rules:
- level: None
  users: [system:kube-proxy]
- level: Metadata
  resources: [{group: "", resources: [secrets, "*/token"]}]
- level: RequestResponse
  verbs: [delete]
  omitStages: [Panic]
- level: Request
  nonResourceURLs: [/api*]
`,
    "f",
  );
  assert.equal(policy.decide(info, { name: "system:kube-proxy", groups: [] }).level, "None");
  assert.equal(policy.decide(info, user).level, "Metadata");
  assert.equal(policy.decide({ ...info, resource: "serviceaccounts", subresource: "token" }, user).level, "Metadata");
  const deletion = policy.decide({ ...info, resource: "pods", verb: "delete" }, user);
  assert.equal(deletion.level, "RequestResponse");
  assert.deepEqual([...deletion.omitStages], ["RequestReceived", "Panic"]);
  assert.equal(policy.decide({ ...info, isResource: false, path: "/apis/x" }, user).level, "Request");
  assert.equal(policy.decide({ ...info, resource: "pods" }, user).level, "None");
});

test("a wrong policy names file, line and field", () => {
  const refused = (text: string, why: RegExp): void => assert.throws(() => parseAuditPolicy(text, "p.yaml"), why);
  refused(`${head}rules: [`, /failed decoding: yaml: line \d+: .*: from file p.yaml/);
  refused(`${head}rules: []`, /loaded illegal policy with 0 rules: from file p.yaml/);
  refused("apiVersion: v1\nkind: Pod\n", /unknown group version field v1, Kind=Pod in policy/);
  refused(
    `${head}rules: [{level: All}]`,
    /rules\[0\].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse": from file p.yaml/,
  );
  refused(
    `${head}rules: [{level: None, nonResourceURLs: [x], namespaces: [a]}]`,
    /rules\[0\].nonResourceURLs\[0\]: Invalid value: "x": non-resource URL rules/,
  );
  refused(`${head}rules: [{level: None, verb: [get]}]`, /rules\[0\].verb: unknown field/);
  refused(`${head}rules: [{level: None, verbs: get}]`, /rules\[0\].verbs: Invalid value: "get": must be a list of strings/);
});

test("a request is an event at its begin and at its end, with what its level shows", () => {
  const events: AuditEvent[] = [];
  const clock = new VirtualClock(Date.UTC(2026, 10, 21));
  const audit = (level: string) =>
    new Auditor({
      policy: parseAuditPolicy(`${head}omitManagedFields: true\nrules: [{level: ${level}}]`, "f"),
      sink: { write: (event) => events.push(event) },
      clock,
      random: seededRandom(1),
    }).begin(request(), info, user);
  assert.equal(audit("None"), undefined);
  const record = audit("Request");
  record?.requestObject({ metadata: { name: "s", managedFields: [{}] }, data: {} });
  record?.responseObject({ metadata: { name: "s" } });
  record?.annotate("authorization.k8s.io/decision", "allow");
  record?.end(201);
  assert.equal(events.length, 2);
  assert.deepEqual(events[1], {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Request",
    auditID: "id-1",
    stage: "ResponseComplete",
    requestURI: "/api/v1/namespaces/a/secrets?dryRun=All",
    verb: "create",
    user: { username: "jane", groups: ["g"] },
    sourceIPs: ["10.0.0.1"],
    userAgent: "kubectl",
    objectRef: { resource: "secrets", namespace: "a", name: "s", apiVersion: "v1" },
    requestReceivedTimestamp: "2026-11-21T00:00:00.000000Z",
    stageTimestamp: "2026-11-21T00:00:00.000000Z",
    responseStatus: { metadata: {}, code: 201 },
    requestObject: { metadata: { name: "s" }, data: {} },
    annotations: { "authorization.k8s.io/decision": "allow" },
  });
});

test("the log rotates by size and keeps so many files, readable by their owner only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  try {
    const clock = new VirtualClock(Date.UTC(2026, 10, 21));
    const path = join(folder, "audit.log");
    using log = new AuditLog({ path, clock, maxSize: 1, maxBackups: 1 });
    const event = { auditID: "a", requestURI: "/", verb: "get", user: {}, requestObject: { data: "x".repeat(600_000) } } as unknown as AuditEvent;
    for (let i = 0; i < 4; i++) {
      log.write(event);
      log.flush();
      await clock.advance(1000);
    }
    assert.deepEqual(readdirSync(folder).sort(), ["audit-2026-11-21T00-00-03.000.log", "audit.log"]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(JSON.parse(readFileSync(path, "utf8")).kind, "Event");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a turn's events are written together and in order, and each answer's event before the answer", () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  try {
    const path = join(folder, "audit.log");
    const clock = new VirtualClock(Date.UTC(2026, 10, 21));
    using log = new AuditLog({ path, clock });
    const auditor = new Auditor({ policy: parseAuditPolicy(`${head}rules: [{level: RequestResponse}]`, "f"), sink: log, clock, random: seededRandom(1) });
    const events: AuditEvent[] = [];
    const plain = new Auditor({
      policy: parseAuditPolicy(`${head}rules: [{level: RequestResponse}]`, "f"),
      sink: { write: (event) => events.push(structuredClone(event)) },
      clock,
      random: seededRandom(1),
    });
    for (const one of [auditor, plain]) {
      const record = one.begin(request(), info, { ...user, extra: { 'quoted"key': ["ü", "\n"] } });
      record?.impersonated({ name: "other", groups: [] }, "impersonate:user-info");
      record?.requestObject({ metadata: { name: "s" }, data: { large: 12345678901234567890n } });
      record?.annotate("a", "b");
      record?.end(409, { status: "Failure", message: 'a "b"', reason: "Conflict" });
    }
    assert.equal(readFileSync(path, "utf8"), "");
    auditor.flush();
    const replace = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    // Upstream's encoder writes the members of a struct in the order of its fields; readers see the same object.
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      JSON.parse(JSON.stringify(events, replace)),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a log that cannot be written refuses events until it can", () => {
  using log = new AuditLog({ path: "/dev/full", clock: new VirtualClock(0) });
  const event = { auditID: "one", user: {} } as unknown as AuditEvent;
  log.write(event);
  log.flush();
  assert.throws(() => log.write(event), /ENOSPC/);
});

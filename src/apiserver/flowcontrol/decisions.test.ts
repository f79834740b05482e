import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlowSchema, ResourcePolicyRule, Subject } from "../../api/types/flowcontrol-v1.gen.ts";
import { seededRandom } from "../../base/random.ts";
import { parseRequestInfo, type RequestInfo } from "../request-info.ts";
import { allocate, type Claim } from "./allocation.ts";
import { byPrecedence, compileSchema } from "./classify.ts";
import { Integrator, nextDemand, noDemand } from "./integrator.ts";
import { RetryAfter } from "./retry-after.ts";
import { WatchCounts } from "./watch-counts.ts";
import { listWork, oneSeat, writeWork } from "./work-estimate.ts";

const infoOf = (method: string, target: string): RequestInfo => {
  const [path = "", query = ""] = target.split("?");
  return parseRequestInfo(method, path, new URLSearchParams(query));
};
const schemaOf = (subject: Subject, rule: object, precedence = 100, name = "s"): FlowSchema => ({
  metadata: { name } as FlowSchema["metadata"],
  status: {},
  spec: { matchingPrecedence: precedence, priorityLevelConfiguration: { name: "p" }, rules: [{ subjects: [subject], ...rule }] },
});
const all: ResourcePolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true };
const ann = { name: "ann", groups: ["g", "system:authenticated"] };

test("subjects are users, groups and service accounts, each by name or all of them", () => {
  const pods = infoOf("GET", "/api/v1/namespaces/n/pods");
  const matches = (subject: Subject, user = ann): boolean => compileSchema(schemaOf(subject, { resourceRules: [all] }))(pods, user);
  assert.equal(matches({ kind: "User", user: { name: "ann" } }), true);
  assert.equal(matches({ kind: "User", user: { name: "an" } }), false);
  assert.equal(matches({ kind: "User", user: { name: "*" } }), true);
  assert.equal(matches({ kind: "Group", group: { name: "g" } }), true);
  assert.equal(matches({ kind: "Group", group: { name: "h" } }), false);
  assert.equal(matches({ kind: "Group", group: { name: "*" } }, { name: "x", groups: [] }), true);
  const account = { name: "system:serviceaccount:ns:sa", groups: [] };
  assert.equal(matches({ kind: "ServiceAccount", serviceAccount: { namespace: "ns", name: "sa" } }, account), true);
  assert.equal(matches({ kind: "ServiceAccount", serviceAccount: { namespace: "ns", name: "*" } }, account), true);
  assert.equal(matches({ kind: "ServiceAccount", serviceAccount: { namespace: "n", name: "*" } }, account), false);
});

test("resource rules name verbs, groups, resources with their subresources, and namespaces or the whole cluster", () => {
  const matches = (rule: Partial<ResourcePolicyRule>, method: string, target: string): boolean =>
    compileSchema(schemaOf({ kind: "Group", group: { name: "*" } }, { resourceRules: [{ ...all, ...rule }] }))(infoOf(method, target), ann);
  assert.equal(matches({ verbs: ["list"] }, "GET", "/api/v1/pods"), true);
  assert.equal(matches({ verbs: ["get"] }, "GET", "/api/v1/pods"), false);
  assert.equal(matches({ resources: ["pods"] }, "GET", "/api/v1/namespaces/n/pods/x/status"), false);
  assert.equal(matches({ resources: ["pods/status", "nodes"] }, "GET", "/api/v1/namespaces/n/pods/x/status"), true);
  assert.equal(matches({ apiGroups: ["apps"] }, "GET", "/apis/apps/v1/deployments"), true);
  assert.equal(matches({ apiGroups: [""] }, "GET", "/apis/apps/v1/deployments"), false);
  assert.equal(matches({ clusterScope: false }, "GET", "/api/v1/pods"), false);
  assert.equal(matches({ namespaces: ["n"] }, "GET", "/api/v1/namespaces/n/pods"), true);
  assert.equal(matches({ namespaces: ["m"] }, "GET", "/api/v1/namespaces/n/pods"), false);
  assert.equal(matches({}, "GET", "/healthz"), false);
});

test("paths match whole, below a prefix, or all", () => {
  const matches = (url: string, path: string): boolean =>
    compileSchema(schemaOf({ kind: "Group", group: { name: "*" } }, { nonResourceRules: [{ verbs: ["get"], nonResourceURLs: [url] }] }))(
      infoOf("GET", path),
      ann,
    );
  assert.equal(matches("/healthz", "/healthz"), true);
  assert.equal(matches("/healthz", "/healthz/etcd"), true);
  assert.equal(matches("/health", "/healthz"), false);
  assert.equal(matches("/openapi/*", "/openapi/v2"), true);
  assert.equal(matches("*", "/anything"), true);
});

test("the lower precedence is asked first, then the name", () => {
  const subject: Subject = { kind: "User", user: { name: "*" } };
  const sorted = [schemaOf(subject, {}, 200, "a"), schemaOf(subject, {}, 100, "c"), schemaOf(subject, {}, 100, "b")].sort(byPrecedence);
  assert.deepEqual(
    sorted.map(({ metadata }) => metadata.name),
    ["b", "c", "a"],
  );
});

test("shares add up, keep to their bounds, and are in proportion to targets where no bound holds", () => {
  const random = seededRandom(7);
  for (let i = 0; i < 5000; i++) {
    const claims: Claim[] = Array.from({ length: 1 + random.int(9) }, () => {
      const lower = Math.max(0, random.next() * 5 - 1);
      return { lower, target: lower + 2 * random.next(), upper: lower + 3 * random.next() };
    });
    if (random.int(4) === 0) claims.push({ lower: 0, target: 0, upper: random.next() + 1e-5 });
    const low = claims.reduce((sum, { lower }) => sum + lower, 0);
    const high = claims.reduce((sum, { upper }) => sum + upper, 0);
    const sum = Math.round(low + (high - low) * random.next());
    if (sum < low || sum > high) {
      assert.throws(() => allocate(sum, claims));
      continue;
    }
    const { shares, fairProportion } = allocate(sum, claims);
    const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b));
    assert.ok(
      near(
        shares.reduce((total, share) => total + share, 0),
        sum,
      ),
      `case ${i}`,
    );
    if (sum === 0) continue;
    for (const [j, { lower, upper, target }] of claims.entries()) {
      const fair = fairProportion * Math.max(target, 0.001);
      assert.ok(near(shares[j] as number, Math.max(lower, Math.min(upper, fair))), `case ${i}, claim ${j}`);
    }
  }
});

test("a list takes seats by the bytes that it holds, a watch only where it begins with a list", () => {
  const list = (target: string, objects: number, averageBytes = 1000, most = 0): number => {
    const query = new URLSearchParams(target.split("?")[1] ?? "");
    return listWork(infoOf("GET", target), query, { objects, averageBytes }, most).initialSeats;
  };
  assert.equal(list("/api/v1/pods", 0), 1);
  assert.equal(list("/api/v1/pods", 399), 4);
  assert.equal(list("/api/v1/pods", 100_000), 10);
  assert.equal(list("/api/v1/pods", 100_000, 1000, 3), 3);
  assert.equal(list("/api/v1/pods?limit=150", 100_000), 2);
  assert.equal(list("/api/v1/pods?fieldSelector=metadata.name%3Dx", 100_000), 1);
  assert.equal(list("/api/v1/pods?watch=true", 399), 4);
  assert.equal(list("/api/v1/pods?watch=true&resourceVersion=5", 399), 1);
  assert.equal(list("/api/v1/pods?watch=true&resourceVersion=5&sendInitialEvents=true", 399), 4);
  assert.equal(listWork(infoOf("GET", "/apis/other/v1/things"), new URLSearchParams(), undefined, 0), oneSeat);
});

test("a write takes seats after its answer for those who watch", () => {
  assert.equal(writeWork(9, 0), oneSeat);
  assert.deepEqual(writeWork(25, 0), { initialSeats: 1, finalSeats: 3, additionalLatency: 0.5 });
  assert.deepEqual(writeWork(400, 0), { initialSeats: 1, finalSeats: 10, additionalLatency: 2 });
  assert.deepEqual(writeWork(400, 5), { initialSeats: 1, finalSeats: 5, additionalLatency: 4 });
});

test("watches concern writes to what they watch", () => {
  const counts = new WatchCounts();
  const begin = (target: string): (() => void) => counts.begin(infoOf("GET", target), new URLSearchParams(target.split("?")[1] ?? ""));
  const of = (method: string, target: string): number => counts.concernedBy(infoOf(method, target));
  const ends = ["/api/v1/pods?watch=1", "/api/v1/namespaces/n/pods?watch=1", "/api/v1/namespaces/m/pods?watch=1"].map(begin);
  begin("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1");
  begin("/api/v1/namespaces/n/pods?watch=1&fieldSelector=metadata.name%3Dx");
  assert.equal(of("POST", "/api/v1/namespaces/n/pods"), 2);
  assert.equal(of("PUT", "/api/v1/namespaces/n/pods/x"), 3);
  assert.equal(of("GET", "/api/v1/namespaces/n/pods/x"), 0);
  for (const end of [...ends, ...ends]) end();
  assert.equal(of("POST", "/api/v1/namespaces/n/pods"), 0);
});

test("who is refused often is told to come later, and sooner again when it is calm", () => {
  const retry = new RetryAfter();
  const second = (at: number, refused: number): number => {
    for (let i = 0; i < refused; i++) retry.refused(at);
    return retry.seconds;
  };
  let at = 1000;
  assert.equal(second(at++, 10), 1);
  assert.equal(second(at++, 10), 2);
  for (let i = 0; i < 200; i++) second(at++, 100);
  assert.equal(retry.seconds, 32);
  for (let i = 0; i < 200; i++) second(at + 60 * i, 1);
  assert.equal(retry.seconds, 1);
});

test("demand rises at once and is forgotten slowly", () => {
  const integrator = new Integrator(0);
  integrator.set(10, 5_000);
  const moments = integrator.reset(10_000);
  assert.deepEqual(moments, { seconds: 10, average: 5, deviation: 5, max: 10 });
  const risen = nextDemand(noDemand, moments);
  assert.deepEqual([risen.highWatermark, risen.smoothed], [10, 10]);
  integrator.set(0, 10_000);
  const calm = nextDemand(risen, integrator.reset(20_000));
  assert.equal(calm.highWatermark, 10);
  assert.ok(calm.smoothed > 9.7 && calm.smoothed < 9.8);
});

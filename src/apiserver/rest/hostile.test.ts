/** Requests that are made to hold the server, or to leave something behind in it. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test, { after, before } from "node:test";
import type { UserInfo } from "../../api/exchange.ts";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const configmaps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const nobody: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** Seconds of processor time. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

test("an Accept of many clauses is sorted at once, also for somebody who may do nothing", async () => {
  const accept = Array.from({ length: 60_000 }, (_, i) => `a/b;q=0.${String(i).padStart(6, "0")}`).join();
  assert.ok((await cost(() => server.answer("GET", `${configmaps}/none`, undefined, undefined, accept))) < 3);
  assert.ok((await cost(() => server.answer("GET", `${configmaps}/none`, undefined, undefined, accept, nobody))) < 3);
});

test("a media type of the name of a member of Object is no media type", async () => {
  for (const type of ["constructor", "__proto__", "tostring", "hasownproperty"]) {
    assert.equal((await server.answer("POST", configmaps, { metadata: { name: "a" } }, type)).http, 415, type);
    assert.equal((await server.answer("PATCH", `${configmaps}/kube-root-ca.crt`, {}, type)).http, 415, type);
  }
});

test("a long field manager of characters that it may not have is refused in an answer that can be read", async () => {
  const target = `${configmaps}?fieldManager=${"%01".repeat(100_000)}`;
  let message = "";
  const took = await cost(async () => {
    message = (await server.answer("POST", target, { metadata: { name: "a" } })).message ?? "";
  });
  assert.match(message, /fieldManager: Too long: may not be more than 128 bytes, .*invalid character U\+0001 \(at position 1\)/);
  assert.ok(took < 3, `${took} s`);
  const short = await server.answer("POST", `${configmaps}?fieldManager=${"%01".repeat(128)}`, { metadata: { name: "a" } });
  assert.equal(short.details?.causes?.length, 128);
  const wide = await server.answer("POST", `${configmaps}?fieldManager=${"%C3%A4".repeat(65)}`, { metadata: { name: "a" } });
  assert.match(wide.message ?? "", /may not be more than 128 bytes/);
});

test("owners are looked through at once, and each is kept once", async () => {
  const owner = (i: number): object => ({ apiVersion: "v1", kind: "Pod", name: `p${i}`, uid: "u" });
  const many = { metadata: { name: "owned", ownerReferences: Array.from({ length: 20_000 }, (_, i) => owner(i >> 1)) } };
  const took = await cost(async () => {
    const made = await server.answer("POST", `${configmaps}?dryRun=All`, many);
    assert.equal((made.metadata as { ownerReferences?: object[] }).ownerReferences?.length, 10_000);
    assert.match(made.warnings?.join() ?? "", /duplicate entries; .*observed: u$/);
  });
  assert.ok(took < 3, `${took} s`);
});

test("an error that shows all of a list is not made for each of its elements", async () => {
  const ownerReferences = Array.from({ length: 20_000 }, (_, i) => ({ apiVersion: "v1", kind: "Pod", name: `p${i}`, uid: `u${i}`, controller: true }));
  const managedFields = [
    {
      manager: "\u0001".repeat(100_000),
      operation: "Update",
      apiVersion: "v1",
      time: "2026-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": {} },
    },
  ];
  for (const metadata of [{ ownerReferences }, { managedFields }]) {
    let answer = {} as Awaited<ReturnType<TestServer["answer"]>>;
    const took = await cost(async () => {
      answer = await server.answer("POST", `${configmaps}?dryRun=All`, { metadata: { name: "a", ...metadata } });
    });
    assert.equal(answer.http, 422);
    assert.match(answer.message ?? "", /Only one reference can have Controller set to true|invalid character U\+0001 \(at position 1\)/);
    assert.ok(took < 5, `${took} s`);
  }
});

test("an object of many finalizers is deleted and changed at once", async () => {
  const finalizers = Array.from({ length: 30_000 }, (_, i) => `example.com/f${i}`);
  assert.equal((await server.answer("POST", configmaps, { metadata: { name: "held", finalizers } })).http, 201);
  const took = await cost(async () => {
    assert.equal((await server.answer("DELETE", `${configmaps}/held`)).http, 200);
    const others = finalizers.map((name) => name.replace("/f", "/g"));
    assert.match(
      (await server.answer("PUT", `${configmaps}/held`, { metadata: { name: "held", finalizers: others } })).message ?? "",
      /no new finalizers can be added/,
    );
  });
  assert.ok(took < 5, `${took} s`);
  await server.answer("PUT", `${configmaps}/held`, { metadata: { name: "held" } });
});

test("a grace period of more seconds than Go's durations have begins anew where they end", async () => {
  const spec = { nodeName: "n", automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }] };
  await server.answer("POST", pods, { metadata: { name: "slow" }, spec });
  const { http, metadata } = await server.answer("DELETE", `${pods}/slow`, '{"gracePeriodSeconds":1000000000000000000}');
  assert.deepEqual([http, metadata.deletionTimestamp], [200, "1806-05-16T06:19:32Z"]);
  assert.equal((await server.answer("DELETE", `${pods}/slow`, '{"gracePeriodSeconds":5}')).http, 200);
  const none = await server.answer("DELETE", `${pods}/slow?gracePeriodSeconds=99999999999999999999`);
  assert.deepEqual([none.http, none.message], [400, 'strconv.ParseInt: parsing "99999999999999999999": value out of range']);
});

test("a watch that is refused, or that nobody begins to read, leaves nothing behind", async () => {
  const { stopping } = server.api.server.rest;
  const held = (): number => getEventListeners(stopping, "abort").length;
  const before = held();
  const pending = server.clock.next();
  for (const wrong of ["resourceVersion=x", "resourceVersion=1&watch=1&limit=x"])
    assert.ok((await server.send("GET", `${configmaps}?watch=1&${wrong}`)).status >= 400);
  assert.ok((await server.send("GET", `${configmaps}?watch=1`, { accept: "application/yaml" })).status >= 400);
  const client = new AbortController();
  assert.equal((await server.send("GET", `${configmaps}?watch=1&timeoutSeconds=1`, { signal: client.signal })).status, 200);
  client.abort();
  assert.equal(held(), before);
  assert.equal(server.clock.next(), pending);
});

test("once nobody waits for the answer no further object of a collection is deleted", async () => {
  const secrets = "/api/v1/namespaces/default/secrets";
  for (let i = 0; i < 40; i++) await server.answer("POST", secrets, { metadata: { name: `s${i}` } });
  const client = new AbortController();
  const answer = server.send("DELETE", secrets, { signal: client.signal });
  client.abort();
  assert.equal((await answer).status, 504);
  assert.equal((await server.answer("GET", secrets)).items?.length, 40);
});

test("what is nested deeper than it could be written again is refused, in a body and by a patch", async () => {
  const revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const revision = (x: string): string => `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"deep"},"revision":1,"data":{"x":${x}}}`;
  const lists = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  for (const depth of [1500, 9000]) assert.equal((await server.answer("POST", revisions, revision(lists(depth)))).http, 400);
  assert.equal((await server.answer("POST", revisions, revision(lists(900)))).http, 201);
  const deeper = `[{"op":"add","path":"/data/x${"/0".repeat(899)}/0","value":${lists(900)}}]`;
  const { http, message } = await server.answer("PATCH", `${revisions}/deep`, deeper, "application/json-patch+json");
  assert.deepEqual([http, message], [422, "the server rejected our request due to an error in our request"]);
  for (const type of ["application/merge-patch+json", "application/strategic-merge-patch+json"])
    assert.equal((await server.answer("PATCH", `${revisions}/deep`, revision(lists(9000)), type)).http, 400, type);
});

test("more fields than anything holds are refused before they are owned", async () => {
  const data = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
  assert.equal((await server.answer("POST", configmaps, { metadata: { name: "narrow" }, data: { a: "b" } })).http, 201);
  const answers = [
    await server.answer("POST", configmaps, { metadata: { name: "wide" }, data: data(66_000) }),
    await server.answer("PATCH", `${configmaps}/narrow`, { data: data(66_000) }, "application/merge-patch+json"),
    await server.answer(
      "PATCH",
      `${configmaps}/wide?fieldManager=f`,
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "wide" }, data: data(66_000) },
      "application/apply-patch+yaml",
    ),
  ];
  for (const { http, message } of answers)
    assert.deepEqual([http, message], [413, "Request entity too large: no more than 65536 fields can be owned by their managers"]);
});

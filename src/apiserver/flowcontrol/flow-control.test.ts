import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { ApiResponse, UserInfo } from "../../api/exchange.ts";
import { admin, TestServer } from "../assembled.fixture.ts";

const joe = { name: "joe", groups: ["system:authenticated"] };
const server = new TestServer();
const { clock } = server;
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const group = "/apis/flowcontrol.apiserver.k8s.io/v1";
const send = (method: string, target: string, user: UserInfo = admin, body?: object, to = server): Promise<ApiResponse> =>
  to.send(method, target, { user, body });
const text = ({ body }: ApiResponse): string => Buffer.from(body as Uint8Array).toString();
async function json<T>(response: Promise<ApiResponse>): Promise<T> {
  return JSON.parse(text(await response)) as T;
}
interface Read {
  metadata: { uid: string; managedFields?: { manager: string; operation: string; subresource?: string }[] };
  spec: { limited?: object };
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
}
const read = (path: string): Promise<Read> => json<Read>(send("GET", group + path));

const level = (name: string, limitResponse: object, more: object = {}): object => ({
  metadata: { name },
  spec: { type: "Limited", limited: { nominalConcurrencyShares: 1, limitResponse, ...more } },
});
const schema = (name: string, priority: string, user: string): object => ({
  metadata: { name },
  spec: {
    matchingPrecedence: 300,
    priorityLevelConfiguration: { name: priority },
    rules: [
      {
        subjects: [{ kind: "User", user: { name: user } }],
        resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true }],
      },
    ],
  },
});
/** Bodies that never end hold their seat until they are released. */
function held(): { body: AsyncIterable<Uint8Array>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* body(): AsyncGenerator<Uint8Array> {
    await promise;
    yield Buffer.from(JSON.stringify({ metadata: { name: "x" } }));
  }
  return { body: body(), release: resolve };
}
const user = (name: string): UserInfo => ({ name, groups: ["system:authenticated"] });
const rule = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] };

test("an answer names the flow schema and the priority level by which it came, also one that refuses", async () => {
  const [catchAll, levelOf] = await Promise.all([read("/flowschemas/global-default"), read("/prioritylevelconfigurations/global-default")]);
  const { status, headers } = await send("GET", "/api/v1/pods", joe);
  assert.equal(status, 403);
  assert.equal(headers["x-kubernetes-pf-flowschema-uid"], catchAll.metadata.uid);
  assert.equal(headers["x-kubernetes-pf-prioritylevel-uid"], levelOf.metadata.uid);
  assert.equal((await send("GET", "/api/v1/pods")).headers["x-kubernetes-pf-flowschema-uid"], (await read("/flowschemas/exempt")).metadata.uid);
});

test("writes of both kinds warn of nothing", async () => {
  assert.deepEqual((await send("POST", `${group}/prioritylevelconfigurations`, admin, level("quiet", { type: "Reject" }))).warnings ?? [], []);
  assert.deepEqual((await send("POST", `${group}/flowschemas`, admin, schema("quiet", "quiet", "nobody"))).warnings ?? [], []);
});

test("a flow schema tells whether its priority level exists, and is told by whom", async () => {
  await send("POST", `${group}/flowschemas`, admin, schema("lost", "gone", "nobody"));
  await clock.advance(10);
  const lost = await read("/flowschemas/lost");
  assert.deepEqual(
    lost.status?.conditions?.map(({ type, status, reason, message }) => ({ type, status, reason, message })),
    [
      {
        type: "Dangling",
        status: "True",
        reason: "NotFound",
        message: 'This FlowSchema references the PriorityLevelConfiguration object named "gone" but there is no such object',
      },
    ],
  );
  assert.ok(lost.metadata.managedFields?.some((one) => one.manager === "api-priority-and-fairness-config-consumer-v1" && one.operation === "Apply"));
  await send("POST", `${group}/prioritylevelconfigurations`, admin, level("gone", { type: "Reject" }));
  await clock.advance(10);
  assert.equal((await read("/flowschemas/lost")).status?.conditions?.[0]?.reason, "Found");
});

test("beyond its seats a level that rejects answers 429 at once, one that queues lets wait, and a quarter of the time is the most", async () => {
  await send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", admin, { metadata: { name: "all" }, rules: [rule] });
  const subjects = ["slow", "patient"].map((name) => ({ kind: "User", apiGroup: "rbac.authorization.k8s.io", name }));
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "all" };
  await send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", admin, { metadata: { name: "all" }, roleRef, subjects });
  const none = { nominalConcurrencyShares: 1, lendablePercent: 0, borrowingLimitPercent: 0 };
  await send("POST", `${group}/prioritylevelconfigurations`, admin, level("rejecting", { type: "Reject" }, none));
  const queuing = { queues: 1, handSize: 1, queueLengthLimit: 1 };
  await send("POST", `${group}/prioritylevelconfigurations`, admin, level("queuing", { type: "Queue", queuing }, none));
  await send("POST", `${group}/flowschemas`, admin, schema("slow", "rejecting", "slow"));
  await send("POST", `${group}/flowschemas`, admin, schema("patient", "queuing", "patient"));
  await clock.advance(10);
  const seats = Number(/nominal_limit_seats\{priority_level="rejecting"\} (\d+)/.exec(server.api.metrics.expose())?.[1]);
  assert.ok(seats >= 1);
  const target = "/api/v1/namespaces/default/configmaps";
  const holding = Array.from({ length: seats }, held);
  const running = holding.map(({ body }) => send("POST", target, user("slow"), body));
  await clock.advance(0);
  const refused = await send("GET", target, user("slow"));
  assert.deepEqual([refused.status, refused.headers["retry-after"], text(refused)], [429, "1", "Too many requests, please try again later.\n"]);
  assert.ok(refused.headers["x-kubernetes-pf-prioritylevel-uid"]);
  for (const { release } of holding) release();
  await Promise.all(running);
  assert.equal((await send("GET", target, user("slow"))).status, 200);

  const full = Array.from({ length: seats }, held);
  const busy = full.map(({ body }) => send("POST", target, user("patient"), body));
  await clock.advance(0);
  const waiting = send("GET", target, user("patient"));
  await clock.advance(0);
  assert.match(text(await send("GET", "/debug/api_priority_and_fairness/dump_priority_levels")), new RegExp(`queuing, +1, +false, +false, +1, +${seats},`));
  assert.equal((await send("GET", target, user("patient"))).status, 429);
  assert.match(server.api.metrics.expose(), /apiserver_current_inqueue_requests\{request_kind="readOnly"\} 1/);
  await clock.advance(14_990);
  assert.match(
    text(await send("GET", "/debug/api_priority_and_fairness/dump_requests?includeRequestDetails=1")),
    /queuing, +patient, +0, +0, .*patient, +list,/,
  );
  await clock.advance(20);
  assert.equal((await waiting).status, 429);
  const next = send("GET", target, user("patient"));
  await clock.advance(0);
  full[0]?.release();
  await busy[0];
  assert.equal((await next).status, 200);
  for (const { release } of full) release();
  await Promise.all(busy);
  const shown = server.api.metrics.expose();
  assert.match(shown, /apiserver_current_inqueue_requests\{request_kind="readOnly"\} 0/);
  assert.match(shown, /apiserver_current_inflight_requests\{request_kind="mutating"\} 0/);
  assert.match(shown, /rejected_requests_total\{priority_level="queuing",flow_schema="patient",reason="queue-full"\} 1/);
  assert.match(shown, /rejected_requests_total\{priority_level="queuing",flow_schema="patient",reason="time-out"\} 1/);
  assert.match(shown, /current_executing_seats\{priority_level="queuing",flow_schema="patient"\} 0/);
});

test("a watch holds its seat until it has sent what there is", async () => {
  const seats = (): number => Number(/current_executing_seats\{priority_level="queuing",flow_schema="patient"\} (\d+)/.exec(server.api.metrics.expose())?.[1]);
  const plain = await send("GET", "/api/v1/configmaps?watch=true&resourceVersion=1", user("patient"));
  assert.equal(plain.status, 200);
  assert.equal(seats(), 0);
  const initial = await send("GET", "/api/v1/namespaces?watch=true", user("patient"));
  assert.equal(seats(), 1);
  const events = (initial.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  await events.next();
  void events.next();
  await clock.advance(0);
  assert.equal(seats(), 0);
  for (const stream of [plain.body as AsyncIterable<Uint8Array>, initial.body as AsyncIterable<Uint8Array>]) void stream[Symbol.asyncIterator]().return?.();
});

test("what is deleted of the defaults comes back, changes to mandatory and kept ones are undone, others' are left", async () => {
  await send("DELETE", `${group}/flowschemas/service-accounts`);
  await send("DELETE", `${group}/flowschemas/catch-all`);
  assert.equal((await send("GET", "/api/v1/pods", { name: "stray", groups: ["system:authenticated"] })).status, 403);
  await clock.advance(10_000);
  assert.equal((await send("GET", `${group}/flowschemas/service-accounts`)).status, 200);
  assert.equal((await send("GET", `${group}/flowschemas/catch-all`)).status, 200);
});

test("time that a client gives is kept to, and what is no time is refused", async () => {
  const late = send("POST", "/api/v1/namespaces/default/configmaps?timeout=2s", admin, held().body);
  await clock.advance(2_000);
  assert.equal((await late).status, 504);
  const wrong = await send("GET", "/api/v1/pods?timeout=abc");
  assert.deepEqual([wrong.status, JSON.parse(text(wrong)).message], [400, 'invalid timeout specified in the request URL - time: invalid duration "abc"']);
});

test("without priority and fairness so many run and the rest is refused, but administrators never", async () => {
  await using plain = new TestServer({ priorityAndFairness: false, maxReading: 1, maxMutating: 1 });
  await plain.start();
  const holding = held();
  const create = (who: UserInfo, body: object): Promise<ApiResponse> => send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", who, body, plain);
  const running = create(joe, holding.body);
  await plain.clock.advance(0);
  const refused = await create(joe, {});
  assert.deepEqual([refused.status, refused.headers["x-kubernetes-pf-flowschema-uid"]], [429, undefined]);
  assert.equal((await create(admin, { metadata: {} })).status, 201);
  assert.equal((await send("GET", "/debug/api_priority_and_fairness/dump_queues", admin, undefined, plain)).status, 404);
  holding.release();
  await running;
  assert.equal((await create(joe, {})).status, 201);
});

import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { UserInfo } from "../../api/exchange.ts";
import { parseLabelSelector } from "../../api/selectors/labels.ts";
import { StatusError } from "../../api/status.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { Metrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { webhookAuthorizerSeries } from "../metrics/authorization.ts";
import { reloadSeries } from "../metrics/reloads.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";
import { AuthorizerChain } from "./chain.ts";
import { parseAuthorizationConfiguration, type WebhookSettings } from "./configuration.ts";
import { followAuthorization } from "./follow.ts";
import { MemoryReader } from "./memory-reader.fixture.ts";
import { Undecided } from "./undecided.ts";
import { unionAuthorizer } from "./union.ts";
import { WebhookAuthorizer } from "./webhook.ts";

const directory = mkdtempSync(join(tmpdir(), "authorization-"));
const kubeconfig = join(directory, "kubeconfig");
writeFileSync(
  kubeconfig,
  JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1/" } }],
    contexts: [{ name: "x", context: { cluster: "c" } }],
    "current-context": "x",
  }),
);
after(() => rmSync(directory, { recursive: true }));

const user: UserInfo = { name: "jane", groups: ["g"] };
const listing = (more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  ...{ user, verb: "list", isResource: true, group: "", version: "v1", resource: "pods", subresource: "", namespace: "a", name: "", path: "" },
  ...more,
});

const file = (webhook: object): string =>
  JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthorizationConfiguration",
    authorizers: [{ type: "Webhook", name: "hook", webhook }],
  });
const wellFormed = {
  timeout: "3s",
  subjectAccessReviewVersion: "v1",
  failurePolicy: "NoOpinion",
  connectionInfo: { type: "KubeConfigFile", kubeConfigFile: kubeconfig },
};

function hook(webhook: object, answer: (review: { spec: Record<string, unknown> }) => unknown) {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const asked: { spec: Record<string, unknown> }[] = [];
  const [settings] = parseAuthorizationConfiguration(file({ ...wellFormed, ...webhook }));
  const authorizer = new WebhookAuthorizer({
    ...{ name: "hook", settings: settings?.webhook as WebhookSettings, clock, random: seededRandom(1), logger: silentLogger },
    series: webhookAuthorizerSeries(metrics),
    webhook: {
      async ask(body) {
        const review = JSON.parse(Buffer.from(body).toString()) as { spec: Record<string, unknown> };
        asked.push(review);
        return { status: 200, contentType: "application/json", body: Buffer.from(JSON.stringify(answer(review))) };
      },
    },
  });
  return { authorizer, asked, clock, metrics };
}
const allowed = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", status: { allowed: true, reason: "because" } };

test("a webhook is asked with everything that is known of the request, and its answer is kept for its time", async () => {
  const { authorizer, asked, clock } = hook({}, () => allowed);
  const attributes = listing({
    fieldSelector: [{ field: "spec.nodeName", operator: "=", value: "n" }],
    labelSelector: parseLabelSelector("a in (x,y),!b,c>1").requirements,
  });
  assert.deepEqual(await authorizer.authorize(attributes), { decision: "allow", reason: "because" });
  assert.deepEqual(asked, [
    {
      kind: "SubjectAccessReview",
      apiVersion: "authorization.k8s.io/v1",
      metadata: {},
      spec: {
        resourceAttributes: {
          ...{ namespace: "a", verb: "list", version: "v1", resource: "pods" },
          fieldSelector: { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n"] }] },
          labelSelector: {
            requirements: [
              { key: "a", operator: "In", values: ["x", "y"] },
              { key: "b", operator: "DoesNotExist" },
            ],
          },
        },
        user: "jane",
        groups: ["g"],
      },
      status: { allowed: false },
    },
  ]);
  await clock.advance(299_000);
  await authorizer.authorize(attributes);
  assert.equal(asked.length, 1);
  await clock.advance(2000);
  await authorizer.authorize(attributes);
  assert.equal(asked.length, 2);
});

test("what is not to be kept is asked again, and questions that are very long are never kept", async () => {
  const { authorizer, asked } = hook({ cacheAuthorizedRequests: false }, () => allowed);
  await authorizer.authorize(listing());
  await authorizer.authorize(listing());
  assert.equal(asked.length, 2);
  const other = hook({}, () => allowed);
  await other.authorizer.authorize(listing({ name: "n".repeat(10_000) }));
  await other.authorizer.authorize(listing({ name: "n".repeat(10_000) }));
  assert.equal(other.asked.length, 2);
});

test("a webhook that fails says what its failure policy says, and why", async () => {
  const broken = (): never => {
    throw new StatusError({ code: 401, reason: "Unauthorized", message: "who?" });
  };
  const open = hook({}, broken);
  assert.deepEqual(await open.authorizer.authorize(listing()), { decision: "no-opinion", reason: "", errors: ["who?"] });
  assert.match(open.metrics.expose(), /apiserver_authorization_webhook_evaluations_fail_open_total\{name="hook",result="error"\} 1/);
  const closed = hook({ failurePolicy: "Deny" }, broken);
  assert.equal((await closed.authorizer.authorize(listing())).decision, "deny");
  const lying = hook({}, () => ({ status: { allowed: true, denied: true, reason: "both" } }));
  assert.deepEqual(await lying.authorizer.authorize(listing()), {
    ...{ decision: "deny", reason: "both" },
    errors: ["webhook subject access review returned both allow and deny response"],
  });
});

test("conditions decide before anybody is asked, and what they cannot decide is left to the failure policy", async () => {
  const matchConditions = [{ expression: "has(request.resourceAttributes)" }, { expression: "request.resourceAttributes.namespace == 'a'" }];
  const { authorizer, asked, metrics } = hook({ matchConditions, matchConditionSubjectAccessReviewVersion: "v1" }, () => allowed);
  assert.equal((await authorizer.authorize(listing({ namespace: "b" }))).decision, "no-opinion");
  assert.equal((await authorizer.authorize(listing({ isResource: false, path: "/x" }))).decision, "no-opinion");
  assert.equal(asked.length, 0);
  assert.equal((await authorizer.authorize(listing())).decision, "allow");
  assert.match(
    metrics.expose(),
    /match_condition_exclusions_total\{name="hook",type="Webhook"\} 2|match_condition_exclusions_total\{type="Webhook",name="hook"\} 2/,
  );
  const failing = hook(
    { failurePolicy: "Deny", matchConditions: [{ expression: "request.extra['none'][0] == 'x'" }], matchConditionSubjectAccessReviewVersion: "v1" },
    () => allowed,
  );
  assert.deepEqual(await failing.authorizer.authorize(listing()), {
    ...{ decision: "deny", reason: "" },
    errors: ["cel evaluation error: expression 'request.extra['none'][0] == 'x'' resulted in error: no such key: none"],
  });
});

test("errors of those who have no opinion go with the last word, unless another one allows", async () => {
  const failing = { authorize: () => ({ decision: "no-opinion", reason: "r", errors: ["e"] }) as const };
  assert.deepEqual(await unionAuthorizer(failing, failing).authorize(listing()), { decision: "no-opinion", reason: "r\nr", errors: ["e", "e"] });
  const allowing = { authorize: () => ({ decision: "allow", reason: "" }) as const };
  assert.deepEqual(await unionAuthorizer(failing, allowing).authorize(listing()), { decision: "allow", reason: "" });
});

test("a request that nobody could decide about ends with 500 and the reason, as text", () => {
  const request = { path: "/api/v1/pods", query: new URLSearchParams("limit=1") };
  const { status, headers, body } = new Undecided(request, ["<one>", "two", "two"]).response({});
  assert.equal(status, 500);
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(String(body), 'Internal Server Error: "/api/v1/pods?limit=1": [&lt;one&gt;, two]\n');
});

test("a file that changes is taken up when it is right, and kept out and counted when it is not", async () => {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const path = join(directory, "authorization.yaml");
  const put = (...types: string[]): string => {
    const text = JSON.stringify({
      apiVersion: "apiserver.config.k8s.io/v1beta1",
      kind: "AuthorizationConfiguration",
      authorizers: types.map((type) => ({ type, name: type.toLowerCase() })),
    });
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    return text;
  };
  const text = put("RBAC");
  using chain = new AuthorizerChain({
    ...{ reader: new MemoryReader(), clock, random: seededRandom(1), logger: silentLogger, nodeRules: [] },
    authorizers: parseAuthorizationConfiguration(text),
    series: webhookAuthorizerSeries(metrics),
  });
  const stop = new AbortController();
  const series = reloadSeries(metrics, clock, "authorization", "s");
  const following = followAuthorization({ file: path, text, chain, clock, logger: silentLogger, series, signal: stop.signal });
  const decision = async (): Promise<string> => (await chain.authorize(listing())).decision;
  assert.equal(await decision(), "no-opinion");
  put("RBAC", "AlwaysAllow");
  await clock.advance(60_000);
  assert.equal(await decision(), "allow");
  put("AlwaysDeny");
  await clock.advance(60_000);
  assert.equal(await decision(), "allow", "RBAC, which was there at the start, is missing");
  put("RBAC", "Node");
  await clock.advance(60_000);
  assert.equal(await decision(), "allow", "Node was not there at the start");
  const exposed = metrics.expose();
  assert.match(exposed, /automatic_reloads_total\{[^}]*status="failure"[^}]*\} 2/);
  assert.match(exposed, /automatic_reloads_total\{[^}]*status="success"[^}]*\} 1/);
  stop.abort();
  await following;
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import { unauthorized } from "../../api/status.ts";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import type { AdmissionAttributes } from "../admission/admission.ts";
import type { AuthorizationAttributes } from "../authorization/authorizer.ts";
import { AdmissionChain } from "../admission/chain.ts";
import { admissionTiming } from "./admission.ts";
import { auditSeries } from "./audit.ts";
import { certificateLifetimes, countAuthentication, countAuthorization, countDecisions, tokenCacheSeries } from "./identity.ts";
import { showFeatures } from "./features.ts";
import { podSecuritySeries } from "./pod-security.ts";
import { createServerMetrics } from "./requests.ts";
import { watchSeries } from "./watches.ts";
import { parseRequestInfo } from "../request-info.ts";

const clock = new VirtualClock(0);

test("who is found, who is not and what breaks are counted apart, at once or later", async () => {
  const metrics = new Metrics();
  const answers = [{ name: "admin", groups: [] }, Promise.resolve({ name: "a@b", groups: [] }), undefined, Promise.reject(unauthorized())];
  const authenticator = countAuthentication({ authenticate: () => answers.shift() }, metrics, clock);
  for (let i = 0; i < 3; i++) await authenticator.authenticate({} as ApiRequest);
  await assert.rejects(async () => authenticator.authenticate({} as ApiRequest));
  const text = metrics.expose();
  for (const line of [
    'authentication_attempts{result="success"} 2',
    'authentication_attempts{result="failure"} 1',
    'authentication_attempts{result="error"} 1',
    'authenticated_user_requests{username="admin"} 1',
    'authenticated_user_requests{username="email_id"} 1',
    'authentication_duration_seconds_count{result="success"} 2',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test("decisions of authorizers are counted by what they are", async () => {
  const metrics = new Metrics();
  const answers = ["allow", "deny", "no-opinion"] as const;
  let next = 0;
  const authorizer = countAuthorization({ authorize: () => ({ decision: answers[next++] as "allow", reason: "" }) }, metrics, clock);
  for (const decision of answers) assert.equal((await authorizer.authorize({} as AuthorizationAttributes)).decision, decision);
  for (const result of ["allowed", "denied", "no-opinion"])
    assert.match(metrics.expose(), new RegExp(`authorization_attempts_total\\{result="${result}"\\} 1`));
});

test("plugins and steps of admission are timed, and refusals told apart", async () => {
  const metrics = new Metrics();
  const refusing = { name: "Priority", mutate: () => undefined, validate: () => Promise.reject(unauthorized()) };
  const chain = new AdmissionChain([refusing], admissionTiming(metrics, clock));
  const attributes = { operation: "CREATE" } as AdmissionAttributes;
  await chain.mutate(attributes);
  await assert.rejects(async () => chain.validate(attributes));
  const text = metrics.expose();
  assert.match(text, /admission_controller_admission_duration_seconds_count\{name="Priority",type="admit",operation="CREATE",rejected="false"\} 1/);
  assert.match(text, /admission_controller_admission_duration_seconds_count\{name="Priority",type="validate",operation="CREATE",rejected="true"\} 1/);
  assert.match(text, /admission_step_admission_duration_seconds_count\{type="validate",operation="CREATE",rejected="true"\} 1/);
});

function requestOf(method: string, target: string, headers: Record<string, string> = {}): [ApiRequest, ReturnType<typeof parseRequestInfo>] {
  const { pathname, searchParams } = new URL(target, "https://x");
  const request = { method, path: pathname, query: searchParams, headers } as ApiRequest;
  return [request, parseRequestInfo(method, pathname, searchParams)];
}

test("requests are counted under upstream's verbs and scopes", () => {
  const metrics = new Metrics();
  const server = createServerMetrics(metrics);
  const cases: [method: string, target: string, verb: string, scope: string, contentType?: string][] = [
    ["POST", "/api/v1/namespaces/a/pods", "POST", "resource"],
    ["GET", "/api/v1/namespaces/a/pods", "LIST", "namespace"],
    ["HEAD", "/api/v1/pods", "LIST", "cluster"],
    ["GET", "/api/v1/namespaces/a/pods/p", "GET", "resource"],
    ["GET", "/api/v1/pods?watch=true", "WATCH", "cluster"],
    ["GET", "/api/v1/namespaces/a/pods/p/log", "CONNECT", "resource"],
    ["PATCH", "/api/v1/namespaces/a/pods/p", "APPLY", "resource", "application/apply-patch+yaml"],
    ["PATCH", "/api/v1/namespaces/a/pods/p", "PATCH", "resource", "application/merge-patch+json"],
    ["DELETE", "/api/v1/namespaces/a/pods", "DELETE", "namespace"],
    ["PUT", "/api/v1/namespaces/a/pods/p/status?dryRun=All", "PUT", "resource"],
  ];
  for (const [method, target, verb, scope, contentType] of cases) {
    const [request, info] = requestOf(method, target, contentType ? { "content-type": contentType } : {});
    const series = server.of(request, info);
    assert.equal(server.of(request, info), series);
    const before = metrics.expose();
    series.done(200, 0.01, 2000);
    const text = metrics.expose();
    const lines = text.split("\n").filter((line) => line.startsWith("apiserver_request_total{") && !before.includes(line));
    assert.equal(lines.length, 1, target);
    assert.match(lines[0] as string, new RegExp(`verb="${verb}",.*resource="pods",.*scope="${scope}",component="apiserver",code="200"`), target);
    assert.equal(text.includes(`apiserver_response_sizes_count{verb="${verb}"`), method === "GET" || method === "HEAD", target);
  }
  assert.match(metrics.expose(), /apiserver_request_total\{verb="PUT",dry_run="All",.*subresource="status"/);
});

test("a name in a field selector makes a list a resource where no route of its own says otherwise", () => {
  const metrics = new Metrics();
  const server = createServerMetrics(metrics);
  const asked = requestOf("GET", "/apis/g/v1/namespaces/a/cups?watch=1&fieldSelector=metadata.name%3Dc");
  server.of(...asked).done(200, 0.01, 1);
  server.of(...asked, true).done(200, 0.01, 2);
  server.of(...asked).running.value++;
  server.of(...requestOf("GET", "/apis/g/v1/namespaces/a/cups?fieldSelector=metadata.name%3Dc"), true).done(200, 0.01, 3);
  const place = 'group="g",version="v1",resource="cups",subresource=""';
  const text = metrics.expose();
  for (const line of [
    `apiserver_request_total{verb="WATCH",dry_run="",${place},scope="namespace",component="apiserver",code="200"} 1`,
    `apiserver_request_total{verb="WATCH",dry_run="",${place},scope="resource",component="apiserver",code="200"} 1`,
    `apiserver_request_total{verb="GET",dry_run="",${place},scope="resource",component="apiserver",code="200"} 1`,
    `apiserver_longrunning_requests{verb="WATCH",${place},scope="resource",component="apiserver"} 1`,
  ])
    assert.ok(text.includes(line), line);
});

test("long, terminated and aborted requests and their bodies have series of their own", () => {
  const metrics = new Metrics();
  const server = createServerMetrics(metrics);
  const watching = server.of(...requestOf("GET", "/apis/apps/v1/deployments?watch=1"));
  watching.running.value++;
  watching.terminated(429);
  watching.aborted();
  const posting = server.of(...requestOf("POST", "/apis/apps/v1/namespaces/a/deployments"));
  posting.received(60_000);
  server.inflight.mutating.value = 2;
  server.ofPath("GET", "/readyz").done(500, 0.001, 10);
  server.deprecated(requestOf("GET", "/api/v1/componentstatuses")[1]);
  const text = metrics.expose();
  for (const line of [
    'apiserver_longrunning_requests{verb="WATCH",group="apps",version="v1",resource="deployments",subresource="",scope="cluster",component="apiserver"} 1',
    'apiserver_request_terminations_total{verb="WATCH",group="apps",version="v1",resource="deployments",subresource="",scope="cluster",component="apiserver",code="429"} 1',
    'apiserver_request_aborts_total{verb="WATCH",group="apps",version="v1",resource="deployments",subresource="",scope="cluster"} 1',
    'apiserver_request_body_size_bytes_bucket{group="apps",resource="deployments",verb="create",le="50000"} 0',
    'apiserver_request_body_size_bytes_bucket{group="apps",resource="deployments",verb="create",le="150000"} 1',
    'apiserver_current_inflight_requests{request_kind="mutating"} 2',
    'apiserver_current_inqueue_requests{request_kind="readOnly"} 0',
    'apiserver_request_total{verb="GET",dry_run="",group="",version="",resource="",subresource="/readyz",scope="",component="",code="500"} 1',
    'apiserver_requested_deprecated_apis{group="",version="v1",resource="componentstatuses",subresource="",removed_release=""} 1',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test("events of watches, certificates, tokens, decisions and audit are counted", async () => {
  const metrics = new Metrics();
  const watched = watchSeries(metrics);
  const pods = { group: "", version: "v1", resource: "pods" } as Parameters<typeof watched>[0];
  assert.equal(watched(pods), watched(pods));
  watched(pods).sent(1500);
  watched(pods).listed("cluster", 0.3);
  certificateLifetimes(metrics)(7000);
  const tokens = tokenCacheSeries(metrics);
  tokens.miss(0.001);
  tokens.fetching()(false);
  tokens.hit(0);
  const rbac = countDecisions(metrics)({ authorize: () => ({ decision: "allow", reason: "" }) }, "RBAC", "rbac");
  await rbac.authorize({} as AuthorizationAttributes);
  const audit = auditSeries(metrics);
  audit.level("Metadata");
  audit.event();
  const text = metrics.expose();
  for (const line of [
    'apiserver_watch_events_total{group="",version="v1",resource="pods"} 1',
    'apiserver_watch_events_sizes_bucket{group="",version="v1",resource="pods",le="2048"} 1',
    'apiserver_watch_list_duration_seconds_bucket{group="",version="v1",resource="pods",scope="cluster",le="0.4"} 1',
    'apiserver_client_certificate_expiration_seconds_bucket{le="7200"} 1',
    'authentication_token_cache_request_total{status="miss"} 1',
    'authentication_token_cache_fetch_total{status="error"} 1',
    'apiserver_authorization_decisions_total{type="RBAC",name="rbac",decision="allowed"} 1',
    'apiserver_audit_level_total{level="Metadata"} 1',
    "apiserver_audit_event_total 1",
    "apiserver_audit_requests_rejected_total 0",
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test("levels of pod security are counted by what they are to this version", () => {
  const metrics = new Metrics();
  const series = podSecuritySeries(metrics);
  const about = (group: string, resource: string, operation = "CREATE") =>
    ({ operation, subresource: "", resource: { group, resource } }) as AdmissionAttributes;
  const latest = Number.POSITIVE_INFINITY;
  series.evaluated(true, { level: "privileged", minor: 5 }, "enforce", about("", "pods"));
  series.evaluated(false, { level: "baseline", minor: 5 }, "enforce", about("", "pods", "UPDATE"));
  series.evaluated(false, { level: "restricted", minor: 99 }, "warn", about("apps", "deployments"));
  series.evaluated(false, { level: "restricted", minor: latest }, "audit", about("", "pods"));
  series.exempted(about("", "pods"));
  const text = metrics.expose();
  const line = (decision: string, level: string, version: string, mode: string, operation: string, resource: string) =>
    `pod_security_evaluations_total{decision="${decision}",policy_level="${level}",policy_version="${version}",mode="${mode}",request_operation="${operation}",resource="${resource}",subresource=""} 1\n`;
  for (const one of [
    line("allow", "privileged", "latest", "enforce", "create", "pod"),
    line("deny", "baseline", "v1.5", "enforce", "update", "pod"),
    line("deny", "restricted", "future", "warn", "create", "controller"),
    line("deny", "restricted", "latest", "audit", "create", "pod"),
    'pod_security_exemptions_total{request_operation="create",resource="pod",subresource=""} 1\n',
  ])
    assert.ok(text.includes(one), one);
});

test("features are shown with their stages, and those that are on with 1", () => {
  const metrics = new Metrics();
  showFeatures(metrics, (name) => name === "ClusterTrustBundle");
  assert.match(metrics.expose(), /kubernetes_feature_enabled\{name="ClusterTrustBundle",stage="BETA"\} 1\n/);
  assert.match(metrics.expose(), /kubernetes_feature_enabled\{name="APIServerTracing",stage=""\} 0\n/);
  const usual = new Metrics();
  showFeatures(usual);
  assert.match(usual.expose(), /kubernetes_feature_enabled\{name="APIServerTracing",stage=""\} 1\n/);
});

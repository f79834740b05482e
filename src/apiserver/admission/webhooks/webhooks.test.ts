import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { type ResourceDef, resourceOf } from "../../../api/schema/schema.ts";
import { systemClock } from "../../../base/clock.ts";
import { createLogger } from "../../../base/logger.ts";
import { Metrics } from "../../../base/metrics.ts";
import { seededRandom } from "../../../base/random.ts";
import { MemoryReader, type Sketch } from "../../authorization/memory-reader.fixture.ts";
import { privilegedAuthorizer } from "../../authorization/union.ts";
import { conditionSeries, webhookSeries } from "../../metrics/webhooks.ts";
import type { AdmissionAttributes, Face } from "../admission.ts";
import { AdmissionChain } from "../chain.ts";
import type { Answer } from "../../outside/post.ts";
import { mutatingWebhooks } from "./mutating.ts";
import { validatingWebhooks } from "./validating.ts";

type Response = Record<string, unknown>;
const face: Face = {
  kind: { group: "", version: "v1", kind: "ConfigMap" },
  resource: { group: "", version: "v1", resource: "configmaps" },
  type: undefined,
  labels: ({ metadata }) => metadata.labels,
  show: (object) => structuredClone(object) as unknown as JSONObject,
  read: (json) => json,
  take(draft, read) {
    for (const key of Object.keys(draft)) delete (draft as unknown as JSONObject)[key];
    Object.assign(draft, read);
  },
};
const patch = (...operations: object[]): Response => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
});

/** `answers`: what the webhook of that URL says to its first, second, ... call. */
function world(hooks: { kind: "Mutating" | "Validating"; name: string; more?: object }[], answer: (name: string, call: number) => Response | Error) {
  const reader = new MemoryReader();
  const byKind = (kind: string): Sketch[] =>
    hooks
      .filter((hook) => hook.kind === kind)
      .map(({ name, more }) => ({
        metadata: { name },
        webhooks: [
          {
            name: `${name}.a.b`,
            clientConfig: { url: name },
            rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
            namespaceSelector: {},
            objectSelector: {},
            sideEffects: "None",
            failurePolicy: "Fail",
            admissionReviewVersions: ["v1"],
            ...more,
          },
        ],
      }));
  reader.put("mutatingwebhookconfigurations.admissionregistration.k8s.io", ...byKind("Mutating"));
  reader.put("validatingwebhookconfigurations.admissionregistration.k8s.io", ...byKind("Validating"));
  const calls: string[] = [];
  const client = {
    call: (config: { url?: string }, body: Uint8Array): Promise<Answer> => {
      const name = config.url ?? "";
      calls.push(name);
      const response = answer(name, calls.filter((one) => one === name).length);
      if (response instanceof Error) return Promise.reject(response);
      const { uid } = (JSON.parse(Buffer.from(body).toString()) as { request: { uid: string } }).request;
      const review = { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response: { uid, ...response } };
      return Promise.resolve({ status: 200, contentType: "application/json", body: Buffer.from(JSON.stringify(review)) });
    },
  };
  const metrics = new Metrics();
  const options = {
    reader,
    random: seededRandom(1),
    clock: systemClock,
    authorizer: privilegedAuthorizer,
    client,
    logger: createLogger({ name: "t", clock: systemClock, write: () => undefined }),
    series: webhookSeries(metrics),
    conditions: conditionSeries(metrics),
  };
  const chain = new AdmissionChain([mutatingWebhooks(options), validatingWebhooks(options)]);
  const warnings: string[] = [];
  const notes: Record<string, string> = {};
  const admit = async (more: Partial<AdmissionAttributes> = {}): Promise<Record<string, unknown>> => {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "a" }, data: {} } as unknown as KubeObject;
    const attributes: AdmissionAttributes = {
      operation: "CREATE",
      resource: resourceOf("", "v1", "configmaps") as ResourceDef,
      subresource: "",
      namespace: "a",
      name: "c",
      object,
      user: { name: "admin", groups: ["system:masters"] },
      dryRun: false,
      warn: (message) => warnings.push(message),
      annotate: (key, value) => {
        notes[key] = value;
      },
      faces: () => ({ own: face, equivalents: () => [] }),
      request: { signal: new AbortController().signal },
      ...more,
    };
    await chain.mutate(attributes);
    await chain.validate(attributes);
    return (object as unknown as { data: Record<string, unknown> }).data;
  };
  return { admit, calls, warnings, notes, metrics };
}

const set = (key: string, value: string): Response => patch({ op: "add", path: `/data/${key}`, value });

test("webhooks mutate in the order of their names, and the one that wishes it is asked again when others changed the object after it", async () => {
  const { admit, calls, notes } = world(
    [
      { kind: "Mutating", name: "b" },
      { kind: "Mutating", name: "a", more: { reinvocationPolicy: "IfNeeded" } },
    ],
    (name, call) => set(name, String(call)),
  );
  assert.deepEqual(await admit(), { a: "2", b: "1" });
  assert.deepEqual(calls, ["a", "b", "a"]);
  assert.equal(notes["mutation.webhook.admission.k8s.io/round_1_index_0"], '{"configuration":"a","webhook":"a.a.b","mutated":true}');
});

test("a refusal has the webhook's words, code and warnings", async () => {
  const { admit, warnings, metrics } = world([{ kind: "Validating", name: "no" }], () => ({
    allowed: false,
    warnings: ["careful"],
    status: { code: 409, reason: "Conflict", message: "never" },
  }));
  await assert.rejects(admit(), { code: 409, reason: "Conflict", message: 'admission webhook "no.a.b" denied the request: never' });
  assert.deepEqual(warnings, ["careful"]);
  assert.match(
    metrics.expose(),
    /apiserver_admission_webhook_rejection_count\{name="no.a.b",type="validating",operation="CREATE",error_type="no_error",rejection_code="409"\} 1/,
  );
});

test("a webhook that fails decides by its failure policy", async () => {
  const broken = (more?: object) => world([{ kind: "Validating", name: "x", ...(more ? { more } : {}) }], () => ({ allowed: true, uid: "another" }));
  await assert.rejects(broken().admit(), {
    code: 500,
    message: /^Internal error occurred: failed calling webhook "x.a.b": received invalid webhook response: expected response.uid="/,
  });
  const open = broken({ failurePolicy: "Ignore" });
  await open.admit();
  assert.equal(open.notes["failed-open.validating.webhook.admission.k8s.io/round_0_index_0"], "x.a.b");
});

test("conditions decide before anybody is called; what they cannot decide is refused or passed over", async () => {
  const when = (expression: string, more: object = {}) =>
    world([{ kind: "Validating", name: "x", more: { matchConditions: [{ name: "c", expression }], ...more } }], () => ({ allowed: false }));
  await when("request.operation == 'DELETE'").admit();
  await assert.rejects(when("authorizer.group('').resource('pods').check('get').allowed()").admit(), { code: 400 });
  await assert.rejects(when("object.none.such").admit(), {
    code: 403,
    message: 'configmaps "c" is forbidden: compilation error: must evaluate to bool but got dyn',
  });
  await when("object.none.such == 1", { failurePolicy: "Ignore" }).admit();
});

test("what is tried only is not shown to webhooks with side effects", async () => {
  const { admit } = world([{ kind: "Mutating", name: "x", more: { sideEffects: "Some" } }], () => ({ allowed: true }));
  await assert.rejects(admit({ dryRun: true }), { code: 400, message: 'admission webhook "x.a.b" does not support dry run' });
});

test("configurations of admission are not shown to webhooks", async () => {
  const { admit, calls } = world([{ kind: "Validating", name: "x" }], () => ({ allowed: false }));
  await admit({ resource: resourceOf("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations") as ResourceDef });
  assert.deepEqual(calls, []);
});

test("a patch that does not apply, or that is none, is told apart", async () => {
  const answered = (response: Response) => world([{ kind: "Mutating", name: "x" }], () => response).admit();
  await assert.rejects(answered(patch({ op: "remove", path: "/none" })), {
    code: 500,
    message: /^Internal error occurred: error in remove for path: '\/none'/,
  });
  await assert.rejects(answered({ allowed: true, patchType: "JSONPatch", patch: Buffer.from("{}").toString("base64") }), {
    message: /received undecodable patch in webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch$/,
  });
  await assert.rejects(answered({ allowed: true, patch: "W10=" }), { message: /webhook returned response.patch but not response.patchType$/ });
});

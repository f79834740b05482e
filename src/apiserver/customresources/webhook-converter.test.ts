import assert from "node:assert/strict";
import test from "node:test";
import { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import type { CustomResourceDefinition } from "../../api/types/apiextensions-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { Unreachable } from "../outside/post.ts";
import { conversionSeries } from "../metrics/conversion.ts";
import { WebhookConverter } from "./webhook-converter.ts";

const versions = ["v1", "v2"].map((name) => ({
  name,
  served: true,
  storage: name === "v1",
  schema: { openAPIV3Schema: { type: "object", properties: { host: { type: "string" } } } },
}));
const definition = {
  metadata: { name: "cups.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "cups", kind: "Cup" },
    versions,
    conversion: {
      strategy: "Webhook",
      webhook: { conversionReviewVersions: ["v9", "v1"], clientConfig: { url: "https://hook.example.com", caBundle: "IAo=" } },
    },
  },
  status: { acceptedNames: { plural: "cups", kind: "Cup", listKind: "CupList" }, conditions: [], storedVersions: ["v1"] },
} as unknown as CustomResourceDefinition;
const v2 = new CustomVersion(definition, definition.spec.versions[1] as (typeof definition.spec.versions)[0]);
const cup = (name: string, apiVersion = "example.com/v1"): KubeObject =>
  ({ apiVersion, kind: "Cup", metadata: { name, namespace: "default", uid: `${name}-uid`, labels: { a: "b" } }, host: "x" }) as unknown as KubeObject;

interface Review extends JSONObject {
  kind: string;
  apiVersion: string;
  request: { uid: string; desiredAPIVersion: string; objects: JSONObject[] };
}
type Respond = (review: Review, objects: JSONObject[]) => unknown;

function converter(respond: Respond) {
  const metrics = new Metrics();
  const calls: { review: Review; config: object; timeout: number }[] = [];
  const made = new WebhookConverter(definition, {
    clock: new VirtualClock(),
    random: seededRandom(1),
    series: conversionSeries(metrics),
    client: {
      async call(config, body, timeout) {
        const review = JSON.parse(Buffer.from(body).toString()) as Review;
        calls.push({ review, config, timeout });
        const objects: JSONObject[] = review.request.objects.map((object) => ({ ...object, apiVersion: review.request.desiredAPIVersion, junk: 1 }));
        const answer = respond(review, objects);
        return { status: 200, contentType: "application/json", body: Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer)) };
      },
    },
  });
  return { made, calls, metrics };
}
const success: Respond = (review, convertedObjects) => ({ ...review, response: { uid: review.request.uid, result: { status: "Success" }, convertedObjects } });
const refusal = async (respond: Respond, ...objects: KubeObject[]): Promise<string> => {
  const { made } = converter(respond);
  return made.convert(objects.length ? objects : [cup("a")], v2).then(
    () => "",
    (error: Error) => error.message,
  );
};

test("a whole list is converted in one call; what has the version already is not sent", async () => {
  const { made, calls, metrics } = converter(success);
  const there = cup("b", "example.com/v2");
  const converted = await made.convert([cup("a"), there, cup("c")], v2);
  assert.deepEqual(
    calls.map(({ review, config, timeout }) => [review.request.objects.length, review.request.desiredAPIVersion, review.apiVersion, config, timeout]),
    [[2, "example.com/v2", "apiextensions.k8s.io/v1", { url: "https://hook.example.com" }, 30]],
  );
  assert.deepEqual(
    converted.map(({ metadata, apiVersion }) => [metadata.name, apiVersion]),
    [
      ["a", "example.com/v2"],
      ["b", "example.com/v2"],
      ["c", "example.com/v2"],
    ],
  );
  assert.equal(converted[1], there);
  assert.ok("junk" in (converted[0] as object), "whoever stores or shows it takes away what the schema does not know");
  await made.convert([there], v2);
  assert.equal(calls.length, 1);
  assert.match(metrics.expose(), /apiserver_conversion_webhook_request_total\{result="success",failure_type=""\} 1/);
});

test("of what is nothing but a kind no webhook is asked", async () => {
  const { made, calls } = converter(success);
  const nothing = { apiVersion: "example.com/v1", kind: "Cup" } as KubeObject;
  assert.deepEqual([await made.convert([nothing], v2), calls], [[{ apiVersion: "example.com/v2", kind: "Cup" }], []]);
});

test("of metadata, a webhook changes labels and annotations alone", async () => {
  const { made } = converter((review, objects) =>
    success(
      review,
      objects.map((object) => ({
        ...object,
        metadata: { name: "a", namespace: "default", uid: "a-uid", labels: { c: "d" }, annotations: { e: "f" }, finalizers: ["x/y"], generation: 7 },
      })),
    ),
  );
  const [converted] = await made.convert([cup("a")], v2);
  assert.deepEqual(converted?.metadata, { name: "a", namespace: "default", uid: "a-uid", labels: { c: "d" }, annotations: { e: "f" } });
});

test("wrong answers are told in upstream's words", async () => {
  const name = "conversion webhook for example.com/v1, Kind=Cup";
  const with_ =
    (change: (object: JSONObject) => object): Respond =>
    (review, objects) =>
      success(
        review,
        objects.map((object) => ({ ...object, ...change(object) }) as JSONObject),
      );
  assert.equal(
    await refusal(with_(() => ({ apiVersion: "example.com/v9" }))),
    `${name} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v9)`,
  );
  assert.equal(await refusal(with_(() => ({ kind: "Mug" }))), `${name} returned invalid object at index 0: invalid kind (expected Cup, received Mug)`);
  assert.equal(await refusal(with_(() => ({ metadata: { name: "z" } }))), `${name} returned invalid object: must have the same name: a != z`);
  const labels = with_(() => ({ metadata: { ...cup("a").metadata, labels: { a: 1 } } }));
  assert.equal(await refusal(labels), `${name} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`);
  const large = { apiVersion: "example.com/v2", spec: { a: 1 } };
  const text: Respond = (review) => JSON.stringify(success(review, [large as never])).replace('"a":1', '"a":9007199254740993,"b":"<&>"');
  assert.equal(await refusal(text), `Object 'Kind' is missing in '{"apiVersion":"example.com/v2","spec":{"a":9007199254740993,"b":"<&>"}}'`);
  assert.equal(await refusal((review) => success(review, ["x"] as never)), "json: cannot unmarshal string into Go value of type map[string]interface {}");
  assert.equal(await refusal((review) => success(review, [[]] as never)), "json: cannot unmarshal array into Go value of type map[string]interface {}");
  assert.equal(await refusal((review) => success(review, [])), `${name} returned 0 objects, expected 1`);
  const answered =
    (response: object | undefined): Respond =>
    (review) => ({ ...review, response });
  assert.equal(await refusal(answered(undefined)), `${name} failed: no response provided`);
  assert.match(await refusal(answered({ uid: "x" })), /failed: expected response.uid="[-0-9a-f]+", got "x"$/);
  const failing: Respond = (review) => ({ ...review, response: { uid: review.request.uid, result: { status: "Failure" } } });
  assert.equal(await refusal(failing), `${name} failed: response.result.status was 'Failure', not 'Success'`);
  const other: Respond = (review, objects) => ({ ...(success(review, objects) as object), apiVersion: "apiextensions.k8s.io/v1beta1" });
  assert.equal(await refusal(other), `${name} failed: converting (v1beta1.ConversionReview) to (v1.ConversionReview): unknown conversion`);
  assert.match(await refusal(() => "null"), /failed: expected webhook response of apiextensions.k8s.io\/v1, Kind=ConversionReview, got \/, Kind=$/);
  assert.match(await refusal(() => []), /failed: couldn't get version\/kind; json parse error: json: cannot unmarshal array into Go value/);
  assert.equal(await refusal(() => "{"), `${name} failed: couldn't get version/kind; json parse error: unexpected end of JSON input`);
  const second: Respond = (review, objects) => success(review, [objects[0] as JSONObject, { ...objects[1], kind: "Mug" }]);
  assert.match(await refusal(second, cup("a"), cup("b")), /Kind=CupList returned invalid converted object at index 1: invalid kind/);
});

test("a webhook that is not there fails the request, and is counted", async () => {
  const { made, metrics } = converter(() => {
    throw new Unreachable('Post "https://hook.example.com/?timeout=30s": dial tcp: connection refused');
  });
  await assert.rejects(made.convert([cup("a")], v2), {
    code: 500,
    message: 'conversion webhook for example.com/v1, Kind=Cup failed: Post "https://hook.example.com/?timeout=30s": dial tcp: connection refused',
  });
  assert.match(metrics.expose(), /apiserver_conversion_webhook_request_total\{result="failure",failure_type="conversion_webhook_call_failure"\} 1/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { encodeJSONString } from "../codec/json.ts";
import { contextOf, tryNormalize } from "../codec/normalize.ts";
import { deepCopy } from "../copy.ts";
import type { FieldError } from "../field.ts";
import type { JSONObject } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import { KnownPods } from "./known-pods.ts";
import { setPodDefaults } from "./pod-defaults.ts";
import { validatePodCreate } from "./pod-validation.ts";
import { podWarnings } from "./pod-warnings.ts";

const specs: object[] = [
  {},
  { restartPolicy: "Sometimes" },
  { nodeSelector: { "beta.kubernetes.io/os": "linux" } },
  { hostAliases: [{ ip: "1.2.3.04", hostnames: ["a"] }] },
  { nodeSelector: { disk: "ssd" }, tolerations: [{ key: "k", operator: "Exists" }] },
  { resourceClaims: [{ name: "c", resourceClaimName: "x" }] },
  { terminationGracePeriodSeconds: -1 },
  { securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
  { securityContext: { appArmorProfile: { type: "Unconfined" } } },
];
const containers: object[] = [
  {},
  { name: "Upper" },
  { image: "" },
  { name: "kube-api-access-bcdfg" },
  { resources: { requests: { memory: "1.5" } } },
  {
    env: [
      { name: "A", value: "1" },
      { name: "A", value: "2" },
    ],
  },
  { ports: [{ containerPort: 80 }, { containerPort: 80 }] },
  { ports: [{ containerPort: 80, name: "kube-api-access-bcdfg" }] },
  { env: [{ name: "V", value: "kube-api-access-bcdfg" }] },
  { volumeMounts: [{ name: "missing", mountPath: "/x" }] },
  { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
];
const volumes: object[][] = [
  [],
  [{ name: "scratch", emptyDir: {} }],
  [
    { name: "TOKEN", emptyDir: {} },
    { name: "TOKEN", emptyDir: {} },
  ],
  [{ name: "own", ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } } } }],
  [{ name: "git", gitRepo: { repository: "r" } }],
];
const annotations: (Record<string, string> | undefined)[] = [
  undefined,
  undefined,
  { "example.com/note": "x" },
  { "not valid!": "x" },
  { "kubernetes.io/config.mirror": "x" },
  { "scheduler.alpha.kubernetes.io/critical-pod": "" },
  { "container.apparmor.security.beta.kubernetes.io/c": "runtime/default" },
  { "container.apparmor.security.beta.kubernetes.io/other": "unconfined" },
  { "container.seccomp.security.alpha.kubernetes.io/c": "runtime/default" },
  { "seccomp.security.alpha.kubernetes.io/pod": "bad" },
  { "controller.kubernetes.io/pod-deletion-cost": "+1" },
];
const names = ["a", "web-1", "a.b", "Not_a_name", "", "n".repeat(252)];
const tokens = ["kube-api-access-bcdfg", "kube-api-access-24579", "kube-api-access-zzzzz", "kube-api-access-long1x"];

interface Judged {
  completed: Pod;
  empties: boolean;
  errors: FieldError[];
  warnings: string[];
}

function judge(pod: Pod): Judged {
  const context = contextOf("kept");
  const completed = tryNormalize(typeOfKind("v1", "Pod") as never, pod as unknown as JSONObject, context) as unknown as Pod;
  const errors = validatePodCreate(completed);
  return { completed, empties: context.kept, errors, warnings: errors.length ? [] : podWarnings(completed) };
}

test("what is known of a pod's specification is what would be found of it", () => {
  const random = seededRandom(4711);
  const of = <T>(values: readonly T[]): T => values[random.int(values.length)] as T;
  const pods = new KnownPods();
  let found = 0;
  let told = 0;
  for (let i = 0; i < 2000; i++) {
    const token = of(tokens);
    const mount = { name: token, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true };
    const pick = <T>(values: readonly T[]): T => (random.int(3) ? (values[0] as T) : of(values));
    const container = { name: "c", image: "i", volumeMounts: [mount], ...pick(containers) };
    const own = { name: token, projected: { sources: [{ serviceAccountToken: { path: "token" } }] } };
    const spec = { containers: [container], serviceAccountName: "default", volumes: [...pick(volumes), own], ...pick(specs) };
    const text = JSON.stringify({ metadata: { namespace: "n", name: of(names), annotations: of(annotations) }, spec }).replaceAll("TOKEN", token);
    const pod = JSON.parse(text) as Pod;
    setPodDefaults(pod);
    const before = deepCopy(pod);
    const { completed, empties, errors, warnings } = judge(pod);
    const known = pods.find(pod);
    assert.deepEqual(pod, before);
    if (known) {
      found++;
      assert.equal(JSON.stringify(known.spec), JSON.stringify(completed.spec), text);
      assert.equal(known.text.join(""), encodeJSONString(completed.spec), text);
      const made = { ...completed, spec: known.spec } as Pod;
      assert.deepEqual(validatePodCreate(made, true), errors, text);
      if (!errors.length) assert.deepEqual(podWarnings(made, true), warnings, text);
      if (errors.length || warnings.length) told++;
    } else if (!errors.length && !warnings.length && !empties) pods.learn(pod, completed);
  }
  assert.ok(found > 200 && told > 50, `${found} found, of which of ${told} there was something to say`);
});

const made = (token: string, container: object = {}, more: object = {}): Pod =>
  ({
    metadata: {},
    spec: { containers: [{ name: "c", volumeMounts: [{ name: token, mountPath: "/t" }], ...container }], volumes: [{ name: token }], ...more },
  }) as unknown as Pod;

/** Whether the second is found where the first is known. */
function finds(first: Pod, second: Pod): boolean {
  const pods = new KnownPods();
  pods.learn(first, first);
  return pods.find(second) !== undefined;
}

test("pods are alike but for the random name of the token's volume, and for nothing else", () => {
  const [one, other] = ["kube-api-access-bcdfg", "kube-api-access-zz249"];
  assert.ok(finds(made(one), made(one)));
  assert.ok(finds(made(one), made(other)));
  assert.ok(!finds(made(one), made("kube-api-access-bcdfgh")));
  assert.ok(!finds(made("volume"), made(one)));
  assert.ok(!finds(made(one), made(one, { image: "i" })));
  assert.ok(!finds(made(one, { image: one }), made(one, { image: one })));
  assert.ok(!finds(made(one, { image: "i" }), made(other, { image: other })));
  assert.ok(!finds(made(one, { ports: [{ name: other }] }), made(other, { ports: [{ name: other }] })));
  assert.ok(!finds(made(one), made(other, { volumeMounts: [{ name: one, mountPath: "/t" }] })));
  assert.ok(finds(made(one, { image: "i" }), { ...made(one, { image: "i" }), metadata: { name: "other" } } as Pod));
});

test("what is judged by more than the specification, and what is long, is never known", () => {
  const claims = made("v", {}, { resourceClaims: [{ name: "c" }] });
  const ephemeral = made("v", {}, { volumes: [{ name: "v", ephemeral: {} }] });
  const long = made("v", { args: ["x".repeat(9000)] });
  for (const pod of [claims, ephemeral, long]) assert.ok(!finds(pod, pod));
});

test("sixteen specifications are known: those that were asked for last", () => {
  const pods = new KnownPods();
  const nth = (i: number): Pod => made("v", { image: `i${i}` });
  for (let i = 0; i < 16; i++) pods.learn(nth(i), nth(i));
  assert.ok(pods.find(nth(0)));
  pods.learn(nth(16), nth(16));
  assert.ok(pods.find(nth(0)));
  assert.equal(pods.find(nth(1)), undefined);
});

test("changing a pod afterwards does not change what is known", () => {
  const pods = new KnownPods();
  const pod = made("v");
  pods.learn(pod, pod);
  (pod.spec.containers[0] as { name: string }).name = "changed";
  assert.equal(pods.find(pod), undefined);
  assert.match(pods.find(made("v"))?.text.join("") ?? "", /"name":"c"/);
});

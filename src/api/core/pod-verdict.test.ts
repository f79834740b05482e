import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { deepCopy } from "../copy.ts";
import type { Pod, PodSpec } from "../types/core-v1.gen.ts";
import { setPodDefaults } from "./pod-defaults.ts";
import { judgePod, textOfSpec } from "./pod-verdict.ts";
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

test("a pod is judged in the same words whether its specification was seen before or not", () => {
  const random = seededRandom(4711);
  const of = <T>(values: readonly T[]): T => values[random.int(values.length)] as T;
  let good = 0;
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
    const errors = validatePodCreate(pod);
    const warnings = errors.length ? [] : podWarnings(pod);
    const before = deepCopy(pod);
    assert.deepEqual(judgePod(pod), { errors, warnings }, text);
    assert.deepEqual(judgePod(pod), { errors, warnings }, text);
    assert.deepEqual(pod, before);
    if (!errors.length && !warnings.length) good++;
    else told++;
  }
  assert.ok(good > 100 && told > 100, `${good} good, ${told} others`);
});

test("what a specification is known by leaves out the token volume's random name, and nothing else", () => {
  const spec = (token: string, more: object = {}): PodSpec =>
    ({ containers: [{ name: "c", volumeMounts: [{ name: token, mountPath: "/t" }], ...more }], volumes: [{ name: token }] }) as unknown as PodSpec;
  assert.equal(textOfSpec(spec("kube-api-access-bcdfg")), textOfSpec(spec("kube-api-access-zz249")));
  assert.notEqual(textOfSpec(spec("kube-api-access-bcdfg")), textOfSpec(spec("kube-api-access-bcdfgh")));
  assert.notEqual(textOfSpec(spec("kube-api-access-bcdfg")), textOfSpec(spec("kube-api-access-bcdfg", { image: "i" })));
  assert.equal(textOfSpec(spec("kube-api-access-bcdfg", { image: "kube-api-access-bcdfg" })), undefined);
  assert.equal(textOfSpec(spec("kube-api-access-bcdfg", { name: "*" })), undefined);
});

test("what depends on more than the specification, and what is long, is judged each time", () => {
  const container = { name: "c", image: "i" };
  assert.equal(textOfSpec({ containers: [container], resourceClaims: [{ name: "c" }] } as unknown as PodSpec), undefined);
  assert.equal(textOfSpec({ containers: [container], volumes: [{ name: "v", ephemeral: {} }] } as unknown as PodSpec), undefined);
  assert.equal(textOfSpec({ containers: [{ ...container, args: ["x".repeat(9000)] }] } as unknown as PodSpec), undefined);
  assert.equal(textOfSpec({ containers: [container], priority: 2n ** 60n } as unknown as PodSpec), undefined);
});

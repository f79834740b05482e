import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import type { JSONObject } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import { KnownSets } from "./known-sets.ts";
import { trackUpdate } from "./managed-fields.ts";

const type = typeOfKind("v1", "Pod") as NonNullable<ReturnType<typeof typeOfKind>>;
const operation = { manager: "m", apiVersion: "v1", kind: "Pod", time: "2026-01-01T00:00:00Z", resetFields: ["status"] };

/** Elements without names, elements that are there twice, values that Go would not write, and other keys. */
const specs = [
  {},
  { containers: [] },
  { containers: [{ name: "a", image: "i", env: [{ name: "A", value: "1" }] }] },
  { containers: [{ name: "a" }, { name: "a", image: "twice" }] },
  { containers: [{ image: "unnamed" }] },
  { containers: [{ name: "a", image: "" }], hostNetwork: false, priority: 0 },
  { volumes: [{ name: "v", emptyDir: {} }], nodeSelector: { b: "1", a: "2" } },
  { tolerations: [{ key: "k" }], topologySpreadConstraints: [{ topologyKey: "z", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" }] },
];

test("owned fields are the same whether the specification was met before or not", () => {
  const random = seededRandom(7);
  const of = <T>(values: readonly T[]): T => values[random.int(values.length)] as T;
  const knownSets = new KnownSets();
  for (let i = 0; i < 400; i++) {
    const spec = { ...of(specs), ...(random.int(2) ? of(specs) : {}), ...(random.int(4) ? {} : { hostname: `h${random.int(40)}` }) };
    const make = (): JSONObject => structuredClone({ apiVersion: "v1", kind: "Pod", metadata: { name: `p${i}`, labels: { n: `${i}` } }, spec }) as JSONObject;
    const next = make();
    const tracked = trackUpdate(type, undefined, next, { ...operation, knownSets });
    assert.equal(JSON.stringify(tracked), JSON.stringify(trackUpdate(type, undefined, make(), operation)));
    // Who writes afterwards changes neither what is known nor what others have of it.
    (next.spec as JSONObject).containers = [{ name: "changed" }];
    const later = trackUpdate(type, { ...tracked, metadata: { ...(tracked.metadata as JSONObject), uid: "u" } }, next, {
      ...operation,
      manager: "other",
      knownSets,
    });
    assert.ok(later);
  }
});

test("sixteen specifications are known, none of more than four thousand characters", () => {
  const sets = new KnownSets();
  const atom = { kind: "scalar", type: "string" } as const;
  for (let i = 0; i < 17; i++) sets.learn({ i }, atom, {}, 1);
  assert.equal(sets.find({ i: 0 }, atom), undefined);
  assert.ok(sets.find({ i: 1 }, atom));
  assert.equal(sets.find({ i: 1 }, { ...atom }), undefined);
  sets.learn({ text: "x".repeat(5000) }, atom, {}, 1);
  assert.equal(sets.find({ text: "x".repeat(5000) }, atom), undefined);
});

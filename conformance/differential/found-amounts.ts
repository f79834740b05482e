/** Amounts beyond what 64 bits hold, and those finer than a thousandth. */
import { ask, type Case, type Step } from "./cases.ts";
import { at, created, one, removed, schemaOf } from "./custom-resource-made.ts";

const core = "/api/v1/namespaces/default";
const amounts = ["100E", "12E", "9E", "16Ei", "9223372036854775808", "18446744073709551616", "10P", "1e30", "-1Ei", "-100E", "100u", "700u", "1", "0"];
const dividing = ["100E", "12E", "18446744073709551616", "1e30"];

const container = (requests: Record<string, string>, limits: Record<string, string> = {}) => ({
  spec: { containers: [{ name: "c", image: "i", resources: { requests, limits } }] },
});
const asked = (name: string, resources: ReturnType<typeof container>) => ask("POST", `${core}/pods?dryRun=All`, { metadata: { name }, ...resources });

const probe = ask("POST", `${core}/persistentvolumeclaims?dryRun=All`, {
  metadata: { name: "settled" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Ti" } } },
});

export const foundAmounts: Case[] = [
  {
    name: "limit ranges of amounts that 64 bits do not hold",
    steps: amounts.flatMap((amount, i) => {
      // Upstream's plugin reads from a cache: what it says of a claim tells whether the cache has come so far.
      const ranged = (method: "POST" | "PUT", part: number, limit: object): Step[] => {
        const most = `${10 * i + part + 1}Gi`;
        const limits = [
          { type: "Container", ...limit },
          { type: "PersistentVolumeClaim", max: { storage: most } },
        ];
        return [
          ask(method, `${core}/limitranges${method === "PUT" ? "/amounts" : ""}`, { metadata: { name: "amounts" }, spec: { limits } }),
          { ...probe, until: `is ${most},` },
        ];
      };
      return [
        ...ranged("POST", 0, { min: { memory: amount } }),
        ...["1Gi", "100E", "0"].map((memory) => asked("least", container({ memory }))),
        ...ranged("PUT", 1, { max: { cpu: amount } }),
        ...["1", "300u", "100E", "10P"].map((cpu) => asked("most", container({ cpu }, { cpu }))),
        ...ranged("PUT", 2, { maxLimitRequestRatio: { cpu: amount }, min: { cpu: "1m" }, max: { cpu: "100P" } }),
        ...["1", "100E", "10P"].map((cpu) => asked("ratio", container({ cpu: "1" }, { cpu }))),
        ask("DELETE", `${core}/limitranges/amounts`),
        { ...probe, until: '"kind":"PersistentVolumeClaim"' },
      ];
    }),
  },
  {
    name: "amounts of containers, claims and quotas that 64 bits do not hold",
    steps: amounts.flatMap((amount) => [
      asked("amounts", container({ cpu: amount, memory: amount, "example.com/thing": amount }, { "example.com/thing": amount })),
      asked("amounts", container({ "hugepages-2Mi": amount, cpu: "1" }, { "hugepages-2Mi": amount })),
      // Upstream divides by the size (IsHugePageResourceValueDivisible), and does not survive it where 64 bits make nothing of one.
      ...(dividing.includes(amount) ? [] : [asked("amounts", container({ [`hugepages-${amount}`]: "0", cpu: "1" }, { [`hugepages-${amount}`]: "0" }))]),
      ask("POST", `${core}/persistentvolumeclaims?dryRun=All`, {
        metadata: { name: "amounts" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: amount }, limits: { storage: amount } } },
      }),
      ask("POST", `${core}/resourcequotas?dryRun=All`, {
        metadata: { name: "amounts" },
        spec: { hard: { cpu: amount, pods: amount, "requests.storage": amount } },
      }),
    ]),
  },
  {
    name: "amounts in expressions",
    steps: (() => {
      const shown = [
        "(quantity(self).isInteger() ? string(quantity(self).asInteger()) : 'no')",
        "(quantity(self).add(1).isInteger() ? string(quantity(self).add(1).asInteger()) : 'no')",
        "string(quantity(self).asApproximateFloat())",
        "string(quantity(self).sub(quantity('1m')).asApproximateFloat())",
        "string(quantity(self).compareTo(quantity('12E')))",
      ];
      const rule = { rule: "false", messageExpression: shown.join(" + ' ' + ") };
      return [
        ...created("amounts", { schema: schemaOf({ type: "string", maxLength: 40, "x-kubernetes-validations": [rule] }) }),
        ...[...amounts, "2000m", "1.0", "0.1", "1e-5", "1.123456789123", "123456789012345678901", "3Ki", "2Ei", "900Pi"].map((amount) =>
          ask("POST", at("amounts"), one("amounts", "a", amount)),
        ),
        ...removed("amounts"),
      ];
    })(),
  },
  {
    name: "overheads, which nothing rounds",
    steps: [...amounts, "1n", "1100u", "1500m"].flatMap((amount) =>
      ["cpu", "memory", "example.com/a", "hugepages-2Mi", "a"].map((name) =>
        ask("POST", "/apis/node.k8s.io/v1/runtimeclasses?dryRun=All", {
          metadata: { name: "r" },
          handler: "h",
          overhead: { podFixed: { cpu: "1", [name]: amount } },
        }),
      ),
    ),
  },
];

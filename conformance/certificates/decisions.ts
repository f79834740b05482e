/** Requests to the approval and status of a certificate request, one after the other, each on what the one before left. */
import { base64 } from "./requests.ts";

export interface Step {
  name: string;
  subresource: "" | "approval" | "status";
  /** What the object becomes; `now` is the answer of the step before. */
  change(now: Loose): Loose;
  patch?: unknown;
  /** Impersonated. */
  user?: string;
}
export type Loose = { [key: string]: unknown };

const status = (now: Loose): Loose => ({ ...(now.status as Loose | undefined) });
const conditions = (now: Loose): Loose[] => [...((status(now).conditions as Loose[] | undefined) ?? [])];
const withStatus = (more: (now: Loose) => Loose) => (now: Loose) => ({ ...now, status: { ...status(now), ...more(now) } });
const add = (...added: Loose[]) => withStatus((now) => ({ conditions: [...conditions(now), ...added] }));
const set = (list: Loose[]) => withStatus(() => ({ conditions: list }));
const certificate = (text: string) => withStatus(() => ({ certificate: base64(text) }));
const condition = (type: string, more: Loose = {}): Loose => ({ type, status: "True", reason: "Because", message: "it is so", ...more });

/** Courses by name; each begins with a fresh request. `good` is a certificate in PEM. */
export function courses(good: string): Record<string, Step[]> {
  const headers = good.replace("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nA: b\n\n");
  const step = (name: string, subresource: Step["subresource"], change: Step["change"], more: Partial<Step> = {}): Step => ({
    name,
    subresource,
    change,
    ...more,
  });
  const wrongStatuses = ["False", "Unknown", "", "Maybe"].map((value) => step(`approved ${value}`, "approval", add(condition("Approved", { status: value }))));
  const certificates = [
    ["no PEM", "no PEM"],
    ["another type", good.replaceAll("CERTIFICATE", "PUBLIC KEY")],
    ["headers", headers],
    ["text around", `hello\n${good}hello\n`],
    ["cut", good.replace(/.{8}\n-----END/, "\n-----END")],
    ["nothing", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
    ["two", good + good],
  ] as const;
  return {
    "approved, then denied": [
      step("approved", "approval", add(condition("Approved"))),
      step("denied as well", "approval", add(condition("Denied"))),
      step("taken back", "approval", set([])),
      step("another message", "approval", (now) => set(conditions(now).map((c) => ({ ...c, message: "otherwise" })))(now)),
      step("approved twice", "approval", add(condition("Approved"))),
      step("labels with it", "approval", (now) => ({ ...now, metadata: { ...(now.metadata as Loose), labels: { a: "b" } } })),
      step("failed", "approval", add(condition("Failed"))),
    ],
    "denied, then approved": [step("denied", "approval", add(condition("Denied"))), step("approved as well", "approval", add(condition("Approved")))],
    "both at once": [
      step("both", "approval", add(condition("Approved"), condition("Denied"))),
      step("both the other way", "approval", add(condition("Denied"), condition("Approved"))),
    ],
    "wrong conditions": [
      ...wrongStatuses,
      step("no type", "approval", add({ status: "True" })),
      step("no reason", "approval", add({ type: "Other", status: "True" })),
      step("no status", "approval", add({ type: "Else" })),
      step("other types", "approval", add(condition("Mine", { status: "False" }), condition("Yours", { status: "Unknown" }))),
      step("times of its own", "approval", add(condition("Late", { lastUpdateTime: "2020-01-01T00:00:00Z", lastTransitionTime: "2020-01-01T00:00:00Z" }))),
      step("approved at last", "approval", add(condition("Approved", { lastUpdateTime: "2020-01-01T00:00:00Z" }))),
    ],
    "approved by the wrong way": [
      step("by the status", "status", add(condition("Approved"))),
      step("by the object", "", add(condition("Approved"))),
      step("certificate by the approval", "approval", certificate(good)),
      step("certificate by the object", "", certificate(good)),
      step("another request", "", (now) => ({ ...now, spec: { ...(now.spec as Loose), request: base64("x") } })),
      step("other usages", "", (now) => ({ ...now, spec: { ...(now.spec as Loose), usages: ["any"] } })),
      step("another user", "approval", (now) => ({ ...now, spec: { ...(now.spec as Loose), username: "eve" } })),
      step("labels", "", (now) => ({ ...now, metadata: { ...(now.metadata as Loose), labels: { c: "d" } } })),
    ],
    signed: [
      ...certificates.slice(0, 6).map(([name, text]) => step(`certificate: ${name}`, "status", certificate(text))),
      step("two certificates", "status", certificate(good + good)),
      step("another certificate", "status", certificate(good)),
      step(
        "no certificate any more",
        "status",
        withStatus(() => ({ certificate: null })),
      ),
      step("failed", "status", add(condition("Failed"))),
      step("failed no more", "status", (now) => set(conditions(now).filter(({ type }) => type !== "Failed"))(now)),
      step("failed by halves", "status", add(condition("Failed", { status: "False" }))),
    ],
    "by patches": [
      step("merge patch of the approval", "approval", (now) => now, { patch: { status: { conditions: [condition("Approved")] } } }),
      step("merge patch of the certificate", "status", (now) => now, { patch: { status: { certificate: base64(good) } } }),
      step("merge patch of the spec", "", (now) => now, { patch: { spec: { signerName: "example.com/other" } } }),
      step("merge patch of labels", "", (now) => now, { patch: { metadata: { labels: { x: "y" } } } }),
    ],
    "who may approve": [
      step("nobody", "approval", add(condition("Approved")), { user: "nobody" }),
      step("who may update alone", "approval", add(condition("Approved")), { user: "updater" }),
      step("who may approve for another signer", "approval", add(condition("Approved")), { user: "other-approver" }),
      step("who may sign", "approval", add(condition("Approved")), { user: "signer" }),
      step("who may approve for all of the domain", "approval", add(condition("Approved")), { user: "domain-approver" }),
    ],
    "who may approve this one": [step("who may approve for it", "approval", add(condition("Approved")), { user: "approver" })],
    "who may sign": [
      step("approved", "approval", add(condition("Approved"))),
      step("nobody", "status", certificate(good), { user: "nobody" }),
      step("who may update alone", "status", certificate(good), { user: "updater" }),
      step("who may approve", "status", certificate(good), { user: "approver" }),
      step("who may update alone fails it", "status", add(condition("Failed")), { user: "updater" }),
      step("who may update alone writes labels", "status", (now) => ({ ...now, metadata: { ...(now.metadata as Loose), labels: { e: "f" } } }), {
        user: "updater",
      }),
      step("who may sign", "status", certificate(good), { user: "signer" }),
    ],
  };
}

const rule = (resources: string[], verbs: string[], resourceNames?: string[]): object => ({
  apiGroups: ["certificates.k8s.io"],
  resources,
  verbs,
  ...(resourceNames ? { resourceNames } : {}),
});
const writes = rule(["certificatesigningrequests/approval", "certificatesigningrequests/status"], ["update", "patch"]);

/** Rules of the users above. */
export const rights: Readonly<Record<string, object[]>> = {
  updater: [writes],
  approver: [writes, rule(["signers"], ["approve"], ["example.com/x"])],
  "other-approver": [writes, rule(["signers"], ["approve"], ["example.com/y"])],
  "domain-approver": [writes, rule(["signers"], ["approve"], ["example.com/*"])],
  signer: [writes, rule(["signers"], ["sign"], ["example.com/x"])],
};

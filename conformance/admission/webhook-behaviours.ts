/** What the webhooks of the cases answer, by name. */
import { type Behaviour, moving, patch } from "./hook-server.ts";

const label = (key: string, value: string): object => ({ op: "add", path: `/metadata/labels/${key}`, value });
const data = (key: string, value: unknown): object => ({ op: "add", path: `/data/${key}`, value });
const written = (text: string): object => ({ allowed: true, patchType: "JSONPatch", patch: Buffer.from(text).toString("base64") });

export const behaviours: Readonly<Record<string, Behaviour>> = {
  allow: { response: { allowed: true } },
  warn: { response: { allowed: true, warnings: ["first warning", "second"], auditAnnotations: { key: "value" } } },
  deny: { response: { allowed: false } },
  "deny-message": { response: { allowed: false, status: { message: "because" } } },
  "deny-reason": { response: { allowed: false, status: { reason: "Conflict", code: 409 } } },
  "deny-all": {
    response: {
      allowed: false,
      warnings: ["with a warning"],
      status: {
        status: "Success",
        code: 200,
        reason: "Whatever",
        message: "all of it",
        details: { name: "n", causes: [{ reason: "r", message: "m", field: "f" }] },
      },
    },
  },
  "deny-odd-code": { response: { allowed: false, status: { code: 418, message: "teapot" } } },
  "patch-label": { response: patch(label("patched", "yes")) },
  "patch-data": { response: patch(data("hook", "was here"), { op: "remove", path: "/data/a" }) },
  "patch-seen": (review) => ({
    response: patch(
      data(
        "seen",
        Object.keys((review.request.object?.data as object) ?? {})
          .sort()
          .join("-"),
      ),
    ),
  }),
  "patch-count": (review) => {
    const count = Number((review.request.object?.data as Record<string, string> | undefined)?.count ?? 0) + 1;
    return { response: patch(data("count", String(count))) };
  },
  "patch-once": (review) => ({
    response: (review.request.object?.data as Record<string, string> | undefined)?.once ? { allowed: true } : patch(data("once", "done")),
  }),
  "patch-bad-path": { response: patch({ op: "add", path: "/no/such/path", value: 1 }) },
  "patch-remove-missing": { response: patch({ op: "remove", path: "/data/none" }) },
  "patch-test-fails": { response: patch({ op: "test", path: "/data/a", value: "9" }) },
  "patch-bad-type": { response: patch({ op: "add", path: "/data/x", value: 5 }) },
  "patch-bad-op": { response: patch({ op: "dance", path: "/data/x", value: "5" }) },
  "patch-unknown-field": { response: patch({ op: "add", path: "/nonsense", value: "x" }) },
  "patch-invalid": { response: patch({ op: "add", path: "/data/in valid", value: "x" }) },
  "patch-name": { response: patch({ op: "replace", path: "/metadata/name", value: "other" }) },
  "patch-managed": { response: patch({ op: "replace", path: "/metadata/managedFields", value: [{ manager: "x" }] }) },
  "patch-owners": {
    response: patch({
      op: "add",
      path: "/metadata/ownerReferences",
      value: [1, 2].map(() => ({ apiVersion: "v1", kind: "Node", name: "n", uid: "u" })),
    }),
  },
  "patch-replicas": { response: patch({ op: "replace", path: "/spec/replicas", value: -1 }) },
  "patch-empty": { response: written("[]") },
  "patch-null": { response: written("null") },
  "patch-object": { response: written("{}") },
  "patch-list-of-text": { response: written('["x"]') },
  "patch-op-number": { response: written('[{"op":1,"path":"/data/a"}]') },
  "patch-path-number": { response: written('[{"op":"test","path":1}]') },
  "patch-from-number": { response: written('[{"op":"copy","from":1,"path":"/data/x"}]') },
  "patch-from-idle": { response: written('[{"op":"add","from":1,"path":"/data/x","value":"5"}]') },
  "patch-null-operation": { response: written("[null]") },
  "patch-text": { response: written("nonsense") },
  "patch-no-type": { response: { allowed: true, patch: Buffer.from("[]").toString("base64") } },
  "patch-only-type": { response: { allowed: true, patchType: "JSONPatch" } },
  "patch-other-type": { response: { allowed: true, patchType: "Merge", patch: Buffer.from('[{"op":"remove","path":"/data/a"}]').toString("base64") } },
  "patch-empty-type": { response: { allowed: true, patchType: "", patch: Buffer.from('[{"op":"remove","path":"/data/a"}]').toString("base64") } },
  "patch-and-deny": { response: { ...patch(data("x", "y")), allowed: false } },
  "no-response": { review: ({ kind, apiVersion }) => ({ kind, apiVersion }) },
  "wrong-uid": { review: ({ kind, apiVersion }) => ({ kind, apiVersion, response: { uid: "other", allowed: true } }) },
  "no-uid": { review: ({ kind, apiVersion }) => ({ kind, apiVersion, response: { allowed: true } }) },
  "no-kind": { review: ({ request }) => ({ response: { uid: request.uid, allowed: true } }) },
  "wrong-kind": { review: ({ apiVersion, request }) => ({ kind: "Nonsense", apiVersion, response: { uid: request.uid, allowed: true } }) },
  "wrong-version": { review: ({ kind, request }) => ({ kind, apiVersion: "admission.k8s.io/v1beta1", response: { uid: request.uid, allowed: true } }) },
  "unknown-version": { review: ({ kind, request }) => ({ kind, apiVersion: "admission.k8s.io/v9", response: { uid: request.uid, allowed: true } }) },
  "wrong-type": { review: ({ kind, apiVersion, request }) => ({ kind, apiVersion, response: { uid: request.uid, allowed: "yes" } }) },
  "empty-object": { text: "{}" },
  "empty-answer": { text: "" },
  html: { text: "<html>no</html>", headers: { "content-type": "text/html" } },
  "json-text": { text: '"hello"' },
  "json-list": { text: "[]" },
  broken: { text: '{"kind":' },
  "status-500": { status: 500, text: "boom" },
  "status-500-text": { status: 500, text: 'boom "quoted"', headers: { "content-type": "text/plain; charset=utf-8" } },
  "status-403-text": { status: 403, text: "never", headers: { "content-type": "text/plain" } },
  "status-500-json": { status: 500, text: '{"a":1}' },
  "status-503": { status: 503, text: "busy" },
  "status-404": { status: 404, text: "nothing here" },
  "status-400": { status: 400, text: "bad" },
  "status-401": { status: 401, text: "who" },
  "status-403": { status: 403, text: "never" },
  "status-429": { status: 429, text: "later", headers: { "retry-after": "1" } },
  "status-201": { status: 201, response: { allowed: true } },
  "status-418": { status: 418, text: "tea" },
  "status-object": {
    status: 403,
    text: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message: "a status says no", reason: "Forbidden", code: 403 }),
  },
  "status-success": { text: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Success" }) },
  "status-failure": { text: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message: "not well", reason: "Invalid", code: 422 }) },
  slow: { delay: 4000, response: { allowed: true } },
  "hang-up": { hangUp: true },
  ...moving("allow"),
};

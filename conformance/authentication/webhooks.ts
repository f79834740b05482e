/** A server of TokenReviews that is right, wrong, slow and huge: the token says how. */
import { createServer } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

interface Review {
  apiVersion: string;
  kind: string;
  spec: { token: string; audiences?: string[] };
}
interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** Of the review. */
  says?: object;
  /** Instead of it. */
  body?: string | ((review: Review) => unknown);
  delay?: number;
  hangUp?: boolean;
  flood?: number;
}

const jane = { username: "jane", uid: "u1", groups: ["dev", "ops"], extra: { "example.com/a": ["1", "2"] } };
const own = "https://kubernetes.default.svc.cluster.local";

export const tokenReplies: Record<string, Reply> = {
  good: { says: { authenticated: true, user: jane } },
  bare: { says: { authenticated: true, user: { username: "bare" } } },
  nameless: { says: { authenticated: true, user: {} } },
  userless: { says: { authenticated: true } },
  system: { says: { authenticated: true, user: { username: "system:admin", groups: ["system:authenticated", "x"] } } },
  refused: { says: { authenticated: false } },
  "refused-with-user": { says: { authenticated: false, user: jane } },
  "refused-with-error": { says: { authenticated: false, error: "who is that" } },
  "accepted-with-error": { says: { authenticated: true, user: jane, error: "well" } },
  "other-audience": { says: { authenticated: true, user: jane, audiences: ["other"] } },
  "own-audience": { says: { authenticated: true, user: jane, audiences: ["x", own] } },
  "no-audience": { says: { authenticated: true, user: jane, audiences: [] } },
  "no-status": { body: ({ apiVersion, kind }) => ({ apiVersion, kind }) },
  "null-status": { body: ({ apiVersion, kind }) => ({ apiVersion, kind, status: null }) },
  "no-kind": { body: ({ apiVersion }) => ({ apiVersion, status: { authenticated: true, user: jane } }) },
  "no-version": { body: ({ kind }) => ({ kind, status: { authenticated: true, user: jane } }) },
  nothing: { body: () => ({}) },
  "unknown-field": { body: ({ apiVersion, kind }) => ({ apiVersion, kind, what: 1, status: { authenticated: true, user: { ...jane, shoe: 42 } } }) },
  "wrong-type": { body: ({ apiVersion, kind }) => ({ apiVersion, kind, status: { authenticated: "yes", user: jane } }) },
  "wrong-groups": { body: ({ apiVersion, kind }) => ({ apiVersion, kind, status: { authenticated: true, user: { username: "a", groups: "dev" } } }) },
  empty: { body: "" },
  text: { body: "good", headers: { "content-type": "text/plain" } },
  "cut-json": { body: '{"kind":"TokenReview","apiV' },
  list: { body: "[]" },
  status: { body: () => ({ apiVersion: "v1", kind: "Status", status: "Failure", message: "no", code: 403 }) },
  forbidden: { status: 403, body: "you may not" },
  "forbidden-status": {
    status: 403,
    body: () => ({ apiVersion: "v1", kind: "Status", status: "Failure", message: "really not", reason: "Forbidden", code: 403 }),
  },
  missing: { status: 404, body: "where" },
  created: { status: 201, says: { authenticated: true, user: jane } },
  "no-content": { status: 204, body: "" },
  teapot: { status: 418, body: "short and stout" },
  many: { says: { authenticated: true, user: { username: "many", groups: Array.from({ length: 2000 }, (_, i) => `g${i}`) } } },
  unicode: { says: { authenticated: true, user: { username: "ünï \u{1f600}", groups: ["гр"] } } },
  prototype: {
    body: ({ apiVersion, kind }) =>
      `{"apiVersion":"${apiVersion}","kind":"${kind}","status":{"authenticated":true,"user":{"username":"__proto__","extra":{"__proto__":["x"],"a":["b"]}}}}`,
  },
  "hang-up": { hangUp: true },
  slow: { delay: 1500, says: { authenticated: true, user: jane } },
  failing: { status: 500, body: "broken" },
  ...Object.fromEntries([301, 302, 303, 307, 308].map((status) => [`moved-${status}`, { status, body: "", headers: { location: "/SIDE/good" } }])),
  "moved-round": { status: 307, body: "", headers: { location: "/SIDE/moved-round" } },
  "moved-nowhere": { status: 302, body: "" },
  "moved-refused": { status: 302, body: "", headers: { location: "//127.0.0.1:1/x" } },
};

export interface TokenHook extends AsyncDisposable {
  /** What was asked, by the path that tells the sides apart. */
  asked: Map<string, unknown[]>;
}

export async function startTokenHook(options: { port: number; cert: string; key: string }): Promise<TokenHook> {
  const asked = new Map<string, unknown[]>();
  const latest = new Map<string, Review>();
  const server = createServer({ cert: options.cert, key: options.key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { accept, "content-type": type, authorization, referer } = request.headers;
    const [, side = "", moved] = request.url?.split(/[/?]/) ?? [];
    const text = Buffer.concat(chunks).toString("utf8");
    // Who is sent on with GET says nothing: the answer is one to what was asked before.
    const review = text ? (JSON.parse(text) as Review) : (latest.get(side) as Review);
    latest.set(side, review);
    const heard = { ...(text ? { review } : {}), url: request.url, method: request.method, accept, type, authorization, referer };
    asked.set(side, [...(asked.get(side) ?? []), JSON.parse(JSON.stringify(heard).replaceAll(`/${side}`, ""))]);
    const reply = tokenReplies[moved && !moved.startsWith("timeout") ? moved : review.spec.token.replace(/^hook-/, "")];
    if (reply?.delay) await pause(reply.delay);
    if (!reply)
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...review, spec: undefined, status: { authenticated: false } }));
    else if (reply.hangUp) request.socket.destroy();
    else {
      const { apiVersion, kind } = review;
      const location = reply.headers?.location?.replace("SIDE", side);
      const body = typeof reply.body === "function" ? reply.body(review) : (reply.body ?? { apiVersion, kind, metadata: {}, spec: {}, status: reply.says });
      response
        .writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers, ...(location ? { location } : {}) })
        .end(typeof body === "string" ? body : JSON.stringify(body));
    }
  });
  await new Promise<void>((resolve) => server.listen(options.port, "127.0.0.1", resolve));
  return {
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

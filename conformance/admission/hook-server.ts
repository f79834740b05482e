/** A webhook server for both sides: the path says which side asks and how it is answered. What it was asked is kept. */
import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

interface Review {
  kind?: string;
  apiVersion?: string;
  /** Of an AdmissionReview; other reviews are answered by `review` and `text`. */
  request: { uid: string; kind: { kind: string }; operation: string; object: Record<string, unknown> | null; name?: string };
}
export interface Reply {
  status?: number;
  /** SIDE and PORT in them stand for who asks and where this server listens. */
  headers?: Record<string, string>;
  /** Sent as it is. */
  text?: string;
  /** The review's response; uid and frame are added. */
  response?: object;
  /** Instead of the whole answer. */
  review?: (review: Review) => unknown;
  delay?: number;
  hangUp?: boolean;
  /** Bytes of nothing. */
  flood?: number;
}
export type Behaviour = Reply | ((review: Review, side: string) => Reply);

export const patch = (...operations: object[]): { allowed: true; patchType: string; patch: string } => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
});

/** Answers that send one on, in the end to the behaviour that is named or to nothing. */
export const moving = (good: string): Record<string, Reply> => {
  const to = (status: number, location: string): Reply => ({ status, headers: { location } });
  return {
    "moved-301": to(301, `/SIDE/${good}`),
    "moved-302": to(302, `${good}?x=%20y`),
    "moved-303": to(303, `//127.0.0.1:PORT/SIDE/${good}`),
    "moved-307": to(307, `https://127.0.0.1:PORT/SIDE/${good}`),
    "moved-308": to(308, `../SIDE/${good}#part`),
    "moved-twice": to(307, "/SIDE/moved-302"),
    "moved-back": to(302, "/SIDE/moved-307"),
    "moved-300": to(300, `/SIDE/${good}`),
    "moved-304": to(304, `/SIDE/${good}`),
    "moved-round": to(308, "/SIDE/moved-round"),
    "moved-nowhere": { status: 302, headers: {} },
    "moved-refused": to(307, "//127.0.0.1:1/x"),
    "moved-name": to(302, `https://localhost:PORT/SIDE/${good}`),
    "moved-scheme": to(302, "ftp://127.0.0.1/x"),
    "moved-wrong": to(302, "http://["),
  };
};

export interface HookServer extends AsyncDisposable {
  /** Reviews by `SIDE/BEHAVIOUR`, in the order in which they came. */
  readonly asked: Map<string, unknown[]>;
}

export async function startHookServer(options: {
  port: number;
  cert: string;
  key: string;
  behaviours: Readonly<Record<string, Behaviour>>;
}): Promise<HookServer> {
  const asked = new Map<string, unknown[]>();
  const latest = new Map<string, Review>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "https://x");
    const [, side = "", name = ""] = url.pathname.split("/");
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    // Who is sent on with GET says nothing: the answer is one to what was asked before.
    const review = text ? (JSON.parse(text) as Review) : (latest.get(side) as Review);
    latest.set(side, review);
    const { "content-type": type, accept, authorization, referer } = request.headers;
    const key = `${side}/${name}`;
    const own = text ? { review } : {};
    asked.set(key, [...(asked.get(key) ?? []), { ...own, query: url.search, type, accept, method: request.method, authorization, referer }]);
    const behaviour = options.behaviours[name];
    if (!behaviour) {
      response.writeHead(404).end("no such behaviour");
      return;
    }
    const reply = typeof behaviour === "function" ? behaviour(review, side) : behaviour;
    if (reply.delay) await pause(reply.delay);
    if (reply.hangUp) {
      request.socket.destroy();
      return;
    }
    const { kind, apiVersion } = review;
    const whole = reply.review ? reply.review(review) : { kind, apiVersion, response: { uid: review.request?.uid, ...reply.response } };
    const { location, ...headers } = reply.headers ?? {};
    const moved = location === undefined ? {} : { location: location.replaceAll("SIDE", side).replaceAll("PORT", String(options.port)) };
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...headers, ...moved });
    if (reply.flood) {
      const block = Buffer.alloc(1 << 20, 0x20);
      for (let sent = 0; sent < reply.flood && !response.destroyed; sent += block.length)
        if (!response.write(block)) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
    }
    response.end(reply.text ?? JSON.stringify(whole));
  };
  const server = createServer({ cert: options.cert, key: options.key }, (request, response) => {
    answer(request, response).catch((error: Error) => response.destroy(error));
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

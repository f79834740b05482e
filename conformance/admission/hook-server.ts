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
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "https://x");
    const [, side = "", name = ""] = url.pathname.split("/");
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const review = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Review;
    const { "content-type": type, accept } = request.headers;
    const key = `${side}/${name}`;
    asked.set(key, [...(asked.get(key) ?? []), { review, query: url.search, type, accept, method: request.method }]);
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
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
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

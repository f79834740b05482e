/** What every Transport must do, whatever carries it: run by each implementation's test against a server of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiHandler, ApiRequest } from "../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../api/object.ts";
import { expired, notFound, StatusError } from "../api/status.ts";
import { createClient } from "./rest.ts";
import { configmaps } from "./resources.gen.ts";
import type { Transport } from "./transport.ts";

/** Serves `handler` and connects to it. */
export type TransportUnderTest = (handler: ApiHandler) => Promise<{ transport: Transport; close(): Promise<void> }>;

const json = { "content-type": "application/json" };
const bytes = (object: unknown): Uint8Array => Buffer.from(JSON.stringify(object));
const configmap = (name: string, resourceVersion = "1"): KubeObject =>
  ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default", uid: name, resourceVersion, creationTimestamp: "" } }) as KubeObject;

async function bodyOf(request: ApiRequest): Promise<unknown> {
  if (request.object) return request.object;
  const parts: Uint8Array[] = [];
  if (request.body instanceof Uint8Array) parts.push(request.body);
  else if (request.body) for await (const part of request.body) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

/** Answers as the API server does: an object by reference where it may, bytes otherwise. */
const answer = (request: ApiRequest, status: number, object: object, warnings?: string[]) =>
  request.asObject ? { status, headers: json, object, warnings } : { status, headers: json, body: bytes(object), warnings };

export function transportSuite(name: string, start: TransportUnderTest): void {
  const using = async (handler: ApiHandler, run: (transport: Transport) => Promise<void>): Promise<void> => {
    const { transport, close } = await start(handler);
    try {
      await run(transport);
    } finally {
      await transport[Symbol.asyncDispose]();
      await close();
    }
  };

  test(`${name}: a body goes out and an object comes back, with the path and query that were asked for`, async () => {
    const seen: string[] = [];
    await using(
      async (request) => {
        seen.push(`${request.method} ${request.path}?${request.query}`);
        const sent = (await bodyOf(request)) as KubeObject;
        return answer(request, 201, { ...sent, metadata: { ...sent.metadata, uid: "u" } });
      },
      async (transport) => {
        const made = await createClient(transport, { userAgent: "t" })
          .resource(configmaps)
          .create("default", { metadata: { name: "a" }, data: { k: "v<&>é" } }, { fieldManager: "m" });
        assert.equal(made.metadata.uid, "u");
        assert.deepEqual(made.data, { k: "v<&>é" });
        assert.deepEqual(seen, ["POST /api/v1/namespaces/default/configmaps?fieldManager=m"]);
      },
    );
  });

  test(`${name}: an answer that is not 2xx rejects with the server's Status`, async () => {
    await using(
      async (request) => answer(request, 404, notFound("configmaps", "a").status),
      async (transport) => {
        const failure = await transport.request({ method: "GET", path: "/api/v1/namespaces/default/configmaps/a" }).catch((e: unknown) => e);
        assert.ok(failure instanceof StatusError);
        assert.equal(failure.reason, "NotFound");
        assert.equal(failure.message, 'configmaps "a" not found');
      },
    );
  });

  test(`${name}: warnings arrive`, async () => {
    await using(
      async (request) => answer(request, 200, configmap("a"), ['unknown field "x"', "second"]),
      async (transport) => {
        const { warnings } = await transport.request({ method: "GET", path: "/api/v1/namespaces/default/configmaps/a" });
        assert.deepEqual(warnings, ['unknown field "x"', "second"]);
      },
    );
  });

  const watching = (events: () => AsyncGenerator<WatchEvent>): ApiHandler => {
    async function* encoded(): AsyncGenerator<Uint8Array> {
      for await (const event of events()) yield Buffer.concat([bytes(event), Buffer.from("\n")]);
    }
    return async (request) => (request.asObject ? { status: 200, headers: json, events: events() } : { status: 200, headers: json, body: encoded() });
  };

  test(`${name}: events of a watch arrive in order and the watch ends when the server ends it`, async () => {
    const handler = watching(async function* () {
      for (let i = 0; i < 1000; i++) yield { type: "ADDED", object: configmap(`c${i}`, String(i)) };
    });
    await using(handler, async (transport) => {
      const versions: string[] = [];
      for await (const event of transport.watch({ method: "GET", path: "/api/v1/configmaps", query: { watch: true } })) {
        versions.push(event.object.metadata.resourceVersion);
      }
      assert.deepEqual(
        versions,
        Array.from({ length: 1000 }, (_, i) => String(i)),
      );
    });
  });

  test(`${name}: an ERROR event ends the watch with its Status`, async () => {
    const handler = watching(async function* () {
      yield { type: "ADDED", object: configmap("a") };
      yield { type: "ERROR", object: expired("too old resource version: 1 (2)").status as unknown as KubeObject };
    });
    await using(handler, async (transport) => {
      const seen: string[] = [];
      await assert.rejects(
        async () => {
          for await (const event of transport.watch({ method: "GET", path: "/api/v1/configmaps" })) seen.push(event.type);
        },
        (error) => error instanceof StatusError && error.code === 410,
      );
      assert.deepEqual(seen, ["ADDED"]);
    });
  });

  test(`${name}: an aborted watch rejects with the signal's reason and the server's side is told`, async () => {
    const stopped = Promise.withResolvers<void>();
    const handler: ApiHandler = async (request) => {
      request.signal.addEventListener("abort", () => stopped.resolve(), { once: true });
      return watching(async function* () {
        yield { type: "ADDED", object: configmap("a") };
        await new Promise<void>((resolve) => request.signal.addEventListener("abort", () => resolve(), { once: true }));
      })(request);
    };
    await using(handler, async (transport) => {
      const abort = new AbortController();
      const reason = new Error("enough");
      await assert.rejects(
        async () => {
          for await (const _ of transport.watch({ method: "GET", path: "/api/v1/configmaps", signal: abort.signal })) abort.abort(reason);
        },
        (error) => error === reason,
      );
      await stopped.promise;
    });
  });

  test(`${name}: a request that is aborted before its answer rejects with the signal's reason`, async () => {
    const started = Promise.withResolvers<void>();
    await using(
      (request) => {
        started.resolve();
        return new Promise((resolve) =>
          request.signal.addEventListener("abort", () => resolve({ status: 504, headers: json, body: bytes({}) }), { once: true }),
        );
      },
      async (transport) => {
        const abort = new AbortController();
        const request = transport.request({ method: "GET", path: "/api/v1/configmaps", signal: abort.signal });
        await started.promise;
        const reason = new Error("enough");
        abort.abort(reason);
        await assert.rejects(request, (error) => error === reason);
      },
    );
  });

  test(`${name}: raw bytes are passed on as they come`, async () => {
    await using(
      async () => ({
        status: 200,
        headers: { "content-type": "text/plain" },
        body: (async function* () {
          yield Buffer.from("one\n");
          yield Buffer.from("two\n");
        })(),
      }),
      async (transport) => {
        const { body } = await transport.stream({ method: "GET", path: "/api/v1/namespaces/default/pods/a/log" });
        const parts: Uint8Array[] = [];
        for await (const part of body) parts.push(part);
        assert.equal(Buffer.concat(parts).toString(), "one\ntwo\n");
      },
    );
  });

  test(`${name}: the server does not run inside the caller's stack, and a write settles before its event is seen`, async () => {
    let inside = false;
    let publish: (event: WatchEvent) => void = () => {};
    const handler: ApiHandler = async (request) => {
      assert.equal(inside, false);
      if (request.query.get("watch")) {
        return watching(async function* () {
          yield await new Promise<WatchEvent>((resolve) => {
            publish = resolve;
          });
        })(request);
      }
      publish({ type: "ADDED", object: configmap("a") });
      return answer(request, 201, configmap("a"));
    };
    await using(handler, async (transport) => {
      const order: string[] = [];
      const watch = transport.watch({ method: "GET", path: "/api/v1/configmaps", query: { watch: true } })[Symbol.asyncIterator]();
      const first = watch.next().then(() => order.push("event"));
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
      inside = true;
      const write = transport.request({ method: "POST", path: "/api/v1/namespaces/default/configmaps", body: configmap("a") }).then(() => order.push("write"));
      inside = false;
      await Promise.all([first, write]);
      if (name === "in-process") assert.deepEqual(order, ["write", "event"]);
      else assert.deepEqual(order.toSorted(), ["event", "write"]);
      await watch.return?.();
    });
  });
}

import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { connectGrpc } from "./client.ts";
import { codeName, GrpcError } from "./error.ts";
import { protocolOf } from "./protocol.ts";
import { type Handlers, implement, serveGrpc } from "./server.ts";

interface Text {
  text: string;
}
interface Methods {
  Say: { request: Text; response: Text; stream: false };
  Count: { request: Text; response: Text; stream: true };
  Never: { request: Text; response: Text; stream: false };
}
const protocol = protocolOf<Methods>({
  package: "test.v1",
  services: { Talk: { Say: ["Text", "Text", false], Count: ["Text", "Text", true], Never: ["Text", "Text", false] } },
  enums: {},
  messages: { Text: [[1, "text", "string", "one"]] },
} as never);

const directory = await mkdtemp(join(tmpdir(), "grpc-"));
after(() => rm(directory, { recursive: true }));
let sockets = 0;

async function pair(handlers: Handlers<Methods>) {
  const path = join(directory, `${sockets++}.sock`);
  const server = await serveGrpc(path, implement(protocol, handlers));
  const client = connectGrpc(path, protocol);
  const stack = new AsyncDisposableStack();
  stack.use(server);
  stack.use(client);
  return Object.assign(stack, { client, server, path });
}

test("a call is answered, an error comes back with its code, any other throw as Unknown", async () => {
  await using talk = await pair({
    async Say({ text }) {
      if (text === "missing") throw new GrpcError(status.NOT_FOUND, "no such thing");
      if (text === "bug") throw new Error("a bug");
      return { text: `you said ${text}` };
    },
  });
  assert.equal((await talk.client.call("Say", { text: "hi" })).text, "you said hi");
  await assert.rejects(talk.client.call("Say", { text: "missing" }), { message: "rpc error: code = NotFound desc = no such thing", notFound: true });
  await assert.rejects(talk.client.call("Say", { text: "bug" }), { message: "rpc error: code = Unknown desc = a bug" });
  await assert.rejects(talk.client.call("Never", {}), (error: GrpcError) => error.unimplemented);
});

test("messages stream until the server ends or fails", async () => {
  await using talk = await pair({
    async *Count({ text }) {
      for (let i = 0; i < 3; i++) yield { text: String(i) };
      if (text === "fail") throw new GrpcError(status.ABORTED, "enough");
    },
  });
  const seen: string[] = [];
  for await (const { text } of talk.client.stream("Count", {})) seen.push(text);
  assert.deepEqual(seen, ["0", "1", "2"]);
  await assert.rejects(
    async () => {
      for await (const { text } of talk.client.stream("Count", { text: "fail" })) seen.push(text);
    },
    { message: "rpc error: code = Aborted desc = enough" },
  );
  assert.equal(seen.length, 6);
});

test("a call that is never answered ends at its deadline or when it is aborted, and the server hears of it", async () => {
  const heard: Promise<void>[] = [];
  await using talk = await pair({
    Never: (_, signal) => {
      const gone = Promise.withResolvers<void>();
      heard.push(gone.promise);
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          gone.resolve();
          reject(signal.reason);
        }),
      );
    },
  });
  await assert.rejects(talk.client.call("Never", {}, { timeout: 50 }), { message: "rpc error: code = DeadlineExceeded desc = context deadline exceeded" });
  const stop = new AbortController();
  const call = talk.client.call("Never", {}, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  assert.ok(heard.length >= 1);
  await heard[0];
});

test("a server that is not there is refused in Go's words, and found once it is there", async () => {
  const path = join(directory, "late.sock");
  await using client = connectGrpc(path, protocol);
  await assert.rejects(client.call("Say", {}), {
    message: `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: no such file or directory"`,
  });
  await assert.rejects(client.call("Say", {}, { waitForReady: true, timeout: 250 }), {
    message: `rpc error: code = DeadlineExceeded desc = latest balancer error: connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: no such file or directory"`,
  });
  const waiting = client.call("Say", {}, { waitForReady: true });
  await writeFile(path, "a stale file in its place");
  await using _server = await serveGrpc(path, implement(protocol, { Say: async () => ({ text: "here" }) }), 0o600);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await waiting, { text: "here" });
  let answer: string | undefined;
  while (answer === undefined)
    answer = await client.call("Say", {}).then(
      (r) => r.text,
      () => undefined,
    );
  assert.equal(answer, "here");
});

test("a stream ends with the server, and calls with the client", async () => {
  const talk = await pair({
    async *Count(_, signal) {
      yield { text: "first" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });
  const stream = talk.client.stream("Count", {})[Symbol.asyncIterator]();
  assert.equal((await stream.next()).value?.text, "first");
  const ended = assert.rejects(stream.next(), (error: GrpcError) => error instanceof GrpcError);
  await talk.server[Symbol.asyncDispose]();
  await ended;
  await assert.rejects(stat(talk.path), { code: "ENOENT" });
  await talk.client[Symbol.asyncDispose]();
});

test("a watched connection tells when the server goes and when it is back", async () => {
  const path = join(directory, "watched.sock");
  const handlers = implement(protocol, { Say: async () => ({ text: "" }) });
  await using client = connectGrpc(path, protocol);
  const changes: boolean[] = [];
  let next = Promise.withResolvers<void>();
  client.watchConnection((connected) => {
    changes.push(connected);
    next.resolve();
  });
  const changed = async (count: number): Promise<void> => {
    while (changes.length < count) {
      await next.promise;
      next = Promise.withResolvers<void>();
    }
  };
  const first = await serveGrpc(path, handlers);
  await changed(1);
  await first[Symbol.asyncDispose]();
  await changed(2);
  await using _second = await serveGrpc(path, handlers);
  await changed(3);
  assert.deepEqual(changes, [true, false, true]);
});

test("codes have the names that Go prints", () => {
  assert.deepEqual([0, 1, 2, 4, 14, 99].map(codeName), ["OK", "Canceled", "Unknown", "DeadlineExceeded", "Unavailable", "Code(99)"]);
});

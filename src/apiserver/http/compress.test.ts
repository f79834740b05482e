import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { compress } from "./compress.ts";

async function* noise(chunks: number): AsyncGenerator<Uint8Array> {
  // Nothing that could be made smaller, so that the compressor takes its time.
  for (let i = 0; i < chunks; i++) yield crypto.getRandomValues(new Uint8Array(60_000));
}

test("a body in many chunks is compressed without a listener left behind for each wait", async () => {
  const warnings: Error[] = [];
  const heard = (warning: Error): void => void warnings.push(warning);
  process.on("warning", heard);
  const { body, headers } = await compress({ status: 200, headers: { "content-length": "3000000" }, body: noise(50), size: 3_000_000 }, "gzip");
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  // Warnings are told in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", heard);
  assert.equal(gunzipSync(Buffer.concat(chunks)).length, 3_000_000);
  assert.deepEqual(warnings, []);
  assert.deepEqual(headers, { "content-encoding": "gzip", vary: "Accept-Encoding" });
});

test("only who asks for gzip by its bare name gets it", async () => {
  const answer = { status: 200, headers: {}, body: Buffer.alloc(200_000) };
  const encoding = async (wish: string | undefined): Promise<string | undefined> => (await compress(answer, wish)).headers["content-encoding"];
  for (const wish of ["gzip", "br, gzip", "deflate,gzip ,br"]) assert.equal(await encoding(wish), "gzip", wish);
  for (const wish of [undefined, "", "br", "gzip;q=0", "x-gzip", "gzip2"]) assert.equal(await encoding(wish), undefined, wish);
});

test("what an answer varied by before, it still varies by", async () => {
  const varied = async (vary: string): Promise<string | undefined> =>
    (await compress({ status: 200, headers: { vary }, body: Buffer.alloc(200_000) }, "gzip")).headers.vary;
  assert.equal(await varied("Accept"), "Accept, Accept-Encoding");
  assert.equal(await varied("Accept-Encoding, Accept"), "Accept-Encoding, Accept");
});

test("a source that fails in its middle breaks the body", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(200_000);
    throw new Error("the source broke");
  }
  const { body } = await compress({ status: 200, headers: {}, body: broken(), size: 400_000 }, "gzip");
  await assert.rejects(async () => {
    for await (const _ of body as AsyncIterable<Uint8Array>);
  }, /the source broke/);
});

test("a body that is given up before it is begun gives up its source", async () => {
  let returned = 0;
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new Error("nobody asked")),
      return: async () => {
        returned++;
        return { done: true, value: undefined };
      },
    }),
  };
  const { body } = await compress({ status: 200, headers: {}, body: source, size: 400_000 }, "gzip");
  await (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().return?.();
  assert.equal(returned, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptOf, closing, Listening, message, Opcode } from "./websocket.ts";

/** As a client sends it. */
function masked(first: number, text: string): Buffer {
  const key = [9, 8, 7, 6];
  const long = text.length > 125;
  const size = long ? [0x80 | 126, text.length >> 8, text.length & 255] : [0x80 | text.length];
  return Buffer.from([first, ...size, ...key, ...Buffer.from(text).map((byte, i) => byte ^ (key[i % 4] as number))]);
}
function heard(...chunks: Uint8Array[]): { goesOn: boolean; answers: string[] } {
  const answers: string[] = [];
  const listening = new Listening((frame) => answers.push(frame.toString("latin1")));
  return { goesOn: chunks.map((chunk) => listening.read(chunk)).at(-1) === true, answers };
}

test("the key of RFC 6455 gets that document's answer", () => {
  assert.equal(acceptOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});
test("a message's length takes as few bytes as it can", () => {
  const lengths = [0, 125, 126, 65_535, 65_536].map((length) => message(Opcode.text, Buffer.alloc(length)).length - length);
  assert.deepEqual(lengths, [2, 2, 4, 4, 10]);
});
test("a ping is answered with what it says, no more than 125 bytes of it, in whatever pieces it comes", () => {
  const whole = masked(0x89, "0123456789".repeat(20));
  const expected = [message(Opcode.pong, Buffer.from("0123456789".repeat(13).slice(0, 125))).toString("latin1")];
  assert.deepEqual(heard(whole), { goesOn: true, answers: expected });
  assert.deepEqual(heard(...[...whole].map((byte) => Buffer.from([byte]))), { goesOn: true, answers: expected });
});
test("what a client says is let go of, also when it says it in one chunk with a ping", () => {
  const chunk = Buffer.concat([masked(0x81, "x".repeat(300)), masked(0x89, ""), masked(0x8a, "y")]);
  assert.deepEqual(heard(chunk), { goesOn: true, answers: ["\x8a\x00"] });
});
test("it is over when the client closes, does not mask, or says more than may be", () => {
  assert.deepEqual(heard(masked(0x88, "\x03"), masked(0x89, "")), { goesOn: false, answers: [] });
  assert.deepEqual(heard(Buffer.from([0x81, 1, 120])), { goesOn: false, answers: [closing(1002).toString("latin1")] });
  assert.equal(heard(Buffer.from([0x82, 0x80 | 127, 0, 0, 0, 0, 2, 0, 0, 1, 1, 2, 3, 4])).goesOn, false);
});

import assert from "node:assert/strict";
import test from "node:test";
import { HpackDecoder, HpackError, headerBlockRoom, writeHeaderBlock } from "./hpack.ts";
import { decodeHuffman } from "./huffman.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

test("the examples of RFC 7541, C.4, with Huffman coding and one dynamic table", () => {
  const decoder = new HpackDecoder(1 << 20);
  const read = (text: string): string[] => {
    const list: string[] = [];
    assert.equal(decoder.decode(hex(text), list), true);
    return list;
  };
  const first = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"];
  assert.deepEqual(read("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), first);
  assert.deepEqual(read("8286 84be 5886 a8eb 1064 9cbf"), [...first, "cache-control", "no-cache"]);
  assert.deepEqual(read("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"), [
    ":method",
    "GET",
    ":scheme",
    "https",
    ":path",
    "/index.html",
    ":authority",
    "www.example.com",
    "custom-key",
    "custom-value",
  ]);
});

test("a table that the peer makes smaller forgets its oldest entries", () => {
  const decoder = new HpackDecoder(1 << 20);
  const list: string[] = [];
  // Two entries of 34 octets, then room for one.
  decoder.decode(hex("40 01 61 01 62  40 01 63 01 64"), list);
  assert.deepEqual(list, ["a", "b", "c", "d"]);
  list.length = 0;
  decoder.decode(hex("3f 09 be"), list);
  assert.deepEqual(list, ["c", "d"]);
  assert.throws(() => decoder.decode(hex("bf"), []), HpackError);
});

test("what is no header block is refused", () => {
  for (const block of ["80", "ff ff ff ff ff ff 7f", "40 05 61", "3f e2 1f", "82 20", "00 81 00 00", "00 81 ff 00", "be"])
    assert.throws(() => new HpackDecoder(1 << 20).decode(hex(block), []), HpackError, block);
});

test("a list beyond the limit is read, so that the table stays right, and said to be too large", () => {
  const decoder = new HpackDecoder(100);
  const list: string[] = [];
  assert.equal(decoder.decode(hex("40 01 61 01 62  40 01 63 01 64 40 01 65 01 66"), list), false);
  list.length = 0;
  assert.equal(decoder.decode(hex("be bf"), list), true);
  assert.deepEqual(list, ["e", "f", "c", "d"]);
});

test("every octet has a Huffman code, and what is written can be read", () => {
  // RFC 7541, C.6.1.
  const out = Buffer.alloc(100);
  const date = hex("d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff");
  assert.equal(out.toString("latin1", 0, decodeHuffman(date, 0, date.length, out)), "Mon, 21 Oct 2013 20:13:21 GMT");
  const value = "é".repeat(300);
  const headers = ["content-type", "application/json", "audit-id", "x", "warning", value];
  for (const status of [200, 201, 404, 500]) {
    const bytes = Buffer.alloc(headerBlockRoom(headers));
    const list: string[] = [];
    new HpackDecoder(1 << 20).decode(bytes.subarray(0, writeHeaderBlock(bytes, 0, status, headers)), list);
    assert.deepEqual(list, [":status", String(status), ...headers]);
  }
});

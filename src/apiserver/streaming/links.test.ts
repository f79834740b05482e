import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { rewriteLink, rewritePage } from "./links.ts";

const place = { prefix: "/api/v1/namespaces/n/services/s/proxy", targetHost: "10.0.0.1:80", requestHost: "localhost:8001" };

for (const [link, rewritten] of [
  ["/page?q=1#there", "/api/v1/namespaces/n/services/s/proxy/page?q=1#there"],
  ["/dir/", "/api/v1/namespaces/n/services/s/proxy/dir/"],
  ["http://10.0.0.1:80/page", "/api/v1/namespaces/n/services/s/proxy/page"],
  ["http://localhost:8001/page", "http://localhost:8001/api/v1/namespaces/n/services/s/proxy/page"],
  ["/api/v1/namespaces/n/services/s/proxy/page", "/api/v1/namespaces/n/services/s/proxy/page"],
  ["page", "page"],
  ["//elsewhere/page", "//elsewhere/page"],
  ["https://elsewhere/page", "https://elsewhere/page"],
  ["mailto:somebody@elsewhere", "mailto:somebody@elsewhere"],
] as const)
  test(`the link ${link} becomes ${rewritten}`, () => assert.equal(rewriteLink(link, place), rewritten));

const text = async (stream: Readable | undefined): Promise<Buffer> => Buffer.concat(await (stream as Readable).map((chunk) => Buffer.from(chunk)).toArray());

test("only tags with such links are written anew, wherever the chunks end", async () => {
  const page = '<!doctype html>\n<A  HREF="/a">é</A><img alt=x src=rel><p title="/b">a &lt; b<script>if (a < "/c") {}</script>';
  const bytes = Buffer.from(page);
  for (let cut = 1; cut < bytes.length; cut++) {
    const out = await text(await rewritePage(Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]), "", place));
    assert.equal(out.toString(), page.replace('<A  HREF="/a">', `<a href="${place.prefix}/a">`));
  }
});

test("tags and codings of the names of members of Object are like any other that is not known", async () => {
  const page = '<constructor href="/x">a</constructor><__proto__ src="/y">';
  assert.equal((await text(await rewritePage(Readable.from([Buffer.from(page)]), "", place))).toString(), page);
  assert.equal(await rewritePage(Readable.from([]), "constructor", place), undefined);
});

test("a compressed page stays compressed, one in an unknown coding is left alone", async () => {
  const out = await text(await rewritePage(Readable.from([gzipSync('<a href="/a">')]), "gzip", place));
  assert.equal(gunzipSync(out).toString(), `<a href="${place.prefix}/a">`);
  assert.equal(await rewritePage(Readable.from([]), "br", place), undefined);
});

test("a page that is no gzip ends its reader with an error", async () => {
  await assert.rejects(text(await rewritePage(Readable.from([Buffer.from("plain")]), "gzip", place)), /incorrect header/);
});

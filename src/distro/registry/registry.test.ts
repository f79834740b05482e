import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buffer } from "node:stream/consumers";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import { Registry } from "./server.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-registry-"));
const common = { port: 0, clock: systemClock, random: systemRandom, logger: silentLogger };
let registry: Registry;
before(async () => {
  registry = await Registry.start({ ...common, directory: join(scratch, "open") });
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}
/** The path goes as it is: a URL parser would take `..` out of it. */
function ask(method: string, path: string, options: { body?: string | Buffer; headers?: Record<string, string>; to?: Registry } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { body = "", headers, to = registry } = options;
    const call = request({ host: "127.0.0.1", port: to.port, method, path, headers: { "Content-Length": Buffer.byteLength(body), ...headers } }, (response) => {
      buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString() }), reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}
const digest = (text: string, algorithm = "sha256"): string => `${algorithm}:${createHash(algorithm).update(text).digest("hex")}`;
const code = ({ text }: Reply): string => (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code ?? "";
async function pushBlob(name: string, content: string): Promise<string> {
  assert.equal((await ask("POST", `/v2/${name}/blobs/uploads/?digest=${digest(content)}`, { body: content })).status, 201);
  return digest(content);
}
const ociManifest = "application/vnd.oci.image.manifest.v1+json";
function manifestOf(config: string, size: number, more: object = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size },
    layers: [],
    ...more,
  });
}
const putManifest = (name: string, reference: string, body: string): Promise<Reply> =>
  ask("PUT", `/v2/${name}/manifests/${reference}`, { body, headers: { "Content-Type": ociManifest } });

test("chunks follow one another; one out of order is 416 and told where to go on", async () => {
  const begun = await ask("POST", "/v2/chunks/blobs/uploads/");
  const where = begun.headers.location ?? "";
  const patch = (body: string, range: string): Promise<Reply> => ask("PATCH", where, { body, headers: { "Content-Range": range } });
  assert.equal((await patch("hello ", "0-5")).headers.range, "0-5");
  const early = await patch("late", "10-13");
  assert.equal(early.status, 416);
  assert.equal(early.headers.range, "0-5");
  assert.equal((await patch("world", "6-10")).status, 202);
  assert.equal((await ask("GET", where)).status, 204);
  assert.equal((await ask("PUT", `${where}?digest=${digest("hello world")}`)).status, 201);
  const blob = `/v2/chunks/blobs/${digest("hello world")}`;
  assert.equal((await ask("GET", blob)).text, "hello world");
  const part = await ask("GET", blob, { headers: { Range: "bytes=6-" } });
  assert.deepEqual([part.status, part.text, part.headers["content-range"]], [206, "world", "bytes 6-10/11"]);
  assert.equal((await ask("GET", blob, { headers: { Range: "bytes=11-" } })).status, 416);
});

test("content with another digest is refused and leaves nothing", async () => {
  const reply = await ask("POST", `/v2/wrong/blobs/uploads/?digest=${digest("a")}`, { body: "b" });
  assert.deepEqual([reply.status, code(reply)], [400, "DIGEST_INVALID"]);
  assert.deepEqual(readdirSync(join(scratch, "open/uploads")), []);
  assert.equal((await ask("HEAD", `/v2/wrong/blobs/${digest("a")}`)).status, 404);
});

test("names, tags and digests that would lead elsewhere are refused", async () => {
  for (const path of [
    "/v2/../../etc/blobs/uploads/",
    "/v2/a/..%2f..%2fb/manifests/x",
    "/v2/a/_blobs/manifests/x",
    "/v2/A/manifests/x",
    "/v2/a/blobs/sha256:..%2f..%2fpasswd",
    "/v2/a/manifests/..",
    `/v2/a/blobs/sha256:${"A".repeat(64)}`,
    "/v2/a/manifests/%zz",
  ]) {
    const { status } = await ask(path.includes("uploads") ? "POST" : "GET", path);
    assert.ok(status === 400 || status === 404, `${path}: ${status}`);
  }
});

test("a manifest needs its blobs, and its own digest; what refers to it is listed; with it its tags go", async () => {
  const config = await pushBlob("app", "{}");
  const missing = await putManifest("app", "1", manifestOf(digest("absent"), 6));
  assert.deepEqual([missing.status, code(missing)], [404, "MANIFEST_BLOB_UNKNOWN"]);
  const manifest = manifestOf(config, 2);
  assert.equal(code(await putManifest("app", digest("other"), manifest)), "DIGEST_INVALID");
  assert.equal(code(await putManifest("app", "1", "{")), "MANIFEST_INVALID");
  for (const tag of ["2", "10", "latest"]) assert.equal((await putManifest("app", tag, manifest)).status, 201);
  const got = await ask("GET", "/v2/app/manifests/10");
  assert.deepEqual([got.text, got.headers["content-type"], got.headers["docker-content-digest"]], [manifest, ociManifest, digest(manifest)]);
  const paged = await ask("GET", "/v2/app/tags/list?n=2");
  assert.deepEqual(JSON.parse(paged.text), { name: "app", tags: ["10", "2"] });
  assert.equal(paged.headers.link, '</v2/app/tags/list?n=2&last=2>; rel="next"');
  const referrer = manifestOf(config, 2, {
    artifactType: "application/x-test",
    subject: { mediaType: ociManifest, digest: digest(manifest), size: manifest.length },
  });
  assert.equal((await putManifest("app", digest(referrer), referrer)).headers["oci-subject"], digest(manifest));
  const listed = JSON.parse((await ask("GET", `/v2/app/referrers/${digest(manifest)}`)).text) as { manifests: { digest: string; artifactType: string }[] };
  assert.deepEqual(
    listed.manifests.map((m) => [m.digest, m.artifactType]),
    [[digest(referrer), "application/x-test"]],
  );
  assert.equal((await ask("DELETE", `/v2/app/manifests/${digest(manifest)}`)).status, 202);
  assert.equal((await ask("GET", "/v2/app/manifests/latest")).status, 404);
  assert.deepEqual(JSON.parse((await ask("GET", "/v2/app/tags/list")).text), { name: "app", tags: [] });
});

test("a blob lives as long as one repository has it", async () => {
  const blob = await pushBlob("one", "shared");
  assert.equal((await ask("POST", `/v2/two/blobs/uploads/?mount=${blob}&from=one`)).status, 201);
  assert.equal((await ask("POST", `/v2/three/blobs/uploads/?mount=${blob}&from=none`)).status, 202);
  assert.equal((await ask("DELETE", `/v2/one/blobs/${blob}`)).status, 202);
  assert.equal((await ask("GET", `/v2/one/blobs/${blob}`)).status, 404);
  assert.equal((await ask("GET", `/v2/two/blobs/${blob}`)).text, "shared");
  const stored = (): string[] => readdirSync(join(scratch, "open/blobs/sha256")).filter((hex) => blob.endsWith(hex));
  assert.equal(stored().length, 1);
  await ask("DELETE", `/v2/two/blobs/${blob}`);
  assert.deepEqual(stored(), []);
});

test("a mirror's client finds what lies under the registry's name", async () => {
  const blob = await pushBlob("registry.k8s.io/pause", "{}");
  const manifest = manifestOf(blob, 2);
  await putManifest("registry.k8s.io/pause", "3", manifest);
  const found = await ask("GET", "/v2/pause/manifests/3?ns=registry.k8s.io");
  assert.deepEqual([found.status, found.headers["oci-namespace"]], [200, "registry.k8s.io"]);
  assert.equal((await ask("GET", "/v2/pause/manifests/3?ns=docker.io")).status, 404);
});

test("another host's name is refused, whatever page leads here with it", async () => {
  assert.equal((await ask("GET", "/v2/", { headers: { Host: "evil.example" } })).status, 403);
  assert.equal((await ask("GET", "/v2/", { headers: { Host: "localhost:5000" } })).status, 200);
});

test("with a password everybody may read, and only who shows it may write", async () => {
  await using closed = await Registry.start({ ...common, directory: join(scratch, "closed"), password: "secret" });
  const body = "content";
  const path = `/v2/a/blobs/uploads/?digest=${digest(body)}`;
  const refused = await ask("POST", path, { body, to: closed });
  assert.deepEqual([refused.status, refused.headers["www-authenticate"]], [401, 'Basic realm="k8ts"']);
  const as = (password: string): Record<string, string> => ({ Authorization: `Basic ${Buffer.from(`k8ts:${password}`).toString("base64")}` });
  assert.equal((await ask("POST", path, { body, headers: as("guess"), to: closed })).status, 401);
  assert.equal((await ask("POST", path, { body, headers: as("secret"), to: closed })).status, 201);
  for (const headers of [{}, as("of another registry")]) assert.equal((await ask("GET", `/v2/a/blobs/${digest(body)}`, { headers, to: closed })).text, body);
  assert.equal((await ask("GET", "/v2/", { headers: as("guess"), to: closed })).status, 401);
});

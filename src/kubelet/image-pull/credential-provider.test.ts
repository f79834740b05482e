import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Pod, ServiceAccount } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { assertProgramsExist, CredentialProviders } from "./credential-provider.ts";
import { readCredentialProviders } from "./provider-config.ts";

const binDir = mkdtempSync(join(tmpdir(), "k8ts-providers-"));
after(() => rmSync(binDir, { recursive: true }));
const asked = join(binDir, "asked");
const v1 = "credentialprovider.kubelet.k8s.io/v1";

/** Notes each request and answers with `answer`, a JSON text. */
function program(name: string, answer: string): void {
  const file = join(binDir, name);
  writeFileSync(file, `#!/bin/sh\ncat >> ${asked}; echo >> ${asked}\ncat <<'EOF'\n${answer}\nEOF\n`);
  chmodSync(file, 0o755);
  writeFileSync(asked, "");
}
const requests = (): Record<string, unknown>[] =>
  readFileSync(asked, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const response = (more: object): string =>
  JSON.stringify({ kind: "CredentialProviderResponse", apiVersion: v1, auth: { "*.example": { username: "u", password: "p" } }, ...more });
let files = 0;
function config(...providers: object[]): string {
  const file = join(binDir, `config-${++files}.yaml`);
  writeFileSync(file, JSON.stringify({ apiVersion: "kubelet.config.k8s.io/v1", kind: "CredentialProviderConfig", providers }));
  return file;
}
const provider = (more: object = {}): object => ({ name: "give", matchImages: ["*.example"], defaultCacheDuration: "1m", apiVersion: v1, ...more });
const clock = new VirtualClock();
const accounts: ServiceAccount = { metadata: { uid: "sa-uid", name: "robot", namespace: "n", annotations: { "team/id": "7" } } } as unknown as ServiceAccount;
const open = (file: string): CredentialProviders =>
  new CredentialProviders({
    providers: readCredentialProviders(file),
    binDir,
    clock,
    logger: silentLogger,
    serviceAccount: async () => accounts,
    token: async (_, audience) => `token for ${audience}`,
  });
const pod = { metadata: { namespace: "n", name: "p", uid: "1" }, spec: { serviceAccountName: "robot" } } as unknown as Pod;

test("a program is asked for images that it is for, and its answer is kept as it says", async () => {
  program("give", response({ cacheKeyType: "Registry", cacheDuration: "30s" }));
  const providers = open(config(provider()));
  assert.deepEqual(await providers.lookup("registry.other/a", pod), []);
  assert.deepEqual(
    (await providers.lookup("registry.example/a", pod)).map((one) => [one.auth, one.source]),
    [[{ username: "u", password: "p" }, undefined]],
  );
  await providers.lookup("registry.example/b", pod);
  assert.deepEqual(requests(), [{ kind: "CredentialProviderRequest", apiVersion: v1, image: "registry.example/a" }]);
  await clock.advance(31_000);
  await Promise.all([providers.lookup("registry.example/c", pod), providers.lookup("registry.example/c", pod)]);
  assert.equal(requests().length, 2);
});

test("a program may be told who the pod is, and what it gives is that account's", async () => {
  program("give", response({ cacheKeyType: "Global" }));
  const tokenAttributes = {
    serviceAccountTokenAudience: "reg",
    cacheType: "ServiceAccount",
    requireServiceAccount: true,
    requiredServiceAccountAnnotationKeys: ["team/id"],
  };
  const providers = open(config(provider({ tokenAttributes })));
  const [found] = await providers.lookup("registry.example/a", pod);
  assert.deepEqual(found?.source, { serviceAccount: { uid: "sa-uid", namespace: "n", name: "robot" } });
  assert.deepEqual(requests()[0], {
    kind: "CredentialProviderRequest",
    apiVersion: v1,
    image: "registry.example/a",
    serviceAccountToken: "token for reg",
    serviceAccountAnnotations: { "team/id": "7" },
  });
  assert.deepEqual(
    await open(config(provider({ tokenAttributes: { ...tokenAttributes, requiredServiceAccountAnnotationKeys: ["team/none"] } }))).lookup(
      "registry.example/a",
      pod,
    ),
    [],
  );
  program("give", response({ cacheKeyType: "Image", auth: { "*.example": { username: "u", password: "token for reg" } } }));
  assert.deepEqual(await open(config(provider({ tokenAttributes }))).lookup("registry.example/a", pod), []);
});

test("a program that fails, lies or says nothing gives no credentials", async () => {
  for (const answer of [
    "",
    "{",
    response({ cacheKeyType: "Other" }),
    response({ cacheKeyType: "Image", apiVersion: "v2" }),
    JSON.stringify({ kind: "Other" }),
  ]) {
    program("give", answer);
    assert.deepEqual(await open(config(provider())).lookup("registry.example/a", pod), [], answer);
  }
  writeFileSync(join(binDir, "give"), "#!/bin/sh\nexit 3\n");
  assert.deepEqual(await open(config(provider())).lookup("registry.example/a", pod), []);
});

test("a configuration with mistakes is refused with all of them", () => {
  program("give", "");
  const wrong: [object, RegExp][] = [
    [provider({ name: "a/b" }), /providers\.name: Invalid value: "a\/b": provider name cannot contain '\/'/],
    [provider({ name: ".." }), /provider name cannot be '\.\.'/],
    [provider({ matchImages: [] }), /providers\.matchImages: Required value: at least 1 item/],
    [provider({ defaultCacheDuration: "-1s" }), /providers\.defaultCacheDuration: Invalid value/],
    [provider({ defaultCacheDuration: undefined }), /providers\.defaultCacheDuration: Required value/],
    [provider({ apiVersion: "v9" }), /providers\.apiVersion: Unsupported value: "v9"/],
    [provider({ argz: [] }), /unknown field "providers\[0\]\.argz"/],
    [provider({ tokenAttributes: {} }), /serviceAccountTokenAudience: Required value.*requireServiceAccount: Required value.*cacheType: Required value/],
  ];
  for (const [one, message] of wrong)
    assert.throws(
      () => readCredentialProviders(config(one)),
      (error: Error) => message.test(error.message) || assert.fail(error.message),
    );
  assert.throws(() => readCredentialProviders(config()), /at least 1 item in plugins is required/);
  assert.throws(() => readCredentialProviders(config(provider(), provider())), /duplicate provider name "give"/);
  assert.throws(() => readCredentialProviders(join(binDir, "absent")), /unable to access path/);
  const missing = readCredentialProviders(config(provider({ name: "absent" })));
  assert.throws(() => assertProgramsExist(missing, binDir), /plugin binary executable .*absent did not exist/);
  assert.throws(() => assertProgramsExist(missing, join(binDir, "none")), /plugin binary directory .*none did not exist/);
});

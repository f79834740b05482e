import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { resources } from "../../api/schema/schema.ts";
import { component, optionsFrom } from "./apiserver.ts";
import { parseFlags } from "./flags.ts";
import { givenCertificate, ownCertificate } from "./serving-certificate.ts";

const directory = mkdtempSync(join(tmpdir(), "apiserver-"));
after(() => rmSync(directory, { recursive: true }));
const pair = await ownCertificate("test", "127.0.0.1", systemClock);
const key = join(directory, "key.pem");
const cert = join(directory, "cert.pem");
writeFileSync(key, pair.key);
writeFileSync(cert, pair.cert);
const needed = ["--service-account-issuer=https://k", `--service-account-signing-key-file=${key}`];
const options = (...args: string[]): ReturnType<typeof optionsFrom> => optionsFrom(parseFlags(component, [...needed, ...args]));
const problem = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

test("features that can be switched are, and the others are refused by name", () => {
  assert.equal(options().cbor, false);
  assert.equal(options("--feature-gates=CBORServingAndStorage=true").cbor, true);
  assert.match(
    problem(() => options("--feature-gates=SidecarContainers=false")),
    /cannot set feature gate SidecarContainers to false, feature is locked to true/,
  );
});

test("versions are served as they are asked for", () => {
  assert.equal(options().resources, resources);
  assert.ok(
    options("--runtime-config=storage.k8s.io/v1beta1=true").resources?.some(({ version, group }) => group === "storage.k8s.io" && version === "v1beta1"),
  );
  assert.match(
    problem(() => options("--runtime-config=api/all=false")),
    /conflicts with --enable-priority-and-fairness=true[\s\S]*--runtime-config: invalid runtime-config with only api\/all=false/,
  );
});

test("flags become the server's options", () => {
  const read = options(
    "--service-account-issuer=https://old",
    "--authorization-mode=RBAC",
    "--service-cluster-ip-range=10.0.0.0/16,fd00::/112",
    "--service-node-port-range=31000-31009",
    "--request-timeout=90s",
    "--event-ttl=2h",
    "--max-requests-inflight=7",
    "--advertise-address=192.0.2.1",
    "--external-hostname=k8s.example.com",
    "--service-account-jwks-uri=https://keys.example.com/jwks",
  );
  assert.equal(read.externalHost, "k8s.example.com");
  assert.equal(read.jwksUri, "https://keys.example.com/jwks");
  assert.match(
    problem(() => options("--service-account-jwks-uri=http://keys")),
    /service-account-jwks-uri requires https scheme/,
  );
  assert.equal(read.serviceAccountIssuer, "https://k");
  assert.deepEqual(read.acceptedIssuers, ["https://old"]);
  assert.deepEqual(read.authorization?.authorizers, [{ type: "RBAC", name: "rbac" }]);
  assert.deepEqual(read.serviceRanges, ["10.0.0.0/16", "fd00::/112"]);
  assert.deepEqual(read.nodePorts, { first: 31000, last: 31009 });
  assert.equal(read.requestTimeoutSeconds, 90);
  assert.equal(read.eventTtlSeconds, 7200);
  assert.equal(read.maxReading, 7);
  assert.deepEqual(read.advertise, { address: "192.0.2.1", port: 6443 });
  assert.equal(read.kubelet, undefined);
  assert.equal(read.enforcedElsewhere, undefined);
  assert.deepEqual(options("--network-policies-enforced").enforcedElsewhere, ["networkpolicies.networking.k8s.io"]);
});

test("a port range may be written with its size", () => {
  assert.deepEqual(options("--service-node-port-range=30000+9").nodePorts, { first: 30000, last: 30009 });
  assert.match(
    problem(() => options("--service-node-port-range=9-3")),
    /it must be a range of ports such as 30000-32767/,
  );
});

test("where everything is allowed, nobody is let in without a name", () => {
  assert.deepEqual(options("--authorization-mode=AlwaysAllow").anonymous, { enabled: false });
  assert.deepEqual(options().anonymous, { enabled: true });
});

test("the endpoints of the kubernetes Service are left alone when nobody is to keep them", () => {
  assert.equal(options().keepEndpoints, true);
  assert.equal(options("--endpoint-reconciler-type=none").keepEndpoints, false);
});

test("flags that need each other, or exclude each other, are told", () => {
  const missing = problem(() => optionsFrom(parseFlags(component, [])));
  assert.match(missing, /--service-account-issuer is required/);
  assert.match(missing, /--service-account-signing-key-file is required/);
  for (const [args, told] of [
    [["--kubelet-client-key=x"], /--kubelet-certificate-authority, --kubelet-client-certificate and --kubelet-client-key must be given together/],
    [["--requestheader-username-headers=X"], /--requestheader-client-ca-file is required/],
    [[`--requestheader-client-ca-file=${cert}`], /--requestheader-username-headers is required/],
    [
      [`--requestheader-client-ca-file=${cert}`, `--client-ca-file=${cert}`, "--requestheader-username-headers=X"],
      /--requestheader-allowed-names must be specified/,
    ],
    [["--enable-admission-plugins=A", "--disable-admission-plugins=A"], /A in --enable-admission-plugins and --disable-admission-plugins overlapped/],
    [["--service-cluster-ip-range=10.0.0.0/16,10.1.0.0/16"], /at most one network of each IP family/],
    [["--authorization-mode=ABAC"], /authorization-mode ABAC's authorization policy file not passed/],
    [["--authorization-mode=Webhook"], /authorization-mode Webhook's authorization config file not passed/],
    [["--authorization-config=/does/not/exist"], /--authorization-config: open \/does\/not\/exist: no such file or directory/],
    [
      ["--authorization-config=/x", "--authorization-mode=RBAC"],
      /can not be specified when --authorization-mode or --authorization-webhook-\* flags are defined/,
    ],
    [["--authorization-mode=RBAC,RBAC"], /authorization-mode \["RBAC" "RBAC"\] has mode specified more than once/],
    [["--client-ca-file=/does/not/exist"], /--client-ca-file: \/does\/not\/exist does not exist/],
    [[`--client-ca-file=${key}`], /--client-ca-file: .* is no PEM certificate/],
    [[`--service-account-signing-key-file=${cert}`], /--service-account-signing-key-file: .* is no PEM private key/],
    [["--etcd-servers=http://x"], /--etcd-servers is not supported/],
  ] as const)
    assert.match(
      problem(() => options(...args)),
      told,
    );
});

test("a serving certificate and its key must be there and belong together", async () => {
  assert.equal(givenCertificate("", ""), undefined);
  assert.equal(givenCertificate(cert, key)?.cert, pair.cert);
  assert.match(
    problem(() => givenCertificate(cert, "")),
    /must be given together/,
  );
  const other = join(directory, "other.pem");
  writeFileSync(other, (await ownCertificate("test", "127.0.0.1", systemClock)).key);
  assert.match(
    problem(() => givenCertificate(cert, other)),
    /is not the key of the certificate/,
  );
});

test("neither gRPC's library nor a browser's fetch is loaded before somebody needs them: they take ten megabytes", () => {
  const files = ["../commands/image.ts", "./apiserver.ts"].map((file) => JSON.stringify(join(import.meta.dirname, file)));
  const program = `for (const file of [${files}]) await import(file); process.stdout.write(process.moduleLoadList.join());`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--disable-warning=ExperimentalWarning", "-e", program], { encoding: "utf8" });
  assert.match(stdout, /NativeModule https/);
  assert.doesNotMatch(stdout, /undici|NativeModule http2/);
});

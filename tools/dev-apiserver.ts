/**
 * An API server for development: memory store, certificates of its own in DIR, DIR/admin.conf for kubectl.
 * `node tools/dev-apiserver.ts PORT DIR`
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { startDevServer } from "../src/apiserver/dev.ts";

const [port = "", dir = ""] = process.argv.slice(2);
if (!/^\d+$/.test(port) || !dir) {
  process.stderr.write("usage: node tools/dev-apiserver.ts PORT DIR\n");
  process.exit(2);
}
const home = resolve(dir);
mkdirSync(home, { recursive: true, mode: 0o700 });
const file = (name: string): string => join(home, name);
const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: home, stdio: ["ignore", "ignore", "pipe"] });

const key = (name: string): void => openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", `${name}.key`);
function certificate(name: string, subject: string, alternatives?: string): void {
  key(name);
  openssl("req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
  const lines = ["keyUsage=critical,digitalSignature,keyEncipherment", "extendedKeyUsage=clientAuth,serverAuth"];
  writeFileSync(file(`${name}.ext`), [...lines, ...(alternatives ? [`subjectAltName=${alternatives}`] : [])].join("\n"));
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    "ca.crt",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "365",
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.crt`,
  );
}
const users: Record<string, string> = {
  admin: "/O=system:masters/CN=admin",
  kcm: "/CN=system:kube-controller-manager",
  sched: "/CN=system:kube-scheduler",
  node: "/O=system:nodes/CN=system:node:n1",
  proxy: "/CN=system:kube-proxy",
};
if (!existsSync(file("ca.crt"))) {
  key("ca");
  const usage = "keyUsage=critical,keyCertSign,cRLSign,digitalSignature";
  openssl(
    "req",
    "-x509",
    "-new",
    "-key",
    "ca.key",
    "-subj",
    "/CN=kubernetes",
    "-days",
    "365",
    "-out",
    "ca.crt",
    "-addext",
    "basicConstraints=critical,CA:true",
    "-addext",
    usage,
  );
  certificate("apiserver", "/CN=kube-apiserver", "DNS:kubernetes,DNS:localhost,IP:10.96.0.1,IP:127.0.0.1");
  for (const [name, subject] of Object.entries(users)) certificate(name, subject);
  openssl("genrsa", "-out", "sa.key", "2048");
}
for (const name of Object.keys(users)) {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "dev", cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority": file("ca.crt") } }],
    users: [{ name, user: { "client-certificate": file(`${name}.crt`), "client-key": file(`${name}.key`) } }],
    contexts: [{ name: "dev", context: { cluster: "dev", user: name } }],
    "current-context": "dev",
  };
  writeFileSync(file(`${name}.conf`), JSON.stringify(config, null, 2), { mode: 0o600 });
}
const read = (name: string): string => readFileSync(file(name), "utf8");
const server = await startDevServer({
  port: Number(port),
  cert: read("apiserver.crt"),
  key: read("apiserver.key"),
  ca: read("ca.crt"),
  serviceAccountKey: read("sa.key"),
  kubeletClient: { cert: read("admin.crt"), key: read("admin.key") },
  // Neither node nor scheduler belongs to this server: what acts on its objects is for its user to know.
  enforcedElsewhere: ["networkpolicies.networking.k8s.io"],
  write: (line) => void process.stderr.write(line),
});
process.stdout.write(`KUBECONFIG=${file("admin.conf")}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void server[Symbol.asyncDispose]().then(() => process.exit(0));
  });
}

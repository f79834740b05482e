/**
 * Certificate requests beside upstream: kube-apiserver with kube-controller-manager and ours with ours get the same requests,
 * right and wrong. Answers, conditions, who may approve and sign, what is approved by itself and the issued certificates agree;
 * times, serials and keys aside. ClusterTrustBundles as well, with their feature on.
 *
 * Usage: node conformance/certificates.ts [pattern of names] [--bin DIR] [--port P]
 *   --port  the first of five free ports
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { prepare } from "./authentication/servers.ts";
import { bundleRequests, bundleRights } from "./certificates/bundles.ts";
import { courses, type Loose, rights } from "./certificates/decisions.ts";
import { base64, described, Requests } from "./certificates/requests.ts";
import { type Asked, automatic, clientUsages, creations, issues, signers, type User } from "./certificates/scenarios.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { type Answer, differences, type Request, type Server, send, settled } from "./differential/exchange.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" }, port: { type: "string", default: "22480" } },
});
const checks = new Checks("certificates", positionals[0]);
await using ground = await prepare(values.bin, Number(values.port));
await using pair = await ground.start([
  "--enable-admission-plugins=NodeRestriction",
  "--feature-gates=ClusterTrustBundle=true",
  "--runtime-config=certificates.k8s.io/v1beta1=true,certificates.k8s.io/v1alpha1=true",
]);
const authority = readFileSync(ground.path("ca.crt"), "utf8");
const requests = new Requests(ground.path);
const good = requests.make();

const manager = (side: "peer" | "ours"): ChildProcess => {
  const flags = [
    `--kubeconfig=${ground.path(`${side}.conf`)}`,
    "--controllers=certificatesigningrequest-approving-controller,certificatesigningrequest-signing-controller,kube-apiserver-serving-clustertrustbundle-publisher-controller",
    "--feature-gates=ClusterTrustBundle=true",
    `--root-ca-file=${ground.path("ca.crt")}`,
    `--cluster-signing-cert-file=${ground.path("ca.crt")}`,
    `--cluster-signing-key-file=${ground.path("ca.key")}`,
    "--leader-elect=false",
    "--secure-port=0",
  ];
  const launcher = new URL("../k8ts", import.meta.url).pathname;
  const log = openSync(ground.path(`${side}-manager.log`), "w");
  const [command, args] = side === "ours" ? [launcher, ["controller-manager", ...flags]] : [join(values.bin, "kube-controller-manager"), flags];
  const child = spawn(command, args, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
};
const managers = [manager("peer"), manager("ours")];
await using _managers = {
  async [Symbol.asyncDispose]() {
    for (const child of managers) child.kill("SIGTERM");
    await pause(500);
    for (const child of managers) if (child.exitCode === null) child.kill("SIGKILL");
  },
};

const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/** Times that a server sets, and ages, which are whole seconds at another moment. Names that it makes, descriptions of columns and managers of fields are told by other judges. */
const times = ["lastUpdateTime"];
const left = new Set(["description", "managedFields"]);
const isAge = (value: unknown): boolean => typeof value === "string" && /^(\d+m)?\d+s$/.test(value);
const comparable = (answer: unknown): unknown =>
  JSON.parse(
    JSON.stringify(settled(answer, times), (key, value: unknown) => (left.has(key) ? undefined : isAge(value) ? "AGE" : value)).replaceAll(
      /(node-csr-|example\.com:x:|other-)[bcdfghjklmnpqrstvwxz2456789]{5}(?=["\\])/g,
      "$1GENERATED",
    ),
  );
let compared = 0;
const differing: string[] = [];
function compare(name: string, peer: unknown, ours: unknown): string[] {
  compared++;
  const lines = differences(peer, ours).map((line) => `${name}: ${line}`);
  differing.push(...lines);
  return lines;
}
async function both(step: Request | ((server: Server) => Request)): Promise<{ peer: Answer; ours: Answer }> {
  const ask = (server: Server): Promise<Answer> => send(server, typeof step === "function" ? step(server) : step);
  return { peer: await ask(pair.peer), ours: await ask(pair.ours) };
}
const same = async (name: string, step: Request): Promise<string[]> => {
  const { peer, ours } = await both(step);
  return compare(name, comparable(peer), comparable(ours));
};
function told(lines: string[], count: number): string {
  expect(!lines.length, `\n     ${lines.join("\n     ")}`);
  return `${count} requests`;
}

function as(user: User | undefined): Record<string, string | string[]> {
  if (!user) return {};
  const extra = Object.entries(user.extra ?? {}).map(([key, value]) => [`impersonate-extra-${encodeURIComponent(key)}`, value]);
  return {
    "impersonate-user": user.name,
    ...(user.groups ? { "impersonate-group": [...user.groups, "system:authenticated"] } : {}),
    ...(user.uid ? { "impersonate-uid": user.uid } : {}),
    ...Object.fromEntries(extra),
  };
}
let count = 0;
function bodyOf(asked: Asked): Loose {
  const more = (asked.more ?? {}) as { metadata?: object; spec?: object };
  const signerName = "signerName" in asked ? asked.signerName : signers.client;
  const usages = "usages" in asked ? asked.usages : clientUsages;
  const { expirationSeconds } = asked;
  const request = "raw" in asked ? asked.raw : base64(asked.pem ?? good);
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    ...more,
    metadata: more.metadata ?? { name: `r-${count++}` },
    spec: { request, signerName, usages, ...(expirationSeconds === undefined ? {} : { expirationSeconds }), ...more.spec },
  };
}
const create = (asked: Asked): Request => ({ method: "POST", path, body: bodyOf(asked), headers: as(asked.user) });

for (const [user, rules] of Object.entries({ ...rights, ...bundleRights })) {
  const group = "/apis/rbac.authorization.k8s.io/v1";
  await both({ method: "POST", path: `${group}/clusterroles`, body: { metadata: { name: user }, rules } });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user };
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }];
  await both({ method: "POST", path: `${group}/clusterrolebindings`, body: { metadata: { name: user }, roleRef, subjects } });
}

await checks.check("requests that are made, right and wrong", async () => {
  const found: string[] = [];
  const all = creations(requests);
  // Who asks is written by the server, and asking takes a right that a user by that name alone has not.
  const body = { metadata: { name: "askers" }, rules: [{ apiGroups: ["certificates.k8s.io"], resources: ["certificatesigningrequests"], verbs: ["create"] }] };
  await both({ method: "POST", path: "/apis/rbac.authorization.k8s.io/v1/clusterroles", body });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "askers" };
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:authenticated" }];
  await both({ method: "POST", path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body: { metadata: { name: "askers" }, roleRef, subjects } });
  for (const asked of all) found.push(...(await same(asked.name, create(asked))));
  return told(found, all.length);
});

const approval = { type: "Approved", status: "True", reason: "Judged", message: "by the judge" };
const newest = (server: Server, name: string): Promise<Answer> => send(server, { method: "GET", path: `${path}/${name}` });
const statusOf = (answer: Answer): { certificate?: string; conditions?: Loose[] } => (answer.body as { status?: object }).status ?? {};

/** The requests' last states, once each has a certificate or failed, or nothing has happened for a while. */
async function outcomes(server: Server, names: readonly string[]): Promise<Map<string, Answer>> {
  const found = new Map<string, Answer>();
  let idle = 0;
  for (let round = 0; round < 40 && found.size < names.length && idle < 8; round++) {
    const before = found.size;
    for (const name of names) {
      if (found.has(name)) continue;
      const answer = await newest(server, name);
      const { certificate, conditions = [] } = statusOf(answer);
      if (certificate || conditions.some(({ type }) => type === "Failed")) found.set(name, answer);
    }
    idle = found.size > before ? 0 : idle + 1;
    await pause(500);
  }
  for (const name of names) if (!found.has(name)) found.set(name, await newest(server, name));
  return found;
}
interface Named {
  name: string;
  object: string;
  pem: string;
}
async function compareOutcomes(made: readonly Named[], madeAt: number): Promise<string[]> {
  const [peer, ours] = await Promise.all(
    [pair.peer, pair.ours].map((server) =>
      outcomes(
        server,
        made.map(({ object }) => object),
      ),
    ),
  );
  return made.flatMap(({ name, object, pem }) => {
    const seen = [peer, ours].map((side) => {
      const answer = side?.get(object) as Answer;
      const { certificate } = statusOf(answer);
      const { body } = comparable(answer) as { body: { status?: Loose } };
      const lines = certificate ? described(certificate, pem, authority, madeAt) : "none";
      return { ...body, status: { ...body.status, certificate: lines } };
    });
    return compare(name, seen[0], seen[1]);
  });
}

await checks.check("what is issued after approval", async () => {
  const madeAt = Date.now();
  const found: string[] = [];
  const made: Named[] = [];
  for (const issue of issues()) {
    const pem = issue.wish ? requests.make(issue.wish) : good;
    const step = create({ ...issue, pem });
    const object = ((step.body as Loose).metadata as { name: string }).name;
    const { peer, ours } = await both(step);
    found.push(...compare(`${issue.name}: created`, comparable(peer), comparable(ours)));
    if (peer.code !== 201) continue;
    made.push({ name: issue.name, object, pem });
    await both({
      method: "PATCH",
      path: `${path}/${object}/approval`,
      headers: { "content-type": "application/merge-patch+json" },
      body: { status: { conditions: [approval] } },
    });
  }
  found.push(...(await compareOutcomes(made, madeAt)));
  return told(found, made.length);
});

await checks.check("what is approved by itself", async () => {
  const bind = async (role: string, group: string): Promise<void> => {
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: `system:certificates.k8s.io:certificatesigningrequests:${role}` };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: group }];
    await both({ method: "POST", path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body: { metadata: { name: role }, roleRef, subjects } });
  };
  await bind("nodeclient", "system:bootstrappers");
  await bind("selfnodeclient", "system:nodes");
  const made: Named[] = [];
  const madeAt = Date.now();
  for (const { name, user, asks = "system:node:n1", names, usages = clientUsages } of automatic) {
    const pem = requests.make({ subject: `/O=system:nodes/CN=${asks}`, ...(names ? { names } : {}) });
    const step = create({ name, pem, user, signerName: signers.kubelet, usages });
    await both(step);
    made.push({ name, object: ((step.body as Loose).metadata as { name: string }).name, pem });
  }
  return told(await compareOutcomes(made, madeAt), made.length);
});

const certificate = execFileSync("openssl", ["x509", "-in", ground.path("admin.crt")]).toString();
for (const [name, steps] of Object.entries(courses(certificate)))
  await checks.check(`decided: ${name}`, async () => {
    const step = create({ name, signerName: "example.com/x" });
    const object = ((step.body as Loose).metadata as { name: string }).name;
    const found = await same(`${name}: created`, step);
    for (const { name: what, subresource, change, patch, user } of steps) {
      const at = `${path}/${object}${subresource && `/${subresource}`}`;
      const headers = as(user ? { name: user } : undefined);
      const answers: Answer[] = [];
      for (const server of [pair.peer, pair.ours]) {
        const now = (await newest(server, object)).body as Loose;
        const body = patch ?? change(now);
        answers.push(
          await send(
            server,
            patch
              ? { method: "PATCH", path: at, body, headers: { ...headers, "content-type": "application/merge-patch+json" } }
              : { method: "PUT", path: at, body, headers },
          ),
        );
      }
      found.push(...compare(what, comparable(answers[0]), comparable(answers[1])));
    }
    return told(found, steps.length + 1);
  });

await checks.check("lists, columns, selectors", async () => {
  const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
  const found = [
    ...(await same("by signer", { method: "GET", path: `${path}?fieldSelector=spec.signerName%3Dexample.com/x` })),
    ...(await same("by a field that cannot be selected", { method: "GET", path: `${path}?fieldSelector=spec.username%3Dx` })),
    ...(await same("table", { method: "GET", path: `${path}?fieldSelector=spec.signerName%3Dexample.com/x`, headers: table })),
  ];
  return told(found, 3);
});
await checks.check("bundles of trust anchors", async () => {
  const found: string[] = [];
  const authorities = [authority, readFileSync(ground.path("front-proxy-ca.crt"), "utf8")] as const;
  const all = bundleRequests(authorities, certificate);
  for (const [name, request] of all) found.push(...(await same(name, request)));
  return told(found, all.length);
});
await checks.check("the authority of the API server as a bundle", async () => {
  const list: Request = {
    method: "GET",
    path: "/apis/certificates.k8s.io/v1beta1/clustertrustbundles?fieldSelector=spec.signerName%3Dkubernetes.io/kube-apiserver-serving",
  };
  const stray = {
    metadata: { name: "kubernetes.io:kube-apiserver-serving:stray" },
    spec: { signerName: "kubernetes.io/kube-apiserver-serving", trustBundle: authority },
  };
  await both({ method: "POST", path: "/apis/certificates.k8s.io/v1beta1/clustertrustbundles", body: stray });
  const names = ({ body }: Answer): string[] => (body as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
  for (let i = 0; i < 40; i++) {
    const { peer, ours } = await both(list);
    if ([peer, ours].every((answer) => names(answer).length === 1 && !names(answer)[0]?.endsWith("stray"))) break;
    await pause(250);
  }
  return told(await same("published", list), 1);
});
process.stdout.write(`${compared} comparisons, ${differing.length} differences\n`);
checks.finish();

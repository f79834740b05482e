/**
 * Who asks, beside: a real kube-apiserver and ours have the same files and flags, and one server plays all issuers and webhooks.
 * Tokens right and wrong are reviewed by both and shown to both; configurations that are refused are refused in the same words.
 *
 * Usage: node conformance/authentication.ts [substring of case names] [--part tokens|webhooks|certificates|service-accounts|signer|refusals] [--bin DIR] [--port P] [--verbose]
 *   --part  without it all of them, one after the other
 *   --port  the first of six free ports
 * Prints counts of what agrees and what differs; exits 1 where something differs.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { parseSigningKey, signToken } from "../src/apiserver/authentication/service-account-keys.ts";
import { type ClientCase, clientCases } from "./authentication/certificates.ts";
import { startIssuer } from "./authentication/issuer.ts";
import { configurationOf, issuers, pagesOf } from "./authentication/issuers.ts";
import { refusals } from "./authentication/refusals.ts";
import { type Pair, prepare } from "./authentication/servers.ts";
import { compareSigners } from "./authentication/signers.ts";
import { type TokenCase, tokenCases, unencoded } from "./authentication/token-cases.ts";
import { component, optionsFrom } from "../src/distro/components/apiserver.ts";
import { FlagError } from "../src/distro/components/flag-error.ts";
import { parseFlags } from "../src/distro/components/flags.ts";
import { startTokenHook, tokenReplies } from "./authentication/webhooks.ts";
import { type Server, send, settled } from "./differential/exchange.ts";
import { Tally } from "./differential/tally.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22490" },
    part: { type: "string", default: "" },
    verbose: { type: "boolean", default: false },
  },
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const [only = ""] = positionals;
const port = Number(values.port);

/** What no two servers share becomes a mark. */
const common = (value: unknown): unknown =>
  settled(
    JSON.parse(
      JSON.stringify(value ?? null)
        .replaceAll(/current time \d{4}-\d\d-\d\d [\d:.]+ [+-]\d{4} [A-Z]+( m=[+\-\d.]+)?/g, "current time NOW")
        .replaceAll(/\/(peer|ours)(?=[/?])/g, "/SIDE")
        // Which space Go's protobuf writes depends on the build.
        .replaceAll("\u00a0", " ")
        .replaceAll(/127\.0\.0\.1:\d{5}->/g, "127.0.0.1:FROM->"),
    ),
  );

const tally = new Tally({ write, verbose: values.verbose, common });

const ownAudience = "https://kubernetes.default.svc.cluster.local";
const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview" };
const self = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };

async function compare(pair: Pair, { name, token, audiences }: TokenCase): Promise<void> {
  const sides = [pair.peer, pair.ours];
  const reviews = await Promise.all(
    sides.map(async (server) => {
      const { code, body } = await send(server, {
        method: "POST",
        path: "/apis/authentication.k8s.io/v1/tokenreviews",
        body: { ...review, spec: { token, audiences } },
      });
      return { code, status: (body as { status?: unknown }).status ?? body };
    }),
  );
  tally.report(`${name}: reviewed`, reviews);
  // Go's client and node's would both refuse such a header.
  if (audiences || /[^\x21-\x7e]/.test(token) || token.length > 60_000) return;
  const shown = await Promise.all(
    sides.map(async (server) => {
      const headers = { authorization: `Bearer ${token}` };
      const { code, body } = await send(server, {
        method: "POST",
        path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        client: "bare",
        headers,
        body: self,
      });
      return { code, status: (body as { status?: unknown }).status ?? body };
    }),
  );
  tally.report(`${name}: shown`, shown);
}

await using ground = await prepare(values.bin, port);
const address = `https://localhost:${port + 4}`;
await using _issuer = await startIssuer({
  port: port + 4,
  cert: ground.pki.certificate("issuer"),
  key: ground.pki.key("issuer"),
  pages: pagesOf(issuers, address),
});
const authority = ground.pki.certificate("issuer-ca");
const file = ground.path("authentication.yaml");

async function tokens(): Promise<void> {
  writeFileSync(file, JSON.stringify(configurationOf(issuers, address, authority)));
  await using pair = await ground.start([`--authentication-config=${file}`]);
  await pause(1000);
  for (const one of [...tokenCases(address), unencoded(address)]) if (one.name.includes(only)) await compare(pair, one);
}

/** What upstream's says when it gives up, out of its log. */
function said(text: string): string {
  const start = text.lastIndexOf('"command failed" err=');
  if (start < 0) return "";
  const rest = text.slice(start + '"command failed" err='.length);
  if (rest.startsWith('"')) return JSON.parse(/^"(\\.|[^"\\])*"/.exec(rest)?.[0] ?? '""') as string;
  return rest
    .slice(2, rest.lastIndexOf(" >"))
    .split("\n")
    .map((line) => line.replace(/^\t/, ""))
    .join("\n")
    .trim();
}

async function refused(): Promise<void> {
  const directory = dirname(file);
  writeFileSync(
    ground.path("hook.conf"),
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: "https://localhost:1" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "" } }],
      "current-context": "x",
    }),
  );
  for (const { name, flags, file: text } of refusals.filter((one) => one.name.includes(only))) {
    if (text !== undefined) writeFileSync(file, text);
    const more = [...flags.map((flag) => flag.replaceAll("DIR", directory)), ...(text === undefined ? [] : [`--authentication-config=${file}`])];
    const peer = said(await ground.refusal(more)).replaceAll(/pkg\/runtime\/scheme.go:\d+/g, "scheme.go");
    let ours = "";
    try {
      optionsFrom(parseFlags(component, [...ground.flags, ...more]));
    } catch (error) {
      if (!(error instanceof FlagError)) throw error;
      ours = error.message
        .replaceAll(/pkg\/runtime\/scheme.go:\d+/g, "scheme.go")
        .replace(/\nsee `k8ts apiserver --help`$/, "")
        .replace(/^--(authentication-config|oidc-issuer-url|authentication-token-webhook-config-file): /, "");
    }
    tally.report(`${name}: refused`, [{ text: peer }, { text: ours }]);
  }
}

/** The same questions to a webhook of each version; what it was asked is compared as well. */
async function webhooks(): Promise<void> {
  await using hook = await startTokenHook({ port: port + 5, cert: ground.pki.certificate("issuer"), key: ground.pki.key("issuer") });
  for (const side of ["ours", "peer"])
    writeFileSync(
      ground.path(`hook-${side}.conf`),
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          { name: "c", cluster: { server: `https://localhost:${port + 5}/${side}`, "certificate-authority-data": Buffer.from(authority).toString("base64") } },
        ],
        users: [{ name: "robot", user: { token: "secret" } }],
        // Who is not there is nobody.
        contexts: [{ name: "x", context: { cluster: "c", user: "ghost" } }],
        "current-context": "x",
      }),
    );
  for (const version of ["v1beta1", "v1"]) {
    hook.asked.clear();
    await using pair = await ground.start([
      `--authentication-token-webhook-config-file=${ground.path("hook-SIDE.conf")}`,
      `--authentication-token-webhook-version=${version}`,
      "--oidc-issuer-url=https://localhost:1/nobody",
      "--oidc-client-id=api",
    ]);
    const names = [...Object.keys(tokenReplies), "unknown", "good", "refused", "refused-with-error"].filter((name) => name.includes(only));
    for (const name of names) await compare(pair, { name: `hook-${name}`, token: `hook-${name}` });
    for (const audiences of [["other"], [ownAudience, "other"], ["x"]])
      for (const name of ["good", "other-audience", "own-audience"])
        await compare(pair, { name: `hook-${name} for ${audiences.join()}`, token: `hook-${name}`, audiences });
    tally.report(
      `${version}: what the webhook was asked`,
      // Each once: who asks again after a connection broke differs.
      ["peer", "ours"].map((side) => [...new Set((hook.asked.get(side) ?? []).map((one) => JSON.stringify(one)))]),
    );
  }
}

/** Who a connection's certificate names; then the same when other authorities are trusted, and after that when keys of tokens changed. */
async function certificates(): Promise<void> {
  const { first, second, proxies, cases } = await clientCases();
  const clients = ground.path("clients.crt");
  const admins = ground.pki.certificate("ca");
  writeFileSync(clients, `${admins}\n${first}`);
  writeFileSync(ground.path("proxies.crt"), proxies);
  await using pair = await ground.start([
    `--client-ca-file=${clients}`,
    `--requestheader-client-ca-file=${ground.path("proxies.crt")}`,
    "--requestheader-allowed-names=front-proxy-client",
    ...["username-headers=X-Remote-User", "uid-headers=X-Remote-Uid", "group-headers=X-Remote-Group", "extra-headers-prefix=X-Remote-Extra-"].map(
      (flag) => `--requestheader-${flag}`,
    ),
  ]);
  const ask = (server: Server, { cert, key, headers = {} }: ClientCase): ReturnType<typeof send> => {
    const agent = new Agent({ ca: admins, cert, key });
    const step = { method: "POST" as const, path: "/apis/authentication.k8s.io/v1/selfsubjectreviews", client: "shown", body: self, headers };
    return send({ ...server, others: { shown: agent } }, step).finally(() => agent.destroy());
  };
  const compareAll = async (when: string): Promise<void> => {
    for (const one of cases.filter(({ name }) => name.includes(only))) {
      const answers = await Promise.all([pair.peer, pair.ours].map((server) => ask(server, one)));
      tally.report(
        `certificate ${one.name}, ${when}`,
        answers.map(({ code, body }) => ({ code, body })),
      );
    }
  };
  await compareAll("at first");
  writeFileSync(clients, `${admins}\n${second}`);
  const coming = cases.find(({ name }) => name === "of the authority to come") as ClientCase;
  for (const server of [pair.peer, pair.ours]) for (let i = 0; i < 100 && (await ask(server, coming)).code !== 201; i++) await pause(200);
  await compareAll("with other authorities");
  const published = await Promise.all(
    [pair.peer, pair.ours].map((server) =>
      send(server, { method: "GET", path: "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication" }),
    ),
  );
  // Upstream keeps authorities there that were trusted once.
  tally.report(
    "authorities that are published",
    published.map(({ body }) => Object.keys((body as { data?: object }).data ?? {}).sort()),
  );
}

/** Several issuers and keys of service accounts' tokens. */
async function serviceAccounts(): Promise<void> {
  const rsa = ground.path("old.key");
  execFileSync("openssl", ["genrsa", "-out", rsa, "2048"], { stdio: "ignore" });
  await using pair = await ground.start([
    "--service-account-issuer=https://former.example.com",
    `--service-account-key-file=${rsa}`,
    "--service-account-max-token-expiration=2h",
    "--service-account-jwks-uri=https://keys.example.com/jwks",
    "--api-audiences=one,two",
  ]);
  const both = [pair.peer, pair.ours];
  for (const path of ["/.well-known/openid-configuration", "/openid/v1/jwks"])
    tally.report(path, await Promise.all(both.map((server) => send(server, { method: "GET", path }))));
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await Promise.all(both.map((server) => send(server, { method: "POST", path: accounts, body: { metadata: { name: "robot" } } })));
  const hidden = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value)
        .replaceAll(/eyJ[\w.-]+/g, "TOKEN")
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "TIME")
        .replaceAll(/\(JTI=[^)]*\)|JTI=[\w-]+/g, "JTI"),
    );
  for (const spec of [
    {},
    { audiences: ["two"] },
    { audiences: ["elsewhere"] },
    { expirationSeconds: 600 },
    { expirationSeconds: 599 },
    { expirationSeconds: 7200 },
    { expirationSeconds: 7201 },
    { expirationSeconds: 2 ** 33 },
    { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "none" } },
    { boundObjectRef: { kind: "Node", apiVersion: "v1", name: "none" } },
    { boundObjectRef: { kind: "ConfigMap", apiVersion: "v1", name: "none" } },
  ]) {
    const made = await Promise.all(
      both.map((server) =>
        send(server, { method: "POST", path: `${accounts}/robot/token`, body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec } }),
      ),
    );
    tally.report(`token ${JSON.stringify(spec)}`, made.map(hidden));
    const lives = made.map(({ body }) => {
      const token = (body as { status?: { token?: string } }).status?.token;
      if (!token) return "none";
      const { exp, iat, iss, aud } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
      return { life: Number(exp) - Number(iat), iss, aud };
    });
    tally.report(`claims of the token ${JSON.stringify(spec)}`, lives);
    for (const audiences of [undefined, ["two"], ["elsewhere"]])
      tally.report(
        `review of the token ${JSON.stringify(spec)} for ${String(audiences)}`,
        await Promise.all(
          both.map(async (server, i) => {
            const token = (made[i]?.body as { status?: { token?: string } } | undefined)?.status?.token ?? "x.y.z";
            const { body } = await send(server, {
              method: "POST",
              path: "/apis/authentication.k8s.io/v1/tokenreviews",
              body: { ...review, spec: { token, audiences } },
            });
            return hidden((body as { status?: unknown }).status ?? body);
          }),
        ),
      );
  }
  // Tokens of the former issuer, by either key, made here.
  const now = Math.floor(Date.now() / 1000);
  for (const [key, keyFile] of [
    ["old", rsa],
    ["present", ground.path("sa.key")],
    ["unknown", ground.path("admin.key")],
  ] as const)
    for (const iss of ["https://former.example.com", ownAudience, "https://nobody.example.com"]) {
      const signing = parseSigningKey(readFileSync(keyFile, "utf8"));
      const claims = {
        iss,
        aud: ["one"],
        exp: now + 600,
        iat: now,
        nbf: now,
        sub: "system:serviceaccount:default:robot",
        "kubernetes.io": { namespace: "default", serviceaccount: { name: "robot", uid: "other" } },
      };
      await compare(pair, { name: `service account token of ${iss} by the ${key} key`, token: signToken(claims, signing) });
    }
}

const parts: Record<string, () => Promise<void>> = {
  tokens,
  webhooks,
  certificates,
  "service-accounts": serviceAccounts,
  signer: () => compareSigners({ ground, report: (name, sides) => tally.report(name, sides), said }),
  refusals: refused,
};
for (const [name, run] of Object.entries(parts)) if (!values.part || values.part === name) await run();
tally.end();

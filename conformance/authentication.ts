/**
 * Who asks, beside: a real kube-apiserver and ours have the same files and flags, and one server plays all issuers and webhooks.
 * Tokens right and wrong are reviewed by both and shown to both; configurations that are refused are refused in the same words.
 *
 * Usage: node conformance/authentication.ts [substring of case names] [--part tokens|refusals|webhooks] [--bin DIR] [--port P] [--verbose]
 *   --part  without it all of them, one after the other
 *   --port  the first of six free ports
 * Prints PASS and FAIL counts; exits 1 where something differs.
 */
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startIssuer } from "./authentication/issuer.ts";
import { configurationOf, issuers, pagesOf } from "./authentication/issuers.ts";
import { refusals } from "./authentication/refusals.ts";
import { type Pair, prepare } from "./authentication/servers.ts";
import { type TokenCase, tokenCases, unencoded } from "./authentication/token-cases.ts";
import { component, optionsFrom } from "../src/distro/components/apiserver.ts";
import { FlagError } from "../src/distro/components/flag-error.ts";
import { parseFlags } from "../src/distro/components/flags.ts";
import { startTokenHook, tokenReplies } from "./authentication/webhooks.ts";
import { differences, send, settled } from "./differential/exchange.ts";

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
let passed = 0;
let failed = 0;

/** What no two servers share becomes a mark. */
const common = (value: unknown): unknown =>
  settled(
    JSON.parse(
      JSON.stringify(value ?? null)
        .replaceAll(/current time \d{4}-\d\d-\d\d [\d:.]+ [+-]\d{4} [A-Z]+( m=[+\-\d.]+)?/g, "current time NOW")
        .replaceAll(/\/(peer|ours)\?timeout/g, "/SIDE?timeout")
        .replaceAll(/127\.0\.0\.1:\d{5}->/g, "127.0.0.1:FROM->"),
    ),
  );

function report(name: string, [peer, ours]: readonly unknown[]): void {
  const found = differences(common(peer), common(ours));
  if (values.verbose) write(`     ${name}: ${JSON.stringify(common(peer)).slice(0, 600)}`);
  if (found.length) {
    failed++;
    write(`FAIL ${name}\n${found.map((line) => `     ${line}`).join("\n")}`);
  } else passed++;
}

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
  report(`${name}: reviewed`, reviews);
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
  report(`${name}: shown`, shown);
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
    report(`${name}: refused`, [{ text: peer }, { text: ours }]);
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
        contexts: [{ name: "x", context: { cluster: "c", user: "" } }],
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
    report(
      `${version}: what the webhook was asked`,
      // Each once: who asks again after a connection broke differs.
      ["peer", "ours"].map((side) => [...new Set((hook.asked.get(side) ?? []).map((one) => JSON.stringify(one)))]),
    );
  }
}

const parts: Record<string, () => Promise<void>> = { tokens, webhooks, refusals: refused };
for (const [name, run] of Object.entries(parts)) if (!values.part || values.part === name) await run();
write(`PASS ${passed} FAIL ${failed}`);
process.exitCode = failed ? 1 : 0;

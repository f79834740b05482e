/**
 * Who asks, beside: a real kube-apiserver and ours have the same files and flags, and one server plays all issuers and webhooks.
 * Tokens right and wrong are reviewed by both and shown to both; configurations that are refused are refused in the same words.
 *
 * Usage: node conformance/authentication.ts [substring of case names] [--bin DIR] [--port P] [--verbose]
 *   --port  the first of five free ports
 * Prints PASS and FAIL counts; exits 1 where something differs.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startIssuer } from "./authentication/issuer.ts";
import { configurationOf, issuers, pagesOf } from "./authentication/issuers.ts";
import { type Pair, prepare } from "./authentication/servers.ts";
import { type TokenCase, tokenCases, unencoded } from "./authentication/token-cases.ts";
import { differences, send, settled } from "./differential/exchange.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22490" },
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
writeFileSync(file, JSON.stringify(configurationOf(issuers, address, authority)));
{
  await using pair = await ground.start([`--authentication-config=${file}`]);
  await pause(1000);
  for (const one of [...tokenCases(address), unencoded(address)]) if (one.name.includes(only)) await compare(pair, one);
}
write(`PASS ${passed} FAIL ${failed}`);
process.exitCode = failed ? 1 : 0;

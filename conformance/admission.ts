/**
 * Admission beside: a real kube-apiserver and ours have the same webhooks (of one server that allows, denies, patches, lies,
 * hangs and is slow), the same policies and the same requests; answers, stored objects and the reviews that were asked agree.
 *
 * Usage: node conformance/admission.ts [substring of case names] [--bin DIR] [--port P] [--verbose]
 *   --port  the first of five free ports
 * Prints PASS and FAIL counts; exits 1 where something differs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { PKI } from "../src/distro/pki.ts";
import { configurationCases } from "./admission/configuration-cases.ts";
import { startHookServer } from "./admission/hook-server.ts";
import { policyCases } from "./admission/policy-cases.ts";
import { behaviours } from "./admission/webhook-behaviours.ts";
import { type AdmissionCase, webhookCases } from "./admission/webhook-cases.ts";
import { type Request, type Server, send, settled } from "./differential/exchange.ts";
import { Tally } from "./differential/tally.ts";
import { startPair } from "./differential/servers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22470" },
    verbose: { type: "boolean", default: false },
  },
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const [only = ""] = positionals;
const port = Number(values.port);
const hookPort = port + 4;

const dir = mkdtempSync(join(tmpdir(), "admission-"));
const pki = new PKI(dir, systemClock);
await pki.ensureCA("ca", "webhooks");
await pki.ensure({ file: "hook", commonName: "hook", ca: "ca", usages: ["server"], dns: ["hook.default.svc"], ip: ["127.0.0.1"] });
const caBundle = Buffer.from(pki.certificate("ca")).toString("base64");

await using pair = await startPair({ bin: values.bin, port });
await using hooks = await startHookServer({ port: hookPort, cert: pki.certificate("hook"), key: pki.key("hook"), behaviours });
const sides: [name: string, server: Server][] = [
  ["peer", pair.peer],
  ["ours", pair.ours],
];

const forSide = (side: string, { body, ...rest }: Request): Request => {
  if (body === undefined) return rest;
  const text = JSON.stringify(body).replaceAll("SIDE", side).replaceAll(":PORT", `:${hookPort}`).replaceAll("CABUNDLE", caBundle);
  return { ...rest, body: JSON.parse(text) as unknown };
};
/** What is the side's own becomes a mark. */
const common = (side: string, value: unknown): unknown =>
  settled(
    JSON.parse(
      JSON.stringify(value ?? null)
        .replaceAll(`:${hookPort}/${side}/`, ":PORT/SIDE/")
        .replaceAll(`/${side}/moved`, "/SIDE/moved")
        .replaceAll(caBundle, "CABUNDLE")
        .replaceAll(/"description":"(\\.|[^"\\])*"/g, '"description":""')
        .replaceAll(/"\d+s"/g, '"AGE"')
        .replaceAll(/127\.0\.0\.1:\d{5}->/g, "127.0.0.1:FROM->"),
    ),
  );

async function compare(name: string, request: Request): Promise<void> {
  const answers = await Promise.all(sides.map(([side, server]) => send(server, forSide(side, request))));
  tally.report(`${name}: ${request.method} ${request.path}`, answers);
}
const tally = new Tally({ write, verbose: values.verbose, common: (value, side) => common(side, value) });

/** What arrives at webhooks in parallel arrives in any order, and twice where a connection broke. */
const reviewsOf = (side: string, behaviour: string): unknown =>
  [...new Set((hooks.asked.get(`${side}/${behaviour}`) ?? []).map((one) => JSON.stringify(common(side, one))))].sort();

async function run(cases: readonly AdmissionCase[]): Promise<void> {
  for (const { name, setup } of cases) for (const request of setup) await compare(`${name} setup`, request);
  // kube-apiserver takes its time to notice.
  await pause(4000);
  for (const { name, requests } of cases) {
    hooks.asked.clear();
    for (const request of requests) await compare(name, request);
    const seen = new Set([...hooks.asked.keys()].map((key) => key.replace(/^[^/]*\//, "")));
    for (const behaviour of seen)
      tally.report(
        `${name}: reviews for ${behaviour}`,
        sides.map(([side]) => reviewsOf(side, behaviour)),
      );
  }
}

const chosen = (cases: readonly AdmissionCase[]): AdmissionCase[] => cases.filter(({ name }) => name.includes(only));
await run(chosen([...configurationCases, ...webhookCases, ...policyCases]));
rmSync(dir, { recursive: true, force: true });
tally.end();

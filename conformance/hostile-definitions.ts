/**
 * Definitions and objects that are made to hurt: schemas as deep and as wide as a request holds, patterns that blow up where
 * a matcher goes back, expressions that cost too much, webhooks that lie, objects at the limits of size. Each is answered with
 * upstream's code, within a second of the server's processor time and 64 MB of memory, and the server goes on.
 *
 * Usage: node conformance/hostile-definitions.ts [--only SUBSTRING] [--verbose] --pid PID OURS.conf [PEER.conf]
 *   --pid is the process of ours; without a peer codes are not compared
 * Example: node conformance/hostile-definitions.ts --pid 4711 ours/admin.conf --only "lists: "
 * Exits 1 on a failure.
 */
import { misused, parseArgs } from "../tools/command-line.ts";
import { closeServer, type Request, type Server, send, serverOf } from "./differential/exchange.ts";
import { definitionInputs } from "./hostile/definitions.ts";
import { crds, group } from "./hostile/making.ts";
import { ruleInputs } from "./hostile/rules.ts";
import { Usage, type Used } from "./hostile/usage.ts";
import { objectInput, worlds } from "./hostile/worlds.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" }, pid: { type: "string", default: "" }, verbose: { type: "boolean", default: false } },
});
const [oursConfig, peerConfig] = positionals;
if (!oursConfig || !values.pid) misused("--pid PID and OURS.conf are needed");
const mostMs = 1000;
const mostMb = 64;

const ours = serverOf(oursConfig);
const peer = peerConfig ? serverOf(peerConfig) : undefined;
const servers = peer ? [ours, peer] : [ours];
const usage = new Usage(Number(values.pid));
let inputs = 0;
let failures = 0;

const messageOf = (body: unknown): string | undefined => (body as { message?: string } | null)?.message;
const shown = (body: unknown): string => (typeof body === "string" ? body : (messageOf(body) ?? "an object")).slice(0, values.verbose ? 3000 : 160);

/** Of a busy machine, and of a collector that waits: the best of three. */
async function measured(request: Request): Promise<Used & { answer: Awaited<ReturnType<typeof send>> }> {
  let best: (Used & { answer: Awaited<ReturnType<typeof send>> }) | undefined;
  for (let n = 0; n < 3; n++) {
    let answer = { code: 0, type: "", warnings: [] as string[], body: undefined as unknown };
    const used = await usage.of(async () => {
      answer = await send(ours, request);
    });
    best = best ? { answer: best.answer, ms: Math.min(best.ms, used.ms), mb: Math.min(best.mb, used.mb) } : { ...used, answer };
    if (best.answer.code === 0 || (best.ms <= mostMs && best.mb <= mostMb) || !/dryRun/.test(request.path)) break;
  }
  return best as Used & { answer: Awaited<ReturnType<typeof send>> };
}

async function attempt(title: string, request: Request): Promise<void> {
  if (!title.includes(values.only)) return;
  inputs++;
  const theirs = peer ? await send(peer, request) : undefined;
  const { answer, ms, mb } = await measured(request);
  const wrong = [
    ...(ms > mostMs ? ["slow"] : []),
    ...(mb > mostMb ? ["large"] : []),
    ...(answer.code === 0 || (answer.code >= 500 && answer.code !== theirs?.code) ? ["fails"] : []),
    ...(theirs && theirs.code !== 0 && theirs?.code !== answer.code ? [`upstream says ${theirs?.code}`] : []),
  ];
  const same = messageOf(answer.body) === messageOf(theirs?.body);
  if (wrong.length) failures++;
  process.stdout.write(
    `${wrong.length ? "FAIL" : "ok  "} ${answer.code} ${String(ms).padStart(5)} ms ${mb.toFixed(0).padStart(4)} MB  ${title}${wrong.length ? `: ${wrong.join(", ")}` : ""}\n`,
  );
  if (wrong.some((one) => one !== "slow" && one !== "large") || (values.verbose && !same))
    process.stdout.write(`     ours ${shown(answer.body)}\n     peer ${shown(theirs?.body)}\n`);
}

async function served(server: Server, plural: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if ((await send(server, { method: "GET", path: `/apis/${group}/v1/${plural}` })).code === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

for (const { title, request } of [...definitionInputs, ...ruleInputs]) await attempt(title, request);
for (const { plural, definition, objects } of worlds) {
  if (!objects.some(([title]) => `${plural}: ${title}`.includes(values.only))) continue;
  for (const server of servers) {
    const answer = await send(server, { method: "POST", path: crds, body: definition });
    if (answer.code !== 201) process.stdout.write(`     ${plural}: ${answer.code} ${shown(answer.body)}\n`);
    else await served(server, plural);
  }
  for (const [title, given] of objects) await attempt(`${plural}: ${title}`, objectInput(plural, title, given).request);
  for (const server of servers) await send(server, { method: "DELETE", path: `${crds}/${plural}.${group}` });
}
for (const server of servers) closeServer(server);
process.stdout.write(`${inputs} inputs, ${failures} failures\n`);
process.exitCode = failures ? 1 : 0;

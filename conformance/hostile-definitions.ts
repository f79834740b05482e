/**
 * Definitions and objects that are made to hurt: schemas as deep and as wide as a request holds, patterns that blow up where
 * a matcher goes back, expressions that cost too much, webhooks that lie, definitions that change again and again, objects at
 * the limits of size and depth. Each is answered with upstream's code, within a second of the server's processor time and
 * 64 MB of memory, and the server goes on.
 *
 * Usage: node conformance/hostile-definitions.ts [--only SUBSTRING] [--verbose] --pid PID OURS.conf [PEER.conf]
 *   --only     only those whose titles have it (all of what goes one after the other)
 *   --verbose  messages that differ, too
 *   --pid      the process of ours; without a peer codes are not compared
 * Example: node conformance/hostile-definitions.ts --pid 4711 ours/admin.conf --only "lists: "
 * Titles begin with conversions, changes, crowds, budgets, a world's name (conformance/hostile/worlds.ts), definitions, rules, depths.
 * Upstream goes on with what it was asked when nobody waits any more, and takes gigabytes for it: give it a bound, and begin it anew.
 * Ours is to run as its launcher starts it: node --stack-size=6144 tools/dev-apiserver.ts PORT DIR
 * Exits 1 on a failure.
 */
import { misused, parseArgs } from "../tools/command-line.ts";
import { type Answer, closeServer, type Request, type Server, send, serverOf } from "./differential/exchange.ts";
import { budgets, changes, conversions, crowds, depths, type Step } from "./hostile/courses.ts";
import { definitionInputs } from "./hostile/definitions.ts";
import { startLiar } from "./hostile/lies.ts";
import { crds, group, type Input } from "./hostile/making.ts";
import { ruleInputs } from "./hostile/rules.ts";
import { Usage } from "./hostile/usage.ts";
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
const say = (text: string): void => void process.stdout.write(`${text}\n`);
let inputs = 0;
let failures = 0;
/** How often upstream said nothing within twenty seconds. */
let alone = 0;

const chosen = (title: string): boolean => title.includes(values.only);
const messageOf = (body: unknown): string | undefined => (body as { message?: string } | null)?.message;
const shown = (body: unknown): string => (typeof body === "string" ? body : (messageOf(body) ?? "an object")).slice(0, values.verbose ? 3000 : 160);

async function sendAll(server: Server, { requests, settles }: Step): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const request of requests) {
    let answer = await send(server, request);
    for (let i = 0; settles && answer.code !== 200 && i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      answer = await send(server, request);
    }
    answers.push(answer);
  }
  return answers;
}

const changesNothing = ({ requests }: Step): boolean => requests.every(({ method, path }) => method === "GET" || path.includes("dryRun"));

/** Of a busy machine, and of a collector that waits: the best of three. */
async function measured(step: Step): Promise<{ ms: number; mb: number; answers: Answer[] }> {
  let [ms, mb] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let n = 0; ; n++) {
    let answers: Answer[] = [];
    const used = await usage.of(async () => {
      answers = await sendAll(ours, step);
    });
    ms = Math.min(ms, Math.round(used.ms / step.requests.length));
    mb = Math.min(mb, used.mb);
    if (n === 2 || !changesNothing(step) || answers.some(({ code }) => code === 0) || (ms <= mostMs && mb <= mostMb)) return { ms, mb, answers };
  }
}

async function attempt(step: Step): Promise<void> {
  inputs++;
  const theirs = peer ? await sendAll(peer, step) : [];
  const { answers, ms, mb } = await measured(step);
  const wrong = [...(ms > mostMs && !step.settles ? ["slow"] : []), ...(mb > mostMb ? ["large"] : [])];
  const odd = answers.findIndex(({ code }, i) => {
    const expected = theirs[i]?.code;
    return code === 0 || (expected ? code !== expected : !peer && code >= 500);
  });
  const i = Math.max(0, odd);
  const [own, other] = [answers[i] as Answer, theirs[i]];
  if (odd >= 0) wrong.push(`upstream says ${other?.code || "nothing"}${odd ? ` to request ${odd + 1}` : ""}`);
  const unanswered = theirs.some(({ code }) => code === 0);
  if (wrong.length) failures++;
  if (unanswered) alone++;
  say(
    `${wrong.length ? "FAIL" : "ok  "} ${own.code} ${String(ms).padStart(5)} ms ${mb.toFixed(0).padStart(4)} MB  ${step.title}${wrong.length ? `: ${wrong.join(", ")}` : ""}${unanswered ? " (upstream has not answered)" : ""}`,
  );
  if (odd >= 0 || (values.verbose && messageOf(own.body) !== messageOf(other?.body))) say(`     ours ${shown(own.body)}\n     peer ${shown(other?.body)}`);
}

/** Whole, as each step builds on those before it. */
async function play(course: readonly Step[]): Promise<void> {
  if (course.some(({ title }) => chosen(title))) for (const step of course) await attempt(step);
}

/** What a run that was ended has left. */
for (const server of servers) {
  const left = async (): Promise<string[]> => {
    const { items } = (await send(server, { method: "GET", path: crds })).body as { items?: { metadata: { name: string } }[] };
    if (!items) throw new Error(`${server.url} does not say which definitions it has`);
    return items.map(({ metadata }) => metadata.name).filter((name) => name.endsWith(`.${group}`));
  };
  for (let i = 0; (await left()).length && i < 100; i++) {
    for (const name of await left()) await send(server, { method: "DELETE", path: `${crds}/${name}` });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const liar = await startLiar();
await play(conversions(liar));
liar.close();
for (const course of [changes, crowds, budgets]) await play(course);

for (const { plural, definition, objects } of worlds) {
  const all = objects.map(([title, given]) => [`${plural}: ${title}`, objectInput(plural, title, given).request] as const).filter(([title]) => chosen(title));
  if (!all.length) continue;
  await attempt({ title: `${plural}: its definition`, requests: [{ method: "POST", path: crds, body: definition } satisfies Request] });
  await attempt({ title: `${plural}: is served`, requests: [{ method: "GET", path: `/apis/${group}/v1/${plural}` }], settles: true });
  for (const [title, request] of all) await attempt({ title, requests: [request] });
  await attempt({ title: `${plural}: is deleted`, requests: [{ method: "DELETE", path: `${crds}/${plural}.${group}` }] });
}

const single = (kind: string, inputs: readonly Input[]): Step[] => inputs.map(({ title, request }) => ({ title: `${kind}: ${title}`, requests: [request] }));
for (const step of [...single("definitions", definitionInputs), ...single("rules", ruleInputs)]) if (chosen(step.title)) await attempt(step);
await play(depths);

for (const server of servers) closeServer(server);
say(`${inputs} inputs, ${failures} failures, ${alone} that upstream has not answered`);
process.exitCode = failures ? 1 : 0;

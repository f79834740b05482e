/**
 * The same requests to two API servers, a real kube-apiserver and ours: code, headers that matter, reason, message, causes
 * and the object must agree, save for what no two servers share (uids, times, revisions, generated names).
 *
 * `node conformance/differential.ts --written [--case SUBSTRING] [--bin DIR] [--port P]`: the requests written by hand.
 * `node conformance/differential.ts --requests N [--seed S] [--only REGEXP] [--episode K,...] [--seconds S] [--bin DIR] [--port P] [--verbose] [--seen FILE]`:
 * requests made from the schema and one template per kind.
 * `node conformance/differential.ts --aimed [--only REGEXP] [--verbose] [--seen FILE]`: requests that aim at single rules.
 * `--seen`: which mistakes upstream named, most frequent first.
 * Starts both servers itself unless `PEER.conf OURS.conf` are given.
 * Exits 1 where answers differ.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { cases as builtIn, type Step } from "./differential/cases.ts";
import { evictionCases } from "./differential/eviction-cases.ts";
import { foundAmounts } from "./differential/found-amounts.ts";
import { foundCases } from "./differential/found-cases.ts";
import { foundDocuments } from "./differential/found-documents.ts";
import { foundFaults } from "./differential/found-faults.ts";
import { foundObjects } from "./differential/found-objects.ts";
import { foundPatches } from "./differential/found-patches.ts";
import { foundScales } from "./differential/found-scales.ts";
import { foundProtobuf } from "./differential/found-protobuf.ts";
import { foundStored } from "./differential/found-stored.ts";
import { customResourceCases } from "./differential/custom-resource-cases.ts";
import { type Answer, differences, type Server, send, settled } from "./differential/exchange.ts";
import { runAimed } from "./differential/aimed.ts";
import { clear, note, prepare, runGenerated } from "./differential/generated.ts";
import { classify } from "./differential/groups.ts";
import { type Pair, standingPair, startPair } from "./differential/servers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    episode: { type: "string" },
    seconds: { type: "string", default: "600" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22410" },
    verbose: { type: "boolean", default: false },
    seen: { type: "string" },
    aimed: { type: "boolean", default: false },
    written: { type: "boolean", default: false },
    case: { type: "string", default: "" },
  },
});
const cases = [
  ...builtIn,
  ...foundAmounts,
  ...foundCases,
  ...foundDocuments,
  ...foundFaults,
  ...foundObjects,
  ...foundPatches,
  ...foundProtobuf,
  ...foundScales,
  ...foundStored,
  ...evictionCases,
  ...customResourceCases,
];
const write = (line: string): void => void process.stdout.write(line);

if (!values.aimed && !values.written && values.requests === undefined) {
  process.stderr.write("usage: node conformance/differential.ts --written [--case SUBSTRING] | --requests N [--seed S] | --aimed [PEER.conf OURS.conf]\n");
  process.exitCode = 2;
} else {
  const [peerConfig, oursConfig] = positionals;
  await using pair = peerConfig && oursConfig ? standingPair(peerConfig, oursConfig) : await startPair({ bin: values.bin, port: Number(values.port) });
  const seen = new Map<string, number>();
  const shared = { ...(values.only ? { only: new RegExp(values.only) } : {}), verbose: values.verbose, write };
  const outcome = values.written
    ? await runCases(pair, values.case)
    : values.aimed
      ? await prepare(pair).then(() => runAimed(pair, { ...shared, clear, note: (answer) => note(seen, answer) }))
      : await runGenerated(pair, {
          ...shared,
          requests: Number(values.requests),
          seed: Number(values.seed),
          seconds: Number(values.seconds),
          ...(values.episode ? { episodes: values.episode.split(",").map(Number) } : {}),
          ...(values.seen ? { seen } : {}),
        });
  if (values.seen)
    writeFileSync(
      values.seen,
      [...seen]
        .sort(([, a], [, b]) => b - a)
        .map(([line, count]) => `${count}x ${line}\n`)
        .join(""),
    );
  write(`${outcome.requests} requests, ${outcome.different} answered differently, ${outcome.classes} classes\n`);
  process.exitCode = outcome.different ? 1 : 0;
}

async function runCases({ peer, ours }: Pair, only: string): Promise<{ requests: number; different: number; classes: number }> {
  let requests = 0;
  const failed = new Set<string>();
  let different = 0;
  for (const test of cases) {
    if (!test.name.includes(only)) continue;
    const remembered = [new Map<string, string>(), new Map<string, string>()];
    for (const [i, step] of test.steps.entries()) {
      requests++;
      const answers = await Promise.all([peer, ours].map((server, side) => answerTo(server, step, remembered[side] as Map<string, string>)));
      for (const [side, answer] of answers.entries()) remember(answer, remembered[side] as Map<string, string>);
      const [a, b] = answers.map((answer) => settled(answer, step.hide ?? [])) as [Answer, Answer];
      if (classify(a, b).length === 0) continue;
      different++;
      failed.add(test.name);
      const found = differences(a, b);
      write(`DIFF ${test.name} #${i + 1} ${step.method} ${step.path}\n${found.map((line) => `     ${line}\n`).join("")}`);
    }
  }
  return { requests, different, classes: failed.size };
}

async function answerTo(server: Server, step: Step, values: Map<string, string>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(server, filled(step, values));
    if (step.until === undefined || attempt === 50 || JSON.stringify(answer.body).includes(step.until)) return answer;
    await pause(100);
  }
}

/** `{rv}` and `{uid}`: of the last object that this server answered with in this case. */
function filled(step: Step, values: Map<string, string>): Step {
  const fill = (text: string): string => text.replace(/\{(rv|uid|continue)\}/g, (_, name: string) => values.get(name) ?? "");
  const given = step.body;
  const body = given === undefined || given instanceof Uint8Array ? given : fill(typeof given === "string" ? given : JSON.stringify(given));
  return { ...step, path: fill(step.path), ...(body === undefined ? {} : { body }) };
}

function remember({ body }: Answer, values: Map<string, string>): void {
  const metadata = (body as { metadata?: { resourceVersion?: string; uid?: string; continue?: string } } | null)?.metadata;
  if (metadata?.resourceVersion) values.set("rv", metadata.resourceVersion);
  if (metadata?.uid) values.set("uid", metadata.uid);
  if (metadata?.continue) values.set("continue", metadata.continue);
}

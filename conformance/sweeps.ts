/**
 * Requests in rows instead of by chance, to a real kube-apiserver and ours: every pair of faults that a request can have, odd values for
 * every field of every kind, every pair and triple of a list's options, every odd operation of a JSON patch. Which fault is told, and what is done all the same, must agree.
 *
 * Usage: node conformance/sweeps.ts faults|fields|options|json-patches [--way create|merge|strategic|apply|status] [--only REGEXP] [--bin DIR] [--port P]
 *   --way   how `fields` are given
 *   --only  rows by name
 *   --port  the first of four free ports
 * Prints each row with its count, then each class of difference with one request that shows it; exits 1 where there is one.
 */
import { parseArgs } from "../tools/command-line.ts";
import { type Answer, differences, send, settled } from "./differential/exchange.ts";
import { prepare } from "./differential/generated.ts";
import { classify, Groups, opened } from "./differential/groups.ts";
import { startPair } from "./differential/servers.ts";
import { faults } from "./sweeps/faults.ts";
import { fields, type Way, ways } from "./sweeps/fields.ts";
import { jsonPatches } from "./sweeps/json-patches.ts";
import { options } from "./sweeps/options.ts";
import type { Both, Sweep } from "./sweeps/sweep.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    way: { type: "string", default: "create" },
    only: { type: "string", default: "" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22620" },
  },
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
/** No two servers make the same token. */
const shown = (answer: Answer): Answer => settled(opened(answer, true), ["token"]) as Answer;
const sweeps: Record<string, () => Sweep> = {
  faults: () => faults,
  fields: () => fields(values.way as Way),
  options: () => options,
  "json-patches": () => jsonPatches,
};
const [chosen = ""] = positionals;

if (!(chosen in sweeps) || !ways.includes(values.way as Way)) {
  process.stderr.write(`usage: node conformance/sweeps.ts ${Object.keys(sweeps).join("|")} [--way ${ways.join("|")}] [--only REGEXP]\n`);
  process.exitCode = 2;
} else process.exitCode = (await run((sweeps[chosen] as () => Sweep)(), new RegExp(values.only))) ? 1 : 0;

/** How many requests were answered differently. */
async function run(sweep: Sweep, only: RegExp): Promise<number> {
  await using pair = await startPair({ bin: values.bin, port: Number(values.port) });
  await prepare(pair);
  const both: Both = async (request) => {
    const [peer, ours] = await Promise.all([send(pair.peer, request), send(pair.ours, request)]);
    return { peer, ours };
  };
  await sweep.prepare?.(both, pair);
  const groups = new Groups();
  let [requests, different] = [0, 0];
  for (const row of sweep.rows(pair)) {
    if (!only.test(row.name)) continue;
    await row.begin?.(both);
    const before = { requests, different };
    for (const { title, request } of row.probes) {
      const { peer, ours } = await both(request);
      requests++;
      await row.after?.(request, Math.min(peer.code, ours.code) < 300, both);
      // It has hung up.
      if (peer.code === 0) continue;
      const [first] = classify(shown(peer), shown(ours));
      if (first === undefined) continue;
      different++;
      const found = differences(shown(peer), shown(ours)).filter((line) => !line.includes(".description: "));
      const body = `${title}\n     ${request.body === undefined ? "" : String(request.body).slice(0, 700)} ${JSON.stringify(request.headers ?? {})}`;
      groups.add(`${row.name} ${first}`, { episode: requests, method: request.method, path: request.path, body, found });
    }
    write(`${row.name}: ${requests - before.requests} requests, ${different - before.different} answered differently`);
  }
  for (const line of groups.lines()) write(line);
  write(`${requests} requests, ${different} answered differently, ${groups.size} classes`);
  return different;
}

/**
 * Random CustomResourceDefinitions and objects of theirs, to a real kube-apiserver and to ours: schemas of every kind with
 * defaults, list and map types, rules and subresources, mistakes in them, changes of them, conversion by a webhook that is right,
 * wrong or slow; objects created, changed, applied and read on every path; rival names, and definitions that end.
 *
 * `node conformance/definitions.ts [--requests N] [--seed S] [--episode K,...] [--seconds S] [--bin DIR] [--port P] [--verbose] [PEER.conf OURS.conf]`
 * starts both servers itself unless two are given, on four ports from P; the webhook has the one after them. Exits 1 where answers differ.
 */
import { parseArgs } from "../tools/command-line.ts";
import { Hook } from "./differential/definitions-hook.ts";
import { runDefinitions } from "./differential/definitions-run.ts";
import { standingPair, startPair } from "./differential/servers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    episode: { type: "string" },
    seconds: { type: "string", default: "600" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "23410" },
    verbose: { type: "boolean", default: false },
  },
});
const write = (line: string): void => void process.stdout.write(line);
const [peerConfig, oursConfig] = positionals;
await using pair = peerConfig && oursConfig ? standingPair(peerConfig, oursConfig) : await startPair({ bin: values.bin, port: Number(values.port) });
await using hook = await Hook.start(Number(values.port) + 4);
const outcome = await runDefinitions(pair, {
  requests: Number(values.requests),
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  ...(values.episode ? { episodes: values.episode.split(",").map(Number) } : {}),
  verbose: values.verbose,
  hook,
  write,
});
write(`${outcome.requests} requests, ${outcome.definitions} definitions, ${outcome.different} answered differently, ${outcome.classes} classes\n`);
process.exitCode = outcome.different ? 1 : 0;

/**
 * Admission plugins with their configuration, beside: kube-apiserver and ours read the same files and get the same requests;
 * answers, objects, what a webhook for images is asked and why a wrong file is refused agree.
 *
 * Usage: node conformance/admission-plugins.ts [substring of names] [--bin DIR] [--port P]
 *   --port  the first of five free ports
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { parseArgs } from "../tools/command-line.ts";
import { type PluginWorld, pluginWorlds, wrongConfigurations } from "./admission/plugin-worlds.ts";
import { prepare } from "./authentication/servers.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { differences, send, settled } from "./differential/exchange.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" }, port: { type: "string", default: "22490" } },
});
const port = Number(values.port);
const checks = new Checks("admission plugins", positionals[0]);
await using ground = await prepare(values.bin, port);

/** What the webhook for images was asked, by the user agent of who asks. */
const asked: string[] = [];
const hook = createServer({ cert: readFileSync(ground.path("apiserver.crt")), key: readFileSync(ground.path("apiserver.key")) }, (request, response) => {
  let text = "";
  request.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.on("end", () => {
    const review = JSON.parse(text) as { spec: { containers?: { image?: string }[] } };
    asked.push(`${request.method} ${request.url} ${JSON.stringify(settled(review))}`);
    const image = review.spec.containers?.[0]?.image;
    const status = {
      allow: { allowed: true, auditAnnotations: { a: "b" } },
      deny: { allowed: false, reason: "because" },
      quiet: { allowed: false },
    }[image ?? ""] ?? { allowed: true };
    if (image === "broken") response.writeHead(500).end("out of order");
    else response.writeHead(200, { "content-type": "application/json" }).end(image === "lie" ? "{}" : JSON.stringify({ ...review, status }));
  });
});
await new Promise<void>((resolve) => hook.listen(port + 4, "127.0.0.1", resolve));
const kubeconfig = ground.path("hook.conf");
writeFileSync(
  kubeconfig,
  JSON.stringify({
    clusters: [{ name: "c", cluster: { server: `https://127.0.0.1:${port + 4}/images`, "certificate-authority": ground.path("ca.crt") } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "" } }],
    "current-context": "x",
  }),
);

function flagsOf(plugin: string, { enabled, configuration }: Pick<PluginWorld, "enabled" | "configuration">): string[] {
  const flags = enabled ? [`--enable-admission-plugins=${enabled}`] : [];
  if (configuration === undefined) return flags;
  const file = ground.path("admission.json");
  const text = (typeof configuration === "string" ? configuration : JSON.stringify(configuration)).replaceAll("WEBHOOK", kubeconfig);
  writeFileSync(ground.path("plugin.yaml"), text);
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "AdmissionConfiguration", plugins: [{ name: plugin, path: "plugin.yaml" }] }),
  );
  return [...flags, `--admission-control-config-file=${file}`];
}

for (const world of pluginWorlds)
  await checks.check(world.name, async () => {
    await using pair = await ground.start(flagsOf(world.name.split(",")[0] as string, world));
    const found: string[] = [];
    const seen: string[][] = [];
    for (const server of [pair.peer, pair.ours]) {
      asked.length = 0;
      const answers: unknown[] = [];
      for (const request of world.requests) answers.push(settled(await send(server, request)));
      seen.push(
        answers.map((answer) => JSON.stringify(answer)),
        [...asked],
      );
    }
    const [peer = [], peerAsked = [], ours = [], oursAsked = []] = seen;
    for (const [i, { method, path }] of world.requests.entries()) {
      const lines = differences(JSON.parse(peer[i] as string), JSON.parse(ours[i] as string));
      found.push(...lines.map((line) => `${i} ${method} ${path}: ${line}`));
    }
    found.push(...differences(peerAsked, oursAsked).map((line) => `asked: ${line}`));
    expect(!found.length, `\n     ${found.join("\n     ")}`);
    return `${world.requests.length} requests, ${peerAsked.length} questions`;
  });

/** What ours says before it gives up. */
const refusal = (flags: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const launcher = new URL("../k8ts", import.meta.url).pathname;
    const child = spawn(launcher, ["apiserver", `--data-dir=${ground.path("refused")}`, `--secure-port=${port}`, ...ground.flags, ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    child.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.on("exit", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
/** The sentence itself, without who says it and where. */
const core = (text: string): string =>
  (text.trim().split("\n").at(-1) ?? "")
    .replace(/^.*(couldn't|failed to) init(ialize)? admission plugin \\?"\w+\\?": /, "")
    .replace(/^.*--admission-control-config-file: (\S*(plugin\.yaml|admission\.json): )?/, "")
    .replace(/(supported values: )(.*?)(?=[,\]] |$)/, "$1…")
    .replaceAll(/\\?"/g, "");

for (const [i, { plugin, ...wrong }] of wrongConfigurations.entries())
  await checks.check(`refused: ${plugin} ${i}`, async () => {
    const flags = flagsOf(plugin, wrong);
    const [peer, ours] = [core(await ground.refusal(flags)), core(await refusal(flags))];
    expect(peer === ours, `\n     peer ${peer}\n     ours ${ours}`);
    return ours;
  });
hook.close();
hook.closeAllConnections();
checks.finish();

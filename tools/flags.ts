/**
 * Writes docs/how-to/api-server-flags.md: what of kube-apiserver's flags, features and APIs k8ts apiserver does not take, and why.
 * The page is what the tables in src/ say; the gate's tests fail where it is not.
 *
 * Usage: node tools/flags.ts [--check]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { gatesTable } from "../src/apiserver/feature-gates.ts";
import { missing } from "../src/apiserver/runtime-config.ts";
import { allResources, apiVersionOf } from "../src/api/schema/schema.ts";
import { apiserverFlags, apiserverRefusals } from "../src/distro/components/apiserver-flags.ts";

const file = new URL("../docs/how-to/api-server-flags.md", import.meta.url);
const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

function refusedFlags(): string[] {
  return apiserverRefusals.map(([reason, ...names]) => `| ${code(names.map((name) => `--${name}`))} | ${reason} |`);
}
function fixedFlags(): string[] {
  return Object.entries(apiserverFlags).flatMap(([name, flag]) => {
    const { choices } = flag as { choices?: readonly string[] };
    return choices && choices.join() !== "true,false"
      ? [`| \`--${name}\` | ${choices.map((choice) => (choice ? `\`${choice}\`` : "nothing")).join(", ")} |`]
      : [];
  });
}
function resources(): string[] {
  const versions = Map.groupBy(
    allResources.filter(({ optional }) => optional),
    ({ group, version }) => apiVersionOf(group, version),
  );
  return [...versions].map(([version, defs]) => {
    const taken = new Set(
      gatesTable()
        .filter((gate) => gate.switchable)
        .map(({ name }) => name),
    );
    const notes = defs.map(({ group, resource, gate }) => {
      const why = missing[`${group}/${resource}`];
      if (why) return `${resource}: not implemented (${why})`;
      if (gate && !taken.has(gate)) return `${resource}: not implemented (feature ${gate})`;
      return gate ? `${resource}, with \`--feature-gates=${gate}=true\`` : resource;
    });
    return `| \`${version}\` | ${notes.join("; ")} |`;
  });
}
/** On by default in upstream, and not here. */
function lacking(): string[] {
  return gatesTable().flatMap(({ name, lacks }) => (lacks ? [`| \`${name}\` | ${lacks} |`] : []));
}
function features(): string[] {
  const gates = gatesTable();
  const named = (keep: (gate: (typeof gates)[number]) => boolean): string => code(gates.filter(keep).map(({ name }) => name));
  const free = (gate: (typeof gates)[number]): boolean => !gate.locked && !gate.switchable && !/^All(Alpha|Beta)$/.test(gate.name);
  return [
    `- Can be switched: ${named((gate) => gate.switchable)}.`,
    `- Always on, as by default: ${named((gate) => free(gate) && gate.on && !gate.lacks)}.`,
    `- Always off, as by default, because they are not implemented: ${named((gate) => free(gate) && !gate.on)}.`,
    `- Locked in Kubernetes as well: ${named((gate) => gate.locked)}.`,
  ];
}

export const page = (): string => `# Flags of the API server

\`k8ts apiserver\` takes kube-apiserver's flags (v1.36); \`k8ts apiserver --help\` lists them. Whatever it cannot do is refused by name
when it starts, with the reason; nothing is read and ignored. This page is written by \`node tools/flags.ts\`.

## Which APIs are served

By default those that Kubernetes 1.36 serves by default. \`--runtime-config\` adds and removes versions and resources, in upstream's
words: \`api/all\`, \`api/ga\`, \`api/beta\`, \`api/alpha\`, \`GROUP/VERSION\`, \`GROUP/VERSION/RESOURCE\`, the later the stronger.

\`\`\`sh
k8ts apiserver ... --runtime-config=networking.k8s.io/v1beta1=true,batch/v1/cronjobs=false
k8ts apiserver ... --feature-gates=ClusterTrustBundle=true --runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true
sudo k8ts up --runtime-config=networking.k8s.io/v1beta1=true
\`\`\`

\`k8ts up\` and \`k8ts server\` take \`--runtime-config\` and \`--feature-gates\` as well, for the control plane that they start.

Discovery, OpenAPI and APIServices follow. What would be served and is not implemented keeps the server from starting, with what
to add to leave it out. Off by default:

| version | resources |
| --- | --- |
${resources().join("\n")}

## Features

\`--feature-gates\` takes any feature in the state that it has, and another state where both are implemented.

${features().join("\n")}

On by default in Kubernetes, accepted in that state, and not implemented:

| feature | what happens instead |
| --- | --- |
${lacking().join("\n")}

## What a server was started with

\`/flagz\` tells every flag with its value, \`/statusz\` the release, since when it runs and what to look at; controller manager,
scheduler, kubelet and proxy have both as well. Who is in the group \`system:monitoring\` may read them.

\`\`\`sh
kubectl get --raw /flagz
curl ... -H 'Accept: application/json;g=config.k8s.io;v=v1beta1;as=Statusz' https://SERVER/statusz
\`\`\`

## Flags that take these values alone

| flag | values |
| --- | --- |
${fixedFlags().join("\n")}

## Flags that are refused

| flags | reason |
| --- | --- |
${refusedFlags().join("\n")}
`;

if (import.meta.main) {
  if (!process.argv.includes("--check")) writeFileSync(file, page());
  else if (readFileSync(file, "utf8") !== page()) {
    process.stderr.write("docs/how-to/api-server-flags.md is not what tools/flags.ts writes: run it and commit the result\n");
    process.exitCode = 1;
  }
}

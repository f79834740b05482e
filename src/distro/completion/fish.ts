/** fish: `k8ts completion fish | source`. */
import type { CompletionNode } from "./tree.ts";

export function fishCompletion(nodes: readonly CompletionNode[]): string {
  const root = nodes[0]?.path ?? "k8ts";
  const words = nodes.flatMap(({ path, commands }) => commands.map(({ name }) => `"${path} ${name}"`));
  const lines = nodes.flatMap(({ path, commands, flags }) => {
    const at = `complete -c ${root} -n "__${root}_at '${path}'"`;
    return [
      ...commands.map(({ name, description }) => `${at} -f -a ${name} -d '${description}'`),
      ...flags.map(({ name, description, value }) => {
        const takes = value === "none" ? "" : value === "text" ? " -x" : value === "file" ? " -r -F" : ` -x -a '${value.join(" ")}'`;
        return `${at} -l ${name.replace(/^--/, "")}${takes} -d '${description}'`;
      }),
    ];
  });
  return `# fish completion of ${root}
function __${root}_at
  set -l at ${root}
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${words.join(" ")}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}

/** zsh: `source <(k8ts completion zsh)`, or the text as `_k8ts` in a directory of `$fpath`. */
import type { CompletionNode } from "./tree.ts";

const item = (name: string, description: string): string => `'${name.replaceAll(":", "\\:")}:${description.replaceAll(":", "\\:")}'`;

export function zshCompletion(nodes: readonly CompletionNode[]): string {
  const root = nodes[0]?.path ?? "k8ts";
  const words = nodes.flatMap(({ path, commands }) => commands.map(({ name }) => `"${path} ${name}"`));
  const here = nodes.map(
    ({ path, commands, flags }) =>
      `    "${path}")\n      commands=(${commands.map((one) => item(one.name, one.description)).join(" ")})\n      flags=(${flags.map((one) => item(one.name, one.description)).join(" ")}) ;;`,
  );
  const values = nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, value }) => {
      if (value === "none") return [];
      const reply = value === "text" ? "_message value" : value === "file" ? "_files" : `compadd -- ${value.join(" ")}`;
      return [`    "${path} ${name}") ${reply}; return ;;`];
    }),
  );
  return `#compdef ${root}
_${root}() {
  local at="${root}" word prev="\${words[CURRENT-1]}"
  local -a commands flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${words.join("|")}) at="$at $word" ;;
    esac
  done
  if [[ "$PREFIX" == --*=* ]]; then prev="\${PREFIX%%=*}"; compset -P '*='; fi
  case "$at $prev" in
${values.join("\n")}
  esac
  case "$at" in
${here.join("\n")}
  esac
  if [[ "$PREFIX" == -* ]]; then _describe flag flags
  elif (( \${#commands} )); then _describe command commands
  else _files; fi
}
if [[ "\${funcstack[1]}" == "_${root}" ]]; then _${root} "$@"; else compdef _${root} ${root}; fi
`;
}

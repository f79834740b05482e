/** bash: `source <(k8ts completion bash)`. */
import type { CompletionNode } from "./tree.ts";

export function bashCompletion(nodes: readonly CompletionNode[]): string {
  const root = nodes[0]?.path ?? "k8ts";
  const words = nodes.flatMap(({ path, commands }) => commands.map(({ name }) => `"${path} ${name}"`));
  const here = nodes.map(
    ({ path, commands, flags }) =>
      `    "${path}") commands="${commands.map(({ name }) => name).join(" ")}"; flags="${flags.map(({ name }) => name).join(" ")}" ;;`,
  );
  const values = nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, value }) => {
      if (value === "none") return [];
      const reply =
        value === "text"
          ? "COMPREPLY=()"
          : value === "file"
            ? 'COMPREPLY=($(compgen -f -- "$cur"))'
            : `COMPREPLY=($(compgen -W "${value.join(" ")}" -- "$cur"))`;
      return [`    "${path} ${name}") ${reply}; return ;;`];
    }),
  );
  return `# bash completion of ${root}
_${root}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="${root}" commands="" flags="" i
  if [[ "$cur" == "=" ]]; then cur=""; elif [[ "$prev" == "=" ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${words.join("|")}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $prev" in
${values.join("\n")}
  esac
  case "$path" in
${here.join("\n")}
  esac
  if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n "$commands" ]]; then COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _${root} ${root} ./${root}
`;
}

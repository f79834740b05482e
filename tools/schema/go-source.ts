/** What comments in Go sources say of types, fields and constants, as kube-openapi's generator reads them (pkg/generators). */

export interface GoType {
  comment: string[];
  /** By JSON name. */
  fields: Map<string, { comment: string[]; type: string }>;
  /** Types whose fields are its own: `json:",inline"`. */
  embedded: string[];
  /** Values of constants of this type with their comments, where it is marked `+enum`. */
  values?: { name: string; value: string; comment: string }[];
}
export interface GoPackage {
  /** Types by name. */
  types: Map<string, GoType>;
  /** Packages by the name under which a file has them; one name means one package in all files of these modules. */
  imports: Map<string, string>;
  /** Texts of constants. */
  constants: Map<string, string>;
}

const comments = /^\s*\/\/ ?(.*)$/;
const member = /^\t(?:(\w+)\s+)?([\w.*[\]]+)\s+`.*?json:"([^"]*)".*`/;
const constant = /^\s*(?:const\s+)?(\w+)(?:\s+(\w+))?\s*=\s*(?:(\w+)\()?(?:"([^"]*)"|(\w+\.\w+)\))/;

/** Reads the files of one package together; `constantOf` knows constants of others, `v1.IPv4Protocol`, by this package's imports. */
export function readGoPackage(sources: readonly string[], constantOf: (imports: ReadonlyMap<string, string>, name: string) => string | undefined): GoPackage {
  const types = new Map<string, GoType>();
  const imports = new Map<string, string>();
  const texts: { name: string; type: string | undefined; value: string | undefined; of: string | undefined; comment: string }[] = [];
  for (const source of sources) {
    let comment: string[] = [];
    let inside: GoType | undefined;
    for (const line of source.split("\n")) {
      const said = comments.exec(line);
      if (said) {
        // Instructions to tools, not text.
        const words = (said[1] as string).trimEnd();
        if (!/^\s*\/\/[a-z0-9]+:[a-z0-9]/.test(line) && (words !== "" || comment.at(-1) !== "")) comment.push(words);
        continue;
      }
      const type = /^type (\w+) (?:= )?(\S+)/.exec(line);
      const field = inside && member.exec(line);
      const value = constant.exec(line);
      const imported = /^(?:import )?\t?(?:(\w+) )?"([\w./-]+)"$/.exec(line);
      if (type) {
        inside = { comment, fields: new Map(), embedded: [] };
        types.set(type[1] as string, inside);
        if (comment.some((each) => /^\s*\+enum\b/.test(each)) && type[2] === "string") inside.values = [];
        if (!line.endsWith("{")) inside = undefined;
      } else if (line === "}") inside = undefined;
      else if (inside && field) {
        const [, name, of, json] = field as unknown as [string, string | undefined, string, string];
        const [key] = json.split(",");
        if (key && key !== "-") inside.fields.set(key, { comment, type: of });
        else if (!name) inside.embedded.push(of.replace("*", ""));
      } else if (value) {
        const [, name = "", declared, cast, text, of] = value;
        texts.push({ name, type: declared ?? cast, value: text, of, comment: comment.join(" ") });
      } else if (imported) imports.set(imported[1] ?? (imported[2] as string).replace(/^.*\//, ""), imported[2] as string);
      comment = [];
    }
  }
  const constants = new Map<string, string>();
  for (const { name, type = "", value: text, of = "", comment } of texts) {
    const value = text ?? constantOf(imports, of);
    if (value === undefined) continue;
    constants.set(name, value);
    types.get(type)?.values?.push({ name, value, comment });
  }
  return { types, imports, constants };
}

/** The lines that tell of an enumeration's values; upstream's enum.go. */
export function linesOfEnum({ values = [] }: GoType): string[] {
  if (values.length === 0) return [];
  const byValue = new Map<string, { name: string; value: string; comment: string }>();
  for (const one of values) if (one.comment.length > (byValue.get(one.value)?.comment.length ?? -1)) byValue.set(one.value, one);
  const lines = [...byValue.values()].map(({ name, value, comment }) => {
    const words = comment.trim();
    return ` - \`${JSON.stringify(value)}\` ${(words.startsWith(name) ? words.slice(name.length) : words).trim().replaceAll(/\s+/g, " ")}`;
  });
  return ["", "Possible enum values:", ...lines.sort((a, b) => (a < b ? -1 : 1))];
}

/** A description of comment lines: paragraphs are kept, what is indented stays a line of its own; upstream's generateDescription. */
export function descriptionOf(lines: readonly string[]): string {
  let text = "";
  const back = (): void => {
    text = text.slice(0, -1);
  };
  for (const each of lines) {
    if (each === "---") break;
    const line = each.replace(/ +$/, "");
    const words = line.trimStart();
    if (line === "") {
      back();
      text += "\n\n";
    } else if (words.startsWith("TODO") || words.startsWith("+")) continue;
    else if (/^[ \t]/.test(line)) {
      back();
      text += `\n${line}\n`;
    } else text += `${line} `;
  }
  return text.trim();
}

/** What a client takes: the header Accept as upstream reads it (goautoneg, munnerz/goautoneg), and who is shown indented JSON. */

export interface Clause {
  /** `type/subtype`, as written. */
  type: string;
  q: number;
  params: Record<string, string>;
  /** The type is `*`, the subtype is. */
  wild: [boolean, boolean];
}

/** goautoneg's order, which is none where types are wild. */
const before = (a: Clause, b: Clause): boolean => a.q > b.q || (!a.wild[0] && b.wild[0]) || (!a.wild[1] && b.wild[1]);

function clauseOf(text: string): Clause | undefined {
  const [media = "", ...rest] = text.split(";");
  const parts = media.split("/").map((part) => part.trim());
  if (parts.length > 2 || (!parts[1] && parts[0] !== "*")) return undefined;
  const [type = "", subtype] = parts;
  const clause: Clause = { type: `${type}/${subtype || "*"}`, q: 1, params: {}, wild: [type === "*", (subtype || "*") === "*"] };
  for (const part of rest) {
    const [key = "", value = "", more] = part.split("=");
    if (value === "" || more !== undefined) continue;
    if (key.trim() === "q") clause.q = Number(value) || 0;
    else clause.params[key.trim()] = value.trim();
  }
  return clause;
}

/** Headers that are remembered: so many, none longer than that. A client sends the same few again and again. */
const remembered = { headers: 256, characters: 1024 };
const parsed = new Map<string, Clause[]>();
/** Go's sort leaves the insertion of each into its place at this length; then the order of what has none depends on it. */
const insertedUpTo = 12;

function sort(clauses: Clause[]): void {
  if (clauses.length > insertedUpTo) {
    clauses.sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0));
    return;
  }
  for (let i = 1; i < clauses.length; i++) {
    for (let j = i; j > 0 && before(clauses[j] as Clause, clauses[j - 1] as Clause); j--)
      [clauses[j], clauses[j - 1]] = [clauses[j - 1] as Clause, clauses[j] as Clause];
  }
}

/** What the header names, what is wished most first. */
export function clausesOf(accept: string): Clause[] {
  const known = parsed.get(accept);
  if (known) return known;
  const clauses = accept.split(",").flatMap((text) => clauseOf(text) ?? []);
  sort(clauses);
  if (accept.length <= remembered.characters && parsed.size < remembered.headers) parsed.set(accept, clauses);
  return clauses;
}

const trueWords = new Set(["1", "t", "T", "true", "TRUE", "True"]);

/** `asked` is the query's `pretty`; browsers and command lines that show what they get need not ask. */
export function wantsIndented(asked: string | null, agent = ""): boolean {
  if (asked) return trueWords.has(asked);
  return agent.startsWith("curl") || agent.startsWith("Wget") || agent.startsWith("Mozilla/5.0");
}

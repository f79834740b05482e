/** `$(NAME)` references in commands, arguments and values (upstream's third_party/forked/golang/expansion). Pure. */

/**
 * Replaces `$(NAME)` by what `lookup` gives; an unknown name stays as it is written, and `$$` is a dollar sign that
 * starts no reference.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  if (!text.includes("$")) return text;
  let out = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character !== "$" || at + 1 >= text.length) {
      out += character;
      continue;
    }
    const next = text[at + 1];
    if (next === "$") {
      out += "$";
      at++;
    } else if (next === "(") {
      const end = text.indexOf(")", at + 2);
      if (end < 0) {
        out += "$(";
        at++;
        continue;
      }
      const name = text.slice(at + 2, end);
      out += lookup(name) ?? `$(${name})`;
      at = end;
    } else {
      // An operator that is none: both characters stay.
      out += `$${next}`;
      at++;
    }
  }
  return out;
}

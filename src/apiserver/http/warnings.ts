/** Warnings as header lines, no more of them than a client's buffers bear (k8s.io/apiserver/pkg/endpoints/filters/warning.go). */

/** Characters of all warnings of an answer; beyond it each is cut. */
const mostOfAll = 4096;
const mostOfOne = 256;

/** As it is, in UTF-8: a character of the text that goes into the header stands for a byte. */
const quoted = (text: string): string =>
  `299 - "${Buffer.from(
    text
      .toWellFormed()
      .replace(/[\\"]/g, "\\$&")
      .replace(/[^\t\P{Cc}]/gu, " "),
  ).toString("latin1")}"`;

/** Cut between characters. */
function start(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = [...text.slice(0, 2 * most)];
  return characters.length > most ? characters.slice(0, most).join("") : text;
}

/** Values of the header `warning`, one a line. */
export function warningLines(warnings: readonly string[]): string[] {
  let length = 0;
  for (const warning of warnings) length += warning.length;
  if (length <= mostOfAll) return warnings.map(quoted);
  const lines: string[] = [];
  let written = 0;
  for (const warning of warnings) {
    if (written >= mostOfAll) break;
    const text = start(warning, mostOfOne);
    written += text.length;
    lines.push(quoted(text));
  }
  return lines;
}

/** Warning headers (RFC 7234, section 5.5) as the API server sends them: `299 - "text"`. */

const one = /(\d{3}) (\S+) "((?:[^"\\]|\\.)*)"/g;

/** The texts of code 299; several headers may have been joined by commas. */
export function parseWarnings(header: string | undefined): string[] {
  if (!header) return [];
  return [...header.matchAll(one)].filter((m) => m[1] === "299").map((m) => (m[3] as string).replace(/\\(.)/g, "$1"));
}

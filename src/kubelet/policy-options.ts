/** Options of policies: strings, read as Go reads them. */

const booleans: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true]),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false]),
]);

/** Throws in upstream's words. */
export function booleanOption(name: string, value: string): boolean {
  const wanted = booleans[value];
  if (wanted === undefined)
    throw new Error(`bad value for option ${JSON.stringify(name)}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  return wanted;
}

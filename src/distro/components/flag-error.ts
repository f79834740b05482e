/** What is wrong with a component's configuration, one sentence each. */
export class FlagError extends Error {
  override name = "FlagError";
  constructor(problems: readonly string[], hint?: string) {
    super([...problems, ...(hint ? [hint] : [])].join("\n"));
  }
}

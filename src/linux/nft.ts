/** nftables, through its own program; a script is one transaction. */
import { run } from "./command.ts";

/** Applies the commands together or not at all. Rejects with CommandError, whose text names the line. */
export async function applyRuleset(script: string): Promise<void> {
  await run("nft", ["-f", "-"], { input: script });
}

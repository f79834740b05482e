/** Connection tracking, through conntrack(8). */
import { CommandError, run } from "./command.ts";

/** Forgets tracked UDP flows to `destination` that were rewritten to `endpoint`; none being there is not an error. */
export async function forgetUDPFlows(destination: string, endpoint: string): Promise<void> {
  try {
    await run("conntrack", ["-D", "-p", "udp", "--orig-dst", destination, "--dst-nat", endpoint]);
  } catch (error) {
    if (!(error instanceof CommandError && /0 flow entries/.test(error.stderr))) throw error;
  }
}

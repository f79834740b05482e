/** Connection tracking, through conntrack(8). */
import { CommandError, run } from "./command.ts";

/** A tracked UDP flow: where its first packet was going, and who answers. */
export interface UDPFlow {
  destination: string;
  destinationPort: number;
  answerer: string;
  answererPort: number;
}

const none = /0 flow entries/;

async function conntrack(args: string[]): Promise<string> {
  try {
    return await run("conntrack", args);
  } catch (error) {
    if (error instanceof CommandError && none.test(error.stderr)) return "";
    throw error;
  }
}

/** UDP flows of a family, each kind once however many clients have one. */
export async function udpFlows(family: "IPv4" | "IPv6"): Promise<UDPFlow[]> {
  return parseFlows(await conntrack(["-L", "-p", "udp", "-f", family.toLowerCase()]));
}

/** Lines such as `udp 17 29 src=10.0.0.1 dst=10.96.0.10 sport=4 dport=53 src=10.244.0.5 dst=10.0.0.1 sport=53 dport=4 use=1`. */
export function parseFlows(listing: string): UDPFlow[] {
  const flows = new Map<string, UDPFlow>();
  for (const line of listing.split("\n")) {
    const values = [...line.matchAll(/\b(?:src|dst|sport|dport)=(\S+)/g)].map(([, value]) => value as string);
    if (values.length < 8) continue;
    const [, destination, , destinationPort, answerer, , answererPort] = values as [string, string, string, string, string, string, string];
    flows.set(`${destination} ${destinationPort} ${answerer} ${answererPort}`, {
      destination,
      destinationPort: Number(destinationPort),
      answerer,
      answererPort: Number(answererPort),
    });
  }
  return [...flows.values()];
}

/** Forgets all flows that are alike; none being there any more is not an error. The next packet is looked at as a new flow's. */
export async function forgetUDPFlow(family: "IPv4" | "IPv6", flow: UDPFlow): Promise<void> {
  const { destination, destinationPort, answerer, answererPort } = flow;
  const ports = ["--orig-port-dst", String(destinationPort), "--reply-port-src", String(answererPort)];
  await conntrack(["-D", "-f", family.toLowerCase(), "-p", "udp", "--orig-dst", destination, "--reply-src", answerer, ...ports]);
}

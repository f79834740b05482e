/** Network interfaces and what went over them, as /proc/net/dev shows it (man 5 proc). */
import { readFileSync } from "node:fs";

export interface InterfaceUsage {
  name: string;
  receivedBytes: number;
  receivedPackets: number;
  receiveErrors: number;
  receiveDropped: number;
  sentBytes: number;
  sentPackets: number;
  sendErrors: number;
  sendDropped: number;
}

/** Loopback, and the near ends of others' interfaces, say nothing of this side. */
const ignored = /^(lo|veth.*|docker.*|nerdctl.*|cali.*)$/;

export function parseInterfaces(content: string): InterfaceUsage[] {
  const found: InterfaceUsage[] = [];
  for (const line of content.split("\n").slice(2)) {
    const [, name, rest] = /^\s*([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (!name || rest === undefined || ignored.test(name)) continue;
    const [receivedBytes = 0, receivedPackets = 0, receiveErrors = 0, receiveDropped = 0, , , , , ...sent] = rest.split(/\s+/).map(Number);
    const [sentBytes = 0, sentPackets = 0, sendErrors = 0, sendDropped = 0] = sent;
    found.push({ name, receivedBytes, receivedPackets, receiveErrors, receiveDropped, sentBytes, sentPackets, sendErrors, sendDropped });
  }
  return found;
}

/** In the network namespace of a process; none once that has ended. */
export function interfacesOf(pid: number | "self"): InterfaceUsage[] {
  try {
    return parseInterfaces(readFileSync(`/proc/${pid}/net/dev`, "utf8"));
  } catch (error) {
    if (["ENOENT", "ESRCH", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/**
 * containerd holds what a request has made by a lease that ends with the request, or after a day (containerd, lease.go). Those
 * of a containerd that was killed in the middle keep snapshots that nobody will ask for.
 */
import { run } from "../linux/command.ts";

/** Ids, from what `ctr leases ls` prints, of those that were made for requests before `since` (milliseconds since the epoch). */
export function abandonedLeases(listing: string, since: number): string[] {
  return listing
    .split("\n")
    .slice(1)
    .map((line) => line.split(/\s+/))
    .filter(([id = "", created = "", labels = ""]) => {
      // The list shows whole seconds; an id begins with the nanoseconds (leases.WithRandomID).
      const nanoseconds = /^(\d{1,9})-/.exec(id)?.[1];
      return labels.includes("containerd.io/gc.expire=") && nanoseconds !== undefined && Date.parse(created) + Number(nanoseconds) / 1e6 < since;
    })
    .map(([id]) => id as string);
}

/** Ends the leases of requests that were made before `since`; containerd then removes what they held. */
export async function endAbandonedLeases(socket: string, since: number): Promise<void> {
  const ctr = (...args: string[]): Promise<string> => run("ctr", ["--address", socket, "--namespace", "k8s.io", "leases", ...args]);
  for (const id of abandonedLeases(await ctr("ls"), since)) await ctr("rm", "--sync", id);
}

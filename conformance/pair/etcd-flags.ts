/** An etcd of one member on loopback, as every judge and bench starts it. */
import { join } from "node:path";

/** `directory`: its data lies below it. It answers clients at `port`, other members at `peerPort`. */
export function etcdFlags(directory: string, port: number, peerPort: number): string[] {
  const [client, member] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    `--data-dir=${join(directory, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${member}`,
    `--initial-advertise-peer-urls=${member}`,
    `--initial-cluster=default=${member}`,
    "--log-level=warn",
  ];
}
/** Nothing that a judge stores is missed. */
export const unsafe = "--unsafe-no-fsync";

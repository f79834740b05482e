/** Programs of the machine that a node needs, and the Debian packages that bring them. */
import { accessSync, constants, existsSync } from "node:fs";
import { CommandError, run } from "../linux/command.ts";

const wanted: { package: string; has: () => boolean }[] = [
  { package: "containerd", has: () => onPath("containerd") && onPath("ctr") },
  { package: "runc", has: () => onPath("runc") },
  { package: "containernetworking-plugins", has: () => cniDirectory() !== undefined },
  { package: "nftables", has: () => onPath("nft") },
  { package: "iproute2", has: () => onPath("ip") },
  { package: "iptables", has: () => onPath("iptables") },
  { package: "conntrack", has: () => onPath("conntrack") },
];

const searchPath = (): string[] => [...(process.env.PATH ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Full path of a program, or undefined. */
export function which(program: string): string | undefined {
  for (const directory of searchPath()) {
    const candidate = `${directory}/${program}`;
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here; the next directory may have it.
    }
  }
  return undefined;
}
const onPath = (program: string): boolean => which(program) !== undefined;

/** Where the CNI plugins lie: Debian's place, then the project's own. */
export function cniDirectory(): string | undefined {
  return ["/usr/lib/cni", "/opt/cni/bin"].find((d) => existsSync(`${d}/bridge`) && existsSync(`${d}/host-local`) && existsSync(`${d}/portmap`));
}

export const missingPackages = (): string[] => wanted.filter((w) => !w.has()).map((w) => w.package);

/** Installs them with apt-get; throws one sentence that says what to do when that cannot be. */
export async function installPackages(packages: string[], progress: (text: string) => void): Promise<void> {
  if (!onPath("apt-get"))
    throw new Error(`this machine has no apt-get: install ${packages.join(", ")} with its own package manager, then run the command again`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const install = (): Promise<string> => run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...packages], { env });
  try {
    progress(`apt-get install ${packages.join(" ")}`);
    await install().catch(async () => {
      progress("apt-get update");
      await run("apt-get", ["update", "-q"], { env });
      progress(`apt-get install ${packages.join(" ")}`);
      await install();
    });
  } catch (error) {
    const why = error instanceof CommandError ? (error.stderr.trim().split("\n").at(-1) ?? "") : String(error);
    throw new Error(
      `apt-get could not install ${packages.join(", ")} (${why}): connect the machine to its package mirror, or install them by hand, then run the command again`,
    );
  }
}

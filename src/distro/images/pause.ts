/**
 * The image of every pod sandbox, made here so that no registry is needed: one static ELF program of a few hundred bytes.
 * As process 1 of the sandbox it waits for signals: it reaps what it inherits on SIGCHLD and exits 0 on SIGTERM or SIGINT.
 * Blocked signals are queued even for process 1 of a PID namespace, so the program needs no handlers.
 */
import { type Image, layerOf } from "./oci.ts";

export const pauseImageName = "registry.k8s.io/pause:3.10.2";

/** x86-64: rt_sigprocmask(SIG_BLOCK, {INT,TERM,CHLD}); for (;;) switch (rt_sigtimedwait(set)) { CHLD: while (wait4(-1, WNOHANG) > 0); <0: continue; default: exit(0) } */
const x64 = [
  "31ff",
  "488d3555000000",
  "31d2",
  "41ba08000000",
  "b80e000000",
  "0f05", // rt_sigprocmask
  "488d3d3f000000",
  "31f6",
  "31d2",
  "41ba08000000",
  "b880000000",
  "0f05", // loop: rt_sigtimedwait
  "83f811",
  "751c", // not SIGCHLD -> other
  "bfffffffff",
  "31f6",
  "ba01000000",
  "4531d2",
  "b83d000000",
  "0f05",
  "85c0",
  "7fe6",
  "ebc7", // reap: wait4; more -> reap; -> loop
  "85c0",
  "78c3",
  "31ff",
  "b83c000000",
  "0f05", // other: interrupted -> loop; exit(0)
  "0240010000000000", // set
].join("");

/** A static ELF64 executable with one read-execute segment that holds `code`. */
function elf(machine: number, code: Uint8Array): Uint8Array {
  const headers = 64 + 56;
  const base = 0x400000;
  const file = Buffer.alloc(headers + code.length);
  file.write("\x7fELF", 0, "latin1");
  file.set([2, 1, 1], 4); // 64 bit, little endian, version
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(base + headers), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // read, execute
  file.writeBigUInt64LE(BigInt(base), 80);
  file.writeBigUInt64LE(BigInt(base), 88);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(0x1000n, 112);
  file.set(code, headers);
  return file;
}

/** Throws on a processor it has no code for. */
export async function pauseImage(arch: string = process.arch): Promise<Image> {
  if (arch !== "x64") throw new Error(`no pause program for the processor ${arch}: import ${pauseImageName} with \`k8ts image import FILE\``);
  const layer = await layerOf([{ name: "pause", mode: 0o755, content: elf(62, Buffer.from(x64, "hex")) }]);
  return { name: pauseImageName, layers: [layer], config: { Entrypoint: ["/pause"], User: "65535:65535" } };
}

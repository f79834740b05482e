/** For tests and judges: a certificate that signs itself, as openssl makes it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SelfSigned {
  /** PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** `subject` is like `/O=system:masters/CN=jane`, `names` like `IP:127.0.0.1`. Good for two days. Throws where there is no openssl. */
export function selfSigned(subject: string, ...names: readonly string[]): SelfSigned {
  const directory = mkdtempSync(join(tmpdir(), "self-signed-"));
  try {
    const alternative = names.length ? ["-addext", `subjectAltName=${names.join()}`] : [];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const made = ["req", "-x509", ...curve, "-nodes", "-days", "2", "-subj", subject, ...alternative, "-keyout", "key", "-out", "cert"];
    execFileSync("openssl", made, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
    return { cert: readFileSync(join(directory, "cert")), key: readFileSync(join(directory, "key")) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

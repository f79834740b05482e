/** For tests: `ca`, and `server` and `client` that it signed, each a PEM file `.crt` and `.key` in the directory, by openssl. */
import { execFileSync } from "node:child_process";

export function makeCertificates(directory: string): void {
  const run = (line: string): void => void execFileSync("openssl", line.split(" "), { cwd: directory, stdio: "ignore" });
  const fresh = "req -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
  run(`${fresh} -x509 -keyout ca.key -out ca.crt -subj /CN=ca -days 2`);
  for (const name of ["server", "client"]) {
    run(`${fresh} -keyout ${name}.key -out ${name}.csr -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1`);
    run(`x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out ${name}.crt -days 2 -copy_extensions copy`);
  }
}

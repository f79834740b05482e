/** Answers where envtest looks whether etcd is well. Usage: etcd --listen-client-urls=http://HOST:PORT [what else etcd is given] */
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({ strict: false, options: { "listen-client-urls": { type: "string" }, help: { type: "boolean" } } });
const address = values["listen-client-urls"];
if (values.help) {
  process.stdout.write("Usage: etcd --listen-client-urls=http://HOST:PORT\n");
} else if (typeof address !== "string" || !URL.canParse(address)) {
  process.stderr.write("etcd: --listen-client-urls must be one URL, e.g. http://127.0.0.1:2379\n");
  process.exitCode = 1;
} else {
  const { hostname, port } = new URL(address);
  createServer((_request, response) => void response.setHeader("content-type", "application/json").end('{"health":"true"}')).listen(Number(port), hostname);
}

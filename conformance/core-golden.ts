/**
 * Sends the creations recorded in src/api/core/testdata/golden.json to a kube-apiserver again (dryRun=All) and prints
 * what it answers differently: for a new version of upstream. The server runs without the admission plugins that change
 * objects (ServiceAccount, DefaultTolerationSeconds, Priority, LimitRanger, StorageObjectInUseProtection,
 * DefaultStorageClass, TaintNodesByCondition).
 *
 *     node conformance/core-golden.ts https://127.0.0.1:6443 ca.crt admin.crt admin.key
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";

interface Golden {
  name: string;
  verb: string;
  input: { kind: string; metadata: { namespace?: string } };
  causes?: [string, string, string][];
}
interface Answer {
  details?: { causes?: { reason: string; field?: string; message: string }[] };
}

const [server, ca, cert, key] = process.argv.slice(2);
if (!server || !ca || !cert || !key) throw new Error("usage: core-golden.ts URL CA CERT KEY");
const agent = new Agent({ ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key), keepAlive: true });

function post(path: string, body: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, server), { method: "POST", agent, headers: { "content-type": "application/json" } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => resolve(JSON.parse(text) as Answer));
    });
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

const golden = JSON.parse(readFileSync(new URL("../src/api/core/testdata/golden.json", import.meta.url), "utf8")) as Golden[];
const text = (causes: [string, string, string][] | undefined): string => JSON.stringify((causes ?? []).map((cause) => cause.join(" ")).sort());
let different = 0;
for (const { name, verb, input, causes } of golden) {
  if (verb !== "create") continue;
  const plural = input.kind === "Endpoints" ? "endpoints" : `${input.kind.toLowerCase()}s`;
  const scope = input.metadata.namespace ? `namespaces/${input.metadata.namespace}/` : "";
  const answer = await post(`/api/v1/${scope}${plural}?dryRun=All`, input);
  const now = answer.details?.causes?.map((c): [string, string, string] => [c.reason, c.field ?? "", c.message]);
  if (text(now) === text(causes)) continue;
  different++;
  process.stdout.write(`${name}\n  recorded ${text(causes)}\n  now      ${text(now)}\n`);
}
agent.destroy();
process.stdout.write(`${different} different\n`);

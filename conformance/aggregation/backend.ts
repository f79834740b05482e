/** A server behind the two that are compared, which answers what its path asks for: with what it got, too much, nothing, lies. */
import { createServer, type Server } from "node:https";

export interface BackendOptions {
  cert: string;
  key: string;
  /** Of the front proxy's authority. */
  ca: string;
  port: number;
}

const list = (groupVersion: string, resources: object[]): object => ({ kind: "APIResourceList", apiVersion: "v1", groupVersion, resources });
const things = { name: "things", singularName: "thing", namespaced: true, kind: "Thing", verbs: ["get", "list", "watch"], shortNames: ["th"] };
const status = { name: "things/status", singularName: "", namespaced: true, kind: "Thing", verbs: ["get"] };

/** Group to what `/apis/GROUP/v1` answers; all else of a group is under the same way. */
const ways = ["echo", "redirect", "hang", "huge", "lie", "error", "cut"] as const;
export const groups = ways.map((way) => `${way}.example.com`);

export async function startBackend({ cert, key, ca, port }: BackendOptions): Promise<Server> {
  const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://backend");
    const [, apis, group = "", version, ...rest] = pathname.split("/");
    const way = ways.find((one) => group === `${one}.example.com`);
    const json = (code: number, body: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(code, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    if (apis !== "apis" || !way || !version) return json(404, { kind: "Status", status: "Failure", code: 404 });
    if (way === "error") return json(500, { kind: "Status", status: "Failure", code: 500 });
    if (way === "hang" && rest.length) return;
    if (way === "lie") return json(200, rest.length ? "{]" : '{"resources": 7}');
    if (!rest.length) return json(200, list(`${group}/${version}`, [things, status]));
    if (way === "redirect") return json(302, {}, { location: "https://127.0.0.1:1/" });
    if (way === "cut") return void response.destroy();
    if (way === "huge") {
      response.writeHead(200, { "content-type": "application/json" });
      const chunk = Buffer.alloc(1 << 20, "x");
      let sent = 0;
      const more = (): void => {
        while (sent < 64) {
          sent++;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      return more();
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { authorized } = request.socket as unknown as { authorized: boolean };
      const headers = Object.fromEntries(Object.entries(request.headersDistinct).filter(([name]) => name.startsWith("x-") || own.includes(name)));
      json(200, { method: request.method, url: request.url, authorized, headers, body: Buffer.concat(chunks).toString() }, { warning: '299 - "mind"' });
    });
  });
  server.on("upgrade", (_, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}

const own = ["authorization", "impersonate-user", "user-agent", "accept", "content-type", "cookie"];

/**
 * Runs within a network namespace: answers on every address of it with who was asked and who asks, and asks others as it is
 * told on standard input, a line of JSON each: {"id", "protocol", "host", "port"} -> {"id", "said"}.
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const port = 8080;
const patience = 700;

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.end(`${socket.localAddress} hears ${socket.remoteAddress}`);
}).listen(port, "0.0.0.0");
// A UDP socket for each address: an answer must come from where the question went.
for (const address of process.argv.slice(2)) {
  const socket = createSocket("udp4");
  socket.on("message", (_, peer) => socket.send(`${address} hears ${peer.address}`, peer.port, peer.address));
  socket.bind(port, address);
}

function overTCP(host: string, at: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: at });
    const timer = setTimeout(() => end("silence"), patience);
    const end = (said: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(said);
    };
    socket.on("data", (data) => end(data.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED" ? "refused" : String(error.code)));
    socket.on("end", () => end("ended"));
  });
}

function overUDP(host: string, at: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const timer = setTimeout(() => end("silence"), patience);
    const end = (said: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(said);
    };
    socket.on("message", (data) => end(data.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED" ? "refused" : String(error.code)));
    socket.connect(at, host, () => socket.send("x"));
  });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, protocol, host, port: at } = JSON.parse(line) as { id: number; protocol: string; host: string; port: number };
  void (protocol === "UDP" ? overUDP : overTCP)(host, at).then((said) => process.stdout.write(`${JSON.stringify({ id, said })}\n`));
});
process.stdout.write('{"id":0,"said":"ready"}\n');

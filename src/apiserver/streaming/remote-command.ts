/**
 * exec and attach for WebSocket clients: channels of one WebSocket become streams of a SPDY connection to the kubelet
 * (k8s.io/apiserver/pkg/util/proxy/streamtranslator.go, k8s.io/kubelet/pkg/cri/streaming/remotecommand). The subprotocols
 * are [base64.]channel.k8s.io and v4 (errors as text, as Status) and v5 (the client may close stdin alone).
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { SpdyConnection } from "../../base/spdy/connection.ts";
import type { SpdyStream } from "../../base/spdy/stream.ts";
import { bytesOf, send } from "./websocket.ts";

/** In the order in which the server prefers them. */
export const subprotocols = ["v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io"];

/** What the kubelet speaks on its side of the translation. */
export const kubeletProtocol = "v4.channel.k8s.io";

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Bytes of a Status with which a command ends. */
const maxFailure = 1 << 20;

export interface RemoteCommand {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** Ends both sides; never rejects for what the other sides do. */
export async function translate(socket: WebSocket, protocol: string, kubelet: Duplex, command: RemoteCommand): Promise<void> {
  const base64 = protocol.includes("base64");
  const structured = protocol.startsWith("v4") || protocol.startsWith("v5");
  const connection = new SpdyConnection(kubelet, "client");
  const open = (streamtype: string): SpdyStream => connection.open({ streamtype: [streamtype] });
  const streams = {
    error: open("error"),
    ...(command.stdin ? { stdin: open("stdin") } : {}),
    ...(command.stdout ? { stdout: open("stdout") } : {}),
    ...(command.stderr && !command.tty ? { stderr: open("stderr") } : {}),
    ...(command.tty ? { resize: open("resize") } : {}),
  } as Partial<Record<keyof typeof channel, SpdyStream>> & { error: SpdyStream };
  for (const stream of Object.values(streams)) stream.on("error", () => stream.destroy());
  streams.error.end();

  const write = async (id: number, chunk: Uint8Array): Promise<void> => {
    if (socket.readyState !== socket.OPEN) return;
    if (base64) await send(socket, `${id}${Buffer.from(chunk).toString("base64")}`);
    else await send(socket, Buffer.concat([Buffer.of(id), chunk]));
  };
  socket.on("message", (data) => {
    const message = bytesOf(data);
    if (message.length === 0) return;
    const id = base64 ? (message[0] as number) - 48 : (message[0] as number);
    const content = base64 ? Buffer.from(message.subarray(1).toString("latin1"), "base64") : message.subarray(1);
    if (id === channel.close && protocol.startsWith("v5")) {
      if (content[0] === channel.stdin) streams.stdin?.end();
      return;
    }
    const stream = id === channel.stdin ? streams.stdin : id === channel.resize ? streams.resize : undefined;
    if (!stream || stream.writableEnded || content.length === 0) return;
    // A client that sends faster than the container reads is held back instead of being kept in memory.
    if (!stream.write(content)) {
      socket.pause();
      stream.once("drain", () => socket.resume());
    }
  });
  socket.on("close", () => connection.close());
  socket.on("error", () => connection.close());

  // An empty message on the lowest channel that the client may read tells it that the command is connected.
  const lowest = command.stdout ? channel.stdout : command.stderr ? channel.stderr : channel.error;
  await write(lowest, Buffer.alloc(0)).catch(() => socket.terminate());
  const copy = async (stream: SpdyStream | undefined, id: number): Promise<void> => {
    if (stream) for await (const chunk of stream as AsyncIterable<Buffer>) await write(id, chunk);
  };
  const failure = async (): Promise<void> => {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of streams.error as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxFailure) throw new Error("what the kubelet says of the end is too long");
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString();
    const message = structured ? text : plainMessage(text);
    if (message) await write(channel.error, Buffer.from(message));
  };
  try {
    await Promise.all([copy(streams.stdout, channel.stdout), copy(streams.stderr, channel.stderr)]);
    await failure();
    socket.close(1000);
  } catch {
    // The client went away in the middle: there is nobody left to tell.
    socket.terminate();
  } finally {
    connection.close();
  }
}

/** What the older protocols say of a failure; success is silence. */
function plainMessage(text: string): string {
  try {
    const status = JSON.parse(text) as { status?: string; message?: string };
    return status.status === "Success" ? "" : (status.message ?? text);
  } catch {
    return text;
  }
}

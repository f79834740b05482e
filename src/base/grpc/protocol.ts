/** One .proto file ready to be called and served: its methods by name and the codec of its messages. */
import { type Message, Protobuf, type ProtoFacts } from "./protobuf.ts";

export interface Method {
  service: string;
  /** `/package.Service/Method` */
  path: string;
  stream: boolean;
  encodeRequest(message: Message): Buffer;
  decodeRequest(bytes: Buffer): Message;
  encodeResponse(message: Message): Buffer;
  decodeResponse(bytes: Buffer): Message;
}

/** `Methods` as tools/schema/proto.ts generates them: the intersection of the services' interfaces. */
export interface Protocol<Methods> {
  /** Throws for a name that no service has. */
  method(name: keyof Methods & string): Method;
}

type Methods<M> = { [K in keyof M]: { request: object; response: object; stream: boolean } };

/** Everything may be left out of a message that is sent. */
export type Sent<V> = V extends Uint8Array ? V : V extends (infer E)[] ? Sent<E>[] : V extends object ? { [K in keyof V]?: Sent<V[K]> } : V;

/** `facts` is the content of a facts.json; the types of JSON imports are too wide to be checked. */
export function protocolOf<M extends Methods<M>>(facts: { package: string }): Protocol<M> {
  const protobuf = new Protobuf(facts as ProtoFacts);
  const methods = new Map<string, Method>();
  for (const [service, list] of Object.entries(protobuf.facts.services))
    for (const [name, [request, response, stream]] of Object.entries(list))
      methods.set(name, {
        service: `${facts.package}.${service}`,
        path: `/${facts.package}.${service}/${name}`,
        stream,
        encodeRequest: (message) => protobuf.encode(request, message),
        decodeRequest: (bytes) => protobuf.decode(request, bytes),
        encodeResponse: (message) => protobuf.encode(response, message),
        decodeResponse: (bytes) => protobuf.decode(response, bytes),
      });
  return {
    method(name) {
      const method = methods.get(name);
      if (!method) throw new Error(`${facts.package} has no method ${name}`);
      return method;
    },
  };
}

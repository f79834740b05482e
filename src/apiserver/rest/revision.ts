/** resourceVersion as reads give it (k8s.io/apiserver/pkg/storage/api_object_versioner.go). */
import { invalidValue, path } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { badRequest, StatusError, timeout } from "../../api/status.ts";
import type { Call } from "./call.ts";

/** "" gives 0. A watch and a read of one object answer a malformed one with 500, as upstream does; lists with 400. */
export function parseRevision(text: string, plain = false): number {
  if (text === "") return 0;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  const { field, body } = invalidValue(path("resourceVersion"), text, `strconv.ParseUint: parsing ${goQuote(text)}: invalid syntax`);
  if (plain) throw new StatusError({ code: 500, message: `${field}: ${body}` });
  throw badRequest(`invalid resource version: ${field}: ${body}`);
}

/** A read not older than what no server has reached: upstream waits three seconds and says so. */
export async function waitForRevision(call: Call, text: string, plain = false): Promise<void> {
  const asked = parseRevision(text, plain);
  const { clock } = call.rest;
  const began = clock.monotonic();
  let now = await call.endpoint.cache.revision();
  if (now < asked) {
    await clock.sleep(3000, call.request.signal);
    now = await call.endpoint.cache.revision();
  }
  if (asked > 0) call.rest.read(call.endpoint.hub)?.waited((clock.monotonic() - began) / 1000);
  // Events are read past the watch cache, which alone says when to come back.
  if (now < asked) throw tooLarge(asked, now, call.endpoint.hub.resource === "events" ? 0 : 1);
}

/** A revision that has not been reached. `retrySeconds` 0: nobody says when to come back. */
export function tooLarge(asked: number, current: number, retrySeconds: number): StatusError {
  const error = timeout(`Too large resource version: ${asked}, current: ${current}`, retrySeconds);
  return Object.assign(error, {
    status: {
      ...error.status,
      details: { ...error.status.details, causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }] },
    },
  });
}

/** PUT of an object or of one of its subresources of the same kind. */
import { deepCopy } from "../../api/copy.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import { badRequest } from "../../api/status.ts";
import type { Call } from "./call.ts";
import { decodeObject } from "./decode.ts";
import { bodyMedia } from "./negotiate.ts";
import { writeOptions } from "./options.ts";
import { respondOutcome } from "./respond.ts";
import type { StandIn } from "./stand-in.ts";
import { dedupOwnerReferences, matchNamespace } from "./strategy.ts";
import { checkActs, updateObject } from "./write.ts";

/** Throws 400 where the object is not the one that the URL names. */
export function checkName(call: Call, object: KubeObject): void {
  const { info } = call;
  const { name } = object.metadata;
  if (!name) throw badRequest(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`);
  if (name !== info.name) throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
}

export async function update(call: Call, standIn?: StandIn): Promise<ApiResponse> {
  checkActs(call);
  const { endpoint, info, rest } = call;
  const options = writeOptions(call, "UpdateOptions");
  if (call.request.object === undefined) bodyMedia(call.request);
  const object = await (standIn ? standIn.decode(options.fieldValidation) : decodeObject(call, options.fieldValidation));
  matchNamespace(call, object);
  checkName(call, object);
  dedupOwnerReferences(call, object);
  const outcome = await updateObject(call, {
    options,
    ...(object.metadata.uid ? { uid: object.metadata.uid } : {}),
    next: () => deepCopy(object),
    standIn,
    mayCreate: endpoint.hubKind.allowCreateOnUpdate === true && (info.subresource === "" || info.subresource === "status"),
    attempts: 5,
    authorizeCreate: () => rest.authorize({ ...authorizationOf(call), verb: "create" }),
  });
  return standIn ? standIn.respond(outcome) : respondOutcome(call, outcome.created ? 201 : 200, outcome);
}

export function authorizationOf(call: Call) {
  const { info, user } = call;
  const { verb, group, version, resource, subresource, namespace, name, path } = info;
  return { user, isResource: true, verb, group, version, resource, subresource, namespace, name, path };
}

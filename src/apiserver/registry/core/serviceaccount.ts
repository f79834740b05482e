/** serviceaccounts/token (pkg/registry/core/serviceaccount/storage/token.go). */
import { trackUpdate } from "../../../api/apply/managed-fields.ts";
import type { JSONObject } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { typeByName } from "../../../api/schema/schema.ts";
import { formatTime } from "../../../api/time.ts";
import type { TokenRequest } from "../../../api/types/authentication-v1.gen.ts";
import type { Registry } from "../../rest/call.ts";
import { decodeTyped } from "../../rest/decode.ts";
import { writeOptions } from "../../rest/options.ts";
import { respondKube } from "../../rest/respond.ts";
import { matchNamespace } from "../../rest/strategy.ts";
import { complete } from "../../rest/wire.ts";
import { attributesOf } from "../../rest/write.ts";
import type { RegistryDeps } from "../registries.ts";
import { createToken } from "./serviceaccount-token.ts";

const apiVersion = "authentication.k8s.io/v1";
const kind = "TokenRequest";

export const serviceAccountRegistry = (deps: RegistryDeps): Registry => ({
  subresources: {
    async token(call) {
      const { info, rest } = call;
      const options = writeOptions(call, "CreateOptions");
      const type = typeByName("authentication/v1.TokenRequest");
      const request = await decodeTyped<TokenRequest>(call, { kind, apiVersion, type }, options.fieldValidation);
      request.metadata ??= {} as TokenRequest["metadata"];
      matchNamespace(call, request as unknown as KubeObject);
      request.spec.expirationSeconds ??= 3600;
      const operation = { manager: options.manager, apiVersion, subresource: "token", time: formatTime(rest.clock.now()) };
      const tracked = trackUpdate(type, undefined, request as unknown as JSONObject, operation) as unknown as TokenRequest;
      const attributes = { ...attributesOf(call, "CREATE", options.object, options.dryRun), object: request as unknown as KubeObject };
      await rest.admission.mutate(attributes);
      const validate = async (completed: TokenRequest): Promise<void> => rest.admission.validate({ ...attributes, object: completed as unknown as KubeObject });
      const answer = await createToken(request, info.namespace, info.name, { ...deps, validate, warn: call.warn });
      const { endpoint } = call;
      const about = { ...endpoint, def: { ...endpoint.def, group: "authentication.k8s.io", version: "v1", kind } };
      const managed = { ...answer.metadata, managedFields: tracked.metadata?.managedFields };
      return respondKube({ ...call, endpoint: about }, 201, complete(apiVersion, kind, { ...answer, kind, apiVersion, metadata: managed }) as KubeObject);
    },
  },
});

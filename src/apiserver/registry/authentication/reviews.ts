/** Kinds that are asked and never stored: who am I, may I, whom does this token name. */
import type { ApiResponse } from "../../../api/exchange.ts";
import { normalize } from "../../../api/codec/normalize.ts";
import type { JSONObject } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { typeByName } from "../../../api/schema/schema.ts";
import type { SelfSubjectReview, TokenReview } from "../../../api/types/authentication-v1.gen.ts";
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from "../../../api/types/authorization-v1.gen.ts";
import type { Call, Registry } from "../../rest/call.ts";
import { decodeTyped } from "../../rest/decode.ts";
import { trackWrite } from "../../rest/managed-fields.ts";
import { bodyMedia } from "../../rest/negotiate.ts";
import { writeOptions } from "../../rest/options.ts";
import { respondKube } from "../../rest/respond.ts";
import { matchNamespace, wipeMetadata } from "../../rest/strategy.ts";
import { complete } from "../../rest/wire.ts";
import { attributesOf } from "../../rest/write.ts";
import type { Deciding } from "../authorization/access-review.ts";
import { reviewSelfSubjectRules } from "../authorization/selfsubjectrulesreview.ts";
import { reviewLocalSubjectAccess, reviewSelfSubjectAccess, reviewSubjectAccess } from "../authorization/subjectaccessreview.ts";
import type { RegistryDeps } from "../registries.ts";
import { reviewSelf } from "./selfsubjectreview.ts";
import { reviewToken } from "./tokenreview.ts";

const metadataType = typeByName("meta/v1.ObjectMeta");

/** POST: admission sees the question, the answer is made and never stored. */
function asked<T extends object>(answer: (review: T, call: Call) => Promise<object>): Registry {
  return {
    async create(call): Promise<ApiResponse> {
      const { endpoint, rest } = call;
      if (call.request.object === undefined) bodyMedia(call.request);
      const options = writeOptions(call, "CreateOptions");
      const review = await decodeTyped<T>(call, { kind: endpoint.def.kind, apiVersion: endpoint.apiVersion, type: endpoint.type }, options.fieldValidation);
      const object = review as unknown as KubeObject;
      object.metadata ??= {} as KubeObject["metadata"];
      wipeMetadata(object);
      matchNamespace(call, object);
      // In the order in which messages show it.
      object.metadata = normalize(metadataType, object.metadata as unknown as JSONObject).object as unknown as KubeObject["metadata"];
      trackWrite(call, object, undefined, options.manager);
      const attributes = { ...attributesOf(call, "CREATE", options.object, options.dryRun), object };
      await rest.admission.mutate(attributes);
      await rest.admission.validate(attributes);
      const result = await answer(review, call);
      return respondKube(call, 201, complete(endpoint.apiVersion, endpoint.def.kind, result) as KubeObject);
    },
  };
}

export function reviewRegistries(deps: RegistryDeps): Record<string, Registry> {
  const deciding = ({ request }: Call): Deciding => ({ authorizer: deps.authorizer, asking: request });
  return {
    "tokenreviews.authentication.k8s.io": asked<TokenReview>((review) =>
      reviewToken(review, { tokens: deps.tokens, anonymous: deps.anonymous, audiences: deps.issuer.audiences }),
    ),
    "selfsubjectreviews.authentication.k8s.io": asked<SelfSubjectReview>((review, call) => reviewSelf(review, call.user, deps)),
    "subjectaccessreviews.authorization.k8s.io": asked<SubjectAccessReview>((review, call) => reviewSubjectAccess(review, deciding(call))),
    "selfsubjectaccessreviews.authorization.k8s.io": asked<SelfSubjectAccessReview>((review, call) =>
      reviewSelfSubjectAccess(review, call.user, deciding(call)),
    ),
    "localsubjectaccessreviews.authorization.k8s.io": asked<LocalSubjectAccessReview>((review, call) =>
      reviewLocalSubjectAccess(review, call.info.namespace, deciding(call)),
    ),
    "selfsubjectrulesreviews.authorization.k8s.io": asked<SelfSubjectRulesReview>((review, call) => reviewSelfSubjectRules(review, call.user, deps)),
  };
}

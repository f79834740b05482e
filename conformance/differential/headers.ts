/** Headers of patches and of answers in other forms. */
export const patchHeaders = {
  json: { "content-type": "application/json-patch+json" },
  merge: { "content-type": "application/merge-patch+json" },
  strategic: { "content-type": "application/strategic-merge-patch+json" },
  apply: { "content-type": "application/apply-patch+yaml" },
};
export const tables = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
export const partial = { accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json" };
export const partials = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json" };
export const protobuf = { accept: "application/vnd.kubernetes.protobuf" };

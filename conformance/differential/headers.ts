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

/** Forms of one object, and such as there are none of. */
export const forms: readonly Record<string, string>[] = [
  tables,
  partial,
  protobuf,
  partials,
  { accept: "application/yaml" },
  { accept: "text/plain" },
  { accept: "text/html" },
  { accept: "*/*" },
  { accept: "" },
  { accept: "application/*" },
  { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  { accept: "application/json;as=Table;v=v1beta1;g=meta.k8s.io" },
  { accept: "application/json;as=Table;v=v2;g=meta.k8s.io,application/json" },
  { accept: "application/json;as=Table;v=v2;g=meta.k8s.io" },
  { accept: "application/json;as=Table" },
  { accept: "application/json;as=Nope;v=v1;g=meta.k8s.io" },
  { accept: "application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io" },
  { accept: "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" },
  { accept: "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json" },
  { accept: "application/yaml;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" },
  { accept: "application/json;pretty=1" },
  { accept: "application/json; charset=utf-8" },
  { accept: "application/xml, application/json;q=0.5, application/yaml;q=0.9" },
  { accept: "application/json;stream=watch" },
  { accept: "application/cbor" },
  { accept: "application/json;g=apps;v=v1" },
];

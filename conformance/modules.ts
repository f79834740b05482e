/** The judges: upstream's own programs, pinned, built from their published Go modules. */

export const kubernetes = "v1.36.3";
/** Version of the staging modules that belongs to it. */
export const staging = "v0.36.3";

/** Operators whose controllers run on a cluster of ours, with the files of these modules to install them. */
export const certManager = "github.com/cert-manager/cert-manager@v1.21.2";
export const kueue = "sigs.k8s.io/kueue@v0.15.0";
/** Whose definitions are there before. */
export const kueueBefore = "sigs.k8s.io/kueue@v0.14.0";
/** Its tests run with ours in the place of envtest's kube-apiserver and etcd. */
export const controllerRuntime = "sigs.k8s.io/controller-runtime@v0.24.1";

export interface Judge {
  /** File under bin/. */
  file: string;
  package: string;
  /** Ours: `package` is a folder of this one, whose program links upstream's code. */
  own?: true;
  /** `go test -c` instead of `go build`. */
  test?: boolean;
  /** Linked statically, because it runs inside images. */
  static?: boolean;
  /** Module set it is built from; `module`: in a copy of `module`, by its own go.mod; `git`: a repository, because no proxy has it. */
  set: "kubernetes" | "etcd" | "helm3" | "helm4" | "kwok" | "coredns" | "csi-attacher" | "csi-resizer" | "cert-manager" | "module" | "git";
  /** `PATH@VERSION`. */
  module?: string;
  /** Modules whose files its judge reads, on a machine that may have no network. */
  files?: string[];
  /** `owner/name` on GitHub, with the dependencies that lie in it. */
  repository?: string;
  commit?: string;
}

/** Module sets beside Kubernetes' own: what their go.mod requires. */
export const moduleSets: Record<Exclude<Judge["set"], "kubernetes" | "module" | "git">, string[]> = {
  etcd: ["go.etcd.io/etcd/server/v3@v3.6.16", "go.etcd.io/etcd/etcdctl/v3@v3.6.16"],
  helm3: ["helm.sh/helm/v3@v3.22.0"],
  helm4: ["helm.sh/helm/v4@v4.3.1"],
  kwok: ["sigs.k8s.io/kwok@v0.8.0"],
  coredns: ["github.com/coredns/coredns@v1.15.0"],
  "csi-attacher": ["github.com/kubernetes-csi/external-attacher/v4@v4.13.0"],
  "csi-resizer": ["github.com/kubernetes-csi/external-resizer/v2@v2.3.0"],
  "cert-manager": [certManager],
};

/** What the module of a set is called where its programs use packages that are internal upstream. */
export const moduleNames: Partial<Record<Judge["set"], string>> = { "cert-manager": "github.com/cert-manager/cert-manager/judge" };

const cmd = (name: string): Judge => ({ file: name, package: `k8s.io/kubernetes/cmd/${name}`, set: "kubernetes" });

const ofCsi = (file: string, folder: string, repository: string, commit: string): Judge => ({
  file,
  package: `./cmd/${folder}`,
  static: true,
  set: "git",
  repository: `kubernetes-csi/${repository}`,
  commit,
});

/** In the order in which they are needed. */
export const judges: Judge[] = [
  cmd("kubectl"),
  { file: "e2e.test", package: "k8s.io/kubernetes/test/e2e", test: true, set: "kubernetes" },
  { file: "ginkgo", package: "github.com/onsi/ginkgo/v2/ginkgo", set: "kubernetes" },
  { file: "agnhost", package: "k8s.io/kubernetes/test/images/agnhost", static: true, set: "kubernetes" },
  { file: "nnp", package: "k8s.io/kubernetes/test/images/nonewprivs", static: true, set: "kubernetes" },
  { file: "sample-apiserver", package: "k8s.io/sample-apiserver", static: true, set: "kubernetes" },
  { file: "etcd", package: "go.etcd.io/etcd/server/v3", static: true, set: "etcd" },
  { file: "etcdctl", package: "go.etcd.io/etcd/etcdctl/v3", static: true, set: "etcd" },
  cmd("kube-apiserver"),
  cmd("kube-controller-manager"),
  cmd("kube-scheduler"),
  { file: "scheduler-judge", package: "scheduler-judge", own: true, set: "kubernetes" },
  { file: "rbac-judge", package: "rbac-judge", own: true, set: "kubernetes" },
  cmd("kubelet"),
  cmd("kube-proxy"),
  { file: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok", set: "kwok" },
  { file: "coredns", package: "github.com/coredns/coredns", static: true, set: "coredns" },
  { file: "helm3", package: "helm.sh/helm/v3/cmd/helm", set: "helm3" },
  { file: "helm4", package: "helm.sh/helm/v4/cmd/helm", set: "helm4" },
  { file: "cert-manager", package: "operators/cert-manager", own: true, static: true, set: "cert-manager" },
  { file: "kueue", package: "./cmd/kueue", static: true, set: "module", module: kueue, files: [kueueBefore] },
  ofCsi("hostpathplugin", "hostpathplugin", "csi-driver-host-path", "1f2b2e64d01e8dd93e1f2e8fa6efcda7280208f2"),
  ofCsi("csi-node-driver-registrar", "csi-node-driver-registrar", "node-driver-registrar", "3482d444dd9ff8c0101b95833ec8a9ded3ec1992"),
  ofCsi("csi-provisioner", "csi-provisioner", "external-provisioner", "0688604faa43ae14273cf71fbfde4f3534ec6b8c"),
  { file: "csi-attacher", package: "github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher", static: true, set: "csi-attacher" },
  { file: "csi-resizer", package: "github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer", static: true, set: "csi-resizer" },
];

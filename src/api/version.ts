/** Which release of Kubernetes this is: /version and the metrics that every component has (k8s.io/component-base/version). */
import type { Metrics } from "../base/metrics.ts";

export const versionInfo = {
  major: "1",
  minor: "36",
  emulationMajor: "1",
  emulationMinor: "36",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "35",
  gitVersion: "v1.36.3",
  gitCommit: "unknown",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
};

export function showBuild(metrics: Metrics): void {
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } = versionInfo;
  metrics
    .gauge(
      "kubernetes_build_info",
      "[BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      ["major", "minor", "git_version", "git_commit", "git_tree_state", "build_date", "go_version", "compiler", "platform"],
    )
    .set(1, major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform);
  metrics
    .gauge(
      "version_info",
      "[ALPHA] Provides the compatibility version info of the component. The component label is the name of the component, usually kube, but is relevant for aggregated-apiservers.",
      ["component", "binary", "emulation", "min_compat"],
    )
    .set(1, "kube", gitVersion.slice(1), `${major}.${minor}`, `${major}.${Number(minor) - 1}`);
}

#!/bin/sh
# Runs a command on "a machine of its own": new mount, network, process, IPC and cgroup namespaces, with /run, /tmp,
# /var/log and /var/lib/cni empty. What the command starts ends with it, so real clusters run beside each other and leave nothing behind.
# Root. Usage: sh conformance/own-machine.sh COMMAND [ARGUMENTS...]
# OWN_MACHINE_NET=host keeps the network, for package downloads.
set -eu
if [ "${1:-}" != --inside ]; then
  self=$(readlink -f "$0")
  # Below the caller's own groups, whose limits go on to hold.
  groups=$(while IFS=: read -r _ names path; do
    hierarchy=/sys/fs/cgroup/${names#name=}
    [ -z "$names" ] && hierarchy=/sys/fs/cgroup/unified
    [ -d "$hierarchy" ] || hierarchy=/sys/fs/cgroup
    echo "$hierarchy${path%/}/own-machine-$$"
  done < /proc/self/cgroup)
  leave() {
    # What was killed takes a moment to be gone from its groups.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      left=
      for group in $groups; do
        [ -d "$group" ] || continue
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || left=$group
      done
      [ -n "$left" ] || return 0
      sleep 0.5
    done
    echo "own-machine.sh: $left and others could not be removed" >&2
  }
  trap leave EXIT
  for group in $groups; do
    mkdir "$group"
    # cpuset groups begin without processors.
    for file in cpuset.cpus cpuset.mems; do
      if [ -f "$group/../$file" ]; then cat "$group/../$file" > "$group/$file"; fi
    done
  done
  net=--net
  if [ "${OWN_MACHINE_NET:-}" = host ]; then net=; fi
  status=0
  # shellcheck disable=SC2016,SC2086 # expanded inside; an empty option must vanish
  OWN_MACHINE_GROUPS=$groups sh -c 'for group in $OWN_MACHINE_GROUPS; do echo $$ > "$group/cgroup.procs"; done; exec "$@"' sh \
    unshare --cgroup --mount $net --pid --ipc --fork --kill-child --mount-proc --propagation private sh "$self" --inside "$@" || status=$?
  exit "$status"
fi
shift
hierarchies=$(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2, $3, $4 }' /proc/mounts)
mount -t sysfs sysfs /sys
case $hierarchies in
  "/sys/fs/cgroup "*) ;;
  *) mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup ;;
esac
echo "$hierarchies" | while read -r place type options; do
  mkdir -p "$place"
  if [ "$type" = cgroup2 ]; then
    mount -t cgroup2 none "$place"
  else
    mount -t cgroup -o "$(echo "$options" | tr , '\n' | grep -Ev '^(rw|nosuid|nodev|noexec|relatime)$' | paste -sd ,)" none "$place"
  fi
done
# Copies of the mounts of clusters that run elsewhere.
awk '$2 ~ "/kubelet/pods/|/containerd/" { print $2 }' /proc/mounts | while read -r place; do umount --lazy "$place" 2>/dev/null || :; done
for directory in /run /tmp /var/log /var/lib/cni; do
  [ ! -d "$directory" ] || mount -t tmpfs -o mode=1777 tmpfs "$directory"
done
if [ "${OWN_MACHINE_NET:-}" != host ]; then
  ip link set lo up
  # A machine has a default route, if only to find out that nobody is there.
  ip link add uplink type veth peer name nowhere
  ip link set nowhere up
  ip addr add 192.0.2.2/24 dev uplink
  ip link set uplink up
  ip route add default via 192.0.2.1
fi
"$@"

// SPDX-License-Identifier: Apache-2.0
// How container runtimes spell the cgroup of a container, as a name and, where the name alone says too little, its parent's.
// The first group is the container's id; `runtime` null: the name does not say which. From the particular to the general.
export interface Spelling {
  readonly runtime: string | null;
  readonly name: RegExp;
  readonly parent?: RegExp;
}

export const SPELLINGS: readonly Spelling[] = [
  { runtime: 'docker', name: /^docker-([0-9a-f]{64})\.scope$/ },
  { runtime: 'docker', name: /^([0-9a-f]{64})$/, parent: /^docker$/ },
  { runtime: 'containerd', name: /^(?:cri-containerd|nerdctl)-([0-9a-f]{64})(?:\.scope)?$/ },
  // Behind the colons of a unit's cgroup as containerd's systemd driver is given it by Kubernetes.
  { runtime: 'containerd', name: /^kubepods[^:]*\.slice:cri-containerd:([0-9a-f]{64})$/ },
  { runtime: 'cri-o', name: /^crio-([0-9a-f]{64})(?:\.scope)?$/ },
  { runtime: 'podman', name: /^libpod-([0-9a-f]{64})(?:\.scope)?$/ },
  { runtime: 'lxc', name: /^lxc\.payload\.(.+)$/ },
  { runtime: 'lxc', name: /^(.+)$/, parent: /^lxc(?:\.payload)?$/ },
  { runtime: 'systemd-nspawn', name: /^systemd-nspawn@(.+)\.service$/ },
  { runtime: 'systemd-machined', name: /^machine-(.+)\.scope$/, parent: /^machine\.slice$/ },
  { runtime: null, name: /^([0-9a-f]{64})(?:\.scope)?$/ },
];

/** A Kubernetes pod, by its UID, in which systemd's driver writes `_` for `-`. */
export const POD = /^(?:kubepods.*-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;

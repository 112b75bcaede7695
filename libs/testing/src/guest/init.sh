#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first program of the guest: mounts the host's files read-only with a layer in memory above, the recorded disk at
# /data, and runs what the kernel's command line names after `--`.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devices /dev
for module in virtio_pci virtio_blk virtio_rng virtiofs overlay "$filesystem"; do modprobe "$module"; done
ip link set lo up
mount -t virtiofs host /host -o ro && mount -t tmpfs layer /layer && mkdir /layer/upper /layer/work
mount -t overlay root /root -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work
for kind in proc sysfs; do mount -t "$kind" "$kind" "/root/${kind%fs}"; done
mount --bind /dev /root/dev
mount -t tmpfs run /root/run
mkdir -p /root/data && mount -t "$filesystem" /dev/vda /root/data
echo 'guest: up'
chroot /root /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
echo "guest: ended $?"
poweroff -f

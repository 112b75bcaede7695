#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first program of the guest of causes.test.ts: what a system has loaded and mounted when ours starts, then our program on the disk.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs devices /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in virtio_pci virtio_blk crc32c_generic ext4 $modules; do modprobe "$module"; done
mount -t pstore pstore /sys/fs/pstore
mount -t ext4 /dev/vda /disk
for kind in dev proc sys; do mount --rbind "/$kind" "/disk/$kind"; done
ls -l --full-time /sys/fs/pstore
grep -H . /sys/class/watchdog/*/bootstatus /sys/class/watchdog/*/identity 2>/dev/null
echo "guest: up"
chroot /disk /node /causes/apps/supervisor/src/life/causes.guest.ts "$cause" /kept
echo "guest: ended $?"
poweroff -f

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRONGROOM_KERNEL_H
#define STRONGROOM_KERNEL_H
/* The fields of the kernel's structures that we read, by name: libbpf finds where they lie in the kernel that runs. */
#include <linux/bpf.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
typedef struct { __u32 val; } kuid_t;
typedef struct { __u32 val; } kgid_t;
typedef struct { int counter; } atomic_t;
struct ns_common { __u32 inum; };
struct user_namespace { struct ns_common ns; };
struct pid_namespace { struct ns_common ns; };
struct mnt_namespace { struct ns_common ns; };
struct net { struct ns_common ns; };
struct nsproxy { struct mnt_namespace *mnt_ns; struct net *net_ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { __u32 level; struct upid numbers[1]; };
struct cred { kuid_t uid, euid; kgid_t gid, egid; struct user_namespace *user_ns; };
struct kernfs_node { __u64 id; };
struct cgroup { struct kernfs_node *kn; };
struct cgroup_subsys_state { struct cgroup *cgroup; };
struct css_set { struct cgroup_subsys_state *subsys[16]; };
struct mm_struct { unsigned long arg_start, arg_end; };
struct signal_struct { atomic_t live; };
struct super_block { __u32 s_dev; unsigned long s_flags; };
struct inode { unsigned long i_ino; struct super_block *i_sb; };
struct dentry { struct dentry *d_parent; struct inode *d_inode; struct super_block *d_sb; };
struct path { struct dentry *dentry; };
struct file { struct path f_path; struct inode *f_inode; __u32 f_mode; };
struct fdtable { struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct linux_binprm { const char *filename; struct file *file; };
#if defined(__TARGET_ARCH_x86)
struct thread_info { __u32 status; };
#else
struct thread_info { unsigned long flags; };
#endif
struct kernel_siginfo { int si_code; };
struct task_struct {
	int pid, tgid, exit_code;
	__u32 sessionid;
	kuid_t loginuid;
	__u64 start_boottime;
	struct thread_info thread_info;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct files_struct *files;
};
#if defined(__TARGET_ARCH_x86)
struct pt_regs { unsigned long di, si, dx, r10, r8, r9, bx, cx, bp, orig_ax; };
#else
struct pt_regs { __u64 regs[31]; __u64 orig_x0; __s32 syscallno; };
#endif
struct filename { const char *name; };
struct open_how { __u64 flags; };
struct io_kiocb { __u8 opcode; };
struct io_open { int dfd; struct filename *filename; struct open_how how; };
struct io_unlink { int dfd, flags; struct filename *filename; };
struct io_mkdir { int dfd; unsigned short mode; struct filename *filename; };
struct io_rename { int old_dfd, new_dfd, flags; struct filename *oldpath, *newpath; };
struct io_link { int old_dfd, new_dfd, flags; struct filename *oldpath, *newpath; };
struct io_connect { void *addr; int addr_len; };
#pragma clang attribute pop
enum cgroup_subsys_id { pids_cgrp_id = 9 };

#endif

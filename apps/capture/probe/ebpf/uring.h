/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef STRONGROOM_PROBE_URING_H
#define STRONGROOM_PROBE_URING_H
/*
 * What io_uring is asked to do, which no system call shows: told as the call that does the same, when it is asked. By then the
 * kernel has copied the paths, so they are no claims; what comes of it is not known yet, so there is no result.
 */
enum { OP_CONNECT = 16, OP_OPENAT = 18, OP_OPENAT2 = 28, OP_RENAMEAT = 35, OP_UNLINKAT = 36, OP_MKDIRAT = 37, OP_SYMLINKAT = 38, OP_LINKAT = 39 };

static __always_inline __u32 copied_at(struct scratch *at, __u32 offset, const struct filename *path) {
	long length = bpf_probe_read_kernel_str(at->octets + (offset & (PATH_BYTES_MAX - 1)), PATH_BYTES_MAX, BPF_CORE_READ(path, name));
	if (length > 0) return (length - 1) & (PATH_BYTES_MAX - 1);
	at->event.flags |= FLAG_UNREADABLE;
	return 0;
}

/* A kernel whose requests look otherwise than those we know tells the operation alone. */
#define IS_KNOWN(type, field) bpf_core_field_exists(((struct type *)0)->field)

static __always_inline void one_path(struct scratch *at, __u32 operation, void *request) {
	__u64 *arguments = at->event.arguments;
	if (operation == OP_UNLINKAT && IS_KNOWN(io_unlink, filename)) {
		struct io_unlink *unlink = request;
		arguments[0] = BPF_CORE_READ(unlink, dfd);
		arguments[2] = BPF_CORE_READ(unlink, flags);
		at->event.first = copied_at(at, 0, BPF_CORE_READ(unlink, filename));
	} else if (operation == OP_MKDIRAT && IS_KNOWN(io_mkdir, filename)) {
		struct io_mkdir *mkdir = request;
		arguments[0] = BPF_CORE_READ(mkdir, dfd);
		arguments[2] = BPF_CORE_READ(mkdir, mode);
		at->event.first = copied_at(at, 0, BPF_CORE_READ(mkdir, filename));
	} else if ((operation == OP_OPENAT || operation == OP_OPENAT2) && IS_KNOWN(io_open, filename)) {
		struct io_open *open = request;
		arguments[0] = BPF_CORE_READ(open, dfd);
		arguments[2] = BPF_CORE_READ(open, how.flags);
		at->event.first = copied_at(at, 0, BPF_CORE_READ(open, filename));
	}
}

static __always_inline void two_paths(struct scratch *at, __u32 operation, void *request) {
	__u64 *arguments = at->event.arguments;
	struct filename *old, *new;
	if (operation == OP_RENAMEAT && IS_KNOWN(io_rename, oldpath)) {
		struct io_rename *rename = request;
		arguments[0] = BPF_CORE_READ(rename, old_dfd);
		arguments[2] = BPF_CORE_READ(rename, new_dfd);
		arguments[4] = BPF_CORE_READ(rename, flags);
		old = BPF_CORE_READ(rename, oldpath);
		new = BPF_CORE_READ(rename, newpath);
	} else if ((operation == OP_LINKAT || operation == OP_SYMLINKAT) && IS_KNOWN(io_link, oldpath)) {
		struct io_link *link = request;
		arguments[0] = BPF_CORE_READ(link, old_dfd);
		arguments[operation == OP_LINKAT ? 2 : 1] = BPF_CORE_READ(link, new_dfd);
		old = BPF_CORE_READ(link, oldpath);
		new = BPF_CORE_READ(link, newpath);
	} else {
		return;
	}
	at->event.first = copied_at(at, 0, old);
	at->event.second = copied_at(at, at->event.first, new);
}

/* An address is not copied yet, or lies where each kernel keeps it elsewhere: it is read from the process. */
static __always_inline void uring_address(struct scratch *at, struct io_connect *connect) {
	if (!IS_KNOWN(io_connect, addr)) return;
	__u32 length = BPF_CORE_READ(connect, addr_len);
	if (length > ADDRESS_BYTES_MAX - 1) length = ADDRESS_BYTES_MAX - 1;
	if (bpf_probe_read_user(at->octets, length & (ADDRESS_BYTES_MAX - 1), BPF_CORE_READ(connect, addr))) at->event.flags |= FLAG_UNREADABLE;
	else at->event.first = length;
	at->event.flags |= FLAG_CLAIMED;
}

/* Whether it is asked to open a file for no more than reading. */
static __always_inline int only_reads(__u32 operation, void *request) {
	struct io_open *open = request;
	if (operation != OP_OPENAT && operation != OP_OPENAT2) return 0;
	return IS_KNOWN(io_open, filename) && !(BPF_CORE_READ(open, how.flags) & O_CHANGES);
}

static __always_inline int asked(struct io_kiocb *request) {
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 operation = BPF_CORE_READ(request, opcode);
	__u32 *call = bpf_map_lookup_elem(&uring, &operation);
	if (!call || !*call || only_reads(operation, request)) return 0;
	struct wanted *wanted = bpf_map_lookup_elem(&calls, call);
	if (!wanted || wanted->type >= TYPES) return 0;
	struct scratch *at = begin(wanted->type, task);
	if (!at) return 0;
	at->event.call = *call;
	at->event.flags |= FLAG_URING;
	one_path(at, operation, request);
	two_paths(at, operation, request);
	if (operation == OP_CONNECT) uring_address(at, (struct io_connect *)request);
	at->event.full = at->event.first;
	give(at);
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring, struct io_kiocb *request) { return asked(request); }

/* The same before Linux 6.3. */
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(on_uring_before, struct io_kiocb *request) { return asked(request); }
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of what is executed the rules of the audit report. Whoever compares that with another count has to know.
 */
#include "audit.h"

#include <linux/elf-em.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

enum { NONE_OF_THEM, SOME_OF_THEM, EVERY_ONE };

static struct {
	int watched, settled, doubtful, never;
} found;

/* Which native execve a rule of system calls takes. */
static int taken_by(const struct audit_rule_data *rule) {
	int taken = EVERY_ONE;
	if (!(rule->mask[AUDIT_WORD(SYS_execve)] & AUDIT_BIT(SYS_execve))) return NONE_OF_THEM;
	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++) {
		int is_equal = rule->fieldflags[i] == AUDIT_EQUAL;
		if (rule->fields[i] == AUDIT_FILTERKEY) continue;
		if (rule->fields[i] == AUDIT_ARCH && is_equal && rule->values[i] != NATIVE) return NONE_OF_THEM;
		if (rule->fields[i] == AUDIT_PERM && is_equal && !(rule->values[i] & AUDIT_PERM_EXEC)) return NONE_OF_THEM;
		if (rule->fields[i] != AUDIT_ARCH || !is_equal) taken = SOME_OF_THEM;
	}
	return taken;
}

/* Whether records of executions, or of some, are left out whatever the other rules say. */
static int leaves_out(const struct audit_rule_data *rule) {
	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++) {
		int other = rule->fields[i] == AUDIT_MSGTYPE && rule->fieldflags[i] == AUDIT_EQUAL && rule->values[i] != AUDIT_SYSCALL && rule->values[i] != AUDIT_EXECVE;
		if (other) return 0;
	}
	return 1;
}

/* The kernel goes by the first rule that matches. */
static void consider(const struct audit_rule_data *rule) {
	uint32_t list = rule->flags & ~AUDIT_FILTER_PREPEND;
	int taken = list == AUDIT_FILTER_EXIT ? taken_by(rule) : NONE_OF_THEM;
	if (list == AUDIT_FILTER_TASK && rule->action == AUDIT_NEVER) {
		if (rule->field_count == 0) found.never = 1;
		else found.doubtful = 1;
	}
	if (list == AUDIT_FILTER_EXCLUDE && leaves_out(rule)) found.doubtful = 1;
	if (taken == NONE_OF_THEM || found.settled) return;
	found.settled = taken == EVERY_ONE;
	if (rule->action == AUDIT_NEVER && taken == SOME_OF_THEM) found.doubtful = 1;
	if (rule->action == AUDIT_ALWAYS && taken > found.watched) found.watched = taken;
}

uint32_t exec_rules(int fd) {
	union { struct nlmsghdr header; unsigned char bytes[MESSAGE_BYTES_MAX]; } message;
	found = (typeof(found)){ 0 };
	if (request(fd, AUDIT_LIST_RULES, NULL)) return EXEC_UNKNOWN;
	for (;;) {
		ssize_t length = receive(fd, &message, sizeof message);
		if (length < (ssize_t)sizeof message.header) return EXEC_UNKNOWN;
		if (message.header.nlmsg_type == NLMSG_DONE) break;
		if (message.header.nlmsg_type == NLMSG_ERROR) return EXEC_UNKNOWN;
		if (message.header.nlmsg_type != AUDIT_LIST_RULES || length < NLMSG_HDRLEN + (ssize_t)sizeof(struct audit_rule_data)) continue;
		consider(NLMSG_DATA(&message.header));
	}
	if (found.never || found.watched == NONE_OF_THEM) return EXEC_NONE;
	return found.watched == EVERY_ONE && !found.doubtful ? EXEC_ALL : EXEC_SOME;
}

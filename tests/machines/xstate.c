/*
 * ptrace() for User Mode Linux on a processor with more register state than the kernel was made for (AMX: 11,008 bytes).
 *
 * Linux 6.1 as a user's process keeps 2,696 bytes of it (arch/x86/um, FP_SIZE). The host gives so much when asked for
 * (PTRACE_GETREGSET shortens), but takes nothing but the whole (copy_uabi_to_xstate: -EFAULT), and the guest ends in
 * put_fp_registers before its first process runs. Here the rest is sent along, in its initial state: the header in front
 * says which parts are in use, and no process of a guest has asked for one behind.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char whole[1 << 16];
static size_t size; /* of the host's state: one for all processes */

static long ask(long request, long pid, long what, void *data) {
    return syscall(SYS_ptrace, request, pid, what, data);
}

static long set_state(long pid, const struct iovec *given) {
    struct iovec all = {whole, sizeof whole};
    if (!size) {
        if (ask(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &all) < 0) return -1;
        size = all.iov_len;
    }
    memset(whole, 0, size);
    memcpy(whole, given->iov_base, given->iov_len < size ? given->iov_len : size);
    all.iov_len = size;
    return ask(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &all);
}

long ptrace(enum __ptrace_request request, ...) {
    va_list rest;
    va_start(rest, request);
    long pid = va_arg(rest, int), what = (long)va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);
    if (request == PTRACE_SETREGSET && what == NT_X86_XSTATE) return set_state(pid, data);
    if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER) return ask(request, pid, what, data);
    long word; /* as in glibc: these give their word back */
    if (ask(request, pid, what, &word) < 0) return -1;
    errno = 0;
    return word;
}

#include "CMailSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

// seccomp(2) and landlock(7): what a process can do once somebody else decides what it does. The kernel enforces it; an
// old kernel has less of it.

// MARK: System calls

// The list of the calls that `receive`, `queue` and `send` make, their libraries included: libc, OpenSSL, libunbound,
// clients of databases, NSS modules. Anything else is refused with EPERM and named in the log once; calls that are
// newer than the list are refused with ENOSYS, as an older kernel does it: libraries know that.
static const int allowed_calls[] = {
    // Files.
    SYS_read, SYS_write, SYS_close, SYS_openat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_lseek, SYS_pread64,
    SYS_pwrite64, SYS_readv, SYS_writev, SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2, SYS_faccessat,
    SYS_faccessat2, SYS_fcntl, SYS_flock, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_truncate, SYS_ftruncate,
    SYS_fallocate, SYS_fadvise64, SYS_readahead, SYS_copy_file_range, SYS_sendfile, SYS_splice, SYS_getdents64,
    SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_renameat, SYS_renameat2, SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_symlinkat,
    SYS_readlinkat, SYS_fchmod, SYS_fchmodat, SYS_utimensat, SYS_umask, SYS_statfs, SYS_fstatfs, SYS_dup, SYS_dup3,
    SYS_pipe2, SYS_close_range, SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch, SYS_memfd_create,
    // Memory.
    SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_msync, SYS_mincore, SYS_brk, SYS_mlock, SYS_munlock,
    // Sockets. `bind` is for the resolver's UDP sockets; landlock refuses TCP ports.
    SYS_connect, SYS_accept, SYS_accept4, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg,
    SYS_recvmmsg, SYS_shutdown, SYS_bind, SYS_listen, SYS_getsockname, SYS_getpeername, SYS_socketpair, SYS_setsockopt,
    SYS_getsockopt,
    // Waiting and time.
    SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2,
    SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4, SYS_nanosleep, SYS_clock_nanosleep,
    SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_getitimer, SYS_setitimer, SYS_timer_create,
    SYS_timer_settime, SYS_timer_gettime, SYS_timer_delete, SYS_timer_getoverrun, SYS_times,
    // Threads and signals.
    SYS_futex, SYS_get_robust_list, SYS_set_robust_list, SYS_set_tid_address, SYS_rseq, SYS_membarrier,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_sched_getparam, SYS_sched_getscheduler,
    SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_getpriority, SYS_getcpu, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_rt_sigpending, SYS_sigaltstack,
    SYS_tgkill, SYS_restart_syscall, SYS_exit, SYS_exit_group,
    // Who and where we are.
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups,
    SYS_getresuid, SYS_getresgid, SYS_getpgid, SYS_getsid, SYS_uname, SYS_sysinfo, SYS_getrusage, SYS_getrandom,
    // More of this.
    SYS_seccomp,
#ifdef __x86_64__
    // The older forms of the same.
    SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_poll, SYS_select, SYS_pipe, SYS_dup2, SYS_getdents, SYS_rename,
    SYS_mkdir, SYS_rmdir, SYS_link, SYS_unlink, SYS_symlink, SYS_readlink, SYS_chmod, SYS_utime,
    SYS_utimes, SYS_futimesat, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd, SYS_signalfd, SYS_inotify_init,
    SYS_time, SYS_alarm, SYS_pause, SYS_getpgrp, SYS_getrlimit, SYS_arch_prctl,
#endif
};

// What no mail delivery and no command of a user needs, and only root could do: refused to `deliver`.
static const int refused_to_root[] = {
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon,
    SYS_swapoff, SYS_bpf, SYS_perf_event_open, SYS_acct, SYS_quotactl, SYS_open_by_handle_at, SYS_userfaultfd,
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm,
#endif
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
enum { NEWEST_KNOWN_CALL = 461, MAX_INSTRUCTIONS = 640 };

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#define NATIVE_ARCH 0
#endif

struct program {
    struct sock_filter code[MAX_INSTRUCTIONS];
    unsigned short length;
};

static void emit(struct program *p, unsigned short code, unsigned char yes, unsigned char no, unsigned value) {
    if (p->length < MAX_INSTRUCTIONS) p->code[p->length++] = (struct sock_filter){code, yes, no, value};
}

static void load(struct program *p, size_t offset) { emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned)offset); }
static void give(struct program *p, unsigned verdict) { emit(p, BPF_RET | BPF_K, 0, 0, verdict); }

static void on_call(struct program *p, int call, unsigned verdict) {
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)call);
    give(p, verdict);
}

// The low half of an argument: flags and numbers of these calls have no more.
static size_t argument(int index) { return offsetof(struct seccomp_data, args) + 8 * (size_t)index; }

// `call` with one of the values in an argument is allowed, otherwise `verdict`.
static void on_values(
    struct program *p, int call, int index, const unsigned *values, size_t count, unsigned verdict) {
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (unsigned char)(2 + 2 * count), (unsigned)call);
    load(p, argument(index));
    for (size_t i = 0; i < count; i++) on_call(p, (int)values[i], SECCOMP_RET_ALLOW);
    give(p, verdict);
}

static void begin(struct program *p, unsigned foreign) {
    p->length = 0;
    load(p, offsetof(struct seccomp_data, arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCH);
    give(p, foreign);
    load(p, offsetof(struct seccomp_data, nr));
}

static int install(struct program *p) {
    struct sock_fprog filter = {p->length, p->code};
    // All threads at once.
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    if (result > 0) errno = EBUSY;
    return result == 0 ? 0 : -1;
}

// Refused calls arrive here as a signal in the thread that made them. They return EPERM; the number goes to a pipe whose
// reader writes the log.
static int refusals = -1;
static atomic_uint seen[16];

static void refuse(int number, siginfo_t *info, void *context) {
    (void)number;
    int saved = errno;
    ucontext_t *state = context;
#if defined(__x86_64__)
    state->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    state->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
    (void)state;
#endif
    unsigned call = (unsigned)info->si_syscall;
    if (call < 512 && refusals >= 0) {
        unsigned bit = 1u << (call % 32);
        if (!(atomic_fetch_or(&seen[call / 32], bit) & bit)) {
            ssize_t ignored = write(refusals, &call, sizeof call);
            (void)ignored;
        }
    }
    errno = saved;
}

int apus_confine_calls(int *report) {
    if (NATIVE_ARCH == 0) {
        errno = ENOSYS;
        return -1;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
    refusals = ends[1];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = refuse;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER | SA_ONSTACK;
    sigaction(SIGSYS, &action, NULL);

    struct program p;
    begin(&p, SECCOMP_RET_ERRNO | EPERM);
    emit(&p, BPF_JMP | BPF_JGT | BPF_K, 0, 1, NEWEST_KNOWN_CALL);
    give(&p, SECCOMP_RET_ERRNO | ENOSYS);
    for (size_t i = 0; i < COUNT(allowed_calls); i++) on_call(&p, allowed_calls[i], SECCOMP_RET_ALLOW);
    // Its flags are out of reach; without it, the C library uses clone.
    on_call(&p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    on_call(&p, SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS);
    // Threads, no processes.
    emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_clone);
    load(&p, argument(0));
    emit(&p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, 0x00010000 /* CLONE_THREAD */);
    give(&p, SECCOMP_RET_ALLOW);
    // Without a signal: those who fork have blocked all of them, and would be killed.
    give(&p, SECCOMP_RET_ERRNO | EPERM);
    static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    on_values(&p, SYS_socket, 0, families, COUNT(families), SECCOMP_RET_TRAP);
    // Limits of this process only.
    static const unsigned this_process[] = {0};
    on_values(&p, SYS_prlimit64, 0, this_process, 1, SECCOMP_RET_TRAP);
    static const unsigned options[] = {
        PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
        PR_GET_SECCOMP};
    on_values(&p, SYS_prctl, 0, options, COUNT(options), SECCOMP_RET_ERRNO | EINVAL);
    // Everything but typing into a terminal (TIOCSTI, TIOCLINUX).
    emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, SYS_ioctl);
    load(&p, argument(1));
    emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 0x5412);
    emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0x541C);
    give(&p, SECCOMP_RET_ALLOW);
    give(&p, SECCOMP_RET_TRAP);
    give(&p, SECCOMP_RET_TRAP);
    if (install(&p) < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        refusals = -1;
        errno = error;
        return -1;
    }
    *report = ends[0];
    return 0;
}

int apus_refuse_listening(void) {
    struct program p;
    begin(&p, SECCOMP_RET_ERRNO | EPERM);
    on_call(&p, SYS_listen, SECCOMP_RET_TRAP);
    give(&p, SECCOMP_RET_ALLOW);
    return NATIVE_ARCH == 0 ? -1 : install(&p);
}

int apus_confine_root_calls(void) {
    struct program p;
    // Children may be programs of another architecture.
    begin(&p, SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < COUNT(refused_to_root); i++) on_call(&p, refused_to_root[i], SECCOMP_RET_ERRNO | EPERM);
    give(&p, SECCOMP_RET_ALLOW);
    return NATIVE_ARCH == 0 ? -1 : install(&p);
}

int apus_can_confine_calls(void) {
    unsigned action = SECCOMP_RET_TRAP;
    return NATIVE_ARCH != 0 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

// MARK: Files

// Names of kernel headers newer than those of Debian 12.
enum {
    FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5, FS_MAKE_CHAR = 1 << 6, FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8, FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10, FS_MAKE_BLOCK = 1 << 11, FS_MAKE_SYM = 1 << 12, FS_REFER = 1 << 13, FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15
};
enum { NET_BIND_TCP = 1, SCOPE_ABSTRACT_UNIX = 1, SCOPE_SIGNAL = 2 };

struct ruleset_attributes {
    uint64_t fs, net, scoped;
};
struct port_rule {
    uint64_t access, port;
};

int apus_landlock_version(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

static int allow_path(int ruleset, const char *path, uint64_t access) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return 0;  // What is not there needs no right.
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (result < 0 && errno == EINVAL) {
        // Rights of directories on a file.
        rule.allowed_access &= FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
        result = rule.allowed_access ? syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) : 0;
    }
    int error = errno;
    close(fd);
    errno = error;
    return (int)result;
}

int apus_confine_files(const struct apus_file_limits *limits) {
    int version = apus_landlock_version();
    // The first version allows no rename between directories.
    if (version < 2) {
        errno = ENOSYS;
        return -1;
    }
    uint64_t change = FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SYM | FS_REFER;
    if (version >= 3) change |= FS_TRUNCATE;
    uint64_t never = FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_MAKE_SOCK | FS_MAKE_FIFO;
    uint64_t read = limits->readable_count > 0 ? FS_READ_FILE | FS_READ_DIR : 0;
    struct ruleset_attributes attributes = {change | never | read, 0, 0};
    size_t size = sizeof attributes.fs;
    if (version >= 4) {
        attributes.net = NET_BIND_TCP;
        size = offsetof(struct ruleset_attributes, scoped);
    }
    if (version >= 6) {
        attributes.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
        size = sizeof attributes;
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) return -1;
    int result = 0;
    for (size_t i = 0; result == 0 && i < limits->readable_count; i++)
        result = allow_path(ruleset, limits->readable[i], read);
    for (size_t i = 0; result == 0 && i < limits->writable_count; i++)
        result = allow_path(ruleset, limits->writable[i], change | read);
    for (size_t i = 0; result == 0 && i < limits->updatable_count; i++)
        result = allow_path(ruleset, limits->updatable[i], FS_WRITE_FILE | read);
    if (result == 0) result = allow_path(ruleset, "/dev/null", (change & FS_WRITE_FILE) | (read & FS_READ_FILE));
    if (result == 0 && version >= 4 && limits->may_bind_any_port) {
        // Port 0: any that is free, for smtp_bind_address.
        struct port_rule rule = {NET_BIND_TCP, 0};
        result = (int)syscall(SYS_landlock_add_rule, ruleset, 2 /* LANDLOCK_RULE_NET_PORT */, &rule, 0);
    }
    if (result == 0) result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    int error = errno;
    close(ruleset);
    errno = error;
    return result < 0 ? -1 : 0;
}

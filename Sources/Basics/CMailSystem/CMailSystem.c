#include "CMailSystem.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <sys/uio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum { MAX_DESCRIPTORS_A_MESSAGE = 32 };

// Only async-signal-safe calls between fork and exec: other threads may have held the allocator's locks.

struct spawn_failure {
    int error;
    int step;
};

static const char *const spawn_steps[] = {
    "fork", "setsid", "setpgid", "setrlimit", "dup", "chroot", "chdir", "setgroups", "setgid", "setuid", "prctl", "exec"};
enum {
    STEP_FORK, STEP_SETSID, STEP_SETPGID, STEP_SETRLIMIT, STEP_DUP, STEP_CHROOT, STEP_CHDIR, STEP_SETGROUPS,
    STEP_SETGID, STEP_SETUID, STEP_PRCTL, STEP_EXEC
};

static void report_failure(int pipe_end, int step) {
    struct spawn_failure failure = {errno, step};
    ssize_t ignored = write(pipe_end, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

static void mark_all_close_on_exec(void) {
    if (syscall(SYS_close_range, 0U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    // Kernels before 5.11.
    struct rlimit limit;
    long top = 65536;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) top = (long)limit.rlim_cur;
    for (long fd = 0; fd < top; fd++) fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

static void run_child(const struct apus_spawn_request *r, int *scratch, int pipe_end) {
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int sig = 1; sig < NSIG; sig++) sigaction(sig, &standard, NULL);
    if (r->ignore_write_signals) {
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    if (r->new_session) {
        if (setsid() < 0) report_failure(pipe_end, STEP_SETSID);
    } else if (r->new_process_group) {
        if (setpgid(0, 0) < 0) report_failure(pipe_end, STEP_SETPGID);
    }

    // Sources move above all targets first, so that no target overwrites a source still needed.
    int top = 2;
    for (size_t i = 0; i < r->descriptor_count; i++)
        if (r->descriptor_targets[i] > top) top = r->descriptor_targets[i];
    int moved_pipe = fcntl(pipe_end, F_DUPFD_CLOEXEC, top + 1);
    if (moved_pipe < 0) report_failure(pipe_end, STEP_DUP);
    for (size_t i = 0; i < r->descriptor_count; i++) {
        scratch[i] = fcntl(r->descriptor_sources[i], F_DUPFD_CLOEXEC, top + 1);
        if (scratch[i] < 0) report_failure(moved_pipe, STEP_DUP);
    }
    mark_all_close_on_exec();
    for (size_t i = 0; i < r->descriptor_count; i++)
        if (dup2(scratch[i], r->descriptor_targets[i]) < 0) report_failure(moved_pipe, STEP_DUP);

    if (r->file_size_limit >= 0) {
        struct rlimit limit = {(rlim_t)r->file_size_limit, (rlim_t)r->file_size_limit};
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0) report_failure(moved_pipe, STEP_SETRLIMIT);
    }
    if (r->open_files_limit >= 0) {
        struct rlimit limit = {(rlim_t)r->open_files_limit, (rlim_t)r->open_files_limit};
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) report_failure(moved_pipe, STEP_SETRLIMIT);
    }
    if (r->chroot_directory) {
        if (chroot(r->chroot_directory) < 0) report_failure(moved_pipe, STEP_CHROOT);
        if (chdir("/") < 0) report_failure(moved_pipe, STEP_CHROOT);
    }
    if (r->change_identity) {
        // Raw system calls: the C library's versions synchronise threads that do not exist here.
        if (syscall(SYS_setgroups, r->group_count, r->groups) < 0) report_failure(moved_pipe, STEP_SETGROUPS);
        if (syscall(SYS_setresgid, r->gid, r->gid, r->gid) < 0) report_failure(moved_pipe, STEP_SETGID);
        if (syscall(SYS_setresuid, r->uid, r->uid, r->uid) < 0) report_failure(moved_pipe, STEP_SETUID);
    }
    if (r->working_directory && chdir(r->working_directory) < 0) report_failure(moved_pipe, STEP_CHDIR);
    if (r->file_mask >= 0) umask((mode_t)r->file_mask);
    if (r->parent_death_signal > 0 && prctl(PR_SET_PDEATHSIG, (unsigned long)r->parent_death_signal, 0, 0, 0) < 0)
        report_failure(moved_pipe, STEP_PRCTL);
    if (r->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) report_failure(moved_pipe, STEP_PRCTL);
    execve(r->executable, r->arguments, r->environment);
    report_failure(moved_pipe, STEP_EXEC);
}

pid_t apus_spawn(const struct apus_spawn_request *request, const char **failed_step) {
    int ends[2];
    *failed_step = spawn_steps[STEP_FORK];
    int *scratch = calloc(request->descriptor_count + 1, sizeof(int));
    if (!scratch) return -1;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        free(scratch);
        return -1;
    }
    // No signal may run a handler of ours in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_child(request, scratch, ends[1]);
        _exit(127);
    }
    int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(scratch);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = fork_error;
        return -1;
    }
    struct spawn_failure failure;
    ssize_t got;
    do got = read(ends[0], &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    close(ends[0]);
    if (got != (ssize_t)sizeof failure) return pid;
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (failure.step >= 0 && failure.step <= STEP_EXEC) *failed_step = spawn_steps[failure.step];
    errno = failure.error;
    return -1;
}

ssize_t apus_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, size_t count) {
    if (count > MAX_DESCRIPTORS_A_MESSAGE) {
        errno = EINVAL;
        return -1;
    }
    union {
        char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS_A_MESSAGE)];
        struct cmsghdr align;
    } control;
    struct iovec part = {(void *)bytes, length};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t apus_receive_descriptors(
    int socket, void *bytes, size_t capacity, int *descriptors, size_t descriptor_capacity, size_t *descriptor_count,
    int *truncated) {
    union {
        char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS_A_MESSAGE)];
        struct cmsghdr align;
    } control;
    struct iovec part = {bytes, capacity};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    *descriptor_count = 0;
    *truncated = 0;
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return got;
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) *truncated = 1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (*descriptor_count < descriptor_capacity)
                descriptors[(*descriptor_count)++] = fd;
            else
                close(fd);
        }
    }
    return got;
}

int apus_signal_descriptor(const int *signals, size_t count) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int apus_next_signal(int descriptor, pid_t *sender) {
    struct signalfd_siginfo info;
    if (read(descriptor, &info, sizeof info) != (ssize_t)sizeof info) return 0;
    if (sender) *sender = (pid_t)info.ssi_pid;
    return (int)info.ssi_signo;
}

void apus_ignore_signal(int number) { signal(number, SIG_IGN); }

int apus_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }

int apus_record_lock(int descriptor, char type, int wait) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type == 'r' ? F_RDLCK : type == 'w' ? F_WRLCK : F_UNLCK;
    lock.l_whence = SEEK_SET;
    int result;
    do result = fcntl(descriptor, wait ? F_SETLKW : F_SETLK, &lock);
    while (result < 0 && errno == EINTR && wait);
    return result;
}

int apus_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int apus_process_descriptor(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

int apus_drop_privileges(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count) {
    if (setgroups(group_count, groups) < 0) return -1;
    if (setresgid(gid, gid, gid) < 0) return -1;
    return setresuid(uid, uid, uid);
}

int apus_peer_credentials(int socket, uid_t *uid, gid_t *gid, pid_t *pid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -1;
    *uid = peer.uid;
    *gid = peer.gid;
    *pid = peer.pid;
    return 0;
}

int apus_exited(int status) { return WIFEXITED(status); }
int apus_exit_status(int status) { return WEXITSTATUS(status); }
int apus_signaled(int status) { return WIFSIGNALED(status); }
int apus_term_signal(int status) { return WTERMSIG(status); }

char **apus_environment(void) { return environ; }

int apus_crypt(const char *phrase, const char *setting, char *result, size_t capacity) {
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data) return -1;
    const char *hash = crypt_r(phrase, setting, data);
    int status = -1;
    // "*0" and "*1" are crypt's failure tokens.
    if (hash && hash[0] != '*' && strlen(hash) < capacity) {
        strcpy(result, hash);
        status = 0;
    }
    explicit_bzero(data, sizeof *data);
    free(data);
    return status;
}

void apus_tune_allocator(int arenas) {
    mallopt(M_MXFAST, 0);
    mallopt(M_ARENA_MAX, arenas);
}

// Of sched_setattr(2), which glibc does not wrap.
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

int apus_schedule_as_batch(unsigned long long slice) {
    struct scheduling scheduling;
    if (syscall(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0) < 0) return -1;
    if (scheduling.policy != SCHED_OTHER) return 0;
    scheduling.size = sizeof scheduling;
    scheduling.policy = SCHED_BATCH;
    scheduling.runtime = slice;
    return (int)syscall(SYS_sched_setattr, 0, &scheduling, 0);
}

ssize_t apus_read_cached(int descriptor, void *buffer, size_t count, off_t offset) {
    struct iovec vector = {buffer, count};
    return preadv2(descriptor, &vector, 1, offset, RWF_NOWAIT);
}

void apus_trim_heaps(void) { malloc_trim(0); }

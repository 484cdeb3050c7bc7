#ifndef APUS_CMAILSYSTEM_H
#define APUS_CMAILSYSTEM_H

// What Swift cannot call itself: variadic or macro-only system calls, and the one place that forks.

#include <openssl/opensslv.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What a new process gets. Pointers may be NULL where nothing is to be changed.
struct apus_spawn_request {
    const char *executable;
    char *const *arguments;
    char *const *environment;
    /// Nonzero: set groups, gid and uid. Group count 0 clears the supplementary groups.
    int change_identity;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;
    const char *chroot_directory;
    const char *working_directory;
    /// Negative: keep.
    int file_mask;
    int new_session;
    int new_process_group;
    int no_new_privileges;
    /// RLIMIT_FSIZE and RLIMIT_NOFILE; negative: keep.
    int64_t file_size_limit;
    int64_t open_files_limit;
    /// Descriptor sources[i] of the parent becomes targets[i]; all others are closed.
    const int *descriptor_sources;
    const int *descriptor_targets;
    size_t descriptor_count;
    /// Nonzero: the kernel kills the child with this signal when its parent dies.
    int parent_death_signal;
    /// Nonzero: SIGPIPE and SIGXFSZ are ignored, so that writes fail instead.
    int ignore_write_signals;
};

/// Forks and executes. Returns the process id, or -1 with errno set to what failed in parent or child;
/// *failed_step names the step ("fork", "chroot", "exec" …).
pid_t apus_spawn(const struct apus_spawn_request *request, const char **failed_step);

/// sendmsg/recvmsg with SCM_RIGHTS. Return as sendmsg and recvmsg; descriptors received are close-on-exec.
ssize_t apus_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, size_t count);
ssize_t apus_receive_descriptors(
    int socket, void *bytes, size_t capacity, int *descriptors, size_t descriptor_capacity, size_t *descriptor_count,
    int *truncated);

/// Blocks the signals in every thread started from now on and returns a descriptor that reads them, or -1.
int apus_signal_descriptor(const int *signals, size_t count);
/// Number of the next pending signal (and the sender's process id), 0 when none is pending.
int apus_next_signal(int descriptor, pid_t *sender);
void apus_ignore_signal(int signal);

/// A pipe of close-on-exec descriptors: reading end, writing end. Returns 0 or -1.
int apus_pipe(int *ends);

/// fcntl record lock over the whole file: type 'r', 'w' or 'u'. Returns 0 or -1 (EAGAIN/EACCES: held elsewhere).
int apus_record_lock(int descriptor, char type, int wait);

int apus_set_no_new_privileges(void);
/// Descriptor that becomes readable when the process ends, or -1.
int apus_process_descriptor(pid_t pid);
/// setgroups + setgid + setuid for the whole process. Returns 0, or -1 with errno.
int apus_drop_privileges(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count);
/// User id of the process at the other end of a unix-domain socket. Returns 0 or -1.
int apus_peer_credentials(int socket, uid_t *uid, gid_t *gid, pid_t *pid);

int apus_exited(int status);
int apus_exit_status(int status);
int apus_signaled(int status);
int apus_term_signal(int status);

/// The environment's `NAME=value` strings, NULL-terminated.
char **apus_environment(void);

/// pread(2) of what the page cache holds (preadv2(2) RWF_NOWAIT). Returns -1 where it would have to wait.
ssize_t apus_read_cached(int descriptor, void *buffer, size_t count, off_t offset);

/// Small blocks that are freed join their neighbours at once, as mallopt(3) M_MXFAST says. Otherwise each allocation of
/// 1 KiB and more joins all of them first, several times a message. And no more than so many heaps (M_ARENA_MAX):
/// otherwise each of many threads that mostly wait keeps one of its own.
void apus_tune_allocator(int arenas);

/// Has the process and its threads to come scheduled as SCHED_BATCH (sched(7)) in slices of so many nanoseconds, where the
/// kernel has such; keeps its nice value. Only a process under the usual policy: whoever chose another one meant it.
/// Returns -1 on error.
int apus_schedule_as_batch(unsigned long long slice);

/// malloc_trim(3).
void apus_trim_heaps(void);

/// Calls back after a time, from a thread of ours that must not be kept waiting. Returns 0 or an error number.
int apus_call_after(uint64_t nanoseconds, void (*callback)(void *context), void *context);

/// Runs Swift's tasks on `count` threads of our own from now on; call it before the first task, once. Returns 0 or an
/// error number.
int apus_run_tasks_on_own_threads(int count);

/// crypt(3) in caller's memory. Writes a NUL-terminated hash into `result`. Returns 0, or -1.
int apus_crypt(const char *phrase, const char *setting, char *result, size_t capacity);

/// The OpenSSL that the programs were compiled with, for programs that do not link it.
static inline const char *apus_openssl_version(void) { return OPENSSL_VERSION_TEXT; }

// Separation: what the kernel refuses to this process from now on (Separation.c).

/// Paths below which files may be read and changed. Reading is free when `readable_count` is 0.
struct apus_file_limits {
    const char *const *readable;
    size_t readable_count;
    const char *const *writable;
    size_t writable_count;
    /// Below these, files that are there may be written to; none is made, renamed or removed.
    const char *const *updatable;
    size_t updatable_count;
    /// TCP sockets may be bound to a port that the kernel chooses; to no other port in any case.
    int may_bind_any_port;
};

/// The version of landlock that the kernel has, 0 without.
int apus_landlock_version(void);
/// Restricts this thread and those it starts: call it before there are others, after no_new_privs. Programs cannot be
/// executed, other processes get no signals and cannot be traced. Returns 0, or -1 with errno (ENOSYS: old kernel).
int apus_confine_files(const struct apus_file_limits *limits);
int apus_can_confine_calls(void);
/// Restricts all threads to the list of system calls in Separation.c. `*report` becomes readable when a call was refused
/// for the first time: its number, an `unsigned`. Returns 0, or -1 with errno.
int apus_confine_calls(int *report);
/// From now on no socket starts to listen. Returns 0 or -1.
int apus_refuse_listening(void);
/// For a process that keeps root's rights and starts programs: refuses what only an attacker would ask of root.
int apus_confine_root_calls(void);

#endif

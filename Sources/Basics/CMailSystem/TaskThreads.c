// Threads for Swift's tasks, in place of libdispatch's. Once a second libdispatch reads /proc/PID/task of its worker
// threads and stops the process when it cannot: in a chroot there is no /proc. (It also tries to change the priority of
// its threads, which a process without privileges may not.) The runtime's hooks for the global executor lead here.

#include "CMailSystem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SWIFT_CALL __attribute__((swiftcall))
#define WEAK __attribute__((weak))

typedef SWIFT_CALL void (*enqueue_original)(void *job);
typedef SWIFT_CALL void (*delay_original)(unsigned long long delay, void *job);
typedef SWIFT_CALL void (*deadline_original)(
    long long seconds, long long nanoseconds, long long tolerance_seconds, long long tolerance_nanoseconds, int clock,
    void *job);

// Weak: a program without tasks does not bring them.
extern WEAK SWIFT_CALL void (*swift_task_enqueueGlobal_hook)(void *job, enqueue_original original);
extern WEAK SWIFT_CALL void (*swift_task_enqueueGlobalWithDelay_hook)(
    unsigned long long delay, void *job, delay_original original);
extern WEAK SWIFT_CALL void (*swift_task_enqueueGlobalWithDeadline_hook)(
    long long seconds, long long nanoseconds, long long tolerance_seconds, long long tolerance_nanoseconds, int clock,
    void *job, deadline_original original);
// The executor's identity and implementation: both zero for the global one.
extern WEAK SWIFT_CALL void swift_job_run(void *job, void *executor, uintptr_t implementation);

// Longer than any process lives, and far from the end of the numbers.
static const int64_t longest_wait = INT64_C(1000000000) * 3600 * 24 * 365 * 10;

static int start_thread(void *(*body)(void *)) {
    pthread_t thread;
    int failure = pthread_create(&thread, NULL, body, NULL);
    if (!failure) pthread_detach(thread);
    return failure;
}

// Jobs that are ready: a ring that grows.

static pthread_mutex_t ready_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready_condition = PTHREAD_COND_INITIALIZER;
static void **ring;
static size_t ring_size, ring_head, ring_count;
static int idle_threads;

static void push(void *job) {
    pthread_mutex_lock(&ready_mutex);
    if (ring_count == ring_size) {
        size_t size = ring_size ? ring_size * 2 : 1024;
        void **grown = malloc(size * sizeof *grown);
        // A task cannot be refused: without memory for eight bytes there is no going on.
        if (!grown) abort();
        for (size_t index = 0; index < ring_count; index++) grown[index] = ring[(ring_head + index) % ring_size];
        free(ring);
        ring = grown;
        ring_size = size;
        ring_head = 0;
    }
    ring[(ring_head + ring_count++) % ring_size] = job;
    if (idle_threads > 0) pthread_cond_signal(&ready_condition);
    pthread_mutex_unlock(&ready_mutex);
}

static void *work(void *unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&ready_mutex);
        while (ring_count == 0) {
            idle_threads++;
            pthread_cond_wait(&ready_condition, &ready_mutex);
            idle_threads--;
        }
        void *job = ring[ring_head];
        ring_head = (ring_head + 1) % ring_size;
        ring_count--;
        pthread_mutex_unlock(&ready_mutex);
        swift_job_run(job, NULL, 0);
    }
}

// Jobs, and calls of ours, that wait for a time: a heap, the earliest first, and a thread that waits for it.

struct timed_job {
    int64_t due;
    void *job;
    // Instead of the job.
    void (*callback)(void *context);
    void *context;
};

static pthread_mutex_t timed_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t timed_condition;
static struct timed_job *heap;
static size_t heap_size, heap_count;

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// The time that is so many nanoseconds away.
static int64_t after(uint64_t nanoseconds) {
    return now(CLOCK_MONOTONIC) + (nanoseconds < (uint64_t)longest_wait ? (int64_t)nanoseconds : longest_wait);
}

static void swap_jobs(size_t a, size_t b) {
    struct timed_job job = heap[a];
    heap[a] = heap[b];
    heap[b] = job;
}

static void push_timed(struct timed_job job) {
    pthread_mutex_lock(&timed_mutex);
    if (heap_count == heap_size) {
        size_t size = heap_size ? heap_size * 2 : 64;
        struct timed_job *grown = realloc(heap, size * sizeof *grown);
        if (!grown) abort();
        heap = grown;
        heap_size = size;
    }
    size_t index = heap_count++;
    heap[index] = job;
    while (index > 0 && heap[(index - 1) / 2].due > heap[index].due) {
        swap_jobs(index, (index - 1) / 2);
        index = (index - 1) / 2;
    }
    if (index == 0) pthread_cond_signal(&timed_condition);
    pthread_mutex_unlock(&timed_mutex);
}

// The heap is not empty.
static struct timed_job pop_timed(void) {
    struct timed_job job = heap[0];
    heap[0] = heap[--heap_count];
    size_t index = 0;
    for (;;) {
        size_t least = index, left = 2 * index + 1, right = left + 1;
        if (left < heap_count && heap[left].due < heap[least].due) least = left;
        if (right < heap_count && heap[right].due < heap[least].due) least = right;
        if (least == index) return job;
        swap_jobs(index, least);
        index = least;
    }
}

static void *watch(void *unused) {
    (void)unused;
    pthread_mutex_lock(&timed_mutex);
    for (;;) {
        if (heap_count == 0) {
            pthread_cond_wait(&timed_condition, &timed_mutex);
            continue;
        }
        int64_t due = heap[0].due;
        if (due > now(CLOCK_MONOTONIC)) {
            struct timespec until = {due / 1000000000, due % 1000000000};
            pthread_cond_timedwait(&timed_condition, &timed_mutex, &until);
            continue;
        }
        struct timed_job job = pop_timed();
        if (!job.callback) {
            push(job.job);
            continue;
        }
        pthread_mutex_unlock(&timed_mutex);
        job.callback(job.context);
        pthread_mutex_lock(&timed_mutex);
    }
}

static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static int watch_failure;

static void start_watch(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&timed_condition, &attributes);
    pthread_condattr_destroy(&attributes);
    watch_failure = start_thread(watch);
}

int apus_call_after(uint64_t nanoseconds, void (*callback)(void *context), void *context) {
    pthread_once(&watch_once, start_watch);
    if (watch_failure) return watch_failure;
    push_timed((struct timed_job){after(nanoseconds), NULL, callback, context});
    return 0;
}

// The hooks.

static SWIFT_CALL void enqueue(void *job, enqueue_original original) {
    (void)original;
    push(job);
}

static void wait_for(int64_t nanoseconds, void *job) {
    if (nanoseconds <= 0) return push(job);
    push_timed((struct timed_job){after((uint64_t)nanoseconds), job, NULL, NULL});
}

static SWIFT_CALL void enqueue_with_delay(unsigned long long delay, void *job, delay_original original) {
    (void)original;
    wait_for(delay < (unsigned long long)longest_wait ? (int64_t)delay : longest_wait, job);
}

static SWIFT_CALL void enqueue_with_deadline(
    long long seconds, long long nanoseconds, long long tolerance_seconds, long long tolerance_nanoseconds, int clock,
    void *job, deadline_original original) {
    (void)tolerance_seconds;
    (void)tolerance_nanoseconds;
    (void)original;
    // 1 is the continuous clock, 2 the suspending one.
    int64_t current = now(clock == 2 ? CLOCK_MONOTONIC : CLOCK_BOOTTIME);
    if (seconds > longest_wait / 1000000000 + current / 1000000000) return wait_for(longest_wait, job);
    if (seconds < 0) return push(job);
    wait_for((int64_t)seconds * 1000000000 + (int64_t)nanoseconds - current, job);
}

int apus_run_tasks_on_own_threads(int count) {
    if (!&swift_task_enqueueGlobal_hook || !&swift_task_enqueueGlobalWithDelay_hook
        || !&swift_task_enqueueGlobalWithDeadline_hook || !swift_job_run) {
        return 0;
    }
    pthread_once(&watch_once, start_watch);
    int failure = watch_failure;
    for (int index = 0; index < count && !failure; index++) failure = start_thread(work);
    if (failure) return failure;
    swift_task_enqueueGlobal_hook = enqueue;
    swift_task_enqueueGlobalWithDelay_hook = enqueue_with_delay;
    swift_task_enqueueGlobalWithDeadline_hook = enqueue_with_deadline;
    return 0;
}

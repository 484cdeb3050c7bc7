// Leads the jobs of Swift's global executor to the simulator, for threads that run one. What other threads do goes its
// usual way.

#include "CSimulation.h"

#include <pthread.h>
#include <stdint.h>
#include <stddef.h>
#include <time.h>

#define SWIFT_CALL __attribute__((swiftcall))

typedef SWIFT_CALL void (*enqueue_original)(void *job);
typedef SWIFT_CALL void (*delay_original)(unsigned long long delay, void *job);
typedef SWIFT_CALL void (*deadline_original)(
    long long seconds, long long nanoseconds, long long tolerance_seconds, long long tolerance_nanoseconds, int clock,
    void *job);

extern SWIFT_CALL void (*swift_task_enqueueGlobal_hook)(void *job, enqueue_original original);
extern SWIFT_CALL void (*swift_task_enqueueGlobalWithDelay_hook)(
    unsigned long long delay, void *job, delay_original original);
extern SWIFT_CALL void (*swift_task_enqueueGlobalWithDeadline_hook)(
    long long seconds, long long nanoseconds, long long tolerance_seconds, long long tolerance_nanoseconds, int clock,
    void *job, deadline_original original);
extern SWIFT_CALL void swift_job_run(void *job, void *executor, uintptr_t implementation);

static __thread void *current_world;
static __thread simulation_enqueue current_enqueue;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static SWIFT_CALL void enqueue(void *job, enqueue_original original) {
    if (current_world) return current_enqueue(current_world, job, 0);
    original(job);
}

static SWIFT_CALL void enqueue_with_delay(unsigned long long delay, void *job, delay_original original) {
    if (current_world) return current_enqueue(current_world, job, (long long)delay);
    original(delay, job);
}

static SWIFT_CALL void enqueue_with_deadline(
    long long seconds, long long nanoseconds, long long tolerance_seconds, long long tolerance_nanoseconds, int clock,
    void *job, deadline_original original) {
    if (!current_world)
        return original(seconds, nanoseconds, tolerance_seconds, tolerance_nanoseconds, clock, job);
    struct timespec now;
    clock_gettime(clock == 2 ? CLOCK_MONOTONIC : CLOCK_BOOTTIME, &now);
    long long delay = (seconds - now.tv_sec) * 1000000000LL + nanoseconds - now.tv_nsec;
    // The deadline was reckoned from the real clock: whole tenths of a second make it the same each time.
    const long long step = 100000000;
    current_enqueue(current_world, job, delay <= 0 ? step : (delay + step - 1) / step * step);
}

static void install(void) {
    swift_task_enqueueGlobal_hook = enqueue;
    swift_task_enqueueGlobalWithDelay_hook = enqueue_with_delay;
    swift_task_enqueueGlobalWithDeadline_hook = enqueue_with_deadline;
}

void simulation_enter(void *world, simulation_enqueue enqueue_job) {
    pthread_once(&once, install);
    current_world = world;
    current_enqueue = enqueue_job;
}

void *simulation_world(void) { return current_world; }

void simulation_run(void *job) { swift_job_run(job, NULL, 0); }

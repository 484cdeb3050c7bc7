#ifndef CSIMULATION_H
#define CSIMULATION_H

// Takes a job of Swift's global executor, to be run after `delay` nanoseconds.
typedef void (*simulation_enqueue)(void *world, void *job, long long delay);

// From now on, jobs that this thread gives to the global executor go to `world`. NULL: no more.
void simulation_enter(void *world, simulation_enqueue enqueue);
void *simulation_world(void);
// Runs one job to its next suspension.
void simulation_run(void *job);
// From now on, what OpenSSL draws on this thread follows from `seed`: the sizes of what it sends do, too. Other threads
// get what they always got. 0 when OpenSSL refused.
int simulation_seed_randomness(unsigned long long seed);
// The descriptor of an empty file in memory; less than 0 when there is none.
int simulation_memory_file(void);

#endif

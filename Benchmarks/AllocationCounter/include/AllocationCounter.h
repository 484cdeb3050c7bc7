#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// Calls of malloc(3) and its kin by all threads of this program so far.
unsigned long apus_allocations(void);

#endif

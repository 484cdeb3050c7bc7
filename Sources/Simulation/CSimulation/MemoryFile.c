#define _GNU_SOURCE
#include "CSimulation.h"

#include <sys/mman.h>

int simulation_memory_file(void) { return memfd_create("simulated", MFD_CLOEXEC); }

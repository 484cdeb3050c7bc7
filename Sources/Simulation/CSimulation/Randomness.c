// OpenSSL's randomness for threads that run a world: a run must be the same again, and the length of a session ticket or
// of a signature depends on random numbers.

#define OPENSSL_SUPPRESS_DEPRECATED
#include "CSimulation.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdint.h>

static __thread uint64_t state;
static __thread int is_seeded;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_installed;

// SplitMix64
static int draw(unsigned char *bytes, int count) {
    if (!is_seeded) return RAND_OpenSSL()->bytes(bytes, count);
    for (int index = 0; index < count; index++) {
        state += 0x9E3779B97F4A7C15;
        uint64_t mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        bytes[index] = (unsigned char)(mixed ^ (mixed >> 31));
    }
    return 1;
}

static int seed_nothing(const void *bytes, int count) { return 1; }
static int add_nothing(const void *bytes, int count, double entropy) { return 1; }
static void clean_nothing(void) {}
static int is_ready(void) { return 1; }

static const RAND_METHOD method = {seed_nothing, draw, clean_nothing, add_nothing, draw, is_ready};

static void install(void) { is_installed = RAND_set_rand_method(&method); }

int simulation_seed_randomness(unsigned long long seed) {
    pthread_once(&once, install);
    state = seed;
    is_seeded = 1;
    return is_installed;
}

#pragma once
#include <cstdint>  // glibc's headers define __GLIBC__

/// TENURE_CLONES before a function compiles its body for the baseline, for AVX2 with FMA and for
/// AVX-512; the loader picks one at start. Only what is inlined into the body is cloned: a function
/// or lambda that it calls must be `[[gnu::always_inline]]`. Not a keyword for every loop: a clone
/// stays where a benchmark shows that it pays.
///
/// Empty where the loader cannot pick (musl, macOS, clang) and under the sanitizers, whose runtime
/// is not yet up when the loader does.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) && \
    defined(__GLIBC__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define TENURE_CLONES [[gnu::target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")]]
#else
#define TENURE_CLONES
#endif

#pragma once

/// Compiles a hot function once a vector width and picks one when the library loads. Only for loops
/// whose gain a benchmark has shown. With -ffp-contract=off the clones give the same bits.
/// ThreadSanitizer crashes on the resolvers before main; other platforms have no such attribute.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) && \
    defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
#define TENURE_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define TENURE_CLONES
#endif

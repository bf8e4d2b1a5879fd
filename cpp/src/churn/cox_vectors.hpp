#pragma once

/// Vectors of 16, 32 or 64 bytes for loops that are compiled once a width and chosen at start.
/// Not target_clones: the width must be known when a template is instantiated, and GCC takes a
/// vector wider than the baseline's apart before it makes clones.
namespace tenure::churn::detail {

// A vector in memory, where it may lie at any double. Not in a template, which would lose the
// alignment; and a memcpy would go through the stack.
typedef double Loose16 __attribute__((vector_size(16), aligned(8), may_alias));
typedef double Loose32 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double Loose64 __attribute__((vector_size(64), aligned(8), may_alias));

template <int Bytes>
struct Lanes {
  typedef double Type __attribute__((vector_size(Bytes)));
};

[[gnu::always_inline]] inline void load(const double* from, Lanes<16>::Type& to) {
  to = *reinterpret_cast<const Loose16*>(from);
}
[[gnu::always_inline]] inline void load(const double* from, Lanes<32>::Type& to) {
  to = *reinterpret_cast<const Loose32*>(from);
}
[[gnu::always_inline]] inline void load(const double* from, Lanes<64>::Type& to) {
  to = *reinterpret_cast<const Loose64*>(from);
}
[[gnu::always_inline]] inline void store(const Lanes<16>::Type& from, double* to) {
  *reinterpret_cast<Loose16*>(to) = from;
}
[[gnu::always_inline]] inline void store(const Lanes<32>::Type& from, double* to) {
  *reinterpret_cast<Loose32*>(to) = from;
}
[[gnu::always_inline]] inline void store(const Lanes<64>::Type& from, double* to) {
  *reinterpret_cast<Loose64*>(to) = from;
}

}  // namespace tenure::churn::detail

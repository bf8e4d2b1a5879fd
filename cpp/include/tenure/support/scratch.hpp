#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace tenure {

namespace detail {
/// Zeros straight from the kernel; null if there are none.
void* map_scratch(std::size_t bytes) noexcept;
void unmap_scratch(void* p, std::size_t bytes) noexcept;
}  // namespace detail

/// Large blocks come from the kernel and go back to it at once. What many threads free otherwise
/// stays with their arenas, and counts to the peak of all that comes after. Fresh memory is zero,
/// and nobody writes it before its time: what a scan touches first is what it waits for.
template <class T>
struct ScratchAllocator {
  using value_type = T;
  using is_always_equal = std::true_type;

  ScratchAllocator() = default;
  template <class U>
  ScratchAllocator(const ScratchAllocator<U>&) noexcept {}

  T* allocate(std::size_t n) {
    if (n > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t bytes = n * sizeof(T);
    void* p = bytes < kLarge ? std::calloc(n ? n : 1, sizeof(T)) : detail::map_scratch(bytes);
    if (!p) throw std::bad_alloc();
    return static_cast<T*>(p);
  }

  void deallocate(T* p, std::size_t n) noexcept {
    if (n * sizeof(T) < kLarge)
      std::free(p);
    else
      detail::unmap_scratch(p, n * sizeof(T));
  }

  /// Leaves what `resize` and the like add as it is: zeros, in a vector that has not shrunk.
  template <class U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  template <class U, class... Arguments>
  void construct(U* p, Arguments&&... arguments) {
    ::new (static_cast<void*>(p)) U(std::forward<Arguments>(arguments)...);
  }

  friend bool operator==(const ScratchAllocator&, const ScratchAllocator&) { return true; }

 private:
  static constexpr std::size_t kLarge = std::size_t{1} << 20;
};

/// For arrays that may grow large, belong to one thread and do not outlive a call.
template <class T>
using ScratchVector = std::vector<T, ScratchAllocator<T>>;

}  // namespace tenure

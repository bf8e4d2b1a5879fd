#include "tenure/support/buffer.hpp"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tenure::detail {

void* allocate_pages(std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  // Padded for reads of a whole vector at the end; never a null pointer for an empty array.
  const std::size_t wanted = bytes + 64;
  if (wanted < bytes) throw std::bad_alloc();
  if (wanted < 2 * kHugePage) {
    void* p = std::malloc(wanted);
    if (!p) throw std::bad_alloc();
    return p;
  }
  const std::size_t rounded = (wanted + kHugePage - 1) / kHugePage * kHugePage;
  void* p = std::aligned_alloc(kHugePage, rounded);
  if (!p) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  ::madvise(p, rounded, MADV_HUGEPAGE);  // a wish: nothing depends on the answer
#endif
  return p;
}

void free_pages(void* p) noexcept { std::free(p); }

}  // namespace tenure::detail

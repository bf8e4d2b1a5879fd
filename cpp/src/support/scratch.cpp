#include "tenure/support/scratch.hpp"

#include <cstdlib>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

namespace tenure::detail {

#if defined(__unix__) || defined(__APPLE__)

void* map_scratch(std::size_t bytes) noexcept {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
#if defined(__linux__)
  ::madvise(p, bytes, MADV_HUGEPAGE);  // a wish: nothing depends on the answer
#endif
  return p;
}

void unmap_scratch(void* p, std::size_t bytes) noexcept { ::munmap(p, bytes); }

#else

void* map_scratch(std::size_t bytes) noexcept { return std::calloc(bytes, 1); }

void unmap_scratch(void* p, std::size_t) noexcept { std::free(p); }

#endif

}  // namespace tenure::detail

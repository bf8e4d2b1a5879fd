#include "tenure/support/buffer.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#endif

namespace tenure::detail {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLarge = 2 * kHugePage;

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)

/// Large blocks that were given back, for the next call: taking fresh pages from the kernel costs
/// more than an index build spends on computing. The kernel may take the pages of a kept block
/// whenever it needs them. [docs/adr/0012-kept-pages.md]
///
/// A process that works once shows no more than it needs: until a block is missed that was given up
/// before, each fresh block makes kept ones go.
///
/// Whoever finds the pool busy goes past it: nothing waits, not even the child of a fork.
class Pool {
 public:
  void* take(std::size_t bytes) {
    if (busy_.test_and_set(std::memory_order_acquire)) return nullptr;
    std::size_t best = blocks_.size();
    for (std::size_t i = 0; i < blocks_.size(); ++i)
      if (serves(blocks_[i].size, bytes) &&
          (best == blocks_.size() || blocks_[i].size < blocks_[best].size))
        best = i;
    void* found = nullptr;
    if (best < blocks_.size()) {
      found = blocks_[best].memory;
      kept_ -= blocks_[best].size;
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(best));
    } else if (!repeats_) {
      make_way(bytes);
    }
    busy_.clear(std::memory_order_release);
    return found;
  }

  /// Whether the block was kept.
  bool put(void* memory, std::size_t size) noexcept {
    if (size > kMost || busy_.test_and_set(std::memory_order_acquire)) return false;
    while (kept_ + size > kMost || blocks_.size() == kMostBlocks) drop_oldest();
    ::madvise(memory, size / kHugePage * kHugePage, MADV_FREE);
    blocks_.push_back({memory, size});
    kept_ += size;
    busy_.clear(std::memory_order_release);
    return true;
  }

  /// Gives everything back; whether there was anything.
  bool clear() noexcept {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    const bool any = !blocks_.empty();
    while (!blocks_.empty()) drop_oldest();
    busy_.clear(std::memory_order_release);
    return any;
  }

 private:
  struct Block {
    void* memory;
    std::size_t size;
  };
  static constexpr std::size_t kMost = std::size_t{512} << 20;
  static constexpr std::size_t kMostBlocks = 64;

  static bool serves(std::size_t size, std::size_t bytes) {
    return size >= bytes && size <= bytes + bytes / 4 + kHugePage;
  }

  void make_way(std::size_t bytes) noexcept {
    for (const std::size_t size : given_up_)
      if (serves(size, bytes)) repeats_ = true;
    if (repeats_) return;
    for (std::size_t freed = 0; freed < bytes && !blocks_.empty();) {
      freed += blocks_.front().size;
      given_up_[given_++ % given_up_.size()] = blocks_.front().size;
      drop_oldest();
    }
  }

  void drop_oldest() noexcept {
    const Block& oldest = blocks_.front();
    kept_ -= oldest.size;
    // The C library may hold on to what it has given out from its heap.
    ::madvise(oldest.memory, oldest.size / kHugePage * kHugePage, MADV_DONTNEED);
    std::free(oldest.memory);
    blocks_.erase(blocks_.begin());
  }

  std::atomic_flag busy_;
  std::vector<Block> blocks_ = [] {
    std::vector<Block> blocks;
    blocks.reserve(kMostBlocks);  // so that `put` never allocates
    return blocks;
  }();
  std::size_t kept_ = 0;
  std::array<std::size_t, kMostBlocks> given_up_{};  // the sizes of the last ones
  std::size_t given_ = 0;
  bool repeats_ = false;  // a block that was given up would have been of use
};

Pool& pool() {
  static Pool* the = new Pool;  // never destroyed: arrays of Python outlive static objects
  return *the;
}

#endif

}  // namespace

void* allocate_pages(std::size_t bytes) {
  // Padded for reads of a whole vector at the end; never a null pointer for an empty array.
  const std::size_t wanted = bytes + 64;
  if (wanted < bytes) throw std::bad_alloc();
  if (wanted < kLarge) {
    void* p = std::malloc(wanted);
    if (!p) throw std::bad_alloc();
    return p;
  }
  const std::size_t rounded = (wanted + kHugePage - 1) / kHugePage * kHugePage;
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
  if (void* kept = pool().take(rounded)) return kept;
  void* p = std::aligned_alloc(kHugePage, rounded);
  if (!p && pool().clear()) p = std::aligned_alloc(kHugePage, rounded);
  if (!p) throw std::bad_alloc();
  ::madvise(p, rounded, MADV_HUGEPAGE);  // a wish: nothing depends on the answer
#else
  void* p = std::aligned_alloc(kHugePage, rounded);
  if (!p) throw std::bad_alloc();
#endif
  return p;
}

void free_pages(void* p) noexcept {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
  const std::size_t size = p ? ::malloc_usable_size(p) : 0;
  if (size >= kLarge && pool().put(p, size)) return;
#endif
  std::free(p);
}

}  // namespace tenure::detail

#pragma once
#include "tenure/support/buffer.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure {

/// A new buffer whose every page the kernel has mapped: in parallel, and with a look at Ctrl-C
/// every 2 MB. A loop that scatters into fresh memory meets all of its pages within a few rows
/// instead, which may take the kernel most of a second. The contents are undefined.
template <class T>
Buffer<T> mapped_buffer(std::int64_t size, const Execution& execution) {
  Buffer<T> buffer(size);
  constexpr std::int64_t kPage = 4096 / sizeof(T), kPiece = 512 * kPage;
  for_each_block(
      buffer.size(), execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; i += kPage) buffer[i] = T{};
      },
      kPiece);
  return buffer;
}

}  // namespace tenure

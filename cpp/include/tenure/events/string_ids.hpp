#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::events {

/// Text cells of one chunk in any of Arrow's three layouts. Views: the caller keeps them alive.
struct TextChunk {
  enum class Layout : std::uint8_t { offsets32, offsets64, views };
  Layout layout = Layout::offsets32;
  std::int64_t rows = 0;
  const void* cells = nullptr;          ///< offsets (rows + 1 of them) or 16-byte views
  const char* bytes = nullptr;          ///< of the offset layouts
  std::vector<const char*> buffers;     ///< of the view layout
  const std::uint8_t* valid = nullptr;  ///< bitmap; absent: all
  std::int64_t valid_offset = 0;

  bool is_valid(std::int64_t i) const {
    const std::int64_t at = i + valid_offset;
    return valid == nullptr || ((valid[at >> 3] >> (at & 7)) & 1) != 0;
  }
  std::string_view operator[](std::int64_t i) const;
};

/// Distinct texts in ascending byte order, end to end: text k is bytes[offset[k]..offset[k+1]].
struct TextTable {
  std::vector<std::int64_t> offset{0};
  std::vector<char> bytes;

  std::int64_t size() const { return std::ssize(offset) - 1; }
  std::string_view operator[](std::int64_t k) const {
    const auto first = static_cast<std::size_t>(offset[static_cast<std::size_t>(k)]);
    const auto last = static_cast<std::size_t>(offset[static_cast<std::size_t>(k) + 1]);
    return {bytes.data() + first, last - first};
  }
};

/// Every text replaced by its rank among the distinct ones; null cells get code 0.
struct EncodedText {
  TextTable table;
  std::vector<Buffer<std::int64_t>> code;  ///< by chunk
};

/// Texts are kept byte for byte: no trimming, no case, no Unicode normalisation.
/// Each thread hashes its share of the rows into a dictionary of its own; the dictionaries are
/// sorted and merged, so that codes do not depend on how the rows were shared out. O(rows + d log
/// d) for d distinct texts.
EncodedText encode_text(const std::vector<TextChunk>& chunks, const Execution& execution);

}  // namespace tenure::events

#pragma once
#include <cstdint>
#include <cstring>
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

  /// Calls body(text), where text(i) is the cell of row i: what the layout asks for is settled
  /// once.
  template <class Body>
  void with_texts(const Body& body) const {
    if (layout == Layout::offsets32) return body(Offsets<std::int32_t>{*this});
    if (layout == Layout::offsets64) return body(Offsets<std::int64_t>{*this});
    body(Views{*this});
  }

 private:
  template <class Offset>
  struct Offsets {
    const Offset* offset;
    const char* bytes;
    explicit Offsets(const TextChunk& of)
        : offset(static_cast<const Offset*>(of.cells)), bytes(of.bytes) {}
    std::string_view operator()(std::int64_t i) const {
      return {bytes + offset[i], static_cast<std::size_t>(offset[i + 1] - offset[i])};
    }
  };

  /// [Arrow columnar format 1.4: variable-size binary view] length; then 12 bytes inline, or a
  /// prefix of 4 bytes, the number of the buffer and the offset in it.
  struct Views {
    const char* cells;
    const char* const* buffers;
    explicit Views(const TextChunk& of)
        : cells(static_cast<const char*>(of.cells)), buffers(of.buffers.data()) {}
    std::string_view operator()(std::int64_t i) const {
      const char* cell = cells + 16 * i;
      std::int32_t length, buffer, offset;
      std::memcpy(&length, cell, 4);
      if (length <= 12) return {cell + 4, static_cast<std::size_t>(length)};
      std::memcpy(&buffer, cell + 8, 4);
      std::memcpy(&offset, cell + 12, 4);
      return {buffers[buffer] + offset, static_cast<std::size_t>(length)};
    }
  };
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
/// Each thread looks up its share of the rows or of the texts in a dictionary of its own; then the
/// texts of all are sorted in buckets, so that codes do not depend on how they were shared out.
/// O(rows + d log d) for d distinct texts.
EncodedText encode_text(const std::vector<TextChunk>& chunks, const Execution& execution);

}  // namespace tenure::events

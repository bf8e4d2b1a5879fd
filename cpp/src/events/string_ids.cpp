#include "tenure/events/string_ids.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "tenure/support/parallel.hpp"
#include "tenure/support/scratch.hpp"
#include "tenure/support/wide.hpp"

namespace tenure::events {
namespace {

std::uint64_t load(const char* p, std::size_t n) {
  std::uint64_t v = 0;
  std::memcpy(&v, p, n);
  return v;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<uint128>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xE7037ED1A0B428DBu);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t h = text.size();
  const char* p = text.data();
  std::size_t left = text.size();
  for (; left > 16; p += 16, left -= 16) h = mix(load(p, 8) ^ h, load(p + 8, 8));
  if (left > 8) return mix(load(p, 8) ^ h, load(p + 8, left - 8));
  return left ? mix(load(p, left) ^ h, 0x8EBC6AF09C88C6E3u) : mix(h, 0x8EBC6AF09C88C6E3u);
}

/// Open addressing; a slot keeps a part of the hash, so that texts are compared only when it
/// matches.
class Dictionary {
 public:
  Dictionary() { resize(12); }

  std::uint32_t code(std::string_view text) {
    const std::uint64_t h = hash(text);
    const auto tag = static_cast<std::uint32_t>(h);
    std::size_t at = h >> (64 - bits_);
    for (;; at = (at + 1) & mask()) {
      Slot& slot = slots_[at];
      if (slot.code == kEmpty) break;
      if (slot.tag == tag && texts_[slot.code] == text) return slot.code;
    }
    const auto code = static_cast<std::uint32_t>(texts_.size());
    slots_[at] = {tag, code};
    texts_.push_back(text);
    hashes_.push_back(h);
    if (2 * texts_.size() > slots_.size()) resize(bits_ + 2);
    return code;
  }
  const ScratchVector<std::string_view>& texts() const { return texts_; }

 private:
  static constexpr std::uint32_t kEmpty = std::numeric_limits<std::uint32_t>::max();
  struct Slot {
    std::uint32_t tag, code;
  };
  std::size_t mask() const { return slots_.size() - 1; }

  void resize(int bits) {
    bits_ = bits;
    slots_.assign(std::size_t{1} << bits, {0, kEmpty});
    for (std::size_t c = 0; c < texts_.size(); ++c) {
      std::size_t at = hashes_[c] >> (64 - bits_);
      while (slots_[at].code != kEmpty) at = (at + 1) & mask();
      slots_[at] = {static_cast<std::uint32_t>(hashes_[c]), static_cast<std::uint32_t>(c)};
    }
  }

  int bits_ = 0;
  ScratchVector<Slot> slots_;
  ScratchVector<std::string_view> texts_;
  ScratchVector<std::uint64_t> hashes_;
};

/// A text with its first eight bytes as a big-endian number: most comparisons end there.
struct Entry {
  std::uint64_t head;
  std::string_view text;
  std::uint32_t code;

  bool operator<(const Entry& b) const { return head != b.head ? head < b.head : text < b.text; }
};

ScratchVector<Entry> sorted_entries(const Dictionary& dictionary) {
  ScratchVector<Entry> entries;
  entries.reserve(dictionary.texts().size());
  for (const std::string_view text : dictionary.texts()) {
    std::uint64_t head = load(text.data(), std::min<std::size_t>(text.size(), 8));
    if constexpr (std::endian::native == std::endian::little) head = __builtin_bswap64(head);
    entries.push_back({head, text, static_cast<std::uint32_t>(entries.size())});
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// Merges the sorted dictionaries into one table; rank[d][code] is the place of a text in it.
TextTable merge(const std::vector<ScratchVector<Entry>>& sorted,
                std::vector<ScratchVector<std::int64_t>>& rank) {
  TextTable table;
  std::vector<std::size_t> at(sorted.size());
  for (std::size_t d = 0; d < sorted.size(); ++d) rank.emplace_back(sorted[d].size());
  for (;;) {
    const Entry* least = nullptr;
    for (std::size_t d = 0; d < sorted.size(); ++d)
      if (at[d] < sorted[d].size() && (!least || sorted[d][at[d]] < *least))
        least = &sorted[d][at[d]];
    if (!least) return table;
    const Entry entry = *least;
    for (std::size_t d = 0; d < sorted.size(); ++d)
      if (at[d] < sorted[d].size() && !(entry < sorted[d][at[d]]))
        rank[d][sorted[d][at[d]++].code] = table.size();
    table.bytes.insert(table.bytes.end(), entry.text.begin(), entry.text.end());
    table.offset.push_back(std::ssize(table.bytes));
  }
}

struct Share {
  std::size_t chunk;
  std::int64_t first, last;
};

/// Contiguous runs of rows, one list a thread.
std::vector<std::vector<Share>> share_out(const std::vector<TextChunk>& chunks, int threads) {
  std::int64_t rows = 0;
  for (const TextChunk& c : chunks) rows += c.rows;
  const std::int64_t each = std::max<std::int64_t>((rows + threads - 1) / threads, 8 * kBlockRows);
  std::vector<std::vector<Share>> shares(1);
  std::int64_t room = each;
  for (std::size_t c = 0; c < chunks.size(); ++c)
    for (std::int64_t first = 0; first < chunks[c].rows;) {
      if (room == 0) {
        shares.emplace_back();
        room = each;
      }
      const std::int64_t take = std::min(room, chunks[c].rows - first);
      shares.back().push_back({c, first, first + take});
      first += take;
      room -= take;
    }
  return shares;
}

}  // namespace

std::string_view TextChunk::operator[](std::int64_t i) const {
  if (layout == Layout::offsets32) {
    const auto* offset = static_cast<const std::int32_t*>(cells) + i;
    return {bytes + offset[0], static_cast<std::size_t>(offset[1] - offset[0])};
  }
  if (layout == Layout::offsets64) {
    const auto* offset = static_cast<const std::int64_t*>(cells) + i;
    return {bytes + offset[0], static_cast<std::size_t>(offset[1] - offset[0])};
  }
  // [Arrow columnar format 1.4: variable-size binary view] length; then 12 bytes inline, or a
  // prefix of 4 bytes, the number of the buffer and the offset in it.
  const char* cell = static_cast<const char*>(cells) + 16 * i;
  std::int32_t length, buffer, offset;
  std::memcpy(&length, cell, 4);
  if (length <= 12) return {cell + 4, static_cast<std::size_t>(length)};
  std::memcpy(&buffer, cell + 8, 4);
  std::memcpy(&offset, cell + 12, 4);
  return {buffers[static_cast<std::size_t>(buffer)] + offset, static_cast<std::size_t>(length)};
}

EncodedText encode_text(const std::vector<TextChunk>& chunks, const Execution& execution) {
  EncodedText result;
  for (const TextChunk& c : chunks) result.code.emplace_back(c.rows);

  const auto shares = share_out(chunks, execution.threads);
  std::vector<ScratchVector<Entry>> sorted(shares.size());
  for_each_task(std::ssize(shares), execution, [&](std::int64_t t) {
    Dictionary dictionary;
    for (const Share& s : shares[static_cast<std::size_t>(t)]) {
      const TextChunk& chunk = chunks[s.chunk];
      Buffer<std::int64_t>& code = result.code[s.chunk];
      for (std::int64_t i = s.first; i < s.last; ++i) {
        if (i % 1024 == 0) execution.poll();
        code[i] = chunk.is_valid(i) ? dictionary.code(chunk[i]) : 0;
      }
    }
    sorted[static_cast<std::size_t>(t)] = sorted_entries(dictionary);
  });

  std::vector<ScratchVector<std::int64_t>> rank;
  result.table = merge(sorted, rank);
  for_each_task(std::ssize(shares), execution, [&](std::int64_t t) {
    const auto& to = rank[static_cast<std::size_t>(t)];
    if (to.empty()) return;  // nothing but null cells: their code is 0 already
    for (const Share& s : shares[static_cast<std::size_t>(t)]) {
      Buffer<std::int64_t>& code = result.code[s.chunk];
      for (std::int64_t i = s.first; i < s.last; ++i)
        code[i] = to[static_cast<std::size_t>(code[i])];
    }
  });
  return result;
}

}  // namespace tenure::events

#include "tenure/events/string_ids.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "tenure/support/parallel.hpp"
#include "tenure/support/scratch.hpp"
#include "tenure/support/wide.hpp"

namespace tenure::events {
namespace {

std::uint64_t load(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

/// All of less than eight bytes, so that texts of one length differ if their loads do.
std::uint64_t load_few(const char* p, std::size_t n) {
  if (n >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + n - 4, 4);
    return first | std::uint64_t{last} << 32;
  }
  const auto byte = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])}; };
  return n == 0 ? 0 : byte(0) | byte(n / 2) << 8 | byte(n - 1) << 16;
}

std::uint64_t big_endian(std::uint64_t v) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(v) : v;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<uint128>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xE7037ED1A0B428DBu);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// A text as a lookup compares it: up to 16 bytes by value, and a longer one by its hash before its
/// bytes.
struct Key {
  static constexpr std::size_t kByValue = 16;

  const char* text;
  std::uint64_t first, last;  // the first and the last eight bytes; of a long text last = hash
  std::uint64_t length;

  Key() = default;
  explicit Key(std::string_view from) : text(from.data()), length(from.size()) {
    if (length < 8) {
      first = load_few(text, length);
      last = 0;
      return;
    }
    first = load(text);
    last = load(text + length - 8);
    if (length <= kByValue) return;
    std::uint64_t h = mix(last, length);
    for (std::size_t i = 8; i + 8 < length; i += 8) h = mix(load(text + i) ^ h, first);
    last = h;
  }

  Key(const char* of, std::uint64_t a, std::uint64_t b, std::uint64_t n)
      : text(of), first(a), last(b), length(n) {}

  static std::uint64_t hash(std::uint64_t first, std::uint64_t last, std::uint64_t length) {
    return mix(first ^ length, last ^ 0x8EBC6AF09C88C6E3u);
  }
  std::uint64_t hash() const { return hash(first, last, length); }
  std::string_view view() const { return {text, length}; }

  /// The order of their bytes. Those of most pairs are not looked at.
  friend bool operator<(const Key& a, const Key& b) {
    const std::size_t least = std::min(a.length, b.length), most = std::max(a.length, b.length);
    if (least < 8) return a.view() < b.view();
    if (a.first != b.first) return big_endian(a.first) < big_endian(b.first);
    if (least == most && most <= kByValue) return big_endian(a.last) < big_endian(b.last);
    return a.view() < b.view();
  }
};

/// Looks at Ctrl-C every so many texts.
class Pace {
 public:
  explicit Pace(const Execution& execution) : execution_(&execution) {}
  void step() {
    if ((++steps_ & 0xFFFF) == 0) execution_->poll();
  }

 private:
  const Execution* execution_;
  std::uint32_t steps_ = 0;
};

/// Open addressing. A slot holds all that a short text is compared by, so that a lookup misses the
/// cache once.
class Dictionary {
 public:
  explicit Dictionary(const Execution& execution)
      : execution_(&execution), slots_(std::size_t{1} << bits_) {}

  /// The code of a key with this hash; a new one if it is new.
  std::uint32_t code(const Key& key, std::uint64_t h) {
    std::size_t at = slot_of(h);
    for (; !slots_[at].is_empty(); at = next(at))
      if (is(slots_[at], key)) return slots_[at].code();
    const auto code = static_cast<std::uint32_t>(texts_.size());
    slots_[at] = {key.first, key.last, key.length, std::uint64_t{code} + 1};
    texts_.push_back(key.text);
    if (3 * texts_.size() > 2 * slots_.size()) grow();
    return code;
  }

  /// Asked for ahead, the misses of many rows come together.
  void prefetch(std::uint64_t h) const { __builtin_prefetch(&slots_[slot_of(h)]); }
  /// The text that a long key may have to be compared with.
  void prefetch_text(std::uint64_t h) const {
    if (const Slot& slot = slots_[slot_of(h)]; !slot.is_empty())
      __builtin_prefetch(texts_[slot.code()]);
  }

  std::size_t size() const { return texts_.size(); }

  /// Calls body(key, code) for every text.
  template <class Body>
  void each(const Body& body) const {
    for (const Slot& slot : slots_)
      if (!slot.is_empty())
        body(Key(texts_[slot.code()], slot.first, slot.last, slot.length), slot.code());
  }

 private:
  struct Slot {
    std::uint64_t first, last, length;
    std::uint64_t code_plus_1;  // 0: empty, as fresh memory is
    std::uint32_t code() const { return static_cast<std::uint32_t>(code_plus_1 - 1); }
    bool is_empty() const { return code_plus_1 == 0; }
  };

  std::size_t slot_of(std::uint64_t h) const { return h >> (64 - bits_); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

  bool is(const Slot& slot, const Key& key) const {
    return slot.first == key.first && slot.last == key.last && slot.length == key.length &&
           (key.length <= Key::kByValue ||
            std::memcmp(texts_[slot.code()], key.text, key.length) == 0);
  }

  void grow() {
    ++bits_;
    Pace pace(*execution_);
    const ScratchVector<Slot> old = std::exchange(slots_, ScratchVector<Slot>(2 * slots_.size()));
    for (const Slot& slot : old) {
      pace.step();
      if (slot.is_empty()) continue;
      std::size_t at = slot_of(Key::hash(slot.first, slot.last, slot.length));
      while (!slots_[at].is_empty()) at = next(at);
      slots_[at] = slot;
    }
  }

  const Execution* execution_;
  int bits_ = 12;
  ScratchVector<Slot> slots_;
  ScratchVector<const char*> texts_;  // by code
};

constexpr std::int64_t kTogether = 64;

/// Codes of rows [first, last), at most kTogether of them.
void encode(Dictionary& dictionary, const TextChunk& chunk, std::int64_t first, std::int64_t last,
            std::int64_t* code) {
  struct Cell {
    Key key;
    std::uint64_t hash;
    std::int64_t row;
  };
  std::array<Cell, kTogether> cells;
  std::size_t n = 0;
  for (std::int64_t i = first; i < last; ++i) {
    code[i] = 0;
    if (!chunk.is_valid(i)) continue;
    const Key key(chunk[i]);
    cells[n] = {key, key.hash(), i};
    dictionary.prefetch(cells[n++].hash);
  }
  for (std::size_t k = 0; k < n; ++k)
    if (cells[k].key.length > Key::kByValue) dictionary.prefetch_text(cells[k].hash);
  for (std::size_t k = 0; k < n; ++k)
    code[cells[k].row] = dictionary.code(cells[k].key, cells[k].hash);
}

struct Entry {
  Key key;
  std::uint32_t code;

  bool operator<(const Entry& b) const { return key < b.key; }
};

/// Runs that are sorted in a few milliseconds, then merged two by two: one sort of all would keep
/// Ctrl-C waiting.
ScratchVector<Entry> sorted_entries(const Dictionary& dictionary, const Execution& execution) {
  constexpr std::size_t kRun = std::size_t{1} << 15;
  ScratchVector<Entry> entries;
  entries.reserve(dictionary.size());
  Pace pace(execution);
  dictionary.each([&](const Key& key, std::uint32_t code) {
    pace.step();
    entries.push_back({key, code});
  });
  const std::size_t n = entries.size();
  const auto place = [](ScratchVector<Entry>& of, std::size_t i) {
    return of.begin() + static_cast<std::ptrdiff_t>(i);
  };
  for (std::size_t first = 0; first < n; first += kRun) {
    execution.poll();
    std::sort(place(entries, first), place(entries, std::min(first + kRun, n)));
  }
  ScratchVector<Entry> merged(n > kRun ? n : 0);
  for (std::size_t run = kRun; run < n; run *= 2) {
    for (std::size_t first = 0; first < n; first += 2 * run) {
      std::size_t a = first, b = std::min(first + run, n);
      const std::size_t middle = b, end = std::min(first + 2 * run, n);
      for (std::size_t to = first; to < end; ++to) {
        pace.step();
        const bool takes_b = a == middle || (b < end && entries[b] < entries[a]);
        merged[to] = entries[takes_b ? b++ : a++];
      }
    }
    std::swap(entries, merged);
  }
  return entries;
}

/// Merges the sorted dictionaries into one table; rank[d][code] is the place of a text in it.
TextTable merge(const std::vector<ScratchVector<Entry>>& sorted,
                std::vector<ScratchVector<std::int64_t>>& rank, const Execution& execution) {
  TextTable table;
  std::vector<std::size_t> at(sorted.size());
  for (std::size_t d = 0; d < sorted.size(); ++d) rank.emplace_back(sorted[d].size());
  Pace pace(execution);
  for (;;) {
    pace.step();
    const Entry* least = nullptr;
    for (std::size_t d = 0; d < sorted.size(); ++d)
      if (at[d] < sorted[d].size() && (!least || sorted[d][at[d]] < *least))
        least = &sorted[d][at[d]];
    if (!least) return table;
    const Entry entry = *least;
    for (std::size_t d = 0; d < sorted.size(); ++d)
      if (at[d] < sorted[d].size() && !(entry < sorted[d][at[d]]))
        rank[d][sorted[d][at[d]++].code] = table.size();
    table.bytes.insert(table.bytes.end(), entry.key.text, entry.key.text + entry.key.length);
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
    Dictionary dictionary(execution);
    for (const Share& s : shares[static_cast<std::size_t>(t)]) {
      const TextChunk& chunk = chunks[s.chunk];
      Buffer<std::int64_t>& code = result.code[s.chunk];
      for (std::int64_t i = s.first; i < s.last; i += kTogether) {
        if ((i - s.first) % (16 * kTogether) == 0) execution.poll();
        encode(dictionary, chunk, i, std::min(i + kTogether, s.last), code.data());
      }
    }
    sorted[static_cast<std::size_t>(t)] = sorted_entries(dictionary, execution);
  });

  std::vector<ScratchVector<std::int64_t>> rank;
  result.table = merge(sorted, rank, execution);
  for_each_task(std::ssize(shares), execution, [&](std::int64_t t) {
    const auto& to = rank[static_cast<std::size_t>(t)];
    if (to.empty()) return;  // nothing but null cells: their code is 0 already
    Pace pace(execution);
    for (const Share& s : shares[static_cast<std::size_t>(t)]) {
      Buffer<std::int64_t>& code = result.code[s.chunk];
      for (std::int64_t i = s.first; i < s.last; ++i) {
        pace.step();
        code[i] = to[static_cast<std::size_t>(code[i])];
      }
    }
  });
  return result;
}

}  // namespace tenure::events

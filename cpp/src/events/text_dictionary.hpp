#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "tenure/support/buffer.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/execution.hpp"
#include "tenure/support/wide.hpp"

/// Texts by their bytes, and a dictionary of them, for `encode_text`.
namespace tenure::events {

// --- keys --------------------------------------------------------------------------------------

/// Words are big-endian, so that their order is the order of the bytes.
template <class Word>
Word load(const char* p) {
  Word v;
  std::memcpy(&v, p, sizeof v);
  if constexpr (std::endian::native == std::endian::little)
    v = sizeof v == 8 ? static_cast<Word>(__builtin_bswap64(v))
                      : static_cast<Word>(__builtin_bswap32(static_cast<std::uint32_t>(v)));
  return v;
}

/// At most eight bytes, followed by zeros. Two loads may overlap: they agree where they do.
inline std::uint64_t load_few(const char* p, std::size_t n) {
  if (n >= 4) {
    const auto last = std::uint64_t{load<std::uint32_t>(p + n - 4)} << (8 * (8 - n));
    return std::uint64_t{load<std::uint32_t>(p)} << 32 | last;
  }
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < n; ++i)
    v |= std::uint64_t{static_cast<unsigned char>(p[i])} << (56 - 8 * i);
  return v;
}

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<uint128>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xE7037ED1A0B428DBu);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// A text as a lookup compares it: up to 16 bytes by value, and a longer one by its hash before its
/// bytes.
struct Key {
  static constexpr std::size_t kByValue = 16;

  std::uint64_t head, tail;  // the first eight bytes, the next eight; of a long text tail = hash
  const char* text;
  std::uint32_t length;

  Key() = default;
  Key(std::uint64_t a, std::uint64_t b, const char* of, std::uint32_t n)
      : head(a), tail(b), text(of), length(n) {}
  explicit Key(std::string_view from)
      : text(from.data()), length(static_cast<std::uint32_t>(from.size())) {
    const std::size_t n = from.size();
    if (n <= 8) {
      head = load_few(text, n);
      tail = 0;
      return;
    }
    head = load<std::uint64_t>(text);
    tail = load<std::uint64_t>(text + n - 8);
    if (n <= kByValue) {
      tail <<= 8 * (kByValue - n);  // its first bytes are in `head`
      return;
    }
    if (n != length) throw Error("a text is longer than 4 GiB");
    std::uint64_t h = mix(tail, n);
    for (std::size_t i = 8; i + 8 < n; i += 8) h = mix(load<std::uint64_t>(text + i) ^ h, head);
    tail = h;
  }

  bool is_long() const { return length > kByValue; }
  std::uint64_t hash() const { return mix(head ^ length, tail ^ 0x8EBC6AF09C88C6E3u); }
  std::string_view view() const { return {text, length}; }

  bool operator==(const Key& b) const {
    return head == b.head && tail == b.tail && length == b.length &&
           (!is_long() || std::memcmp(text, b.text, length) == 0);
  }
};

// --- dictionaries ------------------------------------------------------------------------------

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
      : execution_(&execution), slots_(empty_slots(bits_)) {}

  /// The code of a key with this hash; a new one if it is new.
  std::uint32_t code(const Key& key, std::uint64_t h) {
    std::int64_t at = slot_of(h);
    for (; !slots_[at].is_empty(); at = next(at))
      if (slots_[at].key() == key) return slots_[at].code();
    slots_[at] = {key.head, key.tail, key.text, key.length, ++size_};
    const std::uint32_t code = slots_[at].code();
    if (3 * std::int64_t{size_} > 2 * slots_.size()) grow();
    return code;
  }

  /// Asked for ahead, the misses of many rows come together.
  void prefetch(std::uint64_t h) const { __builtin_prefetch(&slots_[slot_of(h)]); }
  /// The text that a long key may have to be compared with.
  void prefetch_text(std::uint64_t h) const {
    if (const Slot& slot = slots_[slot_of(h)]; !slot.is_empty()) __builtin_prefetch(slot.text);
  }

  std::size_t size() const { return size_; }

  /// Calls body(key, code) for every text, or the first few, in the order of their hashes.
  template <class Body>
  void each(const Body& body, std::size_t most = std::numeric_limits<std::size_t>::max()) const {
    Pace pace(*execution_);
    for (const Slot& slot : slots_.span()) {
      pace.step();
      if (slot.is_empty()) continue;
      if (most-- == 0) return;
      body(slot.key(), slot.code());
    }
  }

 private:
  struct Slot {
    std::uint64_t head, tail;
    const char* text;
    std::uint32_t length;
    std::uint32_t code_plus_1;  // 0: empty, as fresh memory is
    Key key() const { return {head, tail, text, length}; }
    std::uint32_t code() const { return code_plus_1 - 1; }
    bool is_empty() const { return code_plus_1 == 0; }
  };
  static_assert(sizeof(Slot) == 32, "two fit into a cache line, and none lies across two");

  static Buffer<Slot> empty_slots(int bits) {
    Buffer<Slot> slots(std::int64_t{1} << bits);
    std::memset(static_cast<void*>(slots.data()), 0, slots.span().size_bytes());
    return slots;
  }

  std::int64_t slot_of(std::uint64_t h) const {
    return static_cast<std::int64_t>(h >> (64 - bits_));
  }
  std::int64_t next(std::int64_t at) const { return (at + 1) & (slots_.size() - 1); }

  void grow() {
    ++bits_;
    Pace pace(*execution_);
    const Buffer<Slot> old = std::exchange(slots_, empty_slots(bits_));
    for (const Slot& slot : old.span()) {
      pace.step();
      if (slot.is_empty()) continue;
      std::int64_t at = slot_of(slot.key().hash());
      while (!slots_[at].is_empty()) at = next(at);
      slots_[at] = slot;
    }
  }

  const Execution* execution_;
  int bits_ = 12;
  std::uint32_t size_ = 0;
  Buffer<Slot> slots_;
};

}  // namespace tenure::events

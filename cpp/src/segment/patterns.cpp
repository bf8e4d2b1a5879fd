#include "tenure/segment/patterns.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "tenure/support/errors.hpp"

namespace tenure::segment {
namespace {

constexpr std::int64_t kPolledRows = 1 << 16;

/// Numbers keys in the order in which they come. Open addressing, at most half full.
class Numbering {
 public:
  std::int32_t number(std::uint64_t key) {
    if (2 * keys_.size() >= slots_.size()) grow();
    for (std::size_t at = place(key);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] < 0) {
        slots_[at] = static_cast<std::int32_t>(keys_.size());
        keys_.push_back(key);
        return slots_[at];
      }
      if (keys_[static_cast<std::size_t>(slots_[at])] == key) return slots_[at];
    }
  }
  std::int64_t size() const { return std::ssize(keys_); }

 private:
  // The finaliser of splitmix64: neighbouring codes must not land in neighbouring slots.
  std::size_t place(std::uint64_t key) const {
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9u;
    key = (key ^ (key >> 27)) * 0x94D049BB133111EBu;
    return static_cast<std::size_t>(key ^ (key >> 31)) & (slots_.size() - 1);
  }
  void grow() {
    slots_.assign(std::max<std::size_t>(1024, 2 * slots_.size()), -1);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      std::size_t at = place(keys_[i]);
      while (slots_[at] >= 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<std::int32_t>(i);
    }
  }

  std::vector<std::uint64_t> keys_;
  std::vector<std::int32_t> slots_;
};

/// Calls number(row, numbering) for every row and writes what it returns.
template <class Key>
std::int64_t number_rows(std::int64_t rows, std::int32_t* out, const Execution& execution,
                         const Key& key) {
  Numbering numbering;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (i % kPolledRows == 0) execution.poll();
    out[i] = numbering.number(key(i));
  }
  return numbering.size();
}

}  // namespace

Patterns distinct_rows(std::span<const std::int32_t> code, std::span<const std::int64_t> levels,
                       const Execution& execution) {
  const std::int64_t columns = std::ssize(levels);
  if (columns == 0 || code.empty() || std::ssize(code) % columns != 0)
    throw InvalidInput("X", -1, static_cast<double>(code.size()),
                       "of at least one row, each with every column");
  const std::int64_t n = std::ssize(code) / columns;
  if (n > std::numeric_limits<std::int32_t>::max())
    throw InvalidInput("X", -1, static_cast<double>(n), "of at most 2^31 - 1 rows");
  Patterns found{{}, Buffer<std::int32_t>(n)};
  std::int32_t* const of_row = found.of_row.data();
  std::fill_n(of_row, n, 0);

  std::int64_t patterns = 1;
  for (std::int64_t from = 0, to; from < columns; from = to) {
    auto bits = std::bit_width(static_cast<std::uint64_t>(patterns));
    std::vector<decltype(bits)> width;
    for (to = from; to < columns; ++to) {
      const auto more = std::bit_width(static_cast<std::uint64_t>(levels[to] + 1));
      if (to > from && bits + more > 64) break;
      width.push_back(more);
      bits += more;
    }
    patterns = number_rows(n, of_row, execution, [&](std::int64_t i) {
      auto key = static_cast<std::uint64_t>(of_row[i]);
      const std::int32_t* row = code.data() + i * columns + from;
      for (std::size_t j = 0; j < width.size(); ++j)
        key = (key << width[j]) | static_cast<std::uint64_t>(row[j] + 1);
      return key;
    });
  }
  found.first.reserve(static_cast<std::size_t>(patterns));
  for (std::int64_t i = 0; i < n; ++i)
    if (of_row[i] == std::ssize(found.first)) found.first.push_back(i);
  return found;
}

std::vector<std::int32_t> numbered(std::span<const double> values, const Execution& execution) {
  std::vector<std::int32_t> out(values.size());
  number_rows(std::ssize(values), out.data(), execution, [&](std::int64_t i) {
    return std::bit_cast<std::uint64_t>(values[static_cast<std::size_t>(i)] + 0.0);
  });
  return out;
}

}  // namespace tenure::segment

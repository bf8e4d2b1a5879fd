#include "tenure/events/string_ids.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "tenure/support/parallel.hpp"
#include "text_dictionary.hpp"

namespace tenure::events {
namespace {

// --- rows --------------------------------------------------------------------------------------

struct Piece {
  std::size_t chunk;
  std::int64_t first, last;
};

/// Who looks up what. The rows are shared out in runs, and the texts of a run by their hash among
/// `parts` dictionaries, so that threads do not hold the same texts twice. Every thread of a run
/// reads all of its texts, which pays for few threads only.
struct Shares {
  static constexpr std::int64_t kPieceRows = 8 * kBlockRows;

  std::vector<Piece> pieces;
  int runs = 1, parts = 1;

  Shares(const std::vector<TextChunk>& chunks, int threads) {
    for (std::size_t c = 0; c < chunks.size(); ++c)
      for (std::int64_t first = 0; first < chunks[c].rows; first += kPieceRows)
        pieces.push_back({c, first, std::min(first + kPieceRows, chunks[c].rows)});
    const auto useful = static_cast<int>(
        std::clamp(std::ssize(pieces), std::ptrdiff_t{1}, std::ptrdiff_t{threads}));
    parts = std::gcd(useful, 4);
    runs = useful / parts;
  }

  int dictionaries() const { return runs * parts; }
  int run_of(std::size_t piece) const {
    return static_cast<int>(piece * static_cast<std::size_t>(runs) / pieces.size());
  }

  /// Calls body(piece) for the pieces of a run. Parts start at different ones: they write to rows
  /// beside each other, and would wait for each other's cache lines.
  template <class Body>
  void each(int run, int part, const Body& body) const {
    const auto first_of = [&](int r) {
      return (static_cast<std::size_t>(r) * pieces.size() + static_cast<std::size_t>(runs) - 1) /
             static_cast<std::size_t>(runs);
    };
    const std::size_t first = first_of(run), n = first_of(run + 1) - first;
    const std::size_t ahead = n * static_cast<std::size_t>(part) / static_cast<std::size_t>(parts);
    for (std::size_t k = 0; k < n; ++k) body(pieces[first + (ahead + k) % n]);
  }
};

/// The code of a row until texts have their places: that in its dictionary, and of which part.
struct DraftCode {
  static constexpr std::int64_t kNull = -1;
  static std::int64_t of(std::uint32_t code, int part) { return std::int64_t{code} << 2 | part; }
  static std::size_t code(std::int64_t draft) { return static_cast<std::size_t>(draft >> 2); }
  static int part(std::int64_t draft) { return static_cast<int>(draft & 3); }
};

/// Gives the rows of one part of the texts their draft codes, many at a time: while the slots of
/// some are on their way from memory, the texts before them are looked up.
class Encoder {
 public:
  static constexpr std::int64_t kTogether = 64;

  Encoder(Dictionary& dictionary, int part, int parts)
      : dictionary_(&dictionary), part_(part), parts_(parts) {}

  /// Rows [first, last) of a chunk, at most kTogether. Their codes come with the next call.
  template <class Texts>
  void take(const TextChunk& chunk, const Texts& text, std::int64_t first, std::int64_t last,
            std::int64_t* draft) {
    Batch& batch = batches_[turn_ ^= 1];
    batch.draft = draft;
    std::size_t n = 0;
    const auto all_but_part = static_cast<std::uint64_t>(parts_ - 1);
    for (std::int64_t i = first; i < last; ++i) {
      if (!chunk.is_valid(i)) {
        if (part_ == 0) draft[i] = DraftCode::kNull;
        continue;
      }
      const Key key(text(i));
      const std::uint64_t h = key.hash();
      batch.cells[n] = {key, h, i};
      // Without a branch: whose text it is cannot be foreseen.
      n += (h & all_but_part) == static_cast<std::uint64_t>(part_);
    }
    batch.size = n;
    for (std::size_t k = 0; k < n; ++k) dictionary_->prefetch(batch.cells[k].hash);
    look_up(batches_[turn_ ^ 1]);
  }

  void finish() { look_up(batches_[turn_]); }

 private:
  struct Cell {
    Key key;
    std::uint64_t hash;
    std::int64_t row;
  };
  struct Batch {
    std::int64_t* draft = nullptr;
    std::size_t size = 0;
    std::array<Cell, kTogether> cells;
  };

  void look_up(Batch& batch) {
    const std::span<const Cell> cells(batch.cells.data(), std::exchange(batch.size, 0));
    for (const Cell& c : cells)
      if (c.key.is_long()) dictionary_->prefetch_text(c.hash);
    for (const Cell& c : cells)
      batch.draft[c.row] = DraftCode::of(dictionary_->code(c.key, c.hash), part_);
  }

  Dictionary* dictionary_;
  int part_, parts_;
  unsigned turn_ = 0;
  std::array<Batch, 2> batches_;
};

// --- places ------------------------------------------------------------------------------------

/// A text that waits for its place among all.
struct Entry {
  std::uint64_t head, tail;  // its first sixteen bytes
  const char* text;
  std::uint32_t length;
  std::uint32_t code;  // among those of all dictionaries

  Entry() = default;
  Entry(const Key& key, std::uint32_t number)
      : head(key.head),
        tail(key.is_long() ? load<std::uint64_t>(key.text + 8) : key.tail),
        text(key.text),
        length(key.length),
        code(number) {}

  bool is_short() const { return length <= Key::kByValue; }
  std::string_view view() const { return {text, length}; }

  /// The order of their bytes. Those of most pairs are not looked at.
  friend bool operator<(const Entry& a, const Entry& b) {
    if (a.head != b.head) return a.head < b.head;
    if (a.tail != b.tail) return a.tail < b.tail;
    if (a.is_short() && b.is_short()) return a.length < b.length;
    return a.view() < b.view();
  }
  friend bool operator==(const Entry& a, const Entry& b) {
    return a.head == b.head && a.tail == b.tail && a.length == b.length &&
           (a.is_short() || a.view() == b.view());
  }

  void copy_to(char* to) const {
    if (!is_short()) {
      std::copy_n(text, length, to);
      return;
    }
    // By value: where the text stands is far away.
    std::array<char, Key::kByValue> bytes;
    for (std::size_t i = 0; i < 8; ++i) {
      bytes[i] = static_cast<char>(head >> (56 - 8 * i));
      bytes[8 + i] = static_cast<char>(tail >> (56 - 8 * i));
    }
    std::copy_n(bytes.data(), length, to);  // nowhere, if all texts are empty
  }
};

/// All texts of the dictionaries in buckets: those of a bucket come before those of the next, and
/// equal ones are in the same. Buckets are small enough to be sorted in a few milliseconds.
struct Buckets {
  static constexpr std::size_t kTexts = std::size_t{1} << 14;  // in a bucket, about
  static constexpr std::size_t kSample = 8;                    // texts looked at for each

  Buffer<Entry> entries;
  std::vector<std::size_t> first;  // of each bucket, and the end

  Buckets(const std::vector<Dictionary>& dictionaries, const std::vector<std::uint32_t>& base,
          const Execution& execution) {
    const std::vector<Entry> least = ends(dictionaries, base.back());
    const std::size_t n = least.size() + 1;
    // [dictionary][bucket]: how many, then where the next goes.
    std::vector<std::vector<std::size_t>> at(dictionaries.size(), std::vector<std::size_t>(n));
    std::vector<std::vector<std::uint32_t>> bucket(dictionaries.size());
    for_each_task(std::ssize(dictionaries), execution, [&](std::int64_t task) {
      const auto d = static_cast<std::size_t>(task);
      bucket[d].reserve(dictionaries[d].size());
      dictionaries[d].each([&](const Key& key, std::uint32_t code) {
        const auto found = std::upper_bound(least.begin(), least.end(), Entry(key, code));
        const auto b = static_cast<std::size_t>(found - least.begin());
        bucket[d].push_back(static_cast<std::uint32_t>(b));
        ++at[d][b];
      });
    });
    std::size_t total = 0;
    for (std::size_t b = 0; b < n; ++b) {
      first.push_back(total);
      for (auto& of : at) total += std::exchange(of[b], total);
    }
    first.push_back(total);
    entries = Buffer<Entry>(static_cast<std::int64_t>(total));
    for_each_task(std::ssize(dictionaries), execution, [&](std::int64_t task) {
      const auto d = static_cast<std::size_t>(task);
      const std::uint32_t* b = bucket[d].data();
      dictionaries[d].each([&](const Key& key, std::uint32_t code) {
        entries.span()[at[d][*b++]++] = {key, base[d] + code};
      });
    });
  }

  std::size_t size() const { return first.size() - 1; }
  std::span<Entry> operator[](std::size_t b) {
    return entries.span().subspan(first[b], first[b + 1] - first[b]);
  }

 private:
  /// The least text of every bucket but the first, from a sample. A dictionary gives its texts in
  /// the order of their hashes: its first ones are as good as random ones.
  static std::vector<Entry> ends(const std::vector<Dictionary>& dictionaries, std::size_t total) {
    const std::size_t buckets = total / kTexts + 1;
    std::vector<Entry> sample;
    if (buckets == 1) return sample;
    for (const Dictionary& d : dictionaries)
      d.each([&](const Key& key, std::uint32_t code) { sample.emplace_back(key, code); },
             buckets * kSample * d.size() / total);
    std::sort(sample.begin(), sample.end());
    std::vector<Entry> least;
    for (std::size_t i = kSample; i < sample.size(); i += kSample) least.push_back(sample[i]);
    return least;
  }
};

/// Makes the table; place[code] is that of a text in it.
TextTable place_texts(Buckets& buckets, std::vector<std::uint32_t>& place,
                      const Execution& execution) {
  struct Size {
    std::int64_t texts = 0, bytes = 0;
  };
  std::vector<Size> before(buckets.size() + 1);
  for_each_task(std::ssize(before) - 1, execution, [&](std::int64_t task) {
    const auto b = static_cast<std::size_t>(task);
    std::sort(buckets[b].begin(), buckets[b].end());
    Size size;
    const Entry* last = nullptr;
    for (const Entry& e : buckets[b]) {
      if (!last || !(*last == e)) size.texts += 1, size.bytes += e.length;
      last = &e;
    }
    before[b + 1] = size;
  });
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    before[b + 1].texts += before[b].texts;
    before[b + 1].bytes += before[b].bytes;
  }
  TextTable table;
  table.offset.resize(static_cast<std::size_t>(before.back().texts) + 1);
  table.bytes.resize(static_cast<std::size_t>(before.back().bytes));
  for_each_task(std::ssize(before) - 1, execution, [&](std::int64_t task) {
    const auto b = static_cast<std::size_t>(task);
    Size at = before[b];
    const Entry* last = nullptr;
    for (const Entry& e : buckets[b]) {
      if (!last || !(*last == e)) {
        e.copy_to(table.bytes.data() + at.bytes);
        at.texts += 1, at.bytes += e.length;
        table.offset[static_cast<std::size_t>(at.texts)] = at.bytes;
      }
      place[e.code] = static_cast<std::uint32_t>(at.texts - 1);
      last = &e;
    }
  });
  return table;
}

}  // namespace

EncodedText encode_text(const std::vector<TextChunk>& chunks, const Execution& execution) {
  EncodedText result;
  for (const TextChunk& c : chunks) result.code.emplace_back(c.rows);

  const Shares shares(chunks, execution.threads);
  std::vector<Dictionary> dictionaries;
  for (int d = 0; d < shares.dictionaries(); ++d) dictionaries.emplace_back(execution);
  for_each_task(shares.dictionaries(), execution, [&](std::int64_t task) {
    const auto run = static_cast<int>(task) / shares.parts;
    const auto part = static_cast<int>(task) % shares.parts;
    Dictionary& dictionary = dictionaries[static_cast<std::size_t>(task)];
    Encoder encoder(dictionary, part, shares.parts);
    shares.each(run, part, [&](const Piece& p) {
      const TextChunk& chunk = chunks[p.chunk];
      std::int64_t* draft = result.code[p.chunk].data();
      chunk.with_texts([&](const auto& text) {
        for (std::int64_t i = p.first; i < p.last; i += Encoder::kTogether) {
          if ((i - p.first) % (16 * Encoder::kTogether) == 0) execution.poll();
          encoder.take(chunk, text, i, std::min(i + Encoder::kTogether, p.last), draft);
        }
      });
    });
    encoder.finish();
  });

  std::vector<std::uint32_t> base{0};
  for (const Dictionary& d : dictionaries)
    base.push_back(base.back() + static_cast<std::uint32_t>(d.size()));
  std::vector<std::uint32_t> place(base.back());
  {
    Buckets buckets(dictionaries, base, execution);
    dictionaries.clear();
    result.table = place_texts(buckets, place, execution);
  }
  for_each_task(std::ssize(shares.pieces), execution, [&](std::int64_t task) {
    const auto t = static_cast<std::size_t>(task);
    const Piece& p = shares.pieces[t];
    const std::uint32_t* base_of_run = base.data() + shares.run_of(t) * shares.parts;
    std::int64_t* code = result.code[p.chunk].data();
    for (std::int64_t i = p.first; i < p.last; ++i)
      code[i] = code[i] == DraftCode::kNull
                    ? 0
                    : place[base_of_run[DraftCode::part(code[i])] + DraftCode::code(code[i])];
  });
  return result;
}

}  // namespace tenure::events

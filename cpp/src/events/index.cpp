#include "tenure/events/index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>

#include "customer_sort.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/pages.hpp"

namespace tenure::events {
namespace {

// Leading bits that are counted: 2^16 counters of 4 bytes stay in the second-level cache.
constexpr int kCountedBits = 16;
constexpr std::int64_t kFineBuckets = std::int64_t{1} << kCountedBits;
constexpr std::int64_t kMaxPartitions = 4096;
// One column of a partition of this many rows fits the second-level cache; fewer partitions keep
// fewer lines open while rows are scattered.
constexpr std::int64_t kPartitionRows = 32768;
constexpr std::int64_t kSegmentRows = std::int64_t{1} << 20;

/// Ids order as signed integers; shifted so that the smallest is 0 they order as unsigned ones.
using Key = std::uint64_t;

/// Where rows of the caller's chunks lie when chunks are cut into segments of bounded size.
struct Segment {
  const EventChunk* chunk;
  std::int64_t first, last;
};

std::vector<Segment> cut(const std::vector<EventChunk>& chunks, std::int64_t rows) {
  std::vector<Segment> segments;
  for (const EventChunk& c : chunks)
    for (std::int64_t first = 0; first < c.rows; first += rows)
      segments.push_back({&c, first, std::min(c.rows, first + rows)});
  return segments;
}

/// Segments are long, for the sake of their counters: Ctrl-C is looked for between pieces of them.
template <class Body>
void for_each_piece(const Segment& s, const Execution& execution, const Body& body) {
  for (std::int64_t first = s.first; first < s.last; first += 8 * kBlockRows) {
    execution.poll();
    body(first, std::min(s.last, first + 8 * kBlockRows));
  }
}

struct Range {
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = std::numeric_limits<std::int64_t>::min();
};

Range id_range(const std::vector<EventChunk>& chunks, const Execution& execution) {
  const auto blocks = cut(chunks, 8 * kBlockRows);
  std::vector<Range> partial(blocks.size());
  for_each_task(std::ssize(blocks), execution, [&](std::int64_t t) {
    const Segment& s = blocks[static_cast<std::size_t>(t)];
    Range r;
    for (std::int64_t i = s.first; i < s.last; ++i) {
      r.low = std::min(r.low, s.chunk->customer[i]);
      r.high = std::max(r.high, s.chunk->customer[i]);
    }
    partial[static_cast<std::size_t>(t)] = r;
  });
  Range all;
  for (const Range& r : partial) all = {std::min(all.low, r.low), std::max(all.high, r.high)};
  return all;
}

/// Which partition an id goes to: fine buckets by leading bits, joined into runs of about equal
/// rows.
struct Plan {
  Key low = 0;
  int shift = 0;
  std::vector<std::uint16_t> partition_of;        // by fine bucket
  std::vector<std::int64_t> partition_first;      // partitions + 1: rows in final order
  std::vector<std::vector<std::int64_t>> cursor;  // by segment, partition: where its rows go

  std::int64_t partitions() const { return std::ssize(partition_first) - 1; }
  std::uint16_t operator()(Key key) const { return partition_of[key >> shift]; }
};

Key shifted(std::int64_t id, Key low) { return static_cast<Key>(id) - low; }

Plan make_plan(const std::vector<Segment>& segments, std::int64_t rows, const Range& range,
               const Execution& execution) {
  Plan plan;
  plan.low = static_cast<Key>(range.low);
  const Key span = static_cast<Key>(range.high) - plan.low;
  plan.shift = std::max(0, static_cast<int>(std::bit_width(span)) - kCountedBits);

  std::vector<std::vector<std::uint32_t>> fine(segments.size());
  for_each_task(std::ssize(segments), execution, [&](std::int64_t t) {
    const Segment& s = segments[static_cast<std::size_t>(t)];
    std::vector<std::uint32_t> count(kFineBuckets);
    const std::int64_t* ids = s.chunk->customer;
    for_each_piece(s, execution, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) ++count[shifted(ids[i], plan.low) >> plan.shift];
    });
    fine[static_cast<std::size_t>(t)] = std::move(count);
  });

  // Runs of fine buckets with about equal rows; one bucket is never divided.
  std::vector<std::int64_t> total(kFineBuckets);
  for (const auto& count : fine)
    for (std::size_t b = 0; b < count.size(); ++b) total[b] += count[b];
  const std::int64_t target = std::max(kPartitionRows, rows / kMaxPartitions + 1);
  plan.partition_of.resize(kFineBuckets);
  plan.partition_first = {0};
  std::int64_t done = 0, in_run = 0;
  for (std::size_t b = 0; b < total.size(); ++b) {
    if (in_run > 0 && in_run + total[b] > target) {
      plan.partition_first.push_back(done);
      in_run = 0;
    }
    plan.partition_of[b] = static_cast<std::uint16_t>(plan.partition_first.size() - 1);
    in_run += total[b];
    done += total[b];
  }
  plan.partition_first.push_back(done);

  // Stable: within a partition the rows of an earlier segment come first.
  std::vector<std::int64_t> next(plan.partition_first.begin(), plan.partition_first.end() - 1);
  for (const auto& count : fine) {
    plan.cursor.push_back(next);
    for (std::size_t b = 0; b < count.size(); ++b) next[plan.partition_of[b]] += count[b];
  }
  return plan;
}

/// The distinct keys of one partition, ascending, and a code for each of its rows.
class LocalCustomers {
 public:
  template <class K>
  void assign(std::span<const K> keys, std::vector<std::uint32_t>& code) {
    const auto [low, high] = std::ranges::minmax(keys);
    code.resize(keys.size());
    // Dense ids need no hash: a table over their range is smaller than the rows themselves.
    if (high - low < 4 * keys.size() + 1024)
      by_table(keys, code, low, high);
    else
      by_hash(keys, code);
  }
  const std::vector<Key>& keys() const { return keys_; }

 private:
  template <class K>
  void by_table(std::span<const K> rows, std::vector<std::uint32_t>& code, Key low, Key high) {
    table_.assign(high - low + 1, 0);
    for (const K key : rows) table_[key - low] = 1;
    keys_.clear();
    for (std::size_t k = 0; k < table_.size(); ++k) {
      if (table_[k] == 0) continue;
      table_[k] = static_cast<std::uint32_t>(keys_.size());
      keys_.push_back(low + k);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) code[i] = table_[rows[i] - low];
  }

  template <class K>
  void by_hash(std::span<const K> rows, std::vector<std::uint32_t>& code) {
    constexpr std::uint32_t kEmpty = std::numeric_limits<std::uint32_t>::max();
    const int bits = std::max(4, static_cast<int>(std::bit_width(2 * rows.size())));
    table_.assign(std::size_t{1} << bits, kEmpty);
    const std::size_t mask = table_.size() - 1;
    keys_.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Key key = rows[i];
      // Fibonacci hashing: the upper bits of the product depend on every bit of the key.
      std::size_t slot = (key * 0x9E3779B97F4A7C15u) >> (64 - bits);
      while (table_[slot] != kEmpty && keys_[table_[slot]] != key) slot = (slot + 1) & mask;
      if (table_[slot] == kEmpty) {
        table_[slot] = static_cast<std::uint32_t>(keys_.size());
        keys_.push_back(key);
      }
      code[i] = table_[slot];
    }
    // From order of appearance to ascending order.
    order_.resize(keys_.size());
    for (std::size_t k = 0; k < keys_.size(); ++k)
      order_[k] = {keys_[k], static_cast<std::uint32_t>(k)};
    std::ranges::sort(order_);
    rank_.resize(keys_.size());
    for (std::size_t k = 0; k < order_.size(); ++k) {
      keys_[k] = order_[k].first;
      rank_[order_[k].second] = static_cast<std::uint32_t>(k);
    }
    for (std::uint32_t& c : code) c = rank_[c];
  }

  std::vector<Key> keys_;
  std::vector<std::uint32_t> table_, rank_;
  std::vector<std::pair<Key, std::uint32_t>> order_;
};

/// Scatters every column to the partitions, in place of its final home, and the keys beside them.
template <class K>
void partition_rows(const std::vector<Segment>& segments, Plan& plan, const Columns& columns,
                    K* keys, const Execution& execution) {
  for_each_task(std::ssize(segments), execution, [&](std::int64_t t) {
    const Segment& s = segments[static_cast<std::size_t>(t)];
    const EventChunk& c = *s.chunk;
    std::int64_t* cursor = plan.cursor[static_cast<std::size_t>(t)].data();
    for_each_piece(s, execution, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const Key key = shifted(c.customer[i], plan.low);
        const std::int64_t to = cursor[plan(key)]++;
        keys[to] = static_cast<K>(key);
        columns.set(
            to, {c.time[i], c.amount ? c.amount[i] : 0.0, c.event ? c.event[i] : std::uint16_t{0},
                 static_cast<std::uint32_t>(c.row ? c.row[i] : c.first_row + i)});
      }
    });
  });
}

/// The customers of one partition: their ids and how many rows each has.
struct PartitionCustomers {
  std::vector<Key> key;
  std::vector<std::int64_t> rows;
};

/// Puts the rows of one partition in order: by a counting sort over its customers, then within
/// those customers whose rows did not arrive in order.
template <class K>
PartitionCustomers order_partition(std::span<const K> keys, std::int64_t base,
                                   const Columns& columns) {
  if (keys.empty()) return {};
  if (keys.size() > std::numeric_limits<std::uint32_t>::max())
    throw InvalidInput("customer", -1, static_cast<double>(keys.size()),
                       "spread over ids: at most 2^32 - 1 rows of neighbouring ones");
  LocalCustomers customers;
  std::vector<std::uint32_t> place;  // first the customer of a row, then where the row goes
  customers.assign(keys, place);
  const std::size_t n = customers.keys().size();
  std::vector<std::uint32_t> next(n + 1);
  for (const std::uint32_t c : place) ++next[c + 1];
  for (std::size_t c = 0; c < n; ++c) next[c + 1] += next[c];

  PartitionCustomers result{customers.keys(), std::vector<std::int64_t>(n)};
  for (std::size_t c = 0; c < n; ++c) result.rows[c] = next[c + 1] - next[c];
  for (std::uint32_t& p : place) p = next[p]++;
  columns.permute(base, place);

  CustomerSort sort;
  std::int64_t first = base;
  for (const std::int64_t count : result.rows) {
    sort(columns, first, first + count);
    first += count;
  }
  return result;
}

struct Shape {
  std::int64_t rows = 0;
  bool amounts = false, names = false;
};

template <class K>
std::vector<PartitionCustomers> order_rows(const std::vector<Segment>& segments, Plan& plan,
                                           const Columns& columns, std::int64_t rows,
                                           const Execution& execution) {
  Buffer<K> keys = mapped_buffer<K>(rows, execution);
  partition_rows(segments, plan, columns, keys.data(), execution);
  std::vector<PartitionCustomers> found(static_cast<std::size_t>(plan.partitions()));
  for_each_task(plan.partitions(), execution, [&](std::int64_t p) {
    const std::int64_t first = plan.partition_first[static_cast<std::size_t>(p)];
    const std::int64_t last = plan.partition_first[static_cast<std::size_t>(p) + 1];
    found[static_cast<std::size_t>(p)] = order_partition<K>(
        {keys.data() + first, static_cast<std::size_t>(last - first)}, first, columns);
  });
  return found;
}

Index index_rows(const std::vector<EventChunk>& chunks, const Shape& shape, Properties properties,
                 const Execution& execution) {
  const std::int64_t rows = shape.rows;
  const Range range = id_range(chunks, execution);
  // At least one segment a thread, and few enough for their counters.
  const auto segments = cut(chunks, std::clamp<std::int64_t>(rows / 16, kBlockRows, kSegmentRows));
  Plan plan = make_plan(segments, rows, range, execution);

  Index index;
  EventLog& log = index.log;
  log.time = mapped_buffer<std::int64_t>(rows, execution);
  if (shape.amounts) log.amount = mapped_buffer<double>(rows, execution);
  if (shape.names) log.event = mapped_buffer<std::uint16_t>(rows, execution);
  const Columns columns(log, properties, rows, execution);
  const bool narrow = shifted(range.high, plan.low) <= std::numeric_limits<std::uint32_t>::max();
  const auto found = narrow ? order_rows<std::uint32_t>(segments, plan, columns, rows, execution)
                            : order_rows<Key>(segments, plan, columns, rows, execution);
  columns.fetch_properties(execution);

  std::int64_t customers = 0;
  for (const auto& f : found) customers += std::ssize(f.key);
  index.customer_id = Buffer<std::int64_t>(customers);
  log.offset = Buffer<std::int64_t>(customers + 1);
  std::int64_t c = 0, row = 0;
  log.offset[0] = 0;
  for (const auto& f : found)
    for (std::size_t k = 0; k < f.key.size(); ++k) {
      index.customer_id[c] = static_cast<std::int64_t>(f.key[k] + plan.low);
      log.offset[++c] = row += f.rows[k];
    }
  return index;
}

}  // namespace

Index index_events(const std::vector<EventChunk>& chunks, Properties properties,
                   const Execution& execution) {
  Shape shape;
  for (const EventChunk& c : chunks) {
    shape.rows += c.rows;
    shape.amounts |= c.amount != nullptr;
    shape.names |= c.event != nullptr;
  }
  if (!properties.empty() && properties[0].size() > std::numeric_limits<std::uint32_t>::max())
    throw InvalidInput("properties", -1, static_cast<double>(properties[0].size()),
                       "of at most 2^32 - 1 rows");
  if (shape.rows == 0) {
    Index empty;
    empty.log.offset = Buffer<std::int64_t>(1);
    empty.log.offset[0] = 0;
    empty.log.property.resize(properties.size());
    return empty;
  }
  return index_rows(chunks, shape, properties, execution);
}

Index with_customers(Index index, std::span<const std::int64_t> ids) {
  std::vector<std::int64_t> further(ids.begin(), ids.end());
  std::ranges::sort(further);
  further.erase(std::unique(further.begin(), further.end()), further.end());
  const auto known = index.customer_id.span();
  std::erase_if(further, [&](std::int64_t id) { return std::ranges::binary_search(known, id); });
  if (further.empty()) return index;

  const std::int64_t customers = std::ssize(known) + std::ssize(further);
  Buffer<std::int64_t> id(customers), offset(customers + 1);
  std::size_t k = 0, f = 0;
  for (std::int64_t c = 0; c < customers; ++c) {
    offset[c] = index.log.offset[static_cast<std::int64_t>(k)];
    const bool is_known = f == further.size() || (k < known.size() && known[k] < further[f]);
    id[c] = is_known ? known[k++] : further[f++];
  }
  offset[customers] = index.log.rows();
  index.customer_id = std::move(id);
  index.log.offset = std::move(offset);
  return index;
}

}  // namespace tenure::events

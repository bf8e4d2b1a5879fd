#include "tenure/events/index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>

#include "tenure/support/parallel.hpp"

namespace tenure::events {
namespace {

// Leading bits that are counted: 2^16 counters of 4 bytes stay in the second-level cache.
constexpr int kCountedBits = 16;
constexpr std::int64_t kFineBuckets = std::int64_t{1} << kCountedBits;
constexpr std::int64_t kMaxPartitions = 4096;
// A partition of this many rows (24 to 32 bytes each) fits the second-level cache twice over.
constexpr std::int64_t kPartitionRows = 8192;
constexpr std::int64_t kSegmentRows = std::int64_t{1} << 20;

/// Ids order as signed integers; shifted so that the smallest is 0 they order as unsigned ones.
using Key = std::uint64_t;

struct Row {
  Key key;
  std::int64_t time;
  double amount;
};
struct NamedRow : Row {
  std::uint16_t event;
};

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

template <class R>
void partition_rows(const std::vector<Segment>& segments, Plan& plan, R* rows,
                    const Execution& execution) {
  for_each_task(std::ssize(segments), execution, [&](std::int64_t t) {
    const Segment& s = segments[static_cast<std::size_t>(t)];
    const EventChunk& c = *s.chunk;
    std::int64_t* cursor = plan.cursor[static_cast<std::size_t>(t)].data();
    for_each_piece(s, execution, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const Key key = shifted(c.customer[i], plan.low);
        R& row = rows[cursor[plan(key)]++];
        row.key = key;
        row.time = c.time[i];
        row.amount = c.amount ? c.amount[i] : 0.0;
        if constexpr (std::is_same_v<R, NamedRow>) row.event = c.event[i];
      }
    });
  });
}

/// The distinct keys of one partition, ascending, and a code for each of its rows.
class LocalCustomers {
 public:
  template <class R>
  void assign(std::span<const R> rows, std::vector<std::uint32_t>& code) {
    Key low = rows[0].key, high = rows[0].key;
    for (const R& r : rows) low = std::min(low, r.key), high = std::max(high, r.key);
    code.resize(rows.size());
    // Dense ids need no hash: a table over their range is smaller than the rows themselves.
    if (high - low < 4 * rows.size() + 1024)
      by_table(rows, code, low, high);
    else
      by_hash(rows, code);
  }
  const std::vector<Key>& keys() const { return keys_; }

 private:
  template <class R>
  void by_table(std::span<const R> rows, std::vector<std::uint32_t>& code, Key low, Key high) {
    table_.assign(high - low + 1, 0);
    for (const R& r : rows) table_[r.key - low] = 1;
    keys_.clear();
    for (std::size_t k = 0; k < table_.size(); ++k) {
      if (table_[k] == 0) continue;
      table_[k] = static_cast<std::uint32_t>(keys_.size());
      keys_.push_back(low + k);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) code[i] = table_[rows[i].key - low];
  }

  template <class R>
  void by_hash(std::span<const R> rows, std::vector<std::uint32_t>& code) {
    constexpr std::uint32_t kEmpty = std::numeric_limits<std::uint32_t>::max();
    const int bits = std::max(4, static_cast<int>(std::bit_width(2 * rows.size())));
    table_.assign(std::size_t{1} << bits, kEmpty);
    const std::size_t mask = table_.size() - 1;
    keys_.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Key key = rows[i].key;
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

struct Cells {
  std::int64_t time;
  double amount;
  std::uint16_t event;

  bool operator<(const Cells& b) const {
    if (time != b.time) return time < b.time;
    if (event != b.event) return event < b.event;
    return amount < b.amount;
  }
};

/// Sorts the rows of one customer where they are not in order yet.
void sort_customer(EventLog& log, std::int64_t first, std::int64_t last,
                   std::vector<Cells>& scratch) {
  const auto cells = [&](std::int64_t i) {
    return Cells{log.time[i], log.has_amount() ? log.amount[i] : 0.0,
                 log.has_event() ? log.event[i] : std::uint16_t{0}};
  };
  std::int64_t i = first + 1;
  while (i < last && (log.time[i - 1] < log.time[i] || !(cells(i) < cells(i - 1)))) ++i;
  if (i >= last) return;
  scratch.resize(static_cast<std::size_t>(last - first));
  for (std::int64_t k = first; k < last; ++k)
    scratch[static_cast<std::size_t>(k - first)] = cells(k);
  std::sort(scratch.begin(), scratch.end());
  for (std::int64_t k = first; k < last; ++k) {
    const Cells& c = scratch[static_cast<std::size_t>(k - first)];
    log.time[k] = c.time;
    if (log.has_amount()) log.amount[k] = c.amount;
    if (log.has_event()) log.event[k] = c.event;
  }
}

/// The customers of one partition: their ids and how many rows each has.
struct PartitionCustomers {
  std::vector<Key> key;
  std::vector<std::int64_t> rows;
};

template <class R>
PartitionCustomers order_partition(std::span<const R> rows, std::int64_t base, EventLog& log) {
  LocalCustomers customers;
  std::vector<std::uint32_t> code;
  std::vector<std::int64_t> next;
  std::vector<Cells> scratch;
  if (rows.empty()) return {};

  customers.assign(rows, code);
  const std::size_t n = customers.keys().size();
  next.assign(n + 1, 0);
  for (const std::uint32_t c : code) ++next[c + 1];
  for (std::size_t c = 0; c < n; ++c) next[c + 1] += next[c];

  PartitionCustomers result{customers.keys(), std::vector<std::int64_t>(n)};
  for (std::size_t c = 0; c < n; ++c) result.rows[c] = next[c + 1] - next[c];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t to = base + next[code[i]]++;
    log.time[to] = rows[i].time;
    if (log.has_amount()) log.amount[to] = rows[i].amount;
    if constexpr (std::is_same_v<R, NamedRow>) log.event[to] = rows[i].event;
  }
  std::int64_t first = base;
  for (const std::int64_t count : result.rows) {
    sort_customer(log, first, first + count, scratch);
    first += count;
  }
  return result;
}

template <class R>
Index index_rows(const std::vector<EventChunk>& chunks, std::int64_t rows, bool amounts,
                 const Execution& execution) {
  const Range range = id_range(chunks, execution);
  // At least one segment a thread, and few enough for their counters.
  const auto segments = cut(chunks, std::clamp<std::int64_t>(rows / 16, kBlockRows, kSegmentRows));
  Plan plan = make_plan(segments, rows, range, execution);

  Index index;
  EventLog& log = index.log;
  log.time = Buffer<std::int64_t>(rows);
  if (amounts) log.amount = Buffer<double>(rows);
  if constexpr (std::is_same_v<R, NamedRow>) log.event = Buffer<std::uint16_t>(rows);

  std::vector<PartitionCustomers> found(static_cast<std::size_t>(plan.partitions()));
  {
    Buffer<R> partitioned(rows);
    partition_rows(segments, plan, partitioned.data(), execution);
    for_each_task(plan.partitions(), execution, [&](std::int64_t p) {
      const std::int64_t first = plan.partition_first[static_cast<std::size_t>(p)];
      const std::int64_t last = plan.partition_first[static_cast<std::size_t>(p) + 1];
      found[static_cast<std::size_t>(p)] = order_partition<R>(
          {partitioned.data() + first, static_cast<std::size_t>(last - first)}, first, log);
    });
  }

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

Index index_events(const std::vector<EventChunk>& chunks, const Execution& execution) {
  std::int64_t rows = 0;
  bool amounts = false, names = false;
  for (const EventChunk& c : chunks) {
    rows += c.rows;
    amounts |= c.amount != nullptr;
    names |= c.event != nullptr;
  }
  if (rows == 0) {
    Index empty;
    empty.log.offset = Buffer<std::int64_t>(1);
    empty.log.offset[0] = 0;
    return empty;
  }
  return names ? index_rows<NamedRow>(chunks, rows, amounts, execution)
               : index_rows<Row>(chunks, rows, amounts, execution);
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

#include "tenure/clv/purchase_opportunities.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr std::int64_t kBlock = 65'536;
constexpr int kBits = 20;
constexpr std::uint64_t kMask = (1u << kBits) - 1;

bool whole(double v) { return v >= 0.0 && v <= kMostOpportunities && std::trunc(v) == v; }

void require_length(const char* argument, std::span<const double> column, std::int64_t rows) {
  if (std::ssize(column) != rows)
    throw InvalidInput(argument, -1, static_cast<double>(column.size()),
                       "as long as the other columns");
}

void require_valid_row(double x, double t_x, double n, double w, std::int64_t i) {
  if (!whole(n)) throw InvalidInput("T", i, n, "a whole number from 0 to 100,000");
  if (!whole(x)) throw InvalidInput("frequency", i, x, "a whole number >= 0");
  if (!whole(t_x)) throw InvalidInput("recency", i, t_x, "a whole number >= 0");
  if (t_x > n) throw InvalidInput("recency", i, t_x, "at most T");
  if (x > t_x) throw InvalidInput("recency", i, t_x, "at least frequency");
  if (x == 0.0 && t_x > 0.0) throw InvalidInput("recency", i, t_x, "0 where frequency is 0");
  if (!(w >= 0.0 && std::isfinite(w))) throw InvalidInput("weight", i, w, "finite and >= 0");
}

/// Ascends in n, then x, then falls in t_x.
std::uint64_t key_of(double x, double t_x, double n) {
  const auto bits = [](double v) { return static_cast<std::uint64_t>(v); };
  return bits(n) << 2 * kBits | bits(x) << kBits | (kMask - bits(t_x));
}

struct Entry {
  std::uint64_t key;
  double weight;
};

/// Sums by key, open addressing over a dense list.
class KeySums {
 public:
  KeySums() : slot_(1024, kFree) {}

  double& operator[](std::uint64_t key) {
    const std::size_t mask = slot_.size() - 1;
    for (std::size_t s = hash(key) & mask;; s = (s + 1) & mask) {
      if (slot_[s] == kFree) {
        slot_[s] = static_cast<std::int32_t>(entries.size());
        entries.push_back({key, 0.0});
        if (2 * entries.size() > slot_.size()) grow();
        return entries.back().weight;
      }
      Entry& entry = entries[static_cast<std::size_t>(slot_[s])];
      if (entry.key == key) return entry.weight;
    }
  }

  std::vector<Entry> entries;

 private:
  static constexpr std::int32_t kFree = -1;
  static std::size_t hash(std::uint64_t key) { return (key * 0x9e3779b97f4a7c15u) >> 32; }

  void grow() {
    slot_.assign(4 * slot_.size(), kFree);
    const std::size_t mask = slot_.size() - 1;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      std::size_t s = hash(entries[e].key) & mask;
      while (slot_[s] != kFree) s = (s + 1) & mask;
      slot_[s] = static_cast<std::int32_t>(e);
    }
  }

  std::vector<std::int32_t> slot_;
};

/// Distinct keys, ascending, with their weights; each row is read once, checked and used.
std::vector<Entry> merged(const PurchaseOpportunities& p, const Execution& execution) {
  require_length("recency", p.recency, p.rows());
  require_length("T", p.number, p.rows());
  if (p.weight) require_length("weight", *p.weight, p.rows());
  std::vector<std::vector<Entry>> found(static_cast<std::size_t>(block_count(p.rows(), kBlock)));
  for_each_block(
      p.rows(), execution,
      [&](std::int64_t block, std::int64_t from, std::int64_t to) {
        KeySums sums;
        for (std::int64_t i = from; i < to; ++i) {
          const double x = p.frequency[i], t_x = p.recency[i], n = p.number[i];
          const double w = p.weight ? (*p.weight)[i] : 1.0;
          require_valid_row(x, t_x, n, w, i);
          sums[key_of(x, t_x, n)] += w;
        }
        std::ranges::sort(sums.entries, {}, &Entry::key);
        found[static_cast<std::size_t>(block)] = std::move(sums.entries);
      },
      kBlock);
  std::vector<Entry> all;
  for (const auto& part : found) all.insert(all.end(), part.begin(), part.end());
  // Stable: the parts of one cell are added in block order.
  std::ranges::stable_sort(all, {}, &Entry::key);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (kept > 0 && all[kept - 1].key == all[i].key)
      all[kept - 1].weight += all[i].weight;
    else
      all[kept++] = all[i];
  }
  all.resize(kept);
  return all;
}

OpportunityCells cells_of(const std::vector<Entry>& entries) {
  OpportunityCells cells;
  cells.cell.reserve(entries.size());
  for (const Entry& e : entries) {
    const auto number = [](std::uint64_t bits) { return static_cast<double>(bits); };
    const OpportunityCell cell{.x = number(e.key >> kBits & kMask),
                               .t_x = number(kMask - (e.key & kMask)),
                               .n = number(e.key >> 2 * kBits),
                               .weight = e.weight};
    if (cells.cell.empty() || cells.cell.back().x != cell.x || cells.cell.back().n != cell.n)
      cells.first.push_back(std::ssize(cells.cell));
    cells.cell.push_back(cell);
    cells.customers += e.weight;
  }
  cells.first.push_back(std::ssize(cells.cell));
  return cells;
}

}  // namespace

void require_valid(const PurchaseOpportunities& purchases, const Execution& execution) {
  merged(purchases, execution);
}

void require_valid_opportunities(std::span<const double> number,
                                 std::optional<std::span<const double>> weight,
                                 const Execution& execution) {
  if (weight) require_length("weight", *weight, std::ssize(number));
  for_each_block(std::ssize(number), execution,
                 [&](std::int64_t, std::int64_t from, std::int64_t to) {
                   for (std::int64_t i = from; i < to; ++i)
                     require_valid_row(0.0, 0.0, number[i], weight ? (*weight)[i] : 1.0, i);
                 });
}

OpportunityCells distinct_cells(const PurchaseOpportunities& purchases,
                                const Execution& execution) {
  return cells_of(merged(purchases, execution));
}

Buffer<double> by_cell(
    const PurchaseOpportunities& p,
    const std::function<void(std::span<const OpportunityCell> run, double* out)>& of_run,
    const Execution& execution) {
  const std::vector<Entry> entries = merged(p, execution);
  const OpportunityCells cells = cells_of(entries);
  std::vector<double> value(entries.size());
  for_each_task(cells.runs(), execution, [&](std::int64_t run) {
    const std::int64_t from = cells.first[run], to = cells.first[run + 1];
    of_run(std::span(cells.cell).subspan(from, to - from), value.data() + from);
  });
  Buffer<double> out(p.rows());
  for_each_block(p.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const double x = p.frequency[i], t_x = p.recency[i], n = p.number[i];
      // Somebody else may have changed the row since it was checked.
      require_valid_row(x, t_x, n, 1.0, i);
      const std::uint64_t key = key_of(x, t_x, n);
      const auto at = std::ranges::lower_bound(entries, key, {}, &Entry::key);
      if (at == entries.end() || at->key != key)
        throw InvalidInput("frequency", i, "changed while it was being read");
      out[i] = value[static_cast<std::size_t>(at - entries.begin())];
    }
  });
  return out;
}

}  // namespace tenure::clv

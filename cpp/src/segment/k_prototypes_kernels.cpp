#include "k_prototypes_kernels.hpp"

#include <limits>

#include "tenure/support/clones.hpp"

namespace tenure::segment::detail {

PackedPrototypes::PackedPrototypes(const Prototypes& prototypes,
                                   std::span<const std::int64_t> levels, double gamma)
    : clusters(std::ssize(prototypes.mode) / std::ssize(levels)),
      numbers(std::ssize(prototypes.centre) / clusters),
      categories(std::ssize(levels)),
      groups((clusters + kLanes - 1) / kLanes),
      table_rows(0) {
  for (const std::int64_t l : levels) {
    offset.push_back(table_rows);
    table_rows += l + 1;
  }
  centre.resize(static_cast<std::size_t>(groups * numbers * kLanes));
  price.assign(static_cast<std::size_t>(groups * table_rows * kLanes), gamma);
  start.assign(static_cast<std::size_t>(groups * kLanes), std::numeric_limits<double>::infinity());
  for (std::int64_t c = 0; c < clusters; ++c) {
    const std::int64_t group = c / kLanes, lane = c % kLanes;
    start[static_cast<std::size_t>(c)] = 0.0;
    for (std::int64_t j = 0; j < numbers; ++j)
      centre[static_cast<std::size_t>((group * numbers + j) * kLanes + lane)] =
          prototypes.centre[static_cast<std::size_t>(c * numbers + j)];
    for (std::int64_t m = 0; m < categories; ++m) {
      const std::int64_t mode = prototypes.mode[static_cast<std::size_t>(c * categories + m)];
      const std::int64_t row = offset[static_cast<std::size_t>(m)] + mode + 1;
      price[static_cast<std::size_t>((group * table_rows + row) * kLanes + lane)] = 0.0;
    }
  }
}

namespace {

/// Distances of one row to the eight clusters of a group.
[[gnu::always_inline]] inline void add_up(const PackedPrototypes& p, const double* x,
                                          const std::int32_t* code, std::int64_t group,
                                          double* __restrict sum) {
  const double* const from = p.start.data() + group * kLanes;
  for (int l = 0; l < kLanes; ++l) sum[l] = from[l];
  const double* centre = p.centre.data() + group * p.numbers * kLanes;
  for (std::int64_t j = 0; j < p.numbers; ++j, centre += kLanes)
    for (int l = 0; l < kLanes; ++l) {
      const double gap = x[j] - centre[l];
      sum[l] += gap * gap;
    }
  const double* const table = p.price.data() + group * p.table_rows * kLanes;
  for (std::int64_t m = 0; m < p.categories; ++m) {
    const double* const price =
        table + (p.offset[static_cast<std::size_t>(m)] + code[m] + 1) * kLanes;
    for (int l = 0; l < kLanes; ++l) sum[l] += price[l];
  }
}

}  // namespace

TENURE_CLONES void nearest(const PackedPrototypes& p, const MixedRows& rows, std::int64_t first,
                           std::int64_t last, std::int32_t* label, double* distance) {
  for (std::int64_t i = first; i < last; ++i) {
    const double* const x = rows.number.data() + i * p.numbers;
    const std::int32_t* const code = rows.code.data() + i * p.categories;
    double best = std::numeric_limits<double>::infinity();
    std::int32_t at = 0;
    for (std::int64_t g = 0; g < p.groups; ++g) {
      double sum[kLanes];
      add_up(p, x, code, g, sum);
      for (int l = 0; l < kLanes; ++l) {
        const bool nearer = sum[l] < best;
        best = nearer ? sum[l] : best;
        at = nearer ? static_cast<std::int32_t>(g * kLanes) + l : at;
      }
    }
    label[i - first] = at;
    distance[i - first] = best;
  }
}

TENURE_CLONES void distances(const PackedPrototypes& p, const MixedRows& rows, std::int64_t first,
                             std::int64_t last, double* out) {
  for (std::int64_t i = first; i < last; ++i)
    for (std::int64_t g = 0; g < p.groups; ++g, out += kLanes)
      add_up(p, rows.number.data() + i * p.numbers, rows.code.data() + i * p.categories, g, out);
}

}  // namespace tenure::segment::detail

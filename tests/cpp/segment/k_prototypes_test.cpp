#include "tenure/segment/k_prototypes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tenure/segment/patterns.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

/// Rows around `groups` prototypes, the same for every standard library.
struct Table {
  std::int64_t n, d;
  std::vector<std::int64_t> levels;
  std::vector<double> number, weight;
  std::vector<std::int32_t> code;

  Table(std::int64_t rows, std::int64_t numbers, std::vector<std::int64_t> of_columns,
        std::uint64_t groups = 4)
      : n(rows), d(numbers), levels(std::move(of_columns)) {
    for (std::int64_t i = 0; i < n; ++i) {
      RandomStream row(5, static_cast<std::uint64_t>(i));
      RandomStream group(6, row.below(groups));
      for (std::int64_t j = 0; j < d; ++j) number.push_back(2.0 * group.normal() + row.normal());
      for (const std::int64_t l : levels) {
        const auto usual = group.below(static_cast<std::uint64_t>(l));
        const auto other = row.below(static_cast<std::uint64_t>(l));
        code.push_back(static_cast<std::int32_t>(row.uniform() < 0.6 ? usual : other));
      }
      weight.push_back(static_cast<double>(row.below(4)));
    }
  }
  MixedRows rows(bool weighted = false) const {
    MixedRows r{n, d, number, code, levels};
    if (weighted) r.weight = weight;
    return r;
  }
  Prototypes first_rows(std::int64_t k) const {
    return {{number.begin(), number.begin() + k * d},
            {code.begin(), code.begin() + k * std::ssize(levels)}};
  }
  long double distance(std::int64_t i, const Prototypes& p, std::int64_t c, double gamma) const {
    long double sum = 0;
    for (std::int64_t j = 0; j < d; ++j) {
      const long double gap = number[i * d + j] - p.centre[c * d + j];
      sum += gap * gap;
    }
    for (std::int64_t m = 0; m < std::ssize(levels); ++m)
      sum += code[i * std::ssize(levels) + m] != p.mode[c * std::ssize(levels) + m] ? gamma : 0;
    return sum;
  }
};

TEST(KPrototypes, LabelsAndCostAreThoseOfTheDefinition) {
  for (const std::int64_t k : {1, 3, 8, 9, 17})
    for (const std::int64_t d : {0, 1, 5}) {
      const Table t(300, d, {2, 5, 3});
      KPrototypesSettings settings{.clusters = k, .gamma = 1.5};
      const auto found = k_prototypes(t.rows(true), settings, nullptr, {});
      long double cost = 0;
      for (std::int64_t i = 0; i < t.n; ++i) {
        const long double own = t.distance(i, found.prototypes, found.label[i], 1.5);
        for (std::int64_t c = 0; c < k; ++c)
          ASSERT_LE(own, t.distance(i, found.prototypes, c, 1.5) + 1e-12L) << k << ' ' << d;
        cost += t.weight[i] * own;
      }
      EXPECT_NEAR(found.cost, static_cast<double>(cost), 1e-11 * static_cast<double>(cost));
    }
}

TEST(KPrototypes, EndsWherePrototypesAreMeansAndModesOfTheirRows) {
  const Table t(500, 2, {4, 3});
  for (const bool row_by_row : {false, true}) {
    KPrototypesSettings settings{.clusters = 4, .row_by_row = row_by_row};
    const auto found = k_prototypes(t.rows(), settings, nullptr, {});
    ASSERT_TRUE(found.converged);
    for (std::int64_t c = 0; c < 4; ++c) {
      double sum[2] = {}, count[2][4] = {}, rows = 0;
      for (std::int64_t i = 0; i < t.n; ++i)
        if (found.label[i] == c) {
          ++rows;
          for (int j = 0; j < 2; ++j) {
            sum[j] += t.number[i * 2 + j];
            ++count[j][t.code[i * 2 + j]];
          }
        }
      for (int j = 0; j < 2; ++j) {
        EXPECT_NEAR(found.prototypes.centre[c * 2 + j], sum[j] / rows, 1e-12);
        for (int l = 0; l < t.levels[j]; ++l)
          EXPECT_GE(count[j][found.prototypes.mode[c * 2 + j]], count[j][l]);
      }
    }
  }
}

TEST(KPrototypes, ThreadsNeverChangeABit) {
  const Table t(20000, 3, {5, 2, 7});
  const KPrototypesSettings settings{.clusters = 6, .max_iterations = 3};
  const auto one = k_prototypes(t.rows(true), settings, nullptr, {1});
  const auto many = k_prototypes(t.rows(true), settings, nullptr, {3});
  EXPECT_EQ(many.cost, one.cost);
  EXPECT_EQ(many.prototypes.centre, one.prototypes.centre);
  EXPECT_TRUE(std::ranges::equal(many.label.span(), one.label.span()));
}

TEST(KPrototypes, CollapsedRowsCostWhatTheRowsCost) {
  const Table t(3000, 0, {3, 2, 4});
  const Prototypes start = t.first_rows(3);
  const KPrototypesSettings settings{.clusters = 3, .gamma = 1.0};
  const auto found = k_prototypes(t.rows(), settings, &start, {});
  // A column of numbers that never vary keeps rows from being collapsed and adds no distance.
  const std::vector<double> constant(t.n, 7.0);
  const MixedRows apart{t.n, 1, constant, t.code, t.levels};
  const Prototypes same{{7.0, 7.0, 7.0}, start.mode};
  const auto plain = k_prototypes(apart, settings, &same, {});
  EXPECT_EQ(found.cost, plain.cost);
  EXPECT_EQ(found.iterations, plain.iterations);
  EXPECT_EQ(found.prototypes.mode, plain.prototypes.mode);
  EXPECT_TRUE(std::ranges::equal(found.label.span(), plain.label.span()));
}

TEST(KPrototypes, FewerDistinctRowsThanClustersEnds) {
  const std::vector<double> number(40, 3.0);
  const std::vector<std::int32_t> code(40, 0);
  const std::vector<std::int64_t> levels{1};
  for (const bool row_by_row : {false, true})
    for (const auto seeds : {PrototypeSeeds::plus_plus, PrototypeSeeds::cao}) {
      const KPrototypesSettings settings{.clusters = 3, .seeds = seeds, .row_by_row = row_by_row};
      const auto found = k_prototypes({40, 1, number, code, levels}, settings, nullptr, {});
      EXPECT_EQ(found.cost, 0.0);
      EXPECT_EQ(found.distinct, 1);
      EXPECT_EQ(found.gamma, 1.0);
    }
}

TEST(KPrototypes, AnEmptyClusterTakesTheFarthestRow) {
  const std::vector<double> number{0.0, 1.0, 2.0, 50.0};
  const std::vector<std::int32_t> code(4, 0);
  const std::vector<std::int64_t> levels{1};
  const Prototypes start{{0.0, 1000.0}, {0, 0}};
  const auto found = k_prototypes({4, 1, number, code, levels}, {.clusters = 2}, &start, {});
  EXPECT_EQ(found.prototypes.centre, (std::vector<double>{1.0, 50.0}));
}

TEST(KPrototypes, NamesTheBadRow) {
  Table t(10, 2, {2});
  t.number[7] = NAN;
  try {
    k_prototypes(t.rows(), {.clusters = 2}, nullptr, {});
    FAIL();
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.row(), 3);
  }
  t.number[7] = 1e200;
  EXPECT_THROW(k_prototypes(t.rows(), {.clusters = 2}, nullptr, {}), InvalidInput);
  t.number[7] = 0.0;
  t.code[4] = 2;
  EXPECT_THROW(k_prototypes(t.rows(), {.clusters = 2}, nullptr, {}), InvalidInput);
}

TEST(Patterns, NumbersDistinctRowsInTheOrderOfTheirFirst) {
  const std::vector<std::int32_t> code{1, 0, -1, 2, 1, 0, 1, -1, -1, 2};
  const std::vector<std::int64_t> levels{2, 3};
  const Patterns found = distinct_rows(code, levels, {});
  EXPECT_EQ(found.first, (std::vector<std::int64_t>{0, 1, 3}));
  const std::vector<std::int32_t> of_row(found.of_row.span().begin(), found.of_row.span().end());
  EXPECT_EQ(of_row, (std::vector<std::int32_t>{0, 1, 0, 2, 1}));
}

TEST(Patterns, ManyColumnsDoNotFitOneKey) {
  // 40 columns of 100 levels are 280 bits; rows differ in one column each.
  const std::int64_t columns = 40, rows = 3 * columns;
  const std::vector<std::int64_t> levels(columns, 100);
  std::vector<std::int32_t> code(columns * rows, 5);
  for (std::int64_t i = 0; i < rows; ++i) code[i * columns + i % columns] = 6;
  const Patterns found = distinct_rows(code, levels, {});
  EXPECT_EQ(found.size(), columns);
  for (std::int64_t i = 0; i < rows; ++i) EXPECT_EQ(found.of_row[i], i % columns);
}

}  // namespace
}  // namespace tenure::segment

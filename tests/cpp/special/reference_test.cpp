// Every function against 60-digit values of mpmath: tests/reference/make_special.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "../reference_table.hpp"
#include "tenure/special/beta.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/special/hypergeometric.hpp"

namespace tenure::special {
namespace {

double ulp(double x) {
  x = std::abs(x);
  return std::nextafter(x, std::numeric_limits<double>::infinity()) - x;
}

/// Checks error <= bound(value) on every row, where the value is the sum of the last two columns.
void expect_within(const std::string& name,
                   const std::function<double(const std::vector<double>&)>& function,
                   const std::function<double(double)>& bound) {
  const auto table = testing::read_reference("special_" + name + ".csv");
  ASSERT_GE(table.rows.size(), 2000u);
  for (const auto& row : table.rows) {
    const std::size_t n = row.size();
    const double value = row[n - 2], rest = row[n - 1];
    const double error = std::abs((function(row) - value) - rest);
    std::string at;
    for (std::size_t i = 0; i + 2 < n; ++i) at += " " + std::to_string(row[i]);
    ASSERT_LE(error, bound(value))
        << name << " at" << at << ": value " << value << ", " << error / ulp(value) << " ulp";
  }
}

TEST(Lgamma, IsWithinTwoUlpOfTheReference) {
  expect_within(
      "lgamma", [](const auto& r) { return special::lgamma(r[0]); },
      [](double v) { return 2.0 * ulp(v); });
}

TEST(Digamma, IsWithinFourUlpOfTheReference) {
  expect_within(
      "digamma", [](const auto& r) { return digamma(r[0]); },
      [](double v) { return 4.0 * ulp(v); });
}

TEST(Trigamma, IsWithinFourUlpOfTheReference) {
  expect_within(
      "trigamma", [](const auto& r) { return trigamma(r[0]); },
      [](double v) { return 4.0 * ulp(v); });
}

TEST(LogBeta, KeepsItsRelativeError) {
  expect_within(
      "log_beta", [](const auto& r) { return log_beta(r[0], r[1]); },
      [](double v) { return std::max(1e-15, 1e-14 * std::abs(v)); });
}

TEST(LogGammaRatio, KeepsItsRelativeError) {
  expect_within(
      "log_gamma_ratio", [](const auto& r) { return log_gamma_ratio(r[0], r[1]); },
      [](double v) { return std::max(1e-15, 1e-14 * std::abs(v)); });
}

TEST(LogHyp2f1, KeepsItsErrorAndGivesNoNaNInTheReferenceDomain) {
  expect_within(
      "log_hyp2f1", [](const auto& r) { return log_hyp2f1(r[0], r[1], r[2], r[3]); },
      [](double v) { return 1e-13 * std::max(1.0, std::abs(v)); });
}

}  // namespace
}  // namespace tenure::special

#include "tenure/segment/validity.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

using Labels = std::vector<std::int32_t>;

TEST(Validity, ByHand) {
  // Centres 1 and 10, mean 5.5: B = 4 x 20.25, W = 2 + 2, n - k = 2.
  const std::vector<double> x{0, 2, 9, 11};
  const Labels label{0, 0, 1, 1};
  const Validity v = validity(Points<double>{x, 1}, {label, 2}, {});
  EXPECT_EQ(v.centre, (std::vector<double>{1, 10}));
  EXPECT_EQ(v.size, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(v.mean_distance, (std::vector<double>{1, 1}));
  EXPECT_NEAR(v.log_within, std::log(4.0), 1e-14);
  EXPECT_DOUBLE_EQ(v.calinski_harabasz, 81.0 / (4.0 / 2.0));
  EXPECT_DOUBLE_EQ(v.davies_bouldin, 2.0 / 9.0);
}

TEST(Validity, OneClusterHasItsSpreadOnly) {
  const std::vector<double> x{0, 2, 9, 11};
  const Labels label{0, 0, 0, 0};
  const Validity v = validity(Points<double>{x, 1}, {label, 1}, {});
  EXPECT_NEAR(v.log_within, std::log(85.0), 1e-13);
  EXPECT_TRUE(std::isnan(v.calinski_harabasz));
  EXPECT_TRUE(std::isnan(v.davies_bouldin));
}

TEST(Validity, EqualRowsAndEqualCentres) {
  const Labels label{0, 0, 1, 1};
  const std::vector<double> tight{0, 0, 5, 5};
  EXPECT_EQ(validity(Points<double>{tight, 1}, {label, 2}, {}).calinski_harabasz, 1.0);
  EXPECT_EQ(validity(Points<double>{tight, 1}, {label, 2}, {}).davies_bouldin, 0.0);
  const std::vector<double> crossed{-1, 1, -2, 2};
  EXPECT_EQ(validity(Points<double>{crossed, 1}, {label, 2}, {}).davies_bouldin, INFINITY);
}

TEST(Validity, KeepsItsDigitsFarFromTheOriginAndAtAnySize) {
  std::vector<double> x;
  Labels label;
  for (std::int32_t i = 0; i < 400; ++i) {
    label.push_back(i % 3);
    x.push_back(std::round(64 * (RandomStream(1, i).normal() + 4.0 * (i % 3))) / 64);
  }
  const auto of = [&](double factor, double offset) {
    std::vector<double> moved = x;
    for (double& v : moved) v = v * factor + offset;
    return validity(Points<double>{moved, 1}, {label, 3}, {});
  };
  const Validity plain = of(1, 0);
  for (const double factor : {0x1p-900, 0x1p900}) {
    EXPECT_NEAR(of(factor, 0).calinski_harabasz / plain.calinski_harabasz, 1, 1e-12);
    EXPECT_NEAR(of(factor, 0).log_within - plain.log_within, 2 * std::log(factor), 1e-11);
  }
  EXPECT_NEAR(of(1, 1e9).calinski_harabasz / plain.calinski_harabasz, 1, 1e-8);
  EXPECT_NEAR(of(1, 1e9).davies_bouldin / plain.davies_bouldin, 1, 1e-8);
}

TEST(Validity, NoThreadCountChangesABit) {
  std::vector<double> x;
  Labels label;
  for (std::int32_t i = 0; i < 20'000; ++i) {
    label.push_back(i % 7);
    x.push_back(RandomStream(2, i).normal());
  }
  const Validity one = validity(Points<double>{x, 1}, {label, 7}, {1});
  const Validity four = validity(Points<double>{x, 1}, {label, 7}, {4});
  EXPECT_EQ(one.log_within, four.log_within);
  EXPECT_EQ(one.davies_bouldin, four.davies_bouldin);
  EXPECT_EQ(one.centre, four.centre);
}

TEST(Validity, NamesWhatIsWrong) {
  const std::vector<double> x{0, 1, NAN, 3};
  EXPECT_THROW(validity(Points<double>{x, 1}, {Labels{0, 0, 1, 1}, 2}, {}), InvalidInput);
  const std::vector<double> fine{0, 1, 2, 3};
  EXPECT_THROW(validity(Points<double>{fine, 1}, {Labels{0, 0, 1, 7}, 2}, {}), InvalidInput);
}

}  // namespace
}  // namespace tenure::segment

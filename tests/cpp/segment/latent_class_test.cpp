#include "tenure/segment/latent_class.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace {

/// Answers of two classes to four items, some of them missing, with one covariate.
struct Survey {
  std::vector<std::int64_t> levels{2, 3, 2, 2};
  std::vector<std::int32_t> code;
  std::vector<double> weight, design;
  std::int64_t n, terms;

  Survey(std::int64_t rows, std::int64_t of_terms) : n(rows), terms(of_terms) {
    for (std::int64_t i = 0; i < n; ++i) {
      RandomStream row(11, static_cast<std::uint64_t>(i));
      const double z = row.normal();
      design.push_back(1.0);
      if (terms == 2) design.push_back(z);
      const bool second = row.uniform() < 1.0 / (1.0 + std::exp(-0.3 - z));
      for (const std::int64_t l : levels) {
        const bool usual = row.uniform() < 0.8;
        const auto drawn = static_cast<std::int32_t>(row.below(static_cast<std::uint64_t>(l)));
        const std::int32_t answer = usual ? (second ? static_cast<std::int32_t>(l) - 1 : 0) : drawn;
        code.push_back(row.uniform() < 0.1 ? -1 : answer);
      }
      weight.push_back(1.0 + static_cast<double>(row.below(3)));
    }
  }
  AnswerPatterns patterns() const { return {n, code, levels, weight, design, terms}; }

  /// The likelihood by its definition, as products.
  long double log_likelihood(const ClassParameters& at, std::int64_t k) const {
    long double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      std::vector<long double> prior(k, 1.0L);
      long double total = 1.0L;
      for (std::int64_t c = 1; c < k; ++c) {
        long double eta = 0;
        for (std::int64_t t = 0; t < terms; ++t)
          eta += at.beta[(c - 1) * terms + t] * design[i * terms + t];
        total += prior[c] = std::exp(eta);
      }
      long double p = 0;
      for (std::int64_t c = 0; c < k; ++c) {
        long double q = prior[c] / total;
        std::int64_t first = c * 9;
        for (std::int64_t j = 0; j < 4; first += levels[j++])
          if (code[i * 4 + j] >= 0) q *= at.answer[first + code[i * 4 + j]];
        p += q;
      }
      sum += weight[i] * std::log(p);
    }
    return sum;
  }
};

TEST(LatentClass, EndsAtAMaximumOfTheLikelihood) {
  for (const std::int64_t terms : {1, 2}) {
    const Survey survey(300, terms);
    const auto fit = latent_class(survey.patterns(), {.classes = 2, .starts = 3}, {});
    ASSERT_EQ(fit.status, LatentClassStatus::converged);
    const long double best = survey.log_likelihood(fit.at, 2);
    EXPECT_NEAR(fit.log_likelihood, static_cast<double>(best), 1e-9 * std::abs(fit.log_likelihood));
    EXPECT_EQ(fit.rank, fit.free_parameters);
    EXPECT_EQ(fit.parameters, terms + 2 * 5);
    for (std::size_t b = 0; b < fit.at.beta.size(); ++b)
      for (const double h : {-1e-3, 1e-3}) {
        ClassParameters near = fit.at;
        near.beta[b] += h;
        EXPECT_LT(survey.log_likelihood(near, 2), best);
      }
    for (std::int64_t first : {0, 2, 5, 7, 9, 11, 14, 16})
      for (const double h : {-1e-3, 1e-3}) {
        ClassParameters near = fit.at;
        near.answer[first] += h;
        near.answer[first + 1] -= h;
        EXPECT_LT(survey.log_likelihood(near, 2), best);
      }
  }
}

TEST(LatentClass, ErrorsAreThoseOfTheCurvature) {
  // One item, one class: the log-odds of a share p of n has the variance 1 / (n p (1 - p)).
  const std::vector<std::int32_t> code{0, 1};
  const std::vector<std::int64_t> levels{2};
  const std::vector<double> weight{30.0, 70.0}, design{1.0, 1.0};
  const auto fit = latent_class({2, code, levels, weight, design, 1}, {.classes = 1}, {});
  EXPECT_EQ(fit.status, LatentClassStatus::converged);
  EXPECT_NEAR(fit.at.answer[0], 0.3, 1e-15);
  EXPECT_NEAR(fit.answer_se[0], std::sqrt(1.0 / (100.0 * 0.21)), 1e-12);
}

TEST(LatentClass, ThreadsNeverChangeABit) {
  const Survey survey(9000, 2);
  const LatentClassSettings settings{.classes = 2, .starts = 1, .max_iterations = 2};
  const auto one = latent_class(survey.patterns(), settings, {1});
  const auto many = latent_class(survey.patterns(), settings, {4});
  EXPECT_EQ(one.log_likelihood, many.log_likelihood);
  EXPECT_EQ(one.at.answer, many.at.answer);
  EXPECT_EQ(one.beta_covariance, many.beta_covariance);
}

TEST(LatentClass, SaysWhereTheDataDoNotTell) {
  // Two binary items hold three numbers; two classes would have five.
  const std::vector<std::int32_t> code{0, 0, 0, 1, 1, 0, 1, 1};
  const std::vector<std::int64_t> levels{2, 2};
  const std::vector<double> weight{40.0, 10.0, 15.0, 35.0}, design(4, 1.0);
  const auto fit = latent_class({4, code, levels, weight, design, 1}, {.classes = 2}, {});
  EXPECT_EQ(fit.status, LatentClassStatus::unidentified);
  EXPECT_LT(fit.rank, fit.free_parameters);
}

TEST(LatentClass, ARowThatNoClassShowsHasTheShares) {
  const std::vector<std::int32_t> code{0};
  const std::vector<std::int64_t> levels{2};
  const std::vector<double> one{1.0};
  const ClassParameters at{{std::log(3.0)}, {0.0, 1.0, 0.0, 1.0}};
  const auto found = class_posterior({1, code, levels, one, one, 1}, at, {});
  EXPECT_NEAR(found.probability[1], 0.75, 1e-15);
  EXPECT_EQ(found.log_likelihood, -INFINITY);
}

TEST(LatentClass, NamesTheBadRow) {
  Survey survey(10, 2);
  survey.weight[4] = -1.0;
  try {
    latent_class(survey.patterns(), {}, {});
    FAIL();
  } catch (const InvalidInput& e) {
    EXPECT_EQ(e.row(), 4);
  }
}

}  // namespace
}  // namespace tenure::segment

#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/buffer.hpp"
#include "tenure/support/execution.hpp"

namespace tenure::segment {

/// Answers to items, one row a pattern that `weight` rows show. Views: nothing is copied.
struct AnswerPatterns {
  std::int64_t rows = 0;
  std::span<const std::int32_t> code;    ///< rows x items: 0 to levels - 1, -1 missing at random
  std::span<const std::int64_t> levels;  ///< by item, at least 1
  std::span<const double> weight;        ///< finite, >= 0, not all 0
  /// rows x terms: 1 and what explains the class, of about one scale.
  std::span<const double> design;
  std::int64_t terms = 1;

  std::int64_t items() const { return std::ssize(levels); }
};

/// P(class c | z) = exp(z'beta_c) / sum_k exp(z'beta_k), beta_0 = 0; P(answer l to item j | c).
struct ClassParameters {
  std::vector<double> beta;    ///< (classes - 1) x terms
  std::vector<double> answer;  ///< classes x levels of all items
};

struct LatentClassSettings {
  std::int64_t classes = 2;
  std::int64_t starts = 10;
  std::int64_t max_iterations = 1000;  ///< cycles of three EM steps, of one start
  double tolerance =
      1e-7;  ///< largest change of a parameter by an EM step; Newton's method follows
  std::uint64_t seed = 0;
};

enum class LatentClassStatus : std::uint8_t {
  converged,       ///< Newton's step is small and the information positive definite
  max_iterations,  ///< the budget ran out first
  unidentified,    ///< EM ended, and the information is singular
};

const char* latent_class_status_name(LatentClassStatus status);

struct LatentClassFit {
  ClassParameters at;  ///< classes by falling share
  LatentClassStatus status = LatentClassStatus::max_iterations;
  double log_likelihood = 0.0;
  double entropy = 0.0;                 ///< - sum of weight x p log p over the posteriors
  std::int64_t iterations = 0;          ///< EM steps of the start that won
  std::vector<double> by_start;         ///< log-likelihoods at the end of EM
  std::vector<double> share;            ///< by class: mean of P(class | z)
  std::vector<double> share_se;         ///< NaN where the information does not tell
  std::vector<double> beta_covariance;  ///< (classes - 1) terms, squared; NaN likewise
  std::vector<double> answer_se;        ///< classes x levels: of the log-odds of each answer
  std::vector<std::uint8_t> boundary;   ///< classes x levels: 1 where the probability is 0 or 1
  std::int64_t parameters = 0;          ///< all, on the boundary or not
  std::int64_t free_parameters = 0;     ///< those off the boundary
  std::int64_t rank = 0;                ///< of the information about the free ones
};

/// Maximum of sum_i w_i log sum_c P(c | z_i) prod_j P(y_ij | c), missing answers left out of the
/// product. [Lazarsfeld & Henry 1968; Goodman 1974, Biometrika 61:215; with covariates: Dayton &
/// Macready 1988, JASA 83:173; Bandeen-Roche et al. 1997, JASA 92:1375]
///
/// From each start EM, extrapolated [Varadhan & Roland 2008, Scand. J. Stat. 35:335, scheme S3] and
/// never going down; then, from the best, probabilities below 0.01 of a row are set to 0 where that
/// does not lower the likelihood, and Newton's method with the observed information [Louis 1982,
/// JRSSB 44:226] over all log-odds off the boundary. Errors are those of its inverse; where it is
/// singular, parameters that its null space touches have none.
///
/// O(rows classes (items + classes terms^2)) an EM step, O(rows p^2) a Newton step, p parameters.
/// Same bits for every thread count. Throws InvalidInput.
LatentClassFit latent_class(const AnswerPatterns& patterns, const LatentClassSettings& settings,
                            const Execution& execution);

struct ClassPosterior {
  Buffer<double> probability;  ///< rows x classes
  double log_likelihood;
};

/// P(class | answers, z) of each row; of a row that no class can show, P(class | z).
ClassPosterior class_posterior(const AnswerPatterns& patterns, const ClassParameters& at,
                               const Execution& execution);

}  // namespace tenure::segment

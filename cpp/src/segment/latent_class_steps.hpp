#pragma once
#include <optional>
#include <vector>

#include "tenure/segment/latent_class.hpp"

namespace tenure::segment::detail {

/// Sizes and offsets of one problem.
struct ClassProblem {
  ClassProblem(const AnswerPatterns& of, std::int64_t classes, const Execution& how);

  const AnswerPatterns& patterns;
  std::int64_t classes;
  std::int64_t levels = 0;           ///< of all items
  std::vector<std::int64_t> offset;  ///< by item: its first level
  double total_weight = 0.0;
  Execution execution;

  const std::int32_t* code(std::int64_t row) const {
    return patterns.code.data() + row * patterns.items();
  }
  const double* design(std::int64_t row) const {
    return patterns.design.data() + row * patterns.terms;
  }
  double weight(std::int64_t row) const { return patterns.weight[static_cast<std::size_t>(row)]; }
};

/// What EM moves. Without covariates `prior` are the shares of the classes, else terms x classes
/// coefficients whose first column is 0; `answer` is levels x classes.
struct ClassPoint {
  std::vector<double> prior, answer;
};

/// Expected counts at a point.
struct ClassCounts {
  double log_likelihood = 0.0;
  double entropy = 0.0;
  std::vector<double> weight;  ///< by class
  std::vector<double> answer;  ///< levels x classes

  ClassCounts& operator+=(const ClassCounts& other);
};

/// Reads probabilities as logarithms once; then posteriors of single rows.
class Posterior {
 public:
  Posterior(const ClassProblem& problem, const ClassPoint& at);
  /// Writes P(class | z) and P(class | answers, z); returns the log-likelihood of the row.
  double operator()(std::int64_t row, double* prior, double* posterior) const;

 private:
  const ClassProblem& p_;
  const ClassPoint& at_;
  std::vector<double> log_answer_;  // (levels + 1) x classes: the last row is 0, of missing answers
};

/// Expected counts; posteriors of all rows too where `posterior` is not null.
ClassCounts expect(const ClassProblem& problem, const ClassPoint& at, double* posterior);

/// One EM step: the next point, and the log-likelihood at this one.
double em_step(const ClassProblem& problem, const ClassPoint& at, ClassPoint& next);

ClassParameters as_parameters(const ClassProblem& problem, const ClassPoint& at);
ClassPoint as_point(const ClassProblem& problem, const ClassParameters& at);

/// Score and observed information about the log-odds of everything off the boundary.
struct ClassInformation {
  std::vector<std::int64_t> level;      ///< by free answer: class x levels + level
  std::vector<std::int64_t> reference;  ///< by free answer: the level it is compared with
  std::vector<double> score;            ///< terms of classes 1.. first, then the answers
  std::vector<double> matrix;
  double log_likelihood = 0.0;

  std::int64_t size() const { return std::ssize(score); }
};

ClassInformation information(const ClassProblem& problem, const ClassParameters& at);

/// Newton's method from where EM ended, then errors: everything of the fit that follows from there.
void finish(const ClassProblem& problem, ClassParameters start, bool em_ended, LatentClassFit& fit);

}  // namespace tenure::segment::detail
